"""Sends bytes to a server and reads what comes back, without an HTTP client that would refuse to."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .request import Request

DEADLINE = 10.0  # seconds within which a complete request is answered
PATIENCE = 0.1  # seconds that an incomplete request is given before the client stops sending
PAUSE = 0.01
SMALL = 30_000  # bytes that the system takes over at once, whatever the server does, when they are sent at once


@dataclass(frozen=True)
class Response:
    """An answer as it came."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def all(self, name: bytes) -> list[bytes]:
        """Give every value of a header (lower-case name)."""
        return [value for key, value in self.headers if key.lower() == name]


@dataclass(frozen=True)
class Exchange:
    """What happened to one request.

    Attributes:
        name: The request's name.
        request: The request.
        responses: The answers that came.
        rest: Bytes after them that are no answer.
        hung: Whether the server kept the connection and said nothing.
        cut: Whether the answer may have been lost: the server closed while part of the request was still to be sent,
            and what arrives after that resets the connection, with the answer that the client has not read yet.
    """

    name: str
    request: Request
    responses: tuple[Response, ...]
    rest: bytes
    hung: bool
    cut: bool


async def exchange_all(port: int, requests: Iterable[tuple[str, Request]], *, at_once: int = 100) -> list[Exchange]:
    """Send requests, many at a time, each on a connection of its own."""
    waiting = iter(requests)
    done: list[Exchange] = []

    async def work() -> None:
        for name, request in waiting:
            done.append(await exchange(port, name, request))

    await asyncio.gather(*(work() for _ in range(at_once)))
    return done


async def exchange(port: int, name: str, request: Request) -> Exchange:
    """Send one request and gather what comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**24)
    writer.transport.set_write_buffer_limits(0)  # `drain` waits until all of it is sent
    received = bytearray()
    sending = asyncio.ensure_future(_send(writer, request))
    try:
        hung = await _receive(reader, writer, request, received, sending)
    finally:
        unsent = not sending.done() or isinstance(reader.exception(), ConnectionError)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()
    responses, rest = parse(bytes(received), request.method, ended=True)
    cut = unsent and (bool(request.split) or len(request.wire()) > SMALL)
    return Exchange(name, request, tuple(responses), rest, hung, cut)


async def _send(writer: asyncio.StreamWriter, request: Request) -> None:
    for number, piece in enumerate(request.pieces()):
        if number:
            await asyncio.sleep(PAUSE)
        writer.write(piece)
        with suppress(OSError):
            await writer.drain()


async def _receive(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    request: Request,
    received: bytearray,
    sending: asyncio.Future[None],
) -> bool:
    """Read until all answers are there or the server closes; True when it does neither."""
    if request.abandoned:
        await asyncio.sleep(PAUSE)
        return False
    seconds = DEADLINE if request.complete else PATIENCE
    with suppress(OSError):
        if await _read(reader, request, received, seconds):
            return False
        if not request.complete:
            # With bytes still to send, asyncio would end the stream later, where nobody hears that it is broken.
            if (await asyncio.wait([sending], timeout=DEADLINE))[0]:
                writer.write_eof()
            return not await _read(reader, request, received, DEADLINE)
        return True
    return False


async def _read(reader: asyncio.StreamReader, request: Request, received: bytearray, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while piece := await reader.read(2**16):
                received += piece
                if len(parse(bytes(received), request.method)[0]) >= request.answers:
                    return True
            return True
    return False


def parse(data: bytes, method: bytes, *, ended: bool = False) -> tuple[list[Response], bytes]:
    """Split what a server sent into whole answers, and the rest; ``ended`` when nothing more will come."""
    responses: list[Response] = []
    while data:
        head, separator, after = data.partition(b"\r\n\r\n")
        status_line, *lines = head.split(b"\r\n")
        version, _, status = status_line.partition(b" ")
        if not separator or not version.startswith(b"HTTP/1.") or not status[:3].isdigit():
            break
        headers = tuple(_pair(line) for line in lines)
        taken = _body(int(status[:3]), headers, after, method, ended=ended)
        if taken is None:
            break
        body, data = taken
        if not status.startswith(b"1"):
            responses.append(Response(int(status[:3]), headers, body))
    return responses, data


def _pair(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name.lower(), value.strip()


def _body(
    status: int, headers: Sequence[tuple[bytes, bytes]], data: bytes, method: bytes, *, ended: bool
) -> tuple[bytes, bytes] | None:
    """Give the body and what follows it; None while it is not all there."""
    fields = dict(headers)
    # A server that refuses a request by itself does not know that it was a HEAD.
    bodiless = method == b"HEAD" and not data.startswith(b"Invalid HTTP")
    if bodiless or status < 200 or status in {204, 304}:
        return b"", data
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return _dechunked(data)
    if b"content-length" not in fields:
        return (data, b"") if ended else None
    size = int(fields[b"content-length"])
    return (data[:size], data[size:]) if len(data) >= size else None


def _dechunked(data: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        line, separator, data = data.partition(b"\r\n")
        if not separator:
            return None
        size = int(line.split(b";")[0], 16)
        if len(data) < size + 2:
            return None
        body, data = body + data[:size], data[size + 2 :]
        if size == 0:
            return body, data
