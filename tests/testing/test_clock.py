"""The clock that a test moves."""

import pytest

from brickwork._core.clock import Clock
from brickwork.testing import ManualClock


@pytest.mark.promise("testing-4")
def test_a_clock_stands_still(clock: ManualClock) -> None:
    """Nothing but the test lets time pass."""
    first = clock.time(), clock.monotonic()

    second = clock.time(), clock.monotonic()

    assert first == second


def test_advancing_moves_both_times() -> None:
    """When time passes, the time of day and the durations agree."""
    clock: Clock = (moved := ManualClock(start=1_000.0))

    moved.advance(2.5)

    assert (clock.time(), clock.monotonic()) == (1_002.5, 2.5)


@pytest.mark.promise("testing-4")
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_jump_moves_the_time_of_day_alone(seconds: float) -> None:
    """Setting the machine's clock lets no time pass."""
    clock = ManualClock(start=10_000.0)

    clock.jump(seconds)

    assert (clock.time(), clock.monotonic()) == (10_000.0 + seconds, 0.0)


def test_time_does_not_run_backwards(clock: ManualClock) -> None:
    """A negative duration is refused, and the message names what to use instead."""
    with pytest.raises(ValueError, match=r"use jump\(\)"):
        clock.advance(-1)
