"""`MemoryBackplane`: joins managers of one process."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..._core.clock import Clock, SystemClock
from .._rules.frames import Entry
from .._rules.rooms import ROOM
from .._rules.values import Cursor, History, Member, Presence
from .._store import Change, Receiver, Replay
from .attendance import Attendance
from .histories import Histories

_AT_ONCE: Final = 64  # histories that are forgotten before anything else gets its turn: a few milliseconds at most
_PAUSE: Final = 0.001  # seconds


class MemoryBackplane:
    """Carries messages inside one process, and keeps histories and presence there.

    It serves an app that runs as one process, and tests: managers that are given the same one reach each other's
    connections, as processes do through a server. They run in one event loop, and keep the same history.

    A message has been delivered when `publish` returns. A history is freed when its time is over, without a task for
    each room; presence needs no time-out, since it ends with the process.

    Args:
        clock: Times the histories; the machine's own where left out.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        # Managers do not say who they are when they subscribe: what one asks for is handed to all, and each knows who
        # of its own is to get it.
        self._receivers: list[Receiver] = []
        self._open = 0
        self._subscriptions: Counter[str] = Counter()
        self._histories: Histories | None = None
        self._attendance = Attendance()
        self._sweeping: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None

    async def open(self, receiver: Receiver, *, history: History | None, presence: Presence | None) -> None:
        """Begin to deliver to a manager.

        Raises:
            ValueError: Another manager is open that keeps another history.
        """
        kept = None if self._histories is None else self._histories.kept
        if self._open and history != kept:
            raise ValueError("managers that share a backplane keep one history: give all of them the same history=")
        if not self._open:
            self._histories = Histories(history) if history else None
        if self._open and self._receivers == [receiver]:
            # It comes again without a word, from an event loop that took its clients along when it ended.
            self._subscriptions.clear()
            self._attendance = Attendance()
        if receiver not in self._receivers:
            self._receivers.append(receiver)
        self._open = min(self._open + 1, len(self._receivers))

    async def close(self) -> None:
        """End for one manager; with the last of them everything is forgotten."""
        self._open = max(0, self._open - 1)
        if self._open:
            return
        if self._sweeping is not None:
            self._sweeping[1].cancel()
            self._sweeping = None
        self._receivers.clear()
        self._subscriptions.clear()
        self._histories = None
        self._attendance = Attendance()

    async def publish(self, entry: Entry, *, store: bool = True) -> Cursor | None:
        """Deliver an entry, after it has become part of its room's history."""
        if store and self._histories is not None and entry.control is None and entry.channel.startswith(ROOM):
            self._histories.append(entry, self._clock.monotonic())
            self._sweep_later(self._histories)
        self._deliver(entry)
        return entry.cursor

    async def subscribe(self, channel: str) -> None:
        """Have a channel's entries received, from now on."""
        self._subscriptions[channel] += 1

    async def unsubscribe(self, channel: str) -> None:
        """Have them received no more."""
        self._subscriptions[channel] -= 1
        if self._subscriptions[channel] <= 0:
            del self._subscriptions[channel]

    async def read(self, channel: str, since: Cursor | None, *, limit: int | None = None) -> Replay:
        """Read a room's history."""
        if self._histories is None:
            return Replay((), None, recovered=False)
        replay = self._histories.read(channel, since, limit, self._clock.monotonic())
        self._sweep_later(self._histories)
        return replay

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], *, announce: Entry | None = None
    ) -> Change:
        """Note that a connection is in a room."""
        return self._changed(self._attendance.join(channel, member, connection, info), announce)

    async def leave(self, channel: str, member: str, connection: str, *, announce: Entry | None = None) -> Change:
        """Note that it is not any more; harmless where it was not."""
        return self._changed(self._attendance.leave(channel, member, connection), announce)

    async def members(self, channel: str) -> Sequence[Member]:
        """List who is in a room."""
        return self._attendance.members(channel)

    def _changed(self, change: Change, announce: Entry | None) -> Change:
        if change.first_or_last and announce is not None:
            self._deliver(announce)
        return change

    def _deliver(self, entry: Entry) -> None:
        if entry.channel in self._subscriptions:
            for receiver in self._receivers:
                receiver.receive(entry)

    def _sweep_later(self, histories: Histories) -> None:
        loop = asyncio.get_running_loop()
        due = histories.due
        # A timer that a loop took with it when it was closed never fires.
        if due is None or (self._sweeping is not None and self._sweeping[0] is loop):
            return
        wait = max(due - self._clock.monotonic(), _PAUSE)
        self._sweeping = loop, loop.call_later(wait, self._sweep, histories)

    def _sweep(self, histories: Histories) -> None:
        self._sweeping = None
        histories.sweep(self._clock.monotonic(), _AT_ONCE)
        self._sweep_later(histories)
