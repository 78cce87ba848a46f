"""Four processes with fifty tasks each use one limit, and it is one limit."""

import subprocess
import sys
from contextlib import ExitStack

import pytest

PROCESSES = 4


def burst(url: str, algorithm: str, amount: int, rounds: int) -> list[int]:
    """Let all processes begin at the same moment, and say how many were admitted in each round."""
    with ExitStack() as running:
        words = [sys.executable, "-m", "tests.ratelimit.worker", url, algorithm, str(amount), str(rounds)]
        workers = [
            running.enter_context(subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
            for _ in range(PROCESSES)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        answers = [worker.communicate("go\n", timeout=50)[0] for worker in workers]
    return [sum(each) for each in zip(*([int(word) for word in answer.split()] for answer in answers), strict=True)]


@pytest.mark.slow
@pytest.mark.promise("ratelimit-B25")
@pytest.mark.parametrize("algorithm", ["sliding", "fixed", "log"])
def test_as_many_pass_as_the_limit_says(redis_url: str, algorithm: str) -> None:
    """Whatever the processes do at once, exactly as many requests are admitted as one limit allows."""
    admitted = burst(redis_url, algorithm, 200, 20)

    assert admitted == [200] * 20


@pytest.mark.slow
@pytest.mark.promise("ratelimit-B25")
def test_an_even_pace_is_kept_together(redis_url: str) -> None:
    """With gcra a burst passes at once, and what becomes free meanwhile: of 200 a day that is one at most."""
    admitted = burst(redis_url, "gcra", 200, 20)

    assert all(200 <= each <= 201 for each in admitted)
