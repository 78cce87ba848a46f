"""Attacks on the examples over real sockets: a fuzzer of our own, its corpus, schemathesis, a soak test, signals."""
