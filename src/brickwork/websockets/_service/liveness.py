"""`Liveness`: closes a connection whose client is silent for too long, or may not be there any more."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from ..._core.clock import Clock
from .._rules.values import CloseCode, Heartbeat

_LONGEST: Final = 60.0  # seconds: the time of day, which tokens end by, can be set while a timer runs


class Liveness:
    """One timer for all that can end a connection in time; a message costs no more than noting when it came.

    Args:
        evict: Closes the connection, with a code and a reason.
        heartbeat: How long silence may last.
        clock: Tells the time.
    """

    __slots__ = ("_clock", "_evict", "_expires", "_first", "_heard", "_heartbeat", "_listening", "_running", "_timer")

    def __init__(self, evict: Callable[[int, str], None], *, heartbeat: Heartbeat, clock: Clock) -> None:
        self._evict = evict
        self._heartbeat = heartbeat
        self._clock = clock
        self._heard = 0.0
        self._first: float | None = None
        self._expires: float | None = None
        self._listening = True
        self._running = False
        self._timer: asyncio.TimerHandle | None = None

    def start(self, *, first_message: bool = False) -> None:
        """Begin to count.

        Args:
            first_message: Whether the first message has its own deadline.
        """
        self._running = True
        self._heard = self._clock.monotonic()
        if first_message:
            self._first = self._heard + self._heartbeat.first_message
        self.check()

    def stop(self) -> None:
        """Count no more."""
        self._running = False
        self._disarm()

    def heard(self, now: float) -> None:
        """Note that a message came."""
        self._heard = now
        self._first = None

    def pause(self) -> None:
        """Hold nobody's silence against them while nothing is read."""
        self._listening = False

    def resume(self) -> None:
        """Listen again."""
        self._listening = True
        self._heard = self._clock.monotonic()

    def expire_at(self, when: datetime | None) -> None:
        """Close the connection with 4401 at an instant, in the place of one that was said before.

        Args:
            when: The instant, with its time zone; None for never.

        Raises:
            ValueError: It has no time zone.
        """
        if when is not None and when.utcoffset() is None:
            raise ValueError(f"{when!r} has no time zone, so it is no instant: use datetime.now(UTC) and the like")
        self._expires = None if when is None else when.timestamp()
        self.check()

    def check(self) -> None:
        """Close the connection where its time is up; else look again when it may be."""
        self._disarm()
        if not self._running:
            return
        shortest: float | None = None
        for left, code, reason in self._left():
            if left <= 0:
                self.stop()
                self._evict(code, reason)
                return
            shortest = left if shortest is None else min(shortest, left)
        if shortest is not None:
            self._timer = asyncio.get_running_loop().call_later(min(shortest, _LONGEST), self.check)

    def _left(self) -> Iterator[tuple[float, int, str]]:
        now, idle = self._clock.monotonic(), self._heartbeat.idle
        if self._expires is not None:
            yield self._expires - self._clock.time(), CloseCode.UNAUTHENTICATED, "expired"
        if self._first is not None:
            yield self._first - now, CloseCode.TIMEOUT, "no first message"
        if idle is not None:
            yield idle - (now - self._heard if self._listening else 0.0), CloseCode.TIMEOUT, "silent for too long"

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
