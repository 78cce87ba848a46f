"""Time, passed in: so that a test can move it."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time. `brickwork.testing` has one that can be moved."""

    def time(self) -> float:
        """Give the seconds since 1970-01-01T00:00:00Z; may jump when the machine's clock is set."""
        ...

    def monotonic(self) -> float:
        """Give seconds that never run backwards, from an arbitrary start; for durations."""
        ...


class SystemClock:
    """The machine's own clock."""

    def time(self) -> float:
        """Give the seconds since 1970-01-01T00:00:00Z."""
        return time.time()

    def monotonic(self) -> float:
        """Give seconds from an arbitrary start, to the resolution of `time.perf_counter`."""
        return time.perf_counter()
