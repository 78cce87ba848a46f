"""Messages on their way into Redis, many in one round trip."""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Final

from ..._core.redis import Argument, Call, RedisCaller, RedisUnavailableError, Script
from .._rules.frames import Entry, Frame
from .._rules.rooms import ROOM
from .._rules.values import Cursor, History
from .wire import HOLE, Names, encode

_PUBLISH: Final = Script.load("brickwork.websockets", "publish")
_MILLISECONDS: Final = 1_000

Answer = Cursor | RedisUnavailableError | None


class Parcel:
    """An entry that is to be sent.

    Attributes:
        entry: What is sent.
        number: Counts what the sender has sent.
        stored: Whether it becomes part of the history.
        size: Its bytes.
    """

    __slots__ = ("_body", "_origin", "entry", "number", "size", "stored")

    def __init__(self, entry: Entry, origin: str, number: int, *, stored: bool) -> None:
        self.entry: Entry = entry
        self.number: int = number
        self.stored: bool = stored
        self._origin = origin
        self._body = encode(entry, origin, number)
        self.size: int = len(self._body)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """What the script is told of it."""
        if self.entry.control == HOLE and self.stored:
            return "skip", self.number, self._body
        return ("keep" if self.stored else "tell"), self.number, self._body

    def delay(self) -> None:
        """Say with it that clients may have had it already."""
        self._body = encode(self.entry, self._origin, self.number, late=True)


def hole(channel: str, origin: str, number: int, *, stored: bool) -> Parcel:
    """Make what tells the other processes that messages of a channel are lost."""
    return Parcel(Entry(channel, Frame("text", b""), control=HOLE), origin, number, stored=stored)


class Sender:
    """Sends for one process, each channel's messages in their order.

    Args:
        names: What things are called.
        history: How much is kept of each room; None where nothing is.
        origin: The process.
        memory: Seconds within which a message may be sent again.
    """

    def __init__(self, names: Names, history: History | None, *, origin: str, memory: float) -> None:
        self.origin = origin
        self._names = names
        self._size = history.size if history else 0
        self._ttl = round((history.ttl if history else 0.0) * _MILLISECONDS) or 1
        self._memory = round(memory * _MILLISECONDS)
        self._keeps = history is not None

    def keeps(self, entry: Entry, *, store: bool) -> bool:
        """Tell whether an entry becomes part of a history."""
        return self._keeps and store and entry.control is None and entry.channel.startswith(ROOM)

    async def send(self, caller: RedisCaller, parcels: Sequence[Parcel]) -> list[Answer]:
        """Send, in one round trip.

        Returns:
            For each where it stands in its channel's history, None where it does not or did already, or the error.
        """
        shares: dict[str, list[int]] = {}
        for place, parcel in enumerate(parcels):
            shares.setdefault(parcel.entry.channel, []).append(place)
        calls = [self._call(channel, [parcels[place] for place in share]) for channel, share in shares.items()]
        try:
            replies = await caller.run_all(_PUBLISH, calls)
        except RedisUnavailableError as error:
            return [error] * len(parcels)
        answers: list[Answer] = [None] * len(parcels)
        for share, reply in zip(shares.values(), replies, strict=True):
            # What the server refuses of one message, it refuses of those behind it in the same channel: none overtakes.
            found = [reply] * len(share) if isinstance(reply, RedisUnavailableError) else _cursors(reply)
            for place, answer in zip(share, found, strict=True):
                answers[place] = answer
        return answers

    def _call(self, channel: str, parcels: Sequence[Parcel]) -> Call:
        keys = [*self._names.history(channel), self._names.key(channel, f"by:{self.origin}")]
        shared = (token_urlsafe(6), self._size, self._ttl, self._ttl + self._memory, self._memory)
        told = [argument for parcel in parcels for argument in parcel.arguments]
        return keys, (self._names.heard(channel), *shared, *told)


def _cursors(reply: Sequence[bytes | int]) -> list[Answer]:
    epoch = bytes(reply[0]).decode()
    return [Cursor(epoch, int(offset)) if offset else None for offset in reply[1:]]
