"""`Outlet`: the way out to one client, which delays nobody else's."""

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import Context, copy_context
from operator import length_hint
from typing import Any, Final, cast

from .._errors import ConnectionClosedError
from .._rules.frames import Codec, Entry
from .backlog import Backlog
from .delivering import Delivering, Recipient
from .hooks import Event, logger
from .stepping import step

Send = Callable[[dict[str, Any]], Awaitable[None]]
"""A server's ``send``."""

LOST: Final = 1006
"""What a connection ends with that nobody closed: of the registry of close codes, and never sent."""

# What an outlet is doing. The first is the only one in which a message goes straight to the server, so it is 0.
_FREE, _IDLE, _STEPPING, _DRAINING, _CLOSED, _HELD = range(6)

_TRIALS: Final = 3  # so often may the first send wait, before nothing is tried without a task any more
_TURN: Final = 64  # messages that a slow client gets before others have their turn


class Outlet:
    """Sends to one client, and lets a bounded number of messages wait while it does not read.

    It stands in a channel for a connection, and knows nothing of what is behind ``send``.

    Args:
        delivering: What it has in common with the others.
        send: The server's.
        codec: Turns entries into messages for ``send``.
        id: The connection's ID.
        user_id: Its user's.
        end: Called when the client has to go, with a close code and a reason, or has gone, with `LOST`. Calls `close`.

    Attributes:
        id: The connection's ID.
        user_id: Its user's; None for a stranger.
        codec: What turns entries into messages.
        sent: Messages that were handed to the server.
        code: The close code; None while it is open.
    """

    __slots__ = (
        "_backlog",
        "_delivering",
        "_drain",
        "_end",
        "_inline",
        "_logged",
        "_since",
        "_space",
        "_timer",
        "_trials",
        "code",
        "codec",
        "id",
        "send",
        "sent",
        "state",
        "user_id",
    )

    def __init__(
        self,
        delivering: Delivering,
        send: Send,
        codec: Codec,
        *,
        id: str,  # noqa: A002  (what a connection calls it)
        user_id: str | None,
        end: Callable[[int, str], None],
    ) -> None:
        self.id: str = id
        self.user_id: str | None = user_id
        self.codec: Codec = codec
        self.sent: int = 0
        self.code: int | None = None
        self._delivering = delivering
        self.send: Send = send
        self._end: Callable[[int, str], None] | None = end
        self.state: int = _IDLE
        # Whether the server's send has been seen not to wait; until then it is tried with more care.
        self._inline = False
        self._trials = _TRIALS if delivering.delivery == "inline" else 0
        self._backlog: Backlog | None = None
        self._drain: asyncio.Task[None] | None = None
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._space: asyncio.Event | None = None
        self._logged: float | None = None

    @property
    def queued(self) -> int:
        """Messages that wait."""
        return 0 if self._backlog is None else len(self._backlog)

    @property
    def queued_bytes(self) -> int:
        """Bytes of those that wait."""
        return 0 if self._backlog is None else self._backlog.size

    @property
    def dropped(self) -> int:
        """Messages that the client was too slow for."""
        return 0 if self._backlog is None else self._backlog.dropped

    def push(self, entry: Entry) -> None:
        """Send an entry, or let it wait, or do with it what is done with messages for slow clients.

        Never waits. What goes wrong with the client is the client's end, and nobody else's error.

        Raises:
            ValueError: The codec has no form for the entry.
        """
        if self.state:
            self._hold(entry)
        elif errors := push_all(entry, (self,)):
            raise errors[0]

    async def put(self, entry: Entry) -> None:
        """Send an entry when there is place for it: for a sender who can wait.

        Raises:
            ConnectionClosedError: The client has gone, before or meanwhile.
            ValueError: The codec has no form for the entry.
        """
        size = entry.encoded(self.codec)[1]
        while self._crowded(size):
            if self._space is None:
                self._space = asyncio.Event()
            self._space.clear()
            await self._space.wait()
        if self.code is None:
            self.push(entry)
        if self.code is not None:
            raise ConnectionClosedError(self.code)
        self._delivering.counters.sent += 1

    def hold(self) -> None:
        """Let everything wait until `release`: the client cannot be sent to yet."""
        self.state = _HELD

    def release(self) -> None:
        """Send what has waited; harmless where nothing is held."""
        if self.state == _HELD:
            self.state = _IDLE
            if self._backlog:
                self.start()

    def evict(self, code: int, reason: str = "") -> None:
        """Part with the client."""
        if self._end is not None:
            self._end(code, reason)

    def close(self, code: int, *, flush: bool = False) -> None:
        """Take no more.

        Args:
            code: The close code.
            flush: Whether what waits is still sent; `wait_idle` tells when it was.
        """
        self.code = code
        self.state = _CLOSED
        self._end = None
        if not flush:
            self._stop_timer()
            if self._backlog is not None:
                self._backlog.clear()
            if self._drain is not None and self._drain is not asyncio.current_task():
                self._drain.cancel()
        if self._space is not None:
            self._space.set()

    async def wait_idle(self) -> None:
        """Wait until nothing is being sent and nothing waits."""
        if self._drain is not None:
            await asyncio.wait([self._drain])

    def abandon(self) -> None:
        """Give up what is still being sent."""
        if self._backlog is not None:
            self._backlog.clear()
        if self._drain is not None:
            self._drain.cancel()

    def _crowded(self, size: int) -> bool:
        if self.state != _DRAINING or self._backlog is None:
            return False
        return self._backlog.crowded() or self._backlog.size + size > self._delivering.limits.queue_bytes

    def _hold(self, entry: Entry) -> None:
        """Send an entry with more care than in `push`, or let it wait."""
        if self.state == _CLOSED:
            return
        message, size = entry.encoded(self.codec)
        if self.state != _IDLE:
            self._wait(entry, message, size)
        elif self._trials:
            # This server's send may be one that never waits.
            self._trials -= 1
            self.state = _FREE
            push_all(entry, (self,))
            self._inline = self.state == _FREE
        else:
            self.start(message=message)

    def _wait(self, entry: Entry, message: dict[str, Any], size: int) -> None:
        """Let a message wait, as long as there is place."""
        delivering = self._delivering
        if self._backlog is None:
            self._backlog = Backlog(delivering.limits, delivering.slow_consumer.policy)
        backlog = self._backlog
        before = backlog.dropped
        kept = backlog.add(message, size, None if entry.key is None else (entry.channel, entry.key))
        if backlog.dropped > before or not kept:
            self._tell_dropped(backlog.dropped - before or 1)
        if not kept:
            backlog.dropped += 1
            self.evict(delivering.slow_consumer.code, "too slow to read what it is sent")
            return
        delivering.counters.largest_queue = max(delivering.counters.largest_queue, len(backlog))
        if self._drain is None and self.state != _HELD:
            self.start()

    def _tell_dropped(self, count: int) -> None:
        delivering = self._delivering
        policy = delivering.slow_consumer.policy
        delivering.counters.dropped[policy] += count
        for _ in range(count):
            delivering.hooks.tell(Event("dropped", self.id, self.user_id, state=policy))
        time = delivering.hooks.may_log(self._logged)
        if time is not None:
            self._logged = time
            logger.warning("connection %s is too slow to read what it is sent: %s", self.id, policy)

    def start(
        self,
        *,
        first: Awaitable[None] | None = None,
        message: dict[str, Any] | None = None,
        context: Context | None = None,
    ) -> None:
        """Leave the rest to a task, if there is none yet."""
        if self.state == _CLOSED:
            return
        self.state = _DRAINING
        if self._drain is not None:
            # Something was sent from within this very send: it waits behind it, and the task for it has not begun.
            self._drain.cancel()
            self._stop_timer()
        delivering = self._delivering
        loop = asyncio.get_running_loop()
        self._since = delivering.clock.monotonic()
        if delivering.stall is not None:
            self._timer = loop.call_later(delivering.stall, self._check_stall, delivering.stall)
        self._drain = loop.create_task(self._empty(first, message), context=context)
        self._drain.add_done_callback(self._forget)

    def _forget(self, drain: asyncio.Task[None]) -> None:
        """Let go of what a task was to send that was cancelled before it began."""
        if self._drain is drain:
            self._drain = None

    async def _empty(self, first: Awaitable[None] | None, message: dict[str, Any] | None) -> None:
        """Send what was begun, then all that waits."""
        try:
            if first is not None:
                await first
            await self._send_all(message)
        except (Exception, CancelledError) as error:
            self.fail(error)
            if isinstance(error, CancelledError):
                raise
        finally:
            self._stop_timer()
            self._drain = None
        if self.state != _CLOSED:
            self.state = _FREE if self._inline else _IDLE
        self._make_space()

    async def _send_all(self, message: dict[str, Any] | None) -> None:
        turn = 0
        while (message := message or self._take()) is not None:
            self._since = self._delivering.clock.monotonic()
            await self.send(message)
            message = None
            self.sent += 1
            self._make_space()
            turn += 1
            if turn % _TURN == 0:
                await asyncio.sleep(0)

    def _take(self) -> dict[str, Any] | None:
        return self._backlog.take() if self._backlog else None

    def _make_space(self) -> None:
        if self._space is not None and not self._crowded(0):
            self._space.set()

    def _check_stall(self, stall: float) -> None:
        """Part with a client that has not read for too long; a message is not the one of the last time, as a rule."""
        left = self._since + stall - self._delivering.clock.monotonic()
        if left > 0:
            self._timer = asyncio.get_running_loop().call_later(left, self._check_stall, stall)
        else:
            self.evict(self._delivering.slow_consumer.code, "does not read what it is sent")

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def fail(self, error: BaseException) -> None:
        """Take an error of the server's send for what it is: the client has gone."""
        if self.state != _CLOSED:
            logger.debug("connection %s cannot be sent to: %r", self.id, error)
            self.evict(LOST)


class _Turn:
    """What a coroutine that hands on is told while it waits, and tells in the end."""

    __slots__ = ("errors", "parked")

    def __init__(self, errors: list[Exception]) -> None:
        self.errors = errors
        self.parked = False


def push_all(entry: Entry, recipients: Sequence[Recipient]) -> Sequence[Exception]:
    """Send an entry to many, as `Outlet.push` does.

    One coroutine sends to one after the other, and is stepped. When it has to wait for a client, it is left to that
    client's task, and another goes on with those who are left.

    Returns:
        Errors of codecs that have no form for the entry.
    """
    errors: list[Exception] = []
    left = iter(recipients)
    while True:
        turn = _Turn(errors)
        context = copy_context()
        rest = step(_hand_on(entry, left, turn), context)
        if rest is None:
            return errors
        turn.parked = True
        waiting = recipients[len(recipients) - length_hint(left) - 1]
        cast("Outlet", waiting).start(first=rest, context=context)


async def _hand_on(entry: Entry, left: Iterator[Recipient], turn: _Turn) -> None:
    codec: Codec | None = None
    message: dict[str, Any] = {}
    for recipient in left:
        try:
            if not isinstance(recipient, Outlet) or recipient.state:
                recipient.push(entry)
                continue
            if recipient.codec is not codec:
                message = entry.encoded(recipient.codec)[0]
                codec = recipient.codec
        except Exception as error:  # noqa: BLE001 - the codec may be anyone's
            turn.errors.append(error)
            continue
        # Whoever is called by the server's send, and sends in turn, comes after this one.
        recipient.state = _STEPPING
        try:
            await recipient.send(message)
            recipient.sent += 1
        except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever a server raises
            recipient.fail(error)
        if recipient.state == _STEPPING:
            recipient.state = _FREE
        elif turn.parked:
            return
