"""How many messages a client may send."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from brickwork.websockets import ConnectionLimits
from brickwork.websockets._rules.rate import Allowance, MessageRate


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20/s burst 40", MessageRate(20, 1, 40)),
        ("100/minute", MessageRate(100, 60, 100)),
        ("5 per 10 seconds", MessageRate(5, 10, 5)),
        ("  3 / 2H  Burst 1 ", MessageRate(3, 7_200, 1)),
        ("1/day", MessageRate(1, 86_400, 1)),
    ],
)
@pytest.mark.promise("websockets-64")
def test_a_rate_is_read_as_people_write_it(text: str, rate: MessageRate) -> None:
    """Spaces and case do not matter, and without a burst a whole period's messages may come at once."""
    assert MessageRate.parse(text) == rate


@pytest.mark.parametrize(
    "text",
    ["", "20", "20/", "/s", "20/s;burst=40", "20/s burst", "20/fortnight", "-1/s", "2.5/s", "1_0/s", "२/s", "1e3/s"],
)
@pytest.mark.promise("websockets-64")
def test_what_is_no_rate_is_refused_where_it_is_written(text: str) -> None:
    """A rate that cannot be read is an error of the limits themselves, which says how one is written."""
    with pytest.raises(ValueError, match=r'is no rate of messages: write a rate like "20/s burst 40"'):
        ConnectionLimits(rate=text)


@pytest.mark.parametrize("text", ["0/s", "1/0s", "1/s burst 0", "00/minute"])
def test_a_rate_lets_something_through(text: str) -> None:
    """A rate of nothing would close every socket at its first message, and is refused when it is written down."""
    with pytest.raises(ValueError, match="lets nothing through"):
        ConnectionLimits(rate=text)


def test_no_rate_is_no_limit() -> None:
    """None lifts the limit of messages."""
    assert ConnectionLimits(rate=None).rate is None


@pytest.mark.promise("websockets-63")
def test_a_burst_is_let_through_and_one_more_is_not() -> None:
    """As many as the burst come at once; the next is told when it may."""
    allowance = Allowance(MessageRate(20, 1, 40))

    waits = [allowance.take(7.0) for _ in range(42)]

    assert waits[:40] == [0.0] * 40
    assert waits[40:] == [0.05, 0.05]


@pytest.mark.promise("websockets-63")
def test_what_is_refused_costs_nothing() -> None:
    """A client that keeps on asking has its next message as soon as one that waited."""
    allowance = Allowance(MessageRate(1, 1, 1))
    allowance.take(0.0)

    waits = [allowance.take(now) for now in (0.25, 0.5, 0.75, 1.0)]

    assert waits == [0.75, 0.5, 0.25, 0.0]


def test_an_allowance_is_full_again_after_a_pause_and_never_more() -> None:
    """However long the silence, no more than the burst comes at once."""
    allowance = Allowance(MessageRate(10, 1, 3))
    spent = [allowance.take(0.0) for _ in range(3)]

    later = [allowance.take(1_000_000.0) for _ in range(4)]

    assert spent == [0.0] * 3
    assert later == [0.0, 0.0, 0.0, 0.1]


def test_time_that_runs_backwards_gives_nothing_away() -> None:
    """A clock that is set back makes nobody wait for longer than the burst takes, and lets no more through."""
    allowance = Allowance(MessageRate(1, 1, 1))
    allowance.take(100.0)

    assert allowance.take(99.0) == 2.0


@example(amount=1, period=1, burst=1, steps=[0.0, 0.001])
@example(amount=999, period=7, burst=1, steps=[0.1] * 50)
@given(
    amount=st.integers(1, 1_000),
    period=st.sampled_from([1, 7, 60, 3_600]),
    burst=st.integers(1, 100),
    steps=st.lists(st.floats(0, 10, allow_nan=False), max_size=200),
)
def test_no_more_passes_than_the_rate_allows(amount: int, period: int, burst: int, steps: list[float]) -> None:
    """In any stretch from the start no more passes than the burst and what the time has brought; waits are kept."""
    allowance = Allowance(MessageRate(amount, period, burst))
    now = 0.0

    for passed, step in enumerate(steps, start=1):
        now += step
        wait = allowance.take(now)
        if wait:
            now += wait
            assert allowance.take(now) == 0.0
        assert passed <= burst + now * amount / period + 1e-6
