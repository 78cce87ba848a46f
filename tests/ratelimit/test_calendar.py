"""A calendar brings keys up when they are due, and not before."""

from hypothesis import given
from hypothesis import strategies as st

from brickwork.ratelimit.memory.calendar import Calendar


@given(st.lists(st.integers(1, 10**13), min_size=1, max_size=50), st.integers(0, 10**13))
def test_keys_come_up_late_by_little_and_never_early(delays: list[int], now: int) -> None:
    """A key comes up at its time, or later by a sixteenth of what lay before it and 16 ms; and it does so once."""
    calendar = Calendar()
    for number, delay in enumerate(delays):
        calendar.add(str(number), now + delay, now)
    found: dict[str, int] = {}

    while (due := calendar.due) < 2**63:
        assert calendar.take(due - 1) is None
        key = calendar.take(due)
        assert key is not None
        found[key] = due - now

    assert len(found) == len(delays)
    assert all(delay <= found[str(number)] <= delay * 17 // 16 + 2**14 for number, delay in enumerate(delays))
    assert calendar.take(2**62) is None
