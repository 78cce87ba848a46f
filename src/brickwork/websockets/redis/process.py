"""What one process does while its backplane is open."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from secrets import token_hex
from typing import Any, Final

from ..._core.redis import RedisCaller, RedisUnavailableError
from .._rules.frames import Entry
from .._rules.rooms import ROOM
from .._rules.values import Cursor, History, Member, Presence
from .._store import Change, Receiver, Replay, State
from .channel import Channel, Reading
from .guarded import GuardedReceiver
from .histories import Histories
from .line import Line
from .options import PATIENCE, Options, called
from .outbox import Outbox, pause
from .presence import Attendance
from .sender import Parcel, Sender
from .tasks import end
from .wire import MalformedError, encode, hear

_AT_ONCE: Final = 50  # rooms whose histories are read in one round trip

_log = logging.getLogger("brickwork.websockets")


class _Request:
    """That the history of a channel is to be read before anything else of it is delivered."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.ended = ""  # the epoch that is to end


class Process:
    """Sends, hears, reads and knows who is there.

    It is *ready* while all its channels are heard and what is sent arrives; what it sends is then delivered when it is
    heard. Otherwise it is *degraded*: what it sends is delivered at once.

    Args:
        options: How Redis is used.
        receiver: Who gets what is heard.
        history: How much is kept of rooms.
        presence: How long members live.
        ignored: Hears of messages that nobody of ours has sent.
    """

    def __init__(
        self,
        options: Options,
        receiver: Receiver,
        history: History | None,
        presence: Presence,
        ignored: Callable[[], None],
    ) -> None:
        client, names = options.client, options.names
        memory = 2 * options.outbox_age
        patient = RedisCaller(client, deadline=max(options.deadline, PATIENCE))
        self._receiver = guarded = GuardedReceiver(receiver)
        self._options = options
        self._names = names
        self._history = history
        self._ignored = ignored
        self._origin = token_hex(6)
        self._channels: dict[str, Channel] = {}  # by the names that are heard
        self._behind: dict[str, _Request] = {}
        self._fell_behind = asyncio.Event()
        self._stuck = False
        self._unsettled: set[str] | None = None  # what is not heard yet on this connection; None where there is none
        self._ready = False
        self._told: State | None = None
        self._met = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._outbox = Outbox(
            Sender(names, history, origin=self._origin, memory=memory),
            prompt=called(client, options.prefix, options.deadline),
            patient=patient,
            most=options.outbox,
            most_bytes=options.outbox_bytes,
            oldest=options.outbox_age,
            now=options.clock.monotonic,
            failed=self._degrade,
            arrived=self._recover,
            dropped=self._dropped,
        )
        self._histories = Histories(patient, names, history, memory=memory, patience=PATIENCE) if history else None
        self._attendance = Attendance(patient, names, presence, patience=PATIENCE, departed=guarded.departed)
        self._line = Line(
            client.connection_pool, up=self._up, hear=self._hear, confirmed=self._confirmed, down=self._down
        )

    async def start(self) -> None:
        """Begin; returns when it is known whether Redis is there."""
        running: list[Coroutine[Any, Any, None]] = [self._line.run(), self._outbox.run(), self._attendance.run()]
        if self._histories is not None:
            running.append(self._catch_up(self._histories))
        self._tasks = [asyncio.create_task(each) for each in running]
        await self._met.wait()

    async def stop(self) -> None:
        """End, when what was sent has arrived, or after the deadline."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.deadline):
                await self._outbox.flush()
        await end([*self._tasks, *self._attendance.asking, *(self._histories.asking if self._histories else ())])
        self._release()

    async def publish(self, entry: Entry, *, store: bool) -> Cursor | None:
        """Send; delivers at once while degraded."""
        parcel, answer = self._outbox.put(entry, store=store)
        channel = self._channels.get(self._names.heard(entry.channel))
        if channel is not None:
            channel.sent(parcel)
        if self._ready:
            return await answer
        parcel.delay()
        if channel is not None:
            channel.tell_unheard()
        return None

    async def subscribe(self, name: str) -> None:
        """Hear a channel; waits until it is heard for certain, unless degraded."""
        heard = self._names.heard(name)
        channel = self._channels.get(heard)
        if channel is None:
            kept = self._history is not None and name.startswith(ROOM)
            channel = self._channels[heard] = Channel(
                name,
                origin=self._origin,
                receiver=self._receiver,
                ttl=self._history.ttl if self._history and kept else None,
                now=self._options.clock.monotonic,
                live=asyncio.get_running_loop().create_future(),
                broken=self._unsettled is None,
            )
            self._line.add(heard)
        if self._ready:
            await asyncio.wait({channel.live})

    def unsubscribe(self, name: str) -> None:
        """Hear it no more."""
        heard = self._names.heard(name)
        channel = self._channels.pop(heard, None)
        if channel is not None:
            self._behind.pop(heard, None)
            self._line.discard(heard)
            self._settle(channel)

    async def read(self, channel: str, since: Cursor | None, limit: int | None) -> Replay:
        """Read a history, or nothing."""
        if self._histories is not None and self._ready and channel.startswith(ROOM):
            with suppress(RedisUnavailableError):
                return await self._histories.read(channel, since, limit)
        return Replay((), None, recovered=False)

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], announce: Entry | None
    ) -> Change:
        """Note a connection."""
        change, known = await self._attendance.join(
            channel, member, connection, info, announcement=self._announcement(announce), ask=self._ready
        )
        return self._announced(change, announce, known=known)

    async def leave(self, channel: str, member: str, connection: str, announce: Entry | None) -> Change:
        """Strike it out."""
        change, known = await self._attendance.leave(
            channel, member, connection, announcement=self._announcement(announce), ask=self._ready
        )
        return self._announced(change, announce, known=known)

    async def members(self, channel: str) -> Sequence[Member]:
        """List members."""
        return await self._attendance.members(channel, ask=self._ready)

    def _announcement(self, entry: Entry | None) -> bytes:
        return b"" if entry is None else encode(entry, self._origin, 0)

    def _announced(self, change: Change, announce: Entry | None, *, known: bool) -> Change:
        heard = announce and self._names.heard(announce.channel)
        if announce and not known and change.first_or_last and heard in self._channels:
            self._receiver.receive(announce)
        return change

    def _up(self) -> None:
        self._unsettled = set(self._channels)
        self._recover()

    def _down(self) -> None:
        if self._unsettled is not None:
            self._unsettled = None
            self._behind.clear()
            for channel in self._channels.values():
                channel.interrupt()
        self._degrade()

    def _hear(self, heard: str, payload: bytes) -> None:
        channel = self._channels.get(heard)
        if channel is None:
            return
        try:
            message = hear(channel.name, payload)
        except MalformedError as error:
            self._ignored()
            _log.debug("ignored a message of %s: %s", channel.name, error)
            return
        if not channel.hear(message):
            self._fall_behind(heard, channel)

    def _confirmed(self, heard: str) -> None:
        channel = self._channels[heard]
        if channel.kept:
            self._fall_behind(heard, channel)
        else:
            channel.open()
            self._settle(channel)

    def _fall_behind(self, heard: str, channel: Channel) -> None:
        self._behind[heard] = _Request(channel)
        self._fell_behind.set()

    def _settle(self, channel: Channel) -> None:
        """Let go on who waits for a channel."""
        _done(channel.live)
        if self._unsettled:
            self._unsettled.discard(self._names.heard(channel.name))
            self._recover()

    async def _catch_up(self, histories: Histories) -> None:
        attempt = 0
        while True:
            await self._fell_behind.wait()
            wanted = dict(islice(self._behind.items(), _AT_ONCE))
            if not wanted:
                self._fell_behind.clear()
                continue
            asked = [(each.channel.name, each.channel.last, each.ended) for each in wanted.values()]
            readings = await histories.next(asked)
            for (heard, request), reading in zip(wanted.items(), readings, strict=True):
                # After an interruption it is asked anew, since more may be missing by then.
                if reading is not None and self._behind.get(heard) is request:
                    self._caught_up(heard, request, reading)
            self._stuck = None in readings
            attempt = attempt + 1 if self._stuck else 0
            if self._stuck:
                self._degrade()
                await asyncio.sleep(pause(attempt))
            else:
                self._recover()

    def _caught_up(self, heard: str, request: _Request, reading: Reading) -> None:
        channel = request.channel
        match channel.caught_up(reading):
            case "open":
                del self._behind[heard]
                self._settle(channel)
            case "fork":
                request.ended = reading.head.epoch
            case _:
                request.ended = ""

    def _dropped(self, parcel: Parcel) -> None:
        channel = self._channels.get(self._names.heard(parcel.entry.channel))
        if channel is not None:
            channel.tell_unheard()

    def _degrade(self) -> None:
        self._ready = False
        self._release()
        self._turn("degraded")

    def _release(self) -> None:
        """Have nobody wait for Redis, and everybody here get what was sent."""
        for channel in self._channels.values():
            channel.tell_unheard()
            _done(channel.live)
        self._outbox.release()

    def _recover(self) -> None:
        if self._unsettled == set() and self._outbox.healthy and not self._stuck and not self._ready:
            self._ready = True
            self._attendance.hurry()
            self._turn("ready")

    def _turn(self, state: State) -> None:
        if self._told != state:
            self._told = state
            self._receiver.turned(state)
        self._met.set()


def _done(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
