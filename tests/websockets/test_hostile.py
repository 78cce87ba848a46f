"""What clients may send that mean no good, over real sockets: it ends their own, and disturbs nobody else's."""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI

from brickwork.websockets import Connection, ConnectionLimits, ConnectionManager, Heartbeat
from tests.websockets.wire import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PATIENCE,
    PING,
    TEXT,
    RawSocket,
    frame_bytes,
    raw,
    serving_sockets,
)

DEFLATE = "Sec-WebSocket-Extensions: permessage-deflate"


@dataclass
class Served:
    """An app and what it says of its sockets."""

    manager: ConnectionManager[None]
    port: int = 0
    codes: Queue[int] = field(default_factory=Queue)

    async def next_code(self) -> int:
        """Wait for the next code that an endpoint heard."""
        return await asyncio.wait_for(asyncio.to_thread(self.codes.get, timeout=PATIENCE), PATIENCE)

    async def left(self, count: int) -> None:
        """Wait until there are no more connections than so many."""
        async with asyncio.timeout(PATIENCE):
            while self.manager.counts.connections > count:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.005)


def build(limits: ConnectionLimits, heartbeat: Heartbeat) -> tuple[FastAPI, Served]:
    """Build an app that echoes on one path, and on another only sends."""
    manager = ConnectionManager(limits=limits, heartbeat=heartbeat)
    served = Served(manager)
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/echo")
    async def echo(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async for message in connection:
            await connection.send(message)
        assert connection.close_code is not None
        served.codes.put(connection.close_code)

    @app.websocket("/push")
    async def push(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        await connection.send("ready")
        served.codes.put(await connection.wait_closed())

    return app, served


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """Serve the app; no message has more than 100 kB for the server, and 10 kB for the app."""
    app, served = build(ConnectionLimits(message=10_000, rate="20/s burst 40", errors=5), Heartbeat())
    with serving_sockets(app, ws_max_size=100_000) as served.port:
        yield served


@pytest.fixture
async def bystander(served: Served) -> AsyncIterator[RawSocket]:
    """Connect a client that has no part in any of this, and look whether it is well in the end."""
    async with begun(served.port, "/echo") as client:
        yield client
        await client.say("still here?")
        assert await client.hear() == "still here?"
        await client.write(frame_bytes(CLOSE))
        assert await served.next_code() == 1005
        await served.left(0)


@asynccontextmanager
async def begun(port: int, path: str, *headers: str) -> AsyncIterator[RawSocket]:
    """Connect a client, and go on when its endpoint has begun: one whose client is gone by then never does."""
    async with raw(port, path, *headers) as client:
        if path == "/echo":
            await client.say("ready")
        assert await client.hear() == "ready"
        yield client


PROTOCOL_ERRORS = {
    "not masked": (frame_bytes(TEXT, b"hello", masked=False), 1002),
    "a reserved opcode": (frame_bytes(0x3, b"hello"), 1002),
    "a reserved control opcode": (frame_bytes(0xB), 1002),
    "a reserved bit": (frame_bytes(TEXT, b"hello", reserved=2), 1002),
    "compressed unasked": (frame_bytes(TEXT, b"hello", reserved=4), 1002),
    "a ping in parts": (frame_bytes(PING, b"hello", final=False), 1002),
    "a ping that is too long": (frame_bytes(PING, b"x" * 126), 1002),
    "a continuation of nothing": (frame_bytes(CONTINUATION, b"hello"), 1002),
    "a message within a message": (frame_bytes(TEXT, b"he", final=False) + frame_bytes(TEXT, b"llo"), 1002),
    "a close with half a code": (frame_bytes(CLOSE, b"\x03"), 1002),
    "a close with a code of nobody's": (frame_bytes(CLOSE, b"\x03\xed"), 1002),
    "a frame that claims to be enormous": (frame_bytes(BINARY, b"", claims=2**62), 1009),
    "a frame of a length that is no length": (frame_bytes(BINARY, b"", claims=2**63 + 1), 1009),
    "more than the server takes": (frame_bytes(BINARY, b"x" * 100_001), 1009),
    "more than the server takes, in parts": (
        frame_bytes(BINARY, b"x" * 60_000, final=False) + frame_bytes(CONTINUATION, b"x" * 60_000),
        1009,
    ),
    "more than the app takes": (frame_bytes(BINARY, b"x" * 10_001), 1009),
    "more than the app takes, as text": (frame_bytes(TEXT, "ü".encode() * 5_001), 1009),
    "more than the app takes, in parts": (
        frame_bytes(TEXT, b"x" * 6_000, final=False) + frame_bytes(CONTINUATION, b"x" * 6_000),
        1009,
    ),
}


@pytest.mark.promise("websockets-65")
@pytest.mark.promise("websockets-59")
@pytest.mark.parametrize(("data", "code"), PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS)
async def test_what_no_client_may_send_ends_its_socket_alone(
    served: Served, bystander: RawSocket, data: bytes, code: int
) -> None:
    """What breaks the protocol or a limit is answered with the code that the RFC has for it; the endpoint hears it."""
    async with begun(served.port, "/echo") as client:
        await client.write(data)

        said = await client.code()
        heard = await served.next_code()

    assert said == code
    assert heard == code


@pytest.mark.promise("websockets-65")
@pytest.mark.parametrize("data", [b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"caf\xc3"])
async def test_a_text_that_is_no_text_ends_its_socket(
    served: Served, bystander: RawSocket, data: bytes, expected_errors: list[logging.LogRecord]
) -> None:
    """Bytes that are not UTF-8 close with 1007, and reach no code of the application's."""
    async with begun(served.port, "/echo") as client:
        await client.write(frame_bytes(TEXT, data))

        said = await client.code()
        heard = await served.next_code()

    assert said == heard == 1007


@pytest.mark.promise("websockets-58")
@pytest.mark.parametrize("path", ["/echo", "/push"])
@pytest.mark.parametrize(
    "data", [b"", frame_bytes(TEXT, b"half", claims=100), b"\x81", frame_bytes(TEXT, b"half", final=False)], ids=ascii
)
async def test_a_client_that_breaks_off_leaves_nothing(
    served: Served, bystander: RawSocket, path: str, data: bytes
) -> None:
    """Half a frame, or half a message, and then nobody: the endpoint hears of it, and the connection is gone."""
    async with begun(served.port, path) as client:
        await client.write(data)
        client.abort()

        heard = await served.next_code()

    assert heard in {1005, 1006}
    await served.left(1)


@pytest.mark.promise("websockets-62")
@pytest.mark.parametrize("size", [50_000, 50_000_000])
async def test_a_compressed_bomb_does_not_go_off(served: Served, bystander: RawSocket, size: int) -> None:
    """A message that is small on the wire, and too long when it is unpacked, closes with 1009."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -12)
    bomb = (packer.compress(b"\0" * size) + packer.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\0\0\xff\xff")
    async with begun(served.port, "/echo", DEFLATE) as client:
        await client.write(frame_bytes(BINARY, bomb, reserved=4))

        said = await client.code()
        heard = await served.next_code()

    assert b"permessage-deflate" in client.answer
    assert len(bomb) < 100_000
    assert said == heard == 1009


async def test_what_is_compressed_and_cannot_be_unpacked_ends_its_socket(served: Served, bystander: RawSocket) -> None:
    """Data that only claims to be compressed closes the socket, and nothing else."""
    async with begun(served.port, "/echo", DEFLATE) as client:
        await client.write(frame_bytes(BINARY, b"\xff" * 64, reserved=4))

        said = await client.code()
        heard = await served.next_code()

    assert said == heard
    assert said in {1002, 1007}


@pytest.mark.promise("websockets-61")
@pytest.mark.promise("websockets-62")
@pytest.mark.parametrize("size", [0, 1, 1_000])
async def test_a_flood_ends_its_socket(served: Served, bystander: RawSocket, size: int) -> None:
    """Whoever goes on above the rate is told some times, and closed with 1008; the others are served meanwhile."""
    async with begun(served.port, "/echo") as client:
        await client.write(frame_bytes(TEXT, b"x" * size) * 5_000)
        await bystander.say("meanwhile")

        meanwhile = await bystander.hear()
        said = await client.code()
        heard = await served.next_code()

    assert meanwhile == "meanwhile"
    assert said == heard == 1008


async def test_pings_are_no_messages(served: Served, bystander: RawSocket) -> None:
    """A client may ping as it likes: that is between it and the server."""
    async with begun(served.port, "/echo") as client:
        await client.write(frame_bytes(PING) * 1_000)
        await client.say("after that")
        opcode, payload = await client.read()
        while opcode != TEXT:
            opcode, payload = await client.read()
        await client.write(frame_bytes(CLOSE, b"\x0f\xa0"))

        heard = await served.next_code()

    assert payload == b"after that"
    assert heard == 4000


# --- servers with other limits


@pytest.mark.promise("websockets-66")
@pytest.mark.parametrize(
    "data", [b"", frame_bytes(TEXT, b"half", claims=100), frame_bytes(TEXT, b"", final=False)], ids=ascii
)
async def test_a_message_that_never_ends_is_silence(data: bytes) -> None:
    """Half a message is none: a client that does not finish it is closed with 4408 as one that says nothing."""
    app, _ = build(ConnectionLimits(), Heartbeat(idle=0.2))
    with serving_sockets(app) as port:
        async with raw(port, "/echo") as client:
            await client.write(data)

            said = await client.code()

    assert said == 4408


class Release:
    """Lets a handler of another thread's loop go on."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Wait for it."""
        self._loop = asyncio.get_running_loop()
        await self._event.wait()

    def __call__(self) -> None:
        """Give it."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._event.set)


def build_busy(release: Release) -> FastAPI:
    """Build an app whose handler is busy with the first message until it is released."""
    manager = ConnectionManager()
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/busy")
    async def busy(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async for message in connection:
            await connection.send("busy")
            await release.wait()
            await connection.send(message)

    return app


@pytest.mark.slow
@pytest.mark.promise("websockets-53")
async def test_a_handler_that_takes_its_time_does_not_lose_its_client() -> None:
    """The client's pongs are read while a handler is busy, for longer than the server would wait for one."""
    release = Release()
    pings = 13  # half a second apart at least, and the server waits 5 s for each pong

    with serving_sockets(build_busy(release), ws_ping_interval=0.5, ws_ping_timeout=5.0) as port:
        async with raw(port, "/busy") as client:
            await client.say("one")
            busy = await client.hear()
            await client.say("two")  # with this, a server stops reading that nobody asks for more
            await _hear_pings(client, pings)
            release()
            answers = [await client.hear() for _ in range(3)]

    assert busy == "busy"
    assert answers == ["one", "busy", "two"]
    assert client.pings >= pings


async def _hear_pings(client: RawSocket, count: int) -> None:
    """Answer pings until there were so many; nothing else comes meanwhile."""
    reading = asyncio.create_task(client.read())
    await _until(lambda: client.pings >= count or reading.done())
    assert not reading.done()
    reading.cancel()
    await asyncio.wait([reading])


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.01)
