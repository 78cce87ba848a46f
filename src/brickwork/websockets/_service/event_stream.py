"""Server-sent events: how what is sent to rooms is written for an ``EventSource``.

Reference: HTML Standard, section 9.2 (Server-sent events).
"""

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl, quote

from pydantic_core import to_json

from ..._core.uuid7 import uuid7_text
from .._rules.frames import Codec, Entry, Frame
from .._rules.rooms import ROOM, rooms_of
from .._rules.values import Cursor
from .delivering import Recipient
from .outlet import Outlet, Send

if TYPE_CHECKING:
    from starlette.types import Message

    from .hub import Hub

U = TypeVar("U")

# A browser repeats what it was told; what is longer than anything that we tell is not ours.
_LONGEST_ID: Final = 16_384
_MOST_ROOMS: Final = 1_000
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_RETRY_AFTER: Final = re.compile(r"\bretry_after=([0-9]+(?:\.[0-9]+)?)")
_PLACE: Final = "place"
_NOTHING: Final = Frame("text", b"")


def read_positions(text: str) -> dict[str, Cursor]:
    """Read the ID of an event: where a stream was in each of its rooms, as in ``lobby=epoch:7&news=epoch:12``.

    What cannot be read counts as absent, since clients send these.
    """
    if len(text) > _LONGEST_ID:
        return {}
    try:
        pairs = parse_qsl(text, max_num_fields=_MOST_ROOMS)
    except ValueError:
        return {}
    read = {room: Cursor.parse(cursor) for room, cursor in pairs}
    return {room: cursor for room, cursor in read.items() if cursor is not None}


def write_event(told: Frame) -> bytes:
    """Write an event without its ID. Bytes, which have no place in a text, are of type ``bytes``, and in Base64."""
    if told.kind == "bytes":
        return b"event: bytes\ndata: " + b64encode(told.data) + b"\n\n"
    data = told.data
    if b"\n" in data or b"\r" in data:
        # Each line has a field of its own; whoever reads them joins them with a line feed.
        data = b"\ndata: ".join(_LINE_END.split(data))
    return b"data: " + data + b"\n\n"


def chunk(body: bytes, *, more: bool = True) -> dict[str, Any]:
    """Give the ASGI message that carries a part of a stream."""
    return {"type": "http.response.body", "body": body, "more_body": more}


class SSECodec:
    """Writes server-sent events, each with its place in its room as its ID."""

    name = "text/event-stream"

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Give the ASGI message that carries an entry, and its size in bytes."""
        body = write_event(entry.told())
        if entry.cursor is not None:
            body = b"id: %s\n%s" % (_position(entry.channel, entry.cursor).encode(), body)
        return chunk(body), len(body)

    def decode(self, data: str | bytes) -> object:
        """Refuse: nothing comes in by a stream.

        Raises:
            ValueError: Always.
        """
        raise ValueError("An event stream carries nothing to the server.")


class _SeveralRoomsCodec(SSECodec):
    """Writes events without IDs: only the stream that sends them knows the places in its other rooms."""

    name = "text/event-stream of several rooms"

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Give a message that `_Positions` completes."""
        body = write_event(entry.told())
        message = chunk(body)
        if entry.cursor is not None:
            message[_PLACE] = (entry.channel, _position(entry.channel, entry.cursor))
        return message, len(body)


class _Positions:
    """A server's ``send`` that gives each event the places in all rooms of its stream as its ID.

    A browser repeats the last ID alone, so each has to tell everything. They are as they are when an event is sent,
    however long it has waited.
    """

    def __init__(self, send: Send, since: Mapping[str, Cursor]) -> None:
        self._send = send
        self._places = {f"{ROOM}{room}": _position(f"{ROOM}{room}", cursor) for room, cursor in since.items()}

    def __call__(self, message: dict[str, Any]) -> Awaitable[None]:
        place = message.get(_PLACE)
        if place is not None:
            channel, position = place
            self._places[channel] = position
            message = chunk(b"id: %s\n%s" % ("&".join(self._places.values()).encode(), message["body"]))
        return self._send(message)


class Opening:
    """A server's ``send`` that begins the response with the first part of it.

    Until then the client knows of nothing, and whoever sends to a room in the meantime finds it there.

    Args:
        send: The server's.
        start: What a response begins with.
        preamble: The first part of the stream.
    """

    def __init__(self, send: "Callable[[Message], Awaitable[None]]", start: dict[str, Any], preamble: bytes) -> None:
        self._send = send
        self._start = start
        self._preamble = preamble
        self._begun = False

    def __call__(self, message: "Message") -> Awaitable[None]:
        """Send a part."""
        if self._begun:
            return self._send(message)
        self._begun = True
        return self._begin(message)

    async def _begin(self, message: "Message") -> None:
        await self._send(self._start)
        await self._send(chunk(self._preamble))
        if message["body"]:
            await self._send(message)


class _Comment(Entry):
    """What every browser ignores; it keeps the connection from looking idle to whatever lies between."""

    __slots__ = ()

    def encoded(self, codec: Codec) -> tuple[dict[str, Any], int]:
        """Give it as it is."""
        return _COMMENT


class _Beginning(Entry):
    """Has a stream begin, where nothing else was sent before."""

    __slots__ = ()

    def encoded(self, codec: Codec) -> tuple[dict[str, Any], int]:
        """Give it as it is."""
        return _BEGINNING


_COMMENT: Final = (chunk(b":\n\n"), 3)
_BEGINNING: Final = (chunk(b""), 0)
_ONE_ROOM: Final = SSECodec()
_SEVERAL_ROOMS: Final = _SeveralRoomsCodec()


class EventStream(Generic[U]):
    """A client that hears rooms by server-sent events, and can say nothing: it is in rooms as a `Connection` is.

    Args:
        hub: What joins it with the others.
        send: The server's, for the parts of the response.
        user: Who listens; None for a stranger.
        user_id: The user's ID.
        address: The client's address.
        several: Whether it can be in more than one room.
        since: Where the client was in each of them.

    Attributes:
        id: Names the stream, in the log too.
        user: Who listens.
        user_id: The user's ID; None for a stranger.
        address: The client's address; None where the server does not know it.
        data: For whatever the application wants to remember of it.
        close_code: What it was ended with; None while it is open, 1006 if the client has gone.
        reason: Why, for the person who looks for the cause.
        outlet: The way out.
        channels: What stands for it in which channel.
    """

    __slots__ = (
        "__weakref__", "_closing", "_hub", "address", "channels", "close_code", "data", "id", "outlet", "reason",
        "user", "user_id",
    )  # fmt: skip

    def __init__(
        self,
        hub: "Hub",
        send: Send,
        *,
        user: U,
        user_id: str | None,
        address: str | None,
        several: bool = False,
        since: Mapping[str, Cursor] | None = None,
    ) -> None:
        self.id: str = uuid7_text(int(hub.clock.time() * 1000))
        self.user: U = user
        self.user_id: str | None = user_id
        self.address: str | None = address
        self.data: dict[str, Any] = {}
        self.close_code: int | None = None
        self.reason: str = ""
        self.channels: dict[str, Recipient] = {}
        codec, send = (_SEVERAL_ROOMS, _Positions(send, since or {})) if several else (_ONE_ROOM, send)
        self.outlet: Outlet = Outlet(hub.delivering, send, codec, id=self.id, user_id=user_id, end=self.evict)
        self._hub = hub
        self._closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.close_code is not None

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in."""
        return rooms_of(self.channels)

    def evict(self, code: int, reason: str = "") -> None:
        """End it at once, whatever waits; harmless where it has ended."""
        if self.close_code is not None:
            return
        self.close_code = code
        self.reason = reason
        self._hub.remove(self)
        self.outlet.close(code)
        self._closing.set_result(None)

    def begin(self) -> None:
        """Have the client know that it is in its rooms, which it is by now."""
        if not self.outlet.sent and not self.outlet.queued:
            self.outlet.push(_Beginning("", _NOTHING))

    async def live(self, heartbeat: float) -> None:
        """Wait until it has ended.

        Args:
            heartbeat: Seconds between two comments, in which nothing else need be sent.
        """
        while not self._closing.done():
            await asyncio.wait([self._closing], timeout=heartbeat)
            if not self._closing.done() and not self.outlet.queued:
                self.outlet.push(_Comment("", _NOTHING))


def farewell(code: int, reason: str) -> bytes:
    """Write the last event of a stream: a socket would be closed like this.

    A browser comes back by itself whatever it is told; it can be told when.
    """
    asked = _RETRY_AFTER.search(reason)
    wait = b"retry: %d\n" % (float(asked[1]) * 1000) if asked else b""
    return wait + b"event: close\ndata: " + to_json({"code": code, "reason": reason}) + b"\n\n"


def _position(channel: str, cursor: Cursor) -> str:
    return f"{quote(channel.partition(':')[2], safe='')}={cursor}"
