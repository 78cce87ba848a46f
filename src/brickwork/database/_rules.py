"""Identifiers that sort by their age."""

import time
from collections.abc import Callable
from secrets import randbits
from threading import Lock
from uuid import UUID

from .._core.uuid7 import RANDOM_BITS, uuid7_number


class _Ascending:
    """Makes UUIDs of version 7, each greater than all before it.

    Reference: RFC 9562, section 6.2, method 2.
    """

    def __init__(self, milliseconds: Callable[[], int], random: Callable[[int], int]) -> None:
        self._milliseconds = milliseconds
        self._random = random
        self._lock = Lock()
        self._last = -1
        self._tail = 0

    def __call__(self) -> UUID:
        with self._lock:
            now = self._milliseconds()
            if now > self._last:
                self._last, self._tail = now, self._random(RANDOM_BITS)
            else:
                # The same millisecond, or a clock that was set back: greater by a number that nobody can guess.
                self._tail += self._random(32) + 1
                if self._tail >> RANDOM_BITS:
                    self._last, self._tail = self._last + 1, self._random(RANDOM_BITS)
            instant, tail = self._last, self._tail
        return UUID(int=uuid7_number(instant, tail))


# The one thing here that remembers: identifiers of a process ascend only if one object makes them all.
_ascending = _Ascending(lambda: time.time_ns() // 1_000_000, randbits)


def uuid7() -> UUID:
    """Make a UUID of version 7: made of the time in milliseconds and 74 random bits.

    Those of one process ascend strictly, also within a millisecond and when the clock is set back, so that an index
    over them grows at its end.

    Reference: RFC 9562, sections 5.7 and 6.2.
    """
    return _ascending()
