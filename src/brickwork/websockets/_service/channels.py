"""`Channels`: who gets what, in which order, without keeping anybody else waiting."""

import asyncio
from collections import deque
from collections.abc import Iterable
from contextvars import Context
from typing import Final

from ..._core.clock import Clock
from .._rules.controls import read_control
from .._rules.frames import Entry
from .._rules.rooms import ROOM
from .._store import Backplane
from .counters import Counters
from .delivering import Recipient
from .hooks import logger
from .outlet import push_all

SLICE: Final = 0.003  # seconds that fan-outs may take until the loop has its turn
_STEP: Final = 64  # recipients between two looks at the clock
_Backlog = deque["Entry | asyncio.Future[None]"]


class _Channel:
    """Who is in one channel, and what waits for them while a fan-out is under way."""

    __slots__ = ("backlog", "entry", "members", "position", "recipients", "snapshot")

    def __init__(self) -> None:
        self.members: dict[str, Recipient] = {}
        # Those in it, in an order that a fan-out can keep to; None since somebody came or went.
        self.snapshot: tuple[Recipient, ...] | None = None
        # The fan-out that is under way: what to whom, and how many of them have it.
        self.entry: Entry | None = None
        self.recipients: tuple[Recipient, ...] = ()
        self.position = 0
        # Entries that came since, and senders who wait until those before them are through; None while nothing is busy.
        self.backlog: _Backlog | None = None


class Channels:
    """All channels in which somebody of this process is.

    Entries of one channel reach each recipient in the order in which `deliver` got them. A fan-out begins at once; what
    would keep the loop longer than `SLICE` is done in turns, in which every busy channel has its share.

    Args:
        backplane: Subscribed to while somebody is in a channel.
        counters: Where it is counted.
        clock: Tells how long a fan-out takes.
    """

    def __init__(self, backplane: Backplane, counters: Counters, clock: Clock) -> None:
        self._backplane = backplane
        self._counters = counters
        self._now = clock.monotonic
        self._channels: dict[str, _Channel] = {}
        self._subscribed: set[str] = set()
        self._settling: dict[str, asyncio.Task[None]] = {}
        self._busy: deque[tuple[_Channel, _Backlog]] = deque()
        self._pump: asyncio.Task[None] | None = None
        # Seconds that fan-outs took since they last made way for the loop.
        self._spent = 0.0
        self._unsendable: Entry | None = None

    def __len__(self) -> int:
        return len(self._channels)

    # Who is where

    async def enter(self, name: str, recipient: Recipient) -> bool:
        """Put a recipient into a channel: it gets what comes from the moment this is called.

        Cancelled or failed, it leaves no trace.

        Returns:
            Whether it is still there, when it is certain that the channel's entries arrive here.
        """
        channel = self._channels.get(name)
        if channel is None:
            channel = self._channels[name] = _Channel()
            self._counters.rooms += name.startswith(ROOM)
        channel.members[recipient.id] = recipient
        channel.snapshot = None
        try:
            while self._misses(name) and self.recipient(name, recipient.id) is recipient:
                await self._settled(name)
        except BaseException:
            self.leave(name, recipient.id)
            raise
        return self.recipient(name, recipient.id) is recipient

    def _misses(self, name: str) -> bool:
        """Tell whether entries of a channel may not arrive here, or soon not any more."""
        return name in self._settling or name not in self._subscribed

    def swap(self, name: str, recipient: Recipient) -> None:
        """Let a recipient stand where another of the same ID has stood; if none does, nothing happens."""
        channel = self._channels.get(name)
        if channel is not None and recipient.id in channel.members:
            channel.members[recipient.id] = recipient
            channel.snapshot = None

    def leave(self, name: str, recipient_id: str) -> bool:
        """Take a recipient out of a channel; whoever was the last takes the channel along.

        Returns:
            Whether it was in there.
        """
        channel = self._channels.get(name)
        if channel is None or channel.members.pop(recipient_id, None) is None:
            return False
        channel.snapshot = None
        if not channel.members:
            del self._channels[name]
            self._counters.rooms -= name.startswith(ROOM)
            self._settle(name)
        return True

    def recipient(self, name: str, recipient_id: str) -> Recipient | None:
        """Give who is in a channel under an ID."""
        channel = self._channels.get(name)
        return None if channel is None else channel.members.get(recipient_id)

    def recipients(self, name: str) -> tuple[Recipient, ...]:
        """Give who is in a channel, those who came first in front."""
        channel = self._channels.get(name)
        return () if channel is None else _snapshot(channel)

    def count(self, name: str) -> int:
        """Give how many are in a channel."""
        channel = self._channels.get(name)
        return 0 if channel is None else len(channel.members)

    # What is sent

    def deliver(self, entry: Entry) -> None:
        """Hand an entry to all who are in its channel: at once, or when what came before it is through."""
        channel = self._channels.get(entry.channel)
        if channel is None:
            return
        if channel.backlog is not None:
            channel.backlog.append(entry)
        elif channel.entry is not None or self._spent > SLICE:
            self._defer(channel).append(entry)
        else:
            _begin(channel, entry)
            self._go_on(channel)
            if channel.entry is not None and channel.backlog is None:
                self._defer(channel)

    async def handed_over(self, name: str) -> None:
        """Wait until all that was delivered to a channel so far is with its recipients."""
        channel = self._channels.get(name)
        if channel is not None and channel.backlog is not None:
            waiter = asyncio.get_running_loop().create_future()
            channel.backlog.append(waiter)
            await waiter

    async def close(self) -> None:
        """Forget everybody, and end what is under way; the backplane is not told."""
        tasks = [*self._settling.values(), *([] if self._pump is None else [self._pump])]
        for task in tasks:
            task.cancel()
        self._channels.clear()
        self._subscribed.clear()
        self._counters.rooms = 0
        for _, backlog in self._busy:
            _release(backlog)
        self._busy.clear()
        if tasks:
            await asyncio.wait(tasks)

    def _go_on(self, channel: _Channel) -> None:
        """Hand on what is under way in a channel, until it is done or the loop should have its turn."""
        started = now = self._now()
        latest = started + SLICE - self._spent
        while channel.entry is not None and now <= latest:
            self._hand(channel, channel.entry)
            channel.position += _STEP
            if channel.position >= len(channel.recipients):
                channel.entry = None
                channel.recipients = ()
                self._counters.fan_outs += 1
            now = self._now()
        self._spent += now - started
        self._counters.fan_out_seconds += now - started

    def _hand(self, channel: _Channel, entry: Entry) -> None:
        """Hand an entry to some of those who were in the channel when it came, and still are."""
        some = channel.recipients[channel.position : channel.position + _STEP]
        if channel.snapshot is not channel.recipients:
            # Whoever left since gets nothing; for whom another stands now, that one does.
            some = tuple(channel.members[each.id] for each in some if each.id in channel.members)
        if entry.exclude or entry.exclude_users:
            some = tuple(
                each for each in some if each.id not in entry.exclude and each.user_id not in entry.exclude_users
            )
        if entry.control is not None:
            code, reason = read_control(entry)
            for recipient in some:
                recipient.evict(code, reason)
            return
        errors = push_all(entry, some)
        self._counters.sent += len(some) - len(errors)
        if errors and entry is not self._unsendable:
            # Said once, for however many recipients.
            self._unsendable = entry
            self._counters.errors += 1
            logger.error("a message to %s could not be encoded", entry.channel, exc_info=errors[0])

    def _defer(self, channel: _Channel) -> _Backlog:
        """Let a channel have its turns; gives what waits in it."""
        backlog: _Backlog = deque()
        channel.backlog = backlog
        self._busy.append((channel, backlog))
        if self._pump is None:
            # In a context of its own: what the sender has set there is nothing that others send under.
            self._pump = asyncio.get_running_loop().create_task(self._take_turns(), context=Context())
        return backlog

    async def _take_turns(self) -> None:
        try:
            while self._busy:
                await asyncio.sleep(0)
                self._spent = 0.0
                while self._busy and self._spent < SLICE:
                    self._take_turn(*self._busy.popleft())
        finally:
            self._pump = None

    def _take_turn(self, channel: _Channel, backlog: _Backlog) -> None:
        """Go on with the fan-out that is under way in a channel, or else with what waits there."""
        if channel.entry is None:
            following = backlog.popleft()
            if isinstance(following, Entry):
                _begin(channel, following)
            else:
                _release((following,))
        self._go_on(channel)
        if channel.entry is None and not backlog:
            channel.backlog = None
        else:
            self._busy.append((channel, backlog))

    # What the backplane is told

    async def _settled(self, name: str) -> None:
        task = self._settling.get(name) or self._settle(name)
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    def _settle(self, name: str) -> asyncio.Task[None]:
        """Subscribe to a channel in which somebody is, or unsubscribe: once for all who ask meanwhile."""
        task = self._settling.get(name)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._subscribe(name), context=Context())
            task.add_done_callback(_look_at)
            self._settling[name] = task
        return task

    async def _subscribe(self, name: str) -> None:
        # Who is there may have changed when the backplane answers, so it is asked until both agree.
        try:
            while (wanted := name in self._channels) != (name in self._subscribed):
                if wanted:
                    await self._backplane.subscribe(name)
                    self._subscribed.add(name)
                else:
                    self._subscribed.discard(name)
                    await self._unsubscribe(name)
        finally:
            del self._settling[name]

    async def _unsubscribe(self, name: str) -> None:
        try:
            await self._backplane.unsubscribe(name)
        except Exception:  # noqa: BLE001 - the backplane may be anyone's
            # Entries that nobody here is to get are let go, and the next who comes subscribes again.
            logger.exception("a backplane failed to unsubscribe from %s", name)


def _snapshot(channel: _Channel) -> tuple[Recipient, ...]:
    if channel.snapshot is None:
        channel.snapshot = tuple(channel.members.values())
    return channel.snapshot


def _begin(channel: _Channel, entry: Entry) -> None:
    channel.entry = entry
    channel.recipients = _snapshot(channel)
    channel.position = 0


def _release(waiting: Iterable["Entry | asyncio.Future[None]"]) -> None:
    for each in waiting:
        if not isinstance(each, Entry) and not each.done():
            each.set_result(None)


def _look_at(task: asyncio.Task[None]) -> None:
    """Log that a backplane failed; those who wait for it, if they still do, hear of it too."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("a backplane failed to subscribe: %r", error)
