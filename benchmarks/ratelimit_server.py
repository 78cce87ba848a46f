"""What rate limits on Redis cost a server: uvicorn in a process of its own, with fifty clients that never rest.

``python -m benchmarks.ratelimit_server CASE REDIS FD`` serves one case on a socket that is open already.
"""

import asyncio
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config, Server

from .measure import Case, Group, Result, in_rounds
from .ratelimit_redis import admitted
from .servers import empty_redis
from .shop import make_app
from .table import Table

CLIENTS = 50
_PING = b"GET /ping HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: benchmark\r\nAccept: */*\r\n\r\n"
_PONG = b'{"ping":"pong"}'
_CLOCK = b"GET /clock HTTP/1.1\r\nHost: shop.example\r\n\r\n"
_LEFT_OUT = ("headers", "GCRA", "sliding window")  # variants, whose difference the other tables show


def served(rounds: int) -> Table:
    """Measure servers with fifty clients each."""
    with empty_redis() as (url, server):
        cases = [case for case in admitted(url) if not case.missing() and not case.name.endswith(_LEFT_OUT)]
        note = (
            f"The whole of a server's work: uvicorn with uvloop and httptools in a process of its own, {CLIENTS} "
            f"clients with a connection each, who ask again as soon as they have their answer, and {server}. Processor "
            "time of that process, system calls included."
        )
        results = asyncio.run(_compare(cases, url, rounds))
        return Table(f"A server with {CLIENTS} clients, counting in Redis", note, results)


@dataclass(frozen=True, slots=True)
class Served:
    """A case that a process of its own serves, and its clients."""

    case: Case
    clients: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.case.name

    @property
    def group(self) -> Group:
        """Whether it is a floor, ours, or what people use instead."""
        return self.case.group

    async def block(self, calls: int) -> float:
        """Let each client ask so often, and give the microseconds of CPU that the server took for a request."""
        begun = await self._clock()
        await asyncio.gather(*(self._ask(reader, writer, calls) for reader, writer in self.clients))
        return (await self._clock() - begun) / calls / CLIENTS * 1e6

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, times: int) -> None:
        for _ in range(times):
            writer.write(_PING)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200") or await reader.readexactly(len(_PONG)) != _PONG:
                raise AssertionError(f"{self.name} answers {head[:40]!r}")

    async def _clock(self) -> float:
        reader, writer = self.clients[0]
        writer.write(_CLOCK)
        await reader.readuntil(b"\r\n\r\n")
        return float(await reader.readexactly(20))


async def _compare(cases: list[Case], url: str, rounds: int) -> list[Result]:
    async with AsyncExitStack() as servers:
        running = [await servers.enter_async_context(_running(case, url)) for case in cases]
        return await in_rounds(running, rounds=rounds, seconds=0.002)


@asynccontextmanager
async def _running(case: Case, url: str) -> AsyncIterator[Served]:
    with socket.create_server(("127.0.0.1", 0), backlog=2 * CLIENTS) as listening:
        port, number = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-m", "benchmarks.ratelimit_server", case.name, url, str(number)]
        server = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[1], pass_fds=[number])
    clients = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CLIENTS)]
    try:
        yield Served(case, clients)
    finally:
        for _, writer in clients:
            writer.close()
            await writer.wait_closed()
        server.terminate()
        await server.wait()


class _Clock:
    """Answers at ``/clock`` how much CPU the process has taken, and hands on the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/clock":
            await self.app(scope, receive, send)
            return
        body = f"{time.process_time():020.9f}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20")]})
        await send({"type": "http.response.body", "body": body})


def main(name: str, url: str, listening: str) -> None:
    """Serve one case until told to stop."""
    app = make_app()
    next(case for case in admitted(url) if case.name == name).add(app)
    config = Config(_Clock(app), log_level="error", access_log=False, proxy_headers=False, lifespan="on")
    Server(config).run(sockets=[socket.socket(fileno=int(listening))])


if __name__ == "__main__":
    main(*sys.argv[1:])
