"""Four processes with fifty tasks each use one limit, and it is one limit."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

PROCESSES = 4


ROUNDS = 20
ALGORITHMS = ["sliding", "fixed", "log", "gcra"]


@pytest.mark.slow
@pytest.mark.promise("ratelimit-75")
def test_as_many_pass_as_the_limit_says(redis_url: str) -> None:
    """Whatever the processes do at once, exactly as many requests are admitted as one limit allows.

    With gcra that is a burst and what becomes free meanwhile: of 200 a day that is one at most.
    """
    with ExitStack() as running:
        words = [sys.executable, "-m", "tests.ratelimit.worker", redis_url, "200", str(ROUNDS), *ALGORITHMS]
        workers = [
            running.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        answers = [worker.communicate("go\n", timeout=50)[0].split() for worker in workers]

    admitted = [sum(map(int, each)) for each in zip(*answers, strict=True)]
    assert admitted[: 3 * ROUNDS] == [200] * 3 * ROUNDS
    assert all(200 <= each <= 201 for each in admitted[3 * ROUNDS :])
    assert len(admitted) == 4 * ROUNDS
