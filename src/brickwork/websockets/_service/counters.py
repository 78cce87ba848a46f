"""What a manager counts, so that one can see how it fares."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .._rules.values import Policy
from .._store import State

_POLICIES: Final[tuple[Policy, ...]] = ("disconnect", "drop_oldest", "drop_newest", "coalesce")


def _nothing_dropped() -> dict[Policy, int]:
    return dict.fromkeys(_POLICIES, 0)


@dataclass(slots=True)
class Counters:
    """Numbers that never fall, but for ``rooms``; each is one addition where it happens."""

    rooms: int = 0
    sent: int = 0
    received: int = 0
    errors: int = 0
    gaps: int = 0
    fan_outs: int = 0
    fan_out_seconds: float = 0.0
    largest_queue: int = 0
    dropped: dict[Policy, int] = field(default_factory=_nothing_dropped)


class Counts(NamedTuple):
    """What a process has done, and what there is: each read at once, however many connections there are.

    Attributes:
        connections: Sockets and event streams that are open.
        users: Users who have at least one of them.
        rooms: Rooms in which somebody of this process is.
        sent: Messages that were handed to the server, or to the queue of a slow client, one for each client; those in
            ``dropped`` are among them.
        received: Messages that clients sent.
        dropped: Messages that a slow client did not get, by the policy that left them out.
        errors: Errors that clients were told of, and messages that could not be encoded.
        gaps: Times that a room lost messages for good.
        fan_outs: Messages that were sent to all who are in a channel.
        fan_out_seconds: How long that took together.
        largest_queue: Messages in the longest queue there has been.
        backplane: Whether the other processes can be reached.
    """

    connections: int
    users: int
    rooms: int
    sent: int
    received: int
    dropped: Mapping[Policy, int]
    errors: int
    gaps: int
    fan_outs: int
    fan_out_seconds: float
    largest_queue: int
    backplane: State


@dataclass(frozen=True, slots=True)
class Stats:
    """What one connection has done.

    Attributes:
        sent: Messages that were handed to the server.
        dropped: Messages that it was too slow for.
        queued: Messages that wait for it.
        queued_bytes: Bytes of those.
        received: Messages that it sent.
    """

    sent: int
    dropped: int
    queued: int
    queued_bytes: int
    received: int
