"""`Hub`: what joins the connections of a process with each other and with those of other processes."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from typing import Any, Literal

from ..._core.clock import Clock, SystemClock
from .._rules.frames import Entry, frame
from .._rules.values import (
    ConnectionLimits,
    Cursor,
    Delivery,
    Heartbeat,
    History,
    Member,
    Presence,
    SlowConsumer,
)
from .._store import Backplane, State
from .channels import Channels, Recipient, write_control
from .connection import Connection
from .counters import Counters, Counts
from .hooks import Event, Hooks, logger
from .outlet import Delivering

ALL = "all"
"""The channel of everybody."""


def room_channel(name: str) -> str:
    """Give the channel of a room."""
    return f"room:{name}"


def user_channel(user_id: str) -> str:
    """Give the channel of a user's connections."""
    return f"user:{user_id}"


class Hub:
    """Everything that connections of one manager share.

    It begins with the first connection or message, and can be closed and begin again: in another event loop too, where
    it begins with nothing.

    Args:
        backplane: Carries messages between processes.
        limits: How much one client may take.
        slow_consumer: What becomes of messages for slow clients.
        history: How much of a room is kept; None for nothing.
        presence: How it is known who is in a room; None if nobody asks.
        heartbeat: How long silence may last.
        delivery: Whether messages are tried without a task first.
        clock: What time it is.
        on_event: Called with each `Event`.
    """

    def __init__(
        self,
        *,
        backplane: Backplane,
        limits: ConnectionLimits | None = None,
        slow_consumer: SlowConsumer | None = None,
        history: History | None = None,
        presence: Presence | None = None,
        heartbeat: Heartbeat | None = None,
        delivery: Literal["inline", "task"] = "inline",
        clock: Clock | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> None:
        self.backplane = backplane
        self.limits = limits or ConnectionLimits()
        self.history = history
        self.presence = presence
        self.heartbeat = heartbeat or Heartbeat()
        self.clock = clock or SystemClock()
        self.counters = Counters()
        self.hooks = Hooks(on_event, self.clock)
        self.delivering = Delivering(
            self.limits,
            slow_consumer or SlowConsumer(),
            self.heartbeat.stall,
            delivery,
            self.counters,
            self.hooks,
            self.clock,
        )
        self.channels = Channels(backplane, self.counters)
        self.connections: dict[str, Connection[Any]] = {}
        self.users: dict[str, dict[str, Connection[Any]]] = {}
        self.state: State = "ready"
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open = False

    # Beginning and end

    async def open(self) -> None:
        """Begin, unless that has been done; several may ask at a time, and any of them give up."""
        ...

    async def close(self) -> None:
        """Part with everybody, and end; everything can begin anew."""
        ...

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Have something done that nobody has to wait for; what goes wrong is logged."""
        ...

    # Who is there

    async def add(self, connection: Connection[Any]) -> None:
        """Take in a connection whose socket is accepted; cancelled or failed, it leaves no trace.

        Raises:
            ConnectionClosedError: It was closed meanwhile.
        """
        ...

    def remove(self, connection: Connection[Any]) -> None:
        """Let a connection go from everywhere: at once, and in a time that only its own channels count for."""
        ...

    async def enter(self, connection: Connection[Any], channel: str, recipient: Recipient | None = None) -> None:
        """Put a connection into a channel, or what stands for it there; cancelled or failed, it leaves no trace.

        Raises:
            ConnectionClosedError: It is closed, or was meanwhile.
        """
        ...

    def leave(self, connection: Connection[Any], channel: str) -> bool:
        """Take a connection out of a channel; tells whether it was there."""
        ...

    def counts(self) -> Counts:
        """Give what this process has done, and what there is."""
        ...

    # What is sent

    async def publish(
        self,
        channel: str,
        message: object,
        *,
        exclude: Collection[str] = (),
        exclude_users: Collection[str] = (),
        key: str | None = None,
        store: bool = True,
    ) -> Delivery:
        """Send a message to all who are in a channel, in all processes.

        Returns when it is with those of this process, as far as the backplane has brought it back.

        Args:
            channel: ``room:…``, ``user:…`` or ``all``.
            message: What is sent.
            exclude: IDs of connections that do not get it.
            exclude_users: IDs of users that do not.
            key: What it is the latest state of.
            store: Whether it becomes part of a room's history.
        """
        ...

    async def evict(self, channel: str, code: int, reason: str = "", *, control: str = "kick") -> None:
        """Part with all who are in a channel, in all processes, after what was sent to it before."""
        ...

    def receive(self, entry: Entry) -> None:
        """Deliver an entry that came over the backplane."""
        self.channels.deliver(entry)

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Tell those in a room that messages are gone for good."""
        ...

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Tell a room, in all processes, that members have left without a word."""
        ...

    def turned(self, state: State) -> None:
        """Note whether the other processes can be reached."""
        ...
