"""A TCP relay between a client and a server that fails on demand."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from .process import free_port


@dataclass(slots=True)
class _Trap:
    """Waits for one request, whose reply it will spoil."""

    requests_left: int
    marker: bytes
    keep: int

    def springs(self, chunk: bytes) -> bool:
        self.requests_left -= chunk.count(self.marker) if self.marker else 1
        return self.requests_left <= 0


@dataclass(slots=True, eq=False)
class _Link:
    """One client's connection, and ours to the server on its behalf."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    keep: int | None = None  # bytes of the next reply that still pass before the connection ends

    def reset(self) -> None:
        for writer in (self.client, self.server):
            with suppress(OSError):
                # Lingering for nought seconds makes the kernel send RST: a broken connection, not a farewell.
                linger = socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(*linger)
            writer.transport.abort()


class FaultyProxy:
    """Relays to a server until it is told to fail; an async context manager.

    A request is one chunk that a client sent, so a client that waits for each reply is counted exactly.

    Args:
        target: Address of the server, with host and port.

    Attributes:
        sprung: How many replies were spoiled so far.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target)
        self._port = free_port()
        self._listener: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._delay = 0.0
        self._trap: _Trap | None = None
        self.sprung = 0

    @property
    def url(self) -> str:
        """The server's address with the proxy's host and port in it."""
        login = "".join(self._target.netloc.rpartition("@")[:2])
        return self._target._replace(netloc=f"{login}127.0.0.1:{self._port}").geturl()

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    async def heal(self) -> None:
        """Relay everything, what was held back included."""
        self._delay, self._trap = 0.0, None
        self._passing.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def refuse(self) -> None:
        """Break every connection, and refuse new ones."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def hang(self) -> None:
        """Accept connections and requests, and hold everything back."""
        self._passing.clear()

    def delay(self, seconds: float) -> None:
        """Hold every reply back for ``seconds``."""
        self._delay = seconds

    def lose_reply(self, nth: int = 1, *, of: bytes = b"") -> None:
        """Let the server carry out the ``nth`` request from now on that contains ``of``, and break off unanswered."""
        self.cut_reply(nth, of=of, keep=0)

    def cut_reply(self, nth: int = 1, *, of: bytes = b"", keep: int = 1) -> None:
        """Let ``keep`` bytes of the reply to that request pass, and end the connection."""
        self._trap = _Trap(nth, of, keep)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        relay = asyncio.create_task(self._relay(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)
        # One that is cancelled before it begins closes nothing by itself.
        relay.add_done_callback(lambda _: writer.close())

    async def _relay(self, requests: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            replies, server = await asyncio.open_connection(self._target.hostname, self._target.port)
        except OSError:
            writer.close()
            return
        link = _Link(writer, server)
        ways = [asyncio.create_task(way) for way in (self._forward(link, requests), self._answer(link, replies))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            link.reset()
            raise
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            server.close()

    async def _forward(self, link: _Link, requests: asyncio.StreamReader) -> None:
        while chunk := await requests.read(65_536):
            await self._passing.wait()
            if self._trap is not None and self._trap.springs(chunk):
                link.keep, self._trap = self._trap.keep, None
            link.server.write(chunk)
            await link.server.drain()

    async def _answer(self, link: _Link, replies: asyncio.StreamReader) -> None:
        while chunk := await replies.read(65_536):
            await asyncio.sleep(self._delay)
            await self._passing.wait()
            link.client.write(chunk[: link.keep])
            await link.client.drain()
            if link.keep is not None:
                self.sprung += 1
                break
        if link.keep == 0:
            link.reset()
