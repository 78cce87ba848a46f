"""What happens to requests under way when the server is told to stop."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx2
import pytest

from brickwork.testing import assert_problem

ROOT = Path(__file__).parents[2]
COUNT = 50


@contextmanager
def serving(seconds: float, grace: int) -> Iterator[tuple[subprocess.Popen[str], IO[str], int]]:
    """Run a server in a process of its own; give it, what it prints, and its port."""
    command = [sys.executable, "-m", "tests.attack.served", str(COUNT), str(seconds), str(grace)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout, int(process.stdout.readline())
        finally:
            process.kill()


async def stopped_while_busy(seconds: float, grace: int) -> tuple[list[httpx2.Response], float, int]:
    """Stop a server while 50 requests are under way; give their answers, the seconds it took, and the exit code."""
    with serving(seconds, grace) as (process, printed, port):
        limits = httpx2.Limits(max_connections=COUNT)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits) as client:
            requests = [asyncio.ensure_future(client.get("/")) for _ in range(COUNT)]
            await asyncio.to_thread(printed.readline)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            answers = await asyncio.gather(*requests)
            code = await asyncio.to_thread(process.wait, 30)
        return answers, time.monotonic() - began, code


@pytest.mark.slow
async def test_requests_under_way_are_finished() -> None:
    """Told to stop, the server answers what it has begun, with ID and headers, and is gone when it has."""
    answers, took, code = await stopped_while_busy(seconds=0.5, grace=10)

    assert [answer.status_code for answer in answers] == [200] * COUNT
    assert len({answer.headers["x-request-id"] for answer in answers}) == COUNT
    assert took < 5
    # uvicorn ends by the very signal that it was sent, after all is done.
    assert code in {0, -signal.SIGTERM}


@pytest.mark.slow
@pytest.mark.promise("stack-6")
async def test_requests_that_outlast_the_grace_are_told_to_come_back() -> None:
    """What cannot be finished in time is answered 503 with `Retry-After`, and the server is gone on time."""
    answers, took, code = await stopped_while_busy(seconds=30, grace=1)

    for answer in answers:
        assert_problem(answer, 503)
        assert answer.headers["retry-after"].isdigit()
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert took < 1 + 10
    assert code in {0, -signal.SIGTERM}
