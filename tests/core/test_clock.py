"""The machine's clock."""

import time

from brickwork._core.clock import SystemClock


def test_time_is_the_machines() -> None:
    """It lies between two looks at the machine's own clock."""
    before = time.time()

    now = SystemClock().time()

    assert before <= now <= time.time()


def test_monotonic_never_runs_backwards() -> None:
    """A thousand looks are in order."""
    clock = SystemClock()

    looks = [clock.monotonic() for _ in range(1000)]

    assert looks == sorted(looks)
