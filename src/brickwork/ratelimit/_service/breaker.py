"""When a store that does not answer is left alone, and when it is asked again."""

import logging
from math import ceil
from threading import Lock
from typing import Final, Literal

from ..._core.clock import Clock
from .._errors import RateStoreUnavailableError

Permit = Literal["ask", "probe"]

_FAILURES: Final = 5  # in a row
_FIRST: Final = 1.0  # seconds
_LONGEST: Final = 30.0

_logger = logging.getLogger("brickwork.ratelimit")


class Breaker:
    """Lets nobody wait for a store that failed five times in a row; one question every now and then tries it.

    Args:
        clock: Tells how long the store was left alone: a second first, then twice as long each time, 30 at most.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._pause = _FIRST
        self._until: float | None = None
        self._probing = False

    @property
    def open(self) -> bool:
        """Whether the store is left alone."""
        return self._until is not None

    @property
    def retry_after(self) -> int:
        """Whole seconds until the store is tried again, 1 at least."""
        return max(1, ceil(self._left()))

    def permit(self) -> Permit:
        """Tell whether the question that the store may be asked now is the one that tries it.

        Raises:
            RateStoreUnavailableError: It is left alone.
        """
        if self._until is None:
            return "ask"
        with self._lock:
            if self._probing or self._left() > 0:
                raise RateStoreUnavailableError("the store is left alone")
            self._probing = True
            return "probe"

    def succeeded(self) -> None:
        """Note an answer: all is well again."""
        if not self._failures:
            return
        with self._lock:
            was_open = self._until is not None
            self._failures, self._pause, self._until, self._probing = 0, _FIRST, None, False
        if was_open:
            _logger.warning("The store of rate limits answers again.")

    def failed(self, permit: Permit, error: BaseException) -> None:
        """Note that no answer came.

        Args:
            permit: What the question was.
            error: Why there is none; only its kind is logged.
        """
        with self._lock:
            self._failures += 1
            opens = self._until is None and self._failures >= _FAILURES
            # Questions that were under way when it opened say nothing new; nor does one that tried the store, where
            # another has had an answer meanwhile.
            if opens or (permit == "probe" and self._until is not None):
                self._until = self._clock.monotonic() + self._pause
                self._pause = min(2 * self._pause, _LONGEST)
            if permit == "probe":
                self._probing = False
        if opens:
            _logger.warning("The store of rate limits does not answer (%s): on_error decides.", _kind(error))

    def abandoned(self, permit: Permit) -> None:
        """Note that whoever asked went away before there was an answer."""
        if permit == "probe":
            with self._lock:
                self._probing = False

    def _left(self) -> float:
        """Tell for how many seconds the store is still left alone."""
        return 0.0 if self._until is None else self._until - self._clock.monotonic()


def _kind(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__name__
