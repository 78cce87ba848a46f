"""What is sent: encoded once, for however many."""

from typing import Any, Literal, NamedTuple, Protocol

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from .values import Cursor

Kind = Literal["json", "text", "bytes"]
"""What a frame holds: a JSON document, a text that is sent as it is, or bytes."""


class Frame(NamedTuple):
    """A message in the form in which it travels between processes.

    Attributes:
        kind: What it holds.
        data: The message: UTF-8 unless its kind is ``bytes``.
    """

    kind: Kind
    data: bytes


def frame(message: object) -> Frame:
    """Encode a message.

    Args:
        message: A text or bytes, sent as they are; a pydantic model, or anything else that has a JSON form.

    Raises:
        pydantic_core.PydanticSerializationError: It has none.
    """
    if isinstance(message, Frame):
        return message
    if isinstance(message, str):
        return Frame("text", message.encode())
    if isinstance(message, bytes | bytearray):
        return Frame("bytes", bytes(message))
    if isinstance(message, BaseModel):
        return Frame("json", message.__pydantic_serializer__.to_json(message, by_alias=True))
    return Frame("json", to_json(message, inf_nan_mode="null"))


def with_members(frame: Frame, members: dict[str, object]) -> Frame:
    """Put members behind those of a JSON object; other frames have no place for them.

    Where JSON is read the last of a name wins: what a client wrote, and the app sends on, can forge none of these.
    """
    if frame.kind != "json" or not frame.data.startswith(b"{") or not members:
        return frame
    own = frame.data[:-1]
    return Frame("json", own + (b"" if own == b"{" else b",") + to_json(members)[1:])


class Codec(Protocol):
    """Turns what is sent into the messages of a protocol."""

    @property
    def name(self) -> str:
        """What clients call it when they choose a subprotocol."""
        ...

    def encode(self, entry: "Entry") -> tuple[dict[str, Any], int]:
        """Give the ASGI message that carries an entry, and its size in bytes; receivers share the message."""
        ...

    def decode(self, data: str | bytes) -> object:
        """Read what a client sent.

        Raises:
            ValueError: It is not of this codec.
        """
        ...


class Entry:
    """A frame on its way to those who are in a channel.

    Attributes:
        channel: ``room:…``, ``user:…`` or ``all``.
        frame: What is sent.
        cursor: Where it stands in the channel's history; None where none is kept.
        key: With `SlowConsumer.coalesce`, what it is the latest state of.
        exclude: IDs of connections that do not get it.
        exclude_users: IDs of users that do not.
        once: Names it where it may come a second time, for those that tell by its cursor.
        control: What the processes are told instead of the clients: ``kick`` or ``close``.
    """

    __slots__ = ("_encoded", "channel", "control", "cursor", "exclude", "exclude_users", "frame", "key", "once")

    def __init__(
        self,
        channel: str,
        frame: Frame,
        *,
        cursor: Cursor | None = None,
        key: str | None = None,
        exclude: frozenset[str] = frozenset(),
        exclude_users: frozenset[str] = frozenset(),
        once: str | None = None,
        control: str | None = None,
    ) -> None:
        self.channel: str = channel
        self.frame: Frame = frame
        self.cursor: Cursor | None = cursor
        self.key: str | None = key
        self.exclude: frozenset[str] = exclude
        self.exclude_users: frozenset[str] = exclude_users
        self.once: str | None = once
        self.control: str | None = control
        self._encoded: dict[Codec, tuple[dict[str, Any], int]] = {}

    @property
    def message(self) -> object:
        """What was sent: decoded JSON, a text, or bytes."""
        kind, data = self.frame
        if kind == "json":
            return from_json(data)
        return data.decode() if kind == "text" else data

    def encoded(self, codec: Codec) -> tuple[dict[str, Any], int]:
        """Give the ASGI message for a codec and its size in bytes; the work is done once."""
        found = self._encoded.get(codec)
        if found is None:
            found = self._encoded[codec] = codec.encode(self)
        return found

    def told(self) -> Frame:
        """Give the frame as clients get it: with its room and its place in the room's history, where it has one."""
        members: dict[str, object] = {}
        if self.cursor is not None or self.once is not None:
            members["room"] = self.channel.partition(":")[2]
        if self.cursor is not None:
            members["cursor"] = str(self.cursor)
        if self.once is not None:
            members["once"] = self.once
        return with_members(self.frame, members)
