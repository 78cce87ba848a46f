"""How messages travel through Redis, and under which names they are kept."""

from typing import Final, NamedTuple

from pydantic import BaseModel, ConfigDict, NonNegativeInt, ValidationError

from .._rules.frames import Entry, Frame, Kind
from .._rules.values import Cursor

HOLE: Final = "lost"  # the control entry that stands where messages of the channel are missing

_VERSION: Final = b"\x01"
_NOTHING: Final[frozenset[str]] = frozenset()


class MalformedError(ValueError):
    """Something else than a message of ours was heard, or one of a later version."""


class _Head(BaseModel):
    """What an entry says of its message."""

    model_config = ConfigDict(strict=True, hide_input_in_errors=True)

    kind: Kind
    origin: str
    number: NonNegativeInt = 0
    late: bool = False
    key: str | None = None
    exclude: frozenset[str] = _NOTHING
    exclude_users: frozenset[str] = _NOTHING
    once: str | None = None
    control: str | None = None


class Message(NamedTuple):
    """An entry as it was heard or read.

    Attributes:
        entry: What was sent, with its place in the history.
        origin: Which process sent it.
        number: Counts what that process has sent; 0 where it may be heard out of order.
    """

    entry: Entry
    origin: str
    number: int


def encode(entry: Entry, origin: str, number: int, *, late: bool = False) -> bytes:
    """Write an entry down: a version, a line of JSON, and the message as it is.

    Args:
        entry: What is sent.
        origin: Which process sends it.
        number: Counts what it sends.
        late: Whether its own clients have had it already, without a cursor.
    """
    head = _Head.model_construct(
        kind=entry.frame.kind,
        origin=origin,
        number=number,
        late=late,
        key=entry.key,
        exclude=entry.exclude,
        exclude_users=entry.exclude_users,
        once=entry.once,
        control=entry.control,
    )
    return b"%b%b\n%b" % (_VERSION, head.model_dump_json(exclude_defaults=True).encode(), entry.frame.data)


def decode(channel: str, data: bytes, cursor: Cursor | None, *, again: bool = False) -> Message:
    """Read an entry.

    Args:
        channel: Where it was sent.
        data: What `encode` gave.
        cursor: Its place in the channel's history.
        again: Whether those who get it may have had it before, from the process that sent it.

    Raises:
        MalformedError: It is none.
    """
    line, separator, message = data.partition(b"\n")
    if not separator or not line.startswith(_VERSION):
        raise MalformedError("what was heard is no message of this version")
    try:
        head = _Head.model_validate_json(line.removeprefix(_VERSION))
    except ValidationError as error:
        raise MalformedError("the head of a message cannot be read") from error
    once = head.once
    if once is None and (head.late or again) and cursor is not None and head.number:
        once = once_of(head.origin, head.number)
    entry = Entry(
        channel,
        Frame(head.kind, message),
        cursor=cursor,
        key=head.key,
        exclude=head.exclude,
        exclude_users=head.exclude_users,
        once=once,
        control=head.control,
    )
    return Message(entry, head.origin, head.number)


def hear(channel: str, payload: bytes) -> Message:
    """Read what subscribers hear: a line with the cursor, which may be empty, and an entry.

    Raises:
        MalformedError: It is something else.
    """
    line, _, data = payload.partition(b"\n")
    cursor = Cursor.parse(line.decode(errors="replace")) if line else None
    if line and cursor is None:
        raise MalformedError("a message says nothing of its place")
    return decode(channel, data, cursor)


def once_of(origin: str, number: int) -> str:
    """Name a message, whether it has a place in a history or not."""
    return f"{origin}-{number}"


class Names:
    """The names in Redis.

    Args:
        prefix: Put before each.
        database: The number of the database. Keys live in one, but subscribers hear those of all.
    """

    def __init__(self, prefix: str, database: int) -> None:
        self._prefix = prefix
        self._heard = f"{prefix}@{database}:"

    def heard(self, channel: str) -> str:
        """Name what subscribers of a channel subscribe to."""
        return self._heard + _written(channel)

    def key(self, channel: str, what: str) -> str:
        """Name what is kept of a channel."""
        return f"{self._prefix}:{{{_written(channel)}}}:{what}"

    def history(self, channel: str) -> list[str]:
        """Name the two keys of a history."""
        return [self.key(channel, "meta"), self.key(channel, "log")]

    def presence(self, channel: str) -> list[str]:
        """Name the three keys of who is there."""
        return [self.key(channel, what) for what in ("due", "infos", "names")]


def _written(channel: str) -> str:
    # Half a surrogate pair has no bytes, and is met in no name that means well.
    return channel.encode(errors="backslashreplace").decode()
