"""`Outlet`: the way out to one client, which delays nobody else's."""

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from typing import Any, Final, Literal, NamedTuple

from ..._core.clock import Clock
from .._errors import ConnectionClosedError
from .._rules.frames import Codec, Entry
from .._rules.values import ConnectionLimits, SlowConsumer
from .backlog import Backlog
from .counters import Counters
from .hooks import Event, Hooks, logger
from .stepping import DONE, rest

Send = Callable[[dict[str, Any]], Awaitable[None]]
"""A server's ``send``."""

LOST: Final = 1006
"""What a connection ends with that nobody closed: of the registry of close codes, and never sent."""

# What an outlet is doing. The first is the only one in which a message goes straight to the server, so it is 0.
_FREE, _IDLE, _STEPPING, _DRAINING, _CLOSED = range(5)

_TRIALS: Final = 3  # so often may the first send wait, before nothing is tried without a task any more
_TURN: Final = 64  # messages that a slow client gets before others have their turn


class Delivering(NamedTuple):
    """What all outlets of a manager have in common.

    Attributes:
        limits: How much may wait.
        slow_consumer: What becomes of more.
        stall: Seconds that one message may wait for the client; None for ever.
        delivery: ``inline`` to try each message without a task first, ``task`` never to.
        counters: Where it is counted.
        hooks: Who is told.
        clock: What time it is.
    """

    limits: ConnectionLimits
    slow_consumer: SlowConsumer
    stall: float | None
    delivery: Literal["inline", "task"]
    counters: Counters
    hooks: Hooks
    clock: Clock


class Outlet:
    """Sends to one client, and lets a bounded number of messages wait while it does not read.

    It stands in a channel for a connection, and knows nothing of what is behind ``send``. It is made where the client
    is served, since it sends in a copy of the `contextvars` of that place.

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
        "_context",
        "_delivering",
        "_drain",
        "_end",
        "_first",
        "_inline",
        "_logged",
        "_run",
        "_send",
        "_since",
        "_space",
        "_state",
        "_timer",
        "_trials",
        "code",
        "codec",
        "id",
        "sent",
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
        self.id = id
        self.user_id = user_id
        self.codec = codec
        self.sent = 0
        self.code: int | None = None
        self._delivering = delivering
        self._send = send
        self._end: Callable[[int, str], None] | None = end
        self._context = copy_context()
        self._run = self._context.run
        self._state = _IDLE
        # Whether the server's send has been seen not to wait; until then it is tried with more care.
        self._inline = False
        self._trials = _TRIALS if delivering.delivery == "inline" else 0
        self._first: Awaitable[None] | None = None
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
        message, size = entry.encoded(self.codec)
        if self._state:
            self._hold(entry, message, size)
            return
        # Whoever is called by the server's send, and sends in turn, comes after this one.
        self._state = _STEPPING
        try:
            steps = self._send(message).__await__()
            yielded = self._run(next, steps, DONE)
        except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever a server raises
            self._fail(error)
            return
        if yielded is not DONE:
            self._start(first=rest(steps, yielded))
            return
        self.sent += 1
        if self._state == _STEPPING:
            self._state = _FREE

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
        self._state = _CLOSED
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
        if self._drain is not None:
            self._drain.cancel()

    def _crowded(self, size: int) -> bool:
        if self._state != _DRAINING or self._backlog is None:
            return False
        return self._backlog.crowded() or self._backlog.size + size > self._delivering.limits.queue_bytes

    def _hold(self, entry: Entry, message: dict[str, Any], size: int) -> None:
        """Send a message with more care than in `push`, or let it wait."""
        if self._state == _CLOSED:
            return
        if self._state != _IDLE:
            self._wait(entry, message, size)
        elif self._trials:
            self._try(message)
        else:
            self._start(message=message)

    def _try(self, message: dict[str, Any]) -> None:
        """Find out whether this server's send can be stepped."""
        self._state = _STEPPING
        try:
            sending = self._send(message)
            if not isinstance(sending, Coroutine):
                self._trials = 0
                self._start(first=sending)
                return
            steps = sending.__await__()
            yielded = self._run(next, steps, DONE)
        except (Exception, CancelledError) as error:  # noqa: BLE001 - whatever a server raises
            self._fail(error)
            return
        if yielded is not DONE:
            self._trials -= 1
            self._start(first=rest(steps, yielded))
            return
        self.sent += 1
        self._inline = True
        if self._state == _STEPPING:
            self._state = _FREE

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
        if self._drain is None:
            self._start()

    def _tell_dropped(self, count: int) -> None:
        delivering = self._delivering
        policy = delivering.slow_consumer.policy
        delivering.counters.dropped[policy] += count
        delivering.counters.sent -= count
        for _ in range(count):
            delivering.hooks.tell(Event("dropped", self.id, self.user_id, state=policy))
        time = delivering.hooks.may_log(self._logged)
        if time is not None:
            self._logged = time
            logger.warning("connection %s is too slow to read what it is sent: %s", self.id, policy)

    def _start(self, *, first: Awaitable[None] | None = None, message: dict[str, Any] | None = None) -> None:
        """Leave the rest to a task, if there is none yet."""
        if self._state == _CLOSED:
            return
        self._first = first
        self._state = _DRAINING
        if self._drain is not None:
            return
        delivering = self._delivering
        loop = asyncio.get_running_loop()
        self._since = delivering.clock.monotonic()
        if delivering.stall is not None:
            self._timer = loop.call_later(delivering.stall, self._check_stall, delivering.stall)
        self._drain = loop.create_task(self._empty(message), context=self._context)

    async def _empty(self, message: dict[str, Any] | None) -> None:
        """Send what was begun, then all that waits."""
        try:
            if self._first is not None:
                first, self._first = self._first, None
                await first
                self.sent += 1
            await self._send_all(message)
        except (Exception, CancelledError) as error:
            self._fail(error)
            if isinstance(error, CancelledError):
                raise
        finally:
            self._stop_timer()
            self._drain = None
        if self._state != _CLOSED:
            self._state = _FREE if self._inline else _IDLE
        self._make_space()

    async def _send_all(self, message: dict[str, Any] | None) -> None:
        turn = 0
        while (message := message or self._take()) is not None:
            self._since = self._delivering.clock.monotonic()
            await self._send(message)
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

    def _fail(self, error: BaseException) -> None:
        """Take an error of the server's send for what it is: the client has gone."""
        if self._state != _CLOSED:
            logger.debug("connection %s cannot be sent to: %r", self.id, error)
            self.evict(LOST)
