"""`Hub`: what joins the connections of a process with each other and with those of other processes."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextvars import Context
from typing import Any, Final, Literal

from ..._core.clock import Clock, SystemClock
from .._errors import ConnectionClosedError
from .._rules.controls import write_control
from .._rules.frames import Entry, frame
from .._rules.rooms import ALL, ROOM, resume_entry, user_channel
from .._rules.values import (
    CloseCode,
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
from .channels import Channels
from .connection import Connection
from .counters import Counters, Counts
from .delivering import Delivering, Recipient
from .gate import Client
from .hooks import Event, Hooks, logger
from .joining import Rooms
from .loops import refuse_other_loop

_GRACE: Final = 1.0  # seconds that are left to what is under way at the end, after the time that a close frame has


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
        self.limits: ConnectionLimits = limits or ConnectionLimits()
        self.history = history
        self.presence = presence
        self.heartbeat: Heartbeat = heartbeat or Heartbeat()
        self.clock: Clock = clock or SystemClock()
        self.counters: Counters = Counters()
        self.hooks: Hooks = Hooks(on_event, self.clock)
        self.delivering: Delivering = Delivering(
            self.limits,
            slow_consumer or SlowConsumer(),
            self.heartbeat.stall,
            delivery,
            self.counters,
            self.hooks,
            self.clock,
        )
        self.channels: Channels = Channels(backplane, self.counters, self.clock)
        self.connections: dict[str, Connection[Any]] = {}
        self.rooms: Rooms = Rooms(self)
        self.streams: dict[str, Client] = {}
        self.users: dict[str, dict[str, Connection[Any]]] = {}
        self.state: State = "ready"
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open = False

    # Beginning and end

    async def open(self) -> None:
        """Begin, unless that has been done; several may ask at a time, and any of them give up.

        Raises:
            RuntimeError: It has begun in another event loop, which is still running.
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            refuse_other_loop(self._loop)
            self._begin(loop)
        if self._open:
            return
        if self._opening is None:
            self._opening = loop.create_task(self._open_backplane(), context=Context())
        opening = self._opening
        await asyncio.wait([opening])
        if opening.cancelled():
            raise ConnectionClosedError(CloseCode.GOING_AWAY)
        opening.result()

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Forget what belonged to another loop: whoever was there went with it."""
        self._loop = loop
        self._open = False
        self._opening = None
        self._tasks.clear()
        self.connections.clear()
        self.streams.clear()
        guards = self.rooms.guards
        self.rooms = Rooms(self)
        self.rooms.guards = guards
        self.users.clear()
        self.counters.rooms = 0
        self.channels = Channels(self.backplane, self.counters, self.clock)
        self.state = "ready"

    async def _open_backplane(self) -> None:
        try:
            await self.backplane.open(self, history=self.history, presence=self.presence)
            self._open = True
        finally:
            if not self._open:
                self._opening = None

    async def close(self) -> None:
        """Part with everybody, and end; everything can begin anew."""
        if self._loop is not asyncio.get_running_loop():
            return
        for client in [*self.connections.values(), *self.streams.values()]:
            client.evict(CloseCode.GOING_AWAY)
        try:
            while self._tasks:
                _, late = await asyncio.wait(self._tasks, timeout=self.heartbeat.close + _GRACE)
                for task in late:
                    task.cancel()
            await self.rooms.close()
            await self.channels.close()
            if self._opening is not None:
                self._opening.cancel()
                await asyncio.wait([self._opening])
        finally:
            # Whoever has no time to wait for all of that does not leave a connection behind either.
            self._loop = None
            await self.backplane.close()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """Have something done that nobody has to wait for; what goes wrong is logged."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("something went wrong that nobody waited for", exc_info=error)

    # Who is there

    async def add(self, client: Client) -> None:
        """Take in a client that can be sent to; cancelled or failed, it is closed.

        Raises:
            ConnectionClosedError: It was closed meanwhile.
        """
        try:
            await self.open()
            if client.close_code is None:
                self._register(client)
            await self.enter(client, ALL)
            if client.user_id is not None:
                await self.enter(client, user_channel(client.user_id))
        except BaseException:
            client.evict(CloseCode.INTERNAL_ERROR)
            raise

    def _register(self, client: Client) -> None:
        if isinstance(client, Connection):
            self.connections[client.id] = client
            if client.user_id is not None:
                self.users.setdefault(client.user_id, {})[client.id] = client
        else:
            self.streams[client.id] = client
        self.hooks.tell(Event("opened", client.id, client.user_id))

    def remove(self, client: Client) -> None:
        """Let a client go from everywhere: at once, and in a time that only its own channels count for."""
        for name in list(client.channels):
            self.leave(client, name)
        if self.connections.pop(client.id, None) is None and self.streams.pop(client.id, None) is None:
            return
        of_user = {} if client.user_id is None else self.users.get(client.user_id, {})
        of_user.pop(client.id, None)
        if not of_user and client.user_id is not None:
            self.users.pop(client.user_id, None)
        self.hooks.tell(Event("closed", client.id, client.user_id, code=client.close_code))

    async def enter(self, client: Client, channel: str, recipient: Recipient | None = None) -> bool:
        """Put a client into a channel, or what stands for it there; cancelled or failed, it leaves no trace.

        Returns:
            Whether it is still there, when it is certain that the channel's entries arrive here.

        Raises:
            ConnectionClosedError: It is closed, or was meanwhile.
        """
        if client.close_code is not None:
            raise ConnectionClosedError(client.close_code)
        recipient = client.channels[channel] = recipient or client.outlet
        try:
            stays = await self.channels.enter(channel, recipient)
        except BaseException:
            self.leave(client, channel)
            raise
        if client.close_code is not None:
            raise ConnectionClosedError(client.close_code)
        return stays

    def leave(self, client: Client, channel: str) -> bool:
        """Take a client out of a channel; tells whether it was there."""
        if client.channels.pop(channel, None) is None:
            return False
        self.channels.leave(channel, client.id)
        self.rooms.left(client, channel)
        return True

    def counts(self) -> Counts:
        """Give what this process has done, and what there is."""
        counters = self.counters
        return Counts(
            connections=len(self.connections) + len(self.streams),
            users=len(self.users),
            rooms=counters.rooms,
            sent=counters.sent,
            received=counters.received,
            dropped=dict(counters.dropped),
            errors=counters.errors,
            gaps=counters.gaps,
            fan_outs=counters.fan_outs,
            fan_out_seconds=counters.fan_out_seconds,
            largest_queue=counters.largest_queue,
            backplane=self.state,
        )

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

        Returns when those of this process have it, or will have it after what they were sent before.

        Args:
            channel: ``room:…``, ``user:…`` or ``all``.
            message: What is sent.
            exclude: IDs of connections that do not get it.
            exclude_users: IDs of users that do not.
            key: What it is the latest state of.
            store: Whether it becomes part of a room's history.
        """
        entry = Entry(
            channel,
            frame(message),
            key=key,
            exclude=frozenset(exclude),
            exclude_users=frozenset(exclude_users),
        )
        await self.open()
        reached = self.channels.count(channel) - self._excluded(entry)
        cursor = await self.backplane.publish(entry, store=store)
        await self.channels.handed_over(channel)
        return Delivery(reached, cursor)

    def _excluded(self, entry: Entry) -> int:
        """Count those in an entry's channel that do not get it."""
        if not entry.exclude and not entry.exclude_users:
            return 0
        among = {each for each in entry.exclude if self.channels.recipient(entry.channel, each) is not None}
        for user_id in entry.exclude_users:
            of_user = self.channels.recipients(user_channel(user_id))
            among.update(each.id for each in of_user if self.channels.recipient(entry.channel, each.id) is not None)
        return len(among)

    async def evict(self, channel: str, code: int, reason: str = "", *, control: str = "kick") -> None:
        """Part with all who are in a channel, in all processes, after what was sent to it before.

        Args:
            channel: ``room:…``, ``user:…`` or ``all``.
            code: The close code.
            reason: For the person who looks for the cause.
            control: What it is called between processes: ``kick`` of a user, ``close`` of a room.

        Raises:
            ValueError: No socket can be closed with that code.
        """
        entry = Entry(channel, write_control(code, reason), control=control)
        await self.open()
        await self.backplane.publish(entry, store=False)
        await self.channels.handed_over(channel)

    def receive(self, entry: Entry) -> None:
        """Deliver an entry that came over the backplane."""
        self.channels.deliver(entry)

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Tell those in a room that messages are gone for good."""
        self.counters.gaps += 1
        self.hooks.tell(Event("gap", room=channel.removeprefix(ROOM)))
        if channel.startswith(ROOM):
            self.channels.deliver(resume_entry(channel, head, recovered=False))

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Tell a room, in all processes, that members have left without a word."""
        self.rooms.departed(channel, members)

    def turned(self, state: State) -> None:
        """Note whether the other processes can be reached."""
        if state != self.state:
            self.state = state
            logger.warning("the backplane is %s", state)
            self.hooks.tell(Event("state", state=state))
