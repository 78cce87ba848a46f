"""Typed messages: from what a client sends to the handler that is meant, and back with its reply."""
