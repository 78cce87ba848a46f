"""A process that is told to stop does, and its clients hear of it."""

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from tests.websockets.apps import PATIENCE
from tests.websockets.test_served import opened, stalled_client

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def process() -> AsyncGenerator[tuple[asyncio.subprocess.Process, int]]:
    """Run the server in a process of its own; give it and its port."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.websockets.stopping", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert running.stdout is not None
        async with asyncio.timeout(PATIENCE):
            port = int(await running.stdout.readline())
        yield running, port
    finally:
        with suppress(ProcessLookupError):
            running.kill()
        await running.wait()


@pytest.mark.slow
@pytest.mark.promise("websockets-27")
async def test_a_process_stops_though_a_client_reads_nothing() -> None:
    """On SIGTERM clients are told to come back, and the process ends, whether all of them read or not."""
    async with process() as (running, port), httpx2.AsyncClient(timeout=PATIENCE) as http:
        with stalled_client(port):
            filled = await http.post(f"http://127.0.0.1:{port}/fill")
            client = await opened(port)
            await client.send("hello")
            said = await client.recv()

            running.send_signal(signal.SIGTERM)
            await client.wait_closed()
            async with asyncio.timeout(PATIENCE):
                await running.wait()

    assert (filled.json() > 0, said) == (True, "hello")
    assert client.close_code == 1012
    assert (client.close_reason or "").startswith("retry_after=")
