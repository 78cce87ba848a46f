"""A real server for sockets, and a client that can say anything at all, also what no client should."""

import asyncio
import base64
import os
import socket
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, Self

import uvicorn

PATIENCE: Final = 30.0  # seconds that anything may take on a machine that is busy

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA


@contextmanager
def serving_sockets(app: Any, **options: Any) -> Iterator[int]:
    """Serve an app by uvicorn on a free port of the loopback interface, in a thread; give the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    chosen: dict[str, Any] = {"ws": "websockets-sansio", "timeout_graceful_shutdown": 5, **options}
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, **chosen))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = threading.Event()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        deadline.wait(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        listener.close()
        if thread.is_alive():
            raise RuntimeError("the server did not stop")


def frame_bytes(
    opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True, reserved: int = 0, claims: int = -1
) -> bytes:
    """Write a frame.

    Args:
        opcode: What it is.
        payload: What it holds.
        final: Whether the message ends with it.
        masked: Whether it is masked, as a client's has to be.
        reserved: The three reserved bits; 4 says that it is compressed.
        claims: The length that it announces, where that is not the payload's.

    Reference: RFC 6455, section 5.2.
    """
    length = len(payload) if claims < 0 else claims
    first = (0x80 if final else 0) | reserved << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if length < 126:
        head = struct.pack("!BB", first, mask_bit | length)
    elif length < 65_536:
        head = struct.pack("!BBH", first, mask_bit | 126, length)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, length)
    return head + (b"\0\0\0\0" if masked else b"") + payload  # a mask of zeros leaves everything as it is


class RawSocket:
    """The client's end of a WebSocket, byte by byte; it answers pings, and nothing else by itself.

    It reads from the socket itself: a stream forgets what has come when it learns that the other side is gone.
    """

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._buffer = b""
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        self.pings = 0
        self.answer = b""

    @classmethod
    async def open(cls, port: int, path: str, *headers: str) -> Self:
        """Connect, and shake hands."""
        connected = socket.socket()
        connected.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", port))
        made = cls(connected)
        lines = [
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            *headers,
        ]
        await made.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(PATIENCE):
            while not made.answer.endswith(b"\r\n\r\n"):
                made.answer += await made._exactly(1)
        return made

    async def write(self, data: bytes) -> None:
        """Send bytes; those for which the server has no ear any more are lost."""
        with suppress(OSError):
            async with asyncio.timeout(PATIENCE):
                await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def say(self, text: str) -> None:
        """Send a text."""
        await self.write(frame_bytes(TEXT, text.encode()))

    async def read(self) -> tuple[int, bytes]:
        """Give the next frame's opcode and payload, pings aside; after the end a close without a code."""
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    opcode, payload = await self._read()
                    if opcode != PING:
                        return opcode, payload
                    self.pings += 1
                    await self.write(frame_bytes(PONG, payload))
        except (EOFError, OSError):
            return CLOSE, b""

    async def _read(self) -> tuple[int, bytes]:
        first, length = await self._exactly(2)
        if length == 126:
            (length,) = struct.unpack("!H", await self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", await self._exactly(8))
        payload = await self._exactly(length)
        if first & 0x40:
            payload = self._unpacker.decompress(payload + b"\0\0\xff\xff")
        return first & 0x0F, payload

    async def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            received = await asyncio.get_running_loop().sock_recv(self._socket, 65_536)
            if not received:
                raise EOFError
            self._buffer += received
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    async def hear(self) -> str:
        """Give the next message, which is a text."""
        opcode, payload = await self.read()
        assert opcode == TEXT, f"opcode {opcode}: {payload!r}"
        return payload.decode()

    async def code(self) -> int | None:
        """Read to the end, and give the close code; None where the server said none."""
        while True:
            opcode, payload = await self.read()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0] if payload else None

    def abort(self) -> None:
        """Be gone, without a word."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Let go of the connection."""
        self._socket.close()


@asynccontextmanager
async def raw(port: int, path: str, *headers: str) -> AsyncIterator[RawSocket]:
    """Connect a client, and let go of it in the end."""
    client = await RawSocket.open(port, path, *headers)
    try:
        yield client
    finally:
        client.close()
