"""The values that connections, rooms and backplanes hand each other."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, Literal, NamedTuple, Self, get_args

from .rate import MessageRate

_CURSOR: Final = re.compile(r"([A-Za-z0-9_-]{1,32}):([0-9]{1,16})")

_LIFTED: Final = frozenset({"per_user", "per_address", "total"})

Policy = Literal["disconnect", "drop_oldest", "drop_newest", "coalesce"]
"""What becomes of a message for a client whose queue is full; `SlowConsumer` says what each of them does."""


class CloseCode(IntEnum):
    """Why a socket was closed; below 4000 as in RFC 6455, section 7.4, and in IANA's registry.

    A client reconnects after any of them but 1003, 1008, 1009 and those from 4400 to 4499, except 4408 and 4429.
    """

    NORMAL = 1000
    GOING_AWAY = 1001
    UNSUPPORTED_DATA = 1003
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    TRY_AGAIN_LATER = 1013
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    TIMEOUT = 4408
    REPLACED = 4409
    TOO_MANY = 4429


_CODES: Final = frozenset({1000, 1001, 1002, 1003, *range(1007, 1015), *range(3000, 5000)})


def checked_code(code: int) -> int:
    """Give a code with which a socket can be closed; with any other a server breaks off without a word.

    Raises:
        ValueError: It is none.

    Reference: RFC 6455, section 7.4.
    """
    if code not in _CODES:
        raise ValueError(
            f"{code} is no code to close a socket with: use one of CloseCode, or of your own from 4000 to 4999"
        )
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """How much one client, and all of them together, may take.

    What concerns several connections is counted by each process for itself. None lifts ``per_user``, ``per_address``,
    ``total`` and ``rate``; the others bound what is kept in memory.

    Attributes:
        per_user: Connections of one user.
        per_address: Connections of one address (of IPv6, one network).
        total: Connections of the process.
        excess: What becomes of one too many of a user: ``refuse`` it with 429, or ``replace`` the oldest, which is
            closed with 4409. With the other two limits it is always refused.
        message: Bytes of a message that a client sends; a longer one closes the socket with 1009.
        inbox: Messages of a client that wait for the application; when it is full, no more are read.
        queue: Messages that wait for a client that is slow to read.
        queue_bytes: Bytes of those.
        rooms: Rooms that one connection can be in.
        rate: Messages of a client, as in ``"20/s burst 40"``; one too many is answered with an error and dropped.
        errors: Errors that one client is told of within a minute; one more closes its socket with 1008.

    Raises:
        ValueError: A number is below 1 or is missing, the rate is none, or ``excess`` is neither of the two.
    """

    per_user: int | None = 10
    per_address: int | None = 100
    total: int | None = 20_000
    excess: Literal["refuse", "replace"] = "refuse"
    message: int = 65_536
    inbox: int = 32
    queue: int = 256
    queue_bytes: int = 1_000_000
    rooms: int = 100
    rate: str | None = "20/s burst 40"
    errors: int = 10

    def __post_init__(self) -> None:
        for name in ("per_user", "per_address", "total", "message", "inbox", "queue", "queue_bytes", "rooms", "errors"):
            number: int | None = getattr(self, name)
            if number is None and name not in _LIFTED:
                raise ValueError(f"{name}=None would let one client take all memory: use a whole number above 0")
            if number is not None and number < 1:
                raise ValueError(f"{name}={number} lets nothing through: use a whole number above 0")
        if self.rate is not None:
            MessageRate.parse(self.rate)
        if self.excess not in ("refuse", "replace"):
            raise ValueError(f'excess={self.excess!r}: write "refuse" or "replace"')


@dataclass(frozen=True, slots=True)
class SlowConsumer:
    """What becomes of a message for a client whose queue is full.

    Attributes:
        policy: What is done.
        code: With ``disconnect``, what the socket is closed with.

    Raises:
        ValueError: There is no such policy, or no socket can be closed with that code.
    """

    policy: Policy = "disconnect"
    code: int = CloseCode.TRY_AGAIN_LATER

    def __post_init__(self) -> None:
        checked_code(self.code)
        if self.policy not in get_args(Policy):
            raise ValueError(
                f"{self.policy!r} is no policy: write SlowConsumer.drop_oldest() or another of its methods"
            )

    @classmethod
    def disconnect(cls, code: int = CloseCode.TRY_AGAIN_LATER) -> Self:
        """Close the socket; a client that comes back resumes where it was.

        Args:
            code: The close code: 1013, unless clients know another.
        """
        return cls("disconnect", code)

    @classmethod
    def drop_oldest(cls) -> Self:
        """Leave out what has waited longest: for data of which only the latest counts."""
        return cls("drop_oldest")

    @classmethod
    def drop_newest(cls) -> Self:
        """Leave out what comes now."""
        return cls("drop_newest")

    @classmethod
    def coalesce(cls) -> Self:
        """Keep the last message of each ``key=`` only; where that is not enough, close the socket with 1013."""
        return cls("coalesce")


@dataclass(frozen=True, slots=True)
class History:
    """How much of a room is kept, for clients that come back.

    Attributes:
        size: Messages of one room.
        ttl: Seconds after the last message until all of them are forgotten.
    """

    size: int = 200
    ttl: float = 600.0

    def __post_init__(self) -> None:
        if self.size < 1 or self.ttl <= 0:
            raise ValueError("a history keeps at least one message, for more than 0 seconds")


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether all processes know who is in a room.

    Attributes:
        ttl: Seconds after which members of a process that died are gone.
        refresh: Seconds between two signs of life of a process.
        announce: Whether a room is told who joined and left.
    """

    ttl: float = 60.0
    refresh: float = 20.0
    announce: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.refresh < self.ttl:
            raise ValueError("presence is refreshed more often than it ends: use a refresh below the ttl, above 0")


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How long silence may last; all in seconds, None for ever.

    Attributes:
        idle: From one message of the client to the next. Pongs are between client and server, and do not count.
        first_message: From the handshake to the first message, where that one has to authenticate.
        stall: How long one message may wait for a client that reads nothing.
        close: How long a close frame may wait for one.

    Raises:
        ValueError: A duration is not above 0.
    """

    idle: float | None = None
    first_message: float = 10.0
    stall: float | None = 30.0
    close: float = 2.0

    def __post_init__(self) -> None:
        for name in ("idle", "first_message", "stall", "close"):
            seconds: float | None = getattr(self, name)
            if seconds is not None and seconds <= 0:
                raise ValueError(f"{name}={seconds} ends every connection at once: use seconds above 0")


class Cursor(NamedTuple):
    """A place in what was sent to a room.

    Attributes:
        epoch: Tells one history of the room from another that was begun anew.
        offset: How many messages came before, and this one.
    """

    epoch: str
    offset: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` gave; None for anything else, since clients send these."""
        found = _CURSOR.fullmatch(text)
        return None if found is None else cls(found[1], int(found[2]))


class Delivery(NamedTuple):
    """What became of a message.

    Attributes:
        reached: How many connections of this process it was handed to.
        cursor: Where it stands in the room's history; None where none is kept, or nobody could be asked.
    """

    reached: int
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who is in a room, perhaps with several connections.

    Attributes:
        user: The user's ID; of a stranger the connection's.
        info: What each connection said of itself when it joined.
    """

    user: str
    info: tuple[Mapping[str, Any], ...] = field(default=())
