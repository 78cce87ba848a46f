"""What a broadcast costs a server for each socket that it reaches, and what one client does who reads nothing."""

import asyncio
import base64
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

from .measure import Comparison, Group, in_rounds, result
from .table import Table
from .websockets_peers import WAYS, Way

PACKAGES = ("broadcaster", "litestar", "python-socketio", "uvicorn", "uvloop", "websockets")
COMPARISONS: tuple[Comparison, ...] = ()
SIZE = 150  # characters of what is said: some 200 bytes of JSON
PATIENCE = 60.0
_KEY = base64.b64encode(bytes(16)).decode()


class Client(asyncio.Protocol):
    """Counts the frames that a server sends, as cheaply as can be."""

    def __init__(self, way: Way, crowd: "Crowd") -> None:
        self._way = way
        self._crowd = crowd
        self._rest = b""
        self._open = False
        self._greetings = way.greetings
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        head = (
            f"GET {self._way.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {_KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        transport.write(head.encode())

    def data_received(self, data: bytes) -> None:
        self._rest += data
        if not self._open:
            head, separator, rest = self._rest.partition(b"\r\n\r\n")
            if not separator:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._open, self._rest = True, rest
            self._greet()
        self._count()

    def stop_reading(self) -> None:
        """Read nothing any more."""
        if self.transport is not None:
            self.transport.pause_reading()

    def connection_lost(self, error: Exception | None) -> None:
        self._crowd.gone += 1

    def _greet(self) -> None:
        if self._way.hello and self.transport is not None:
            text = self._way.hello.encode()
            # A client masks what it sends; a mask of zeros leaves it as it is.
            self.transport.write(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)
        if not self._greetings:
            self._crowd.arrive()

    def _count(self) -> None:
        while len(self._rest) >= 4:
            length, begin = self._rest[1], 2
            if length == 126:
                length, begin = int.from_bytes(self._rest[2:4], "big"), 4
            if len(self._rest) < begin + length:
                return
            self._rest = self._rest[begin + length :]
            if self._greetings:
                self._greetings -= 1
                if not self._greetings:
                    self._crowd.arrive()
            else:
                self._crowd.hear()


@dataclass
class Crowd:
    """The clients of one server, and what they are waiting for."""

    way: Way
    size: int
    control: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    here: int = 0
    gone: int = 0
    expected: int = 0
    waits: list[float] = field(default_factory=list)
    memory: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    clients: "list[Client]" = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.way.name

    @property
    def group(self) -> Group:
        """Whether it is a floor, ours, or what people use instead."""
        return self.way.group

    def arrive(self) -> None:
        """Note that one more is in the room."""
        self.here += 1
        self.changed.set()

    def hear(self) -> None:
        """Note that one more has heard what was said."""
        self.expected -= 1
        if self.expected <= 0:
            self.changed.set()

    async def ask(self, path: str) -> float:
        """Tell the server something, and give the number that it answers."""
        reader, writer = self.control
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        return float(await reader.readexactly(20))

    async def block(self, calls: int) -> float:
        """Have so many messages said, each heard by all; give the microseconds of CPU of one delivery."""
        begun = await self.ask("/clock")
        for _ in range(calls):
            started = time.perf_counter()
            self.expected += self.size
            await self.ask(f"/say?size={SIZE}")
            await self._until(lambda: self.expected <= 0)
            self.waits.append(time.perf_counter() - started)
        return (await self.ask("/clock") - begun) / calls / self.size * 1e6

    async def gather(self, port: int) -> None:
        """Have all clients come in; what a server sets up for the first of them is not what a connection takes."""
        first = min(self.size // 2, 20)
        await self._come(port, first)
        before = await self.ask("/memory")
        while len(self.clients) < self.size:
            await self._come(port, min(self.size - len(self.clients), 100))
        self.memory = (await self.ask("/memory") - before) / (self.size - first)
        await self._heard_by_all()

    async def _come(self, port: int, size: int) -> None:
        loop, some = asyncio.get_running_loop(), [Client(self.way, self) for _ in range(size)]
        await asyncio.gather(*(loop.create_connection(partial(_itself, each), "127.0.0.1", port) for each in some))
        self.clients += some
        await self._until(partial(self._has, len(self.clients)))

    async def leave(self) -> None:
        """Have all of them go."""
        for client in self.clients:
            if client.transport is not None:
                client.transport.abort()
        self.control[1].close()
        await self.control[1].wait_closed()

    def _has(self, size: int) -> bool:
        return self.here >= size

    async def _heard_by_all(self) -> None:
        """Say something until all hear it: a handshake is answered before the socket is in any room."""
        for _ in range(60):
            self.expected = self.size
            await self.ask(f"/say?size={SIZE}")
            with suppress(TimeoutError):
                await self._until(lambda: self.expected <= 0, seconds=1)
                return
        raise AssertionError(f"{self.name}: {self.expected} of {self.size} never hear what is said")

    async def _until(self, done: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
        async with asyncio.timeout(seconds):
            while not done():
                self.changed.clear()
                await self.changed.wait()


def _itself(client: Client) -> Client:
    return client


@asynccontextmanager
async def crowd(way: Way, size: int) -> AsyncIterator[Crowd]:
    """Start a server of its own, and have so many clients open a socket."""
    with socket.create_server(("127.0.0.1", 0), backlog=4_096) as listening:
        port, number = listening.getsockname()[1], listening.fileno()
        command = [sys.executable, "-m", "benchmarks.websockets_server", way.name, str(number)]
        server = await asyncio.create_subprocess_exec(*command, cwd=Path(__file__).parents[1], pass_fds=[number])
    came = Crowd(way, size, await asyncio.open_connection("127.0.0.1", port))
    try:
        await came.gather(port)
        yield came
    finally:
        await came.leave()
        server.kill()
        await server.wait()


# --- what a delivery costs


def broadcast(rounds: int, *, size: int, ways: Sequence[Way] = WAYS) -> Table:
    """Measure what it costs to reach so many sockets."""
    note = (
        f"{size:,} clients of a server in a process of its own (uvicorn with uvloop, no compression) hear a message "
        "of some 200 bytes. Processor time of that process for each of them, system calls included: the kernel's part "
        "is two thirds of the floor. *Last* is when the last of them had it, *idle* what a connection takes in memory."
    )
    return asyncio.run(_broadcast(rounds, size, [way for way in ways if not way.missing], note))


async def _broadcast(rounds: int, size: int, ways: Sequence[Way], note: str) -> Table:
    async with AsyncExitStack() as servers:
        crowds = [await servers.enter_async_context(crowd(way, size)) for way in ways]
        for each in crowds:
            each.waits.clear()
        results = await in_rounds(crowds, rounds=rounds, seconds=0.02 / size)
        beside = {
            "last": [f"{median(each.waits) * 1e3:,.1f} ms" for each in crowds],
            "idle": [f"{each.memory / 1024:.1f} KiB" for each in crowds],
        }
        return Table(f"A message to {size:,} sockets", note, results, "delivery", beside)


# --- one client who reads nothing


STALLED_SIZE, STALLED_TEXT, STALLED_BLOCKS, STALLED_EACH = 200, 16_384, 12, 50


def stalled(_rounds: int = 0, *, ways: Sequence[Way] = WAYS, size: int = STALLED_SIZE) -> Table:
    """Measure what becomes of the others while one client reads nothing."""
    note = (
        f"{size} clients hear {STALLED_BLOCKS * STALLED_EACH} messages of 16 KiB, one every 4 ms, and one in their "
        "midst has stopped reading. *Heard* is what the others had two seconds after the last was said; *memory* what "
        "the server grew by."
    )
    there = [way for way in ways if not way.missing]
    found = [asyncio.run(_stalled(way, size)) for way in there]
    results = [result(crowded, blocks, found[0][1]) for crowded, blocks, _, _ in found]
    beside = {
        "heard": [f"{heard:.1%}" for _, _, heard, _ in found],
        "memory": [f"{memory / 2**20:.1f} MiB" for _, _, _, memory in found],
    }
    return Table(f"One of {size} clients reads nothing", note, results, "delivery", beside)


async def _stalled(way: Way, size: int) -> tuple[Crowd, list[float], float, float]:
    async with crowd(way, size) as here:
        here.clients[size // 2].stop_reading()
        before = await here.ask("/memory")
        here.expected = 0
        blocks: list[float] = []
        for _ in range(STALLED_BLOCKS):
            begun, heard = await here.ask("/clock"), -here.expected
            for _ in range(STALLED_EACH):
                await here.ask(f"/say?size={STALLED_TEXT}")
                await asyncio.sleep(0.004)
            blocks.append((await here.ask("/clock") - begun) / max(1, -here.expected - heard) * 1e6)
        await asyncio.sleep(2)
        due = STALLED_BLOCKS * STALLED_EACH * (size - 1)
        return here, blocks, min(1.0, -here.expected / due), await here.ask("/memory") - before


TABLES = (
    partial(broadcast, size=100),
    partial(broadcast, size=1_000),
    partial(broadcast, size=5_000, ways=(WAYS[0], WAYS[2], WAYS[3])),
    stalled,
)
