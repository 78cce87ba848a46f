"""Each algorithm says exactly when, and never lets more through than it says."""

import math
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.ratelimit import Limit
from brickwork.ratelimit._rules.counting import COUNTINGS, NOTHING, count, has_stepped, refund, tell, weigh
from brickwork.ratelimit._rules.values import NEVER, Algorithm
from tests.ratelimit.counting import EVERY, SECOND, admit, busiest, limits, streams

START = 1_800_000_000 * SECOND  # of the order of a server's clock


def every_limit(amount: int, period: int) -> list[Limit]:
    """The same limit, counted in each way."""
    return [Limit(amount, period, algorithm) for algorithm in EVERY]


# --- what is told


@pytest.mark.promise("ratelimit-3")
@given(st.data())
def test_a_refusal_says_when_to_the_microsecond(data: st.DataObject) -> None:
    """A refused charge passes after the time it was told, and not a microsecond sooner."""
    limit, now, state = data.draw(limits()), START, NOTHING

    for pause, cost in data.draw(streams(limit)):
        now += pause
        wait, state = weigh(limit, state, cost, now)
        if wait:
            assert weigh(limit, state, cost, now + wait)[0] == 0
            assert weigh(limit, state, cost, now + wait - 1)[0] == 1
        else:
            state = count(limit, state, cost, now)


@pytest.mark.promise("ratelimit-4")
@given(st.data())
def test_what_is_left_passes_and_no_more(data: st.DataObject) -> None:
    """What is told to be left passes at once, one more does not, and everything is free again when it is told to be."""
    limit, now, state = data.draw(limits()), START, NOTHING
    for pause, cost in data.draw(streams(limit)):
        now += pause
        wait, state = weigh(limit, state, cost, now)
        state = state if wait else count(limit, state, cost, now)

    verdict = tell(limit, state, now, 0)

    assert 0 <= verdict.remaining < limit.most
    assert weigh(limit, state, verdict.remaining, now)[0] == 0
    assert weigh(limit, state, verdict.remaining + 1, now)[0] != 0
    assert weigh(limit, state, 1, now + verdict.reset_after)[1] == NOTHING
    assert weigh(limit, state, 1, now + verdict.reset_after - 1)[1] != NOTHING


@given(st.data())
def test_numbers_stay_within_what_lua_counts_exactly(data: st.DataObject) -> None:
    """No number of a state, nor what is multiplied to compare it, reaches 2**53, whatever is forced in."""
    limit, now, state = data.draw(limits()), START, NOTHING

    for pause, cost in data.draw(streams(limit)):
        now += pause
        _, kept = weigh(limit, state, 0, now)
        state = count(limit, kept, cost * data.draw(st.sampled_from([1, 10**6])), now)

    assert all(abs(number) < 2**53 for number in state)
    assert 4 * limit.amount * limit.window < 2**53
    assert limit.period * SECOND == limit.window * limit.tick


# --- what passes


@pytest.mark.promise("ratelimit-5")
@given(st.data())
def test_a_log_is_strict(data: st.DataObject) -> None:
    """In no period, wherever it begins, does a log let more than the amount through."""
    limit = data.draw(limits(algorithms=["log"]))
    pauses, costs = zip(*data.draw(streams(limit)), strict=True)

    hits = admit(limit, zip(accumulate(pauses, initial=START), costs, strict=False))

    assert busiest(hits, limit.period * SECOND) <= limit.amount


@pytest.mark.promise("ratelimit-6")
@given(st.data())
def test_windows_let_less_than_twice_the_amount_through(data: st.DataObject) -> None:
    """Sliding and fixed windows let less than twice the amount through in any period."""
    limit = data.draw(limits(algorithms=["sliding", "fixed"]))
    pauses, costs = zip(*data.draw(streams(limit)), strict=True)

    hits = admit(limit, zip(accumulate(pauses, initial=START), costs, strict=False))

    assert busiest(hits, limit.period * SECOND) <= max(limit.amount, 2 * limit.amount - 1)


@pytest.mark.promise("ratelimit-7")
@given(st.data())
def test_gcra_lets_a_burst_and_the_pace_through(data: st.DataObject) -> None:
    """In any stretch of time ``gcra`` lets through no more than the burst and what its pace adds meanwhile."""
    limit = data.draw(limits(algorithms=["gcra"]))
    pauses, costs = zip(*data.draw(streams(limit)), strict=True)

    hits = list(admit(limit, zip(accumulate(pauses, initial=START), costs, strict=False)))

    for first in hits:
        for last in hits:
            passed = sum(hit.cost for hit in hits if first.at <= hit.at <= last.at)
            ticks = last.at // limit.tick - first.at // limit.tick
            assert last.at < first.at or passed * limit.window <= limit.burst * limit.window + ticks * limit.amount


@pytest.mark.promise("ratelimit-7")
def test_a_burst_and_then_one_a_second() -> None:
    """Of 60 a minute with a burst of 5, five pass at once and the sixth after a second; a full minute lets 65 pass."""
    limit = Limit(60, 60, "gcra", 5)

    at_once = list(admit(limit, [(START, 1)] * 10))
    with_a_sixth = list(admit(limit, [(START, 1)] * 5 + [(START + SECOND - 1, 1), (START + SECOND, 1)]))
    saturated = list(admit(limit, ((START + at, 1) for at in range(0, 60 * SECOND + 1, SECOND // 20))))

    assert len(at_once) == 5
    assert [hit.at - START for hit in with_a_sixth] == [0] * 5 + [SECOND]
    assert len(saturated) == 65


@pytest.mark.promise("ratelimit-8")
@pytest.mark.parametrize("amount", [1, 2, 3, 7, 100, 1_000])
def test_a_steady_stream_below_the_limit_is_never_refused(amount: int) -> None:
    """A stream at 99 of 100 parts of what a sliding limit allows passes whole, for ten periods."""
    gap = math.ceil(60 * SECOND / (0.99 * amount))
    times = [(START + gap * number, 1) for number in range(10 * amount)]

    hits = list(admit(Limit(amount, 60), times))

    assert len(hits) == len(times)


@pytest.mark.promise("ratelimit-8")
@pytest.mark.parametrize("amount", [20, 100, 1_000])
def test_a_stream_of_twice_the_limit_is_halved(amount: int) -> None:
    """Of a stream at twice of what a sliding limit allows, the amount passes in each period, within a twentieth."""
    gap = 30 * SECOND // amount
    times = [(START + gap * number, 1) for number in range(20 * amount)]

    hits = list(admit(Limit(amount, 60), times))

    for period in range(10):
        begin = START + period * 60 * SECOND
        passed = sum(begin <= hit.at < begin + 60 * SECOND for hit in hits)
        assert abs(passed - amount) <= amount / 20


@pytest.mark.parametrize("limit", every_limit(4, 4), ids=lambda limit: limit.algorithm)
def test_a_burst_is_waited_off_in_one_period(limit: Limit) -> None:
    """Whoever used up a limit at once has all of it again after one period, not later."""
    state = count(limit, NOTHING, 4, START)

    assert weigh(limit, state, 4, START + 4 * SECOND - 1)[0] == 1
    assert weigh(limit, state, 4, START + 4 * SECOND)[0] == 0


# --- costs


@pytest.mark.parametrize("limit", every_limit(10, 60), ids=lambda limit: limit.algorithm)
def test_costs_at_the_edge(limit: Limit) -> None:
    """Nothing is free even for those in debt, more than everything never passes, less than nothing is no cost."""
    in_debt = count(limit, NOTHING, 20, START)

    assert weigh(limit, in_debt, 0, START) == (0, in_debt)
    assert count(limit, in_debt, 0, START) == in_debt
    assert weigh(limit, NOTHING, 11, START)[0] == NEVER
    with pytest.raises(ValueError, match="a cost of -1"):
        weigh(limit, NOTHING, -1, START)


@pytest.mark.parametrize("limit", every_limit(10, 60), ids=lambda limit: limit.algorithm)
def test_debt_is_bounded(limit: Limit) -> None:
    """However much is forced in, twice what passes at once is counted, and two periods pay for it."""
    first = count(limit, NOTHING, 10**9, START)
    second = count(limit, first, 10**9, START)

    assert tell(limit, second, START, 0).remaining == 0
    assert weigh(limit, second, 10, START + 120 * SECOND)[0] == 0
    assert refund(limit, second, 20, START, START) == NOTHING


def test_debt_is_paid_at_the_pace_of_the_limit() -> None:
    """Whoever owes a burst on top of a burst has half of one free after a period and a half."""
    limit = Limit(10, 60, "gcra")

    state = count(limit, NOTHING, 20, START)

    assert weigh(limit, state, 5, START + 90 * SECOND - 1)[0] == 1
    assert weigh(limit, state, 5, START + 90 * SECOND)[0] == 0


def test_a_full_log_takes_nothing_more() -> None:
    """What is forced into a log that is as deep in debt as can be leaves it as it was, even later."""
    limit = Limit(2, 60, "log")
    full = count(limit, NOTHING, 4, START)

    assert count(limit, full, 1, START + 1) == full


# --- taking back


@given(st.data())
def test_what_is_taken_back_at_once_was_never_counted(data: st.DataObject) -> None:
    """A charge that is taken back at the moment it was counted leaves as much as there was before."""
    limit, now, state = data.draw(limits()), START, NOTHING
    for pause, cost in data.draw(streams(limit)):
        now += pause
        wait, kept = weigh(limit, state, cost, now)
        before = tell(limit, kept, now, 0).remaining

        state = kept if wait else refund(limit, count(limit, kept, cost, now), cost, now, now)

        assert tell(limit, state, now, 0).remaining == before
        state = kept if wait else count(limit, kept, cost, now)


@pytest.mark.promise("ratelimit-13")
@pytest.mark.parametrize("algorithm", ["sliding", "fixed", "log", "gcra"])
def test_what_no_longer_counts_is_not_taken_back(algorithm: Algorithm) -> None:
    """Taking back what was counted long ago gives nothing back of what was counted since."""
    limit = Limit(4, 60, algorithm)
    long_ago, now = START, START + 130 * SECOND
    state = count(limit, NOTHING, 4, long_ago)
    _, kept = weigh(limit, state, 4, now)

    state = refund(limit, count(limit, kept, 4, now), 4, now, long_ago)

    assert tell(limit, state, now, 0).remaining == 0
    assert refund(limit, NOTHING, 4, now, now) == NOTHING


@pytest.mark.promise("ratelimit-13")
@pytest.mark.parametrize("algorithm", ["sliding", "log", "gcra"])
def test_what_is_a_period_old_is_not_taken_back_from_a_steady_stream(algorithm: Algorithm) -> None:
    """Where something was counted all the time, what came late enough to count still does."""
    limit = Limit(10, 60, algorithm)
    state = count(limit, NOTHING, 2, START)
    for second, cost in [(50, 6), (61, 1)]:
        _, kept = weigh(limit, state, cost, START + second * SECOND)
        state = count(limit, kept, cost, START + second * SECOND)
    now = START + 62 * SECOND
    _, before = weigh(limit, state, 0, now)

    state = refund(limit, state, 2, now, START)

    assert tell(limit, state, now, 0) == tell(limit, before, now, 0)


@pytest.mark.promise("ratelimit-13")
def test_what_a_former_window_counted_is_not_taken_back_from_this_one() -> None:
    """With ``fixed``, what was forgotten with its window gives nothing back, however short a time ago it was."""
    limit, now = Limit(4, 60, "fixed"), START + 61 * SECOND
    state = count(limit, count(limit, NOTHING, 1, START), 2, START + 50 * SECOND)
    _, kept = weigh(limit, state, 4, now)

    state = refund(limit, count(limit, kept, 4, now), 2, now, START + 50 * SECOND)

    assert tell(limit, state, now, 0).remaining == 0


@pytest.mark.promise("ratelimit-13")
@pytest.mark.parametrize(("passed", "remaining"), [(0, 4), (24, 2), (48, 0), (90, 0)])
def test_what_has_leaked_is_not_taken_back(passed: int, remaining: int) -> None:
    """With ``gcra``, what was counted meanwhile stays: no burst can be had twice by what is given back late."""
    limit, now = Limit(5, 60, "gcra"), START + passed * SECOND
    given_back_late = count(limit, NOTHING, 4, START)
    _, kept = weigh(limit, given_back_late, 5, now)

    state = refund(limit, count(limit, kept, 5, now), 4, now, START)

    owed = tell(limit, count(limit, kept, 5, now), now, 0).reset_after
    assert owed - tell(limit, state, now, 0).reset_after == remaining * 12 * SECOND
    assert tell(limit, state, now, 0).remaining == 0


def test_an_older_window_is_taken_back_as_such() -> None:
    """What is taken back of the older window leaves the newer as it was, and a newer one that is empty gives way."""
    limit, later = Limit(4, 60), START + 61 * SECOND
    older = count(limit, count(limit, NOTHING, 1, START), 3, START + 50 * SECOND)
    both = count(limit, older, 1, later)

    without_older = refund(limit, both, 3, later, START + 50 * SECOND)
    without_newer = refund(limit, both, 1, later, later)

    assert tell(limit, both, later, 0).remaining == 0
    assert tell(limit, without_older, later, 0).remaining == 3
    assert tell(limit, without_newer, later, 0).remaining == tell(limit, older, later, 0).remaining == 1


def test_a_log_gives_back_the_newest_that_can_be_meant() -> None:
    """Of a log, what was written after the charge that is taken back stays, and so does what came long before."""
    limit, state = Limit(10, 60, "log"), NOTHING
    for second, cost in [(0, 1), (10, 2), (20, 3), (30, 4)]:
        state = count(limit, state, cost, START + second * SECOND)

    state = refund(limit, state, 4, START + 40 * SECOND, START + 20 * SECOND)

    assert state == (START + 30 * SECOND, 6, START, 1, START + 10 * SECOND, 1, START + 30 * SECOND, 4)


# --- clocks


@pytest.mark.promise("ratelimit-14")
@given(st.data())
def test_a_clock_that_steps_back_locks_nobody_out(data: st.DataObject) -> None:
    """When a clock steps back, a caller waits for a period at most, and nothing passes that would not have passed."""
    limit, now, state = data.draw(limits()), START, NOTHING
    for pause, cost in data.draw(streams(limit)):
        now += pause
        wait, kept = weigh(limit, state, cost, now)
        state = kept if wait else count(limit, kept, cost, now)
    step = data.draw(st.integers(1, 3_600 * SECOND))
    before = tell(limit, weigh(limit, state, 0, now)[1], now, 0)

    _, kept = weigh(limit, state, 0, now - step)
    after = tell(limit, kept, now - step, 0)

    assert after.remaining <= before.remaining
    assert weigh(limit, kept, limit.most, now - step)[0] <= limit.period * SECOND
    assert not has_stepped(limit, kept, now - step)


@pytest.mark.promise("ratelimit-14")
@pytest.mark.parametrize("limit", every_limit(4, 60), ids=lambda limit: limit.algorithm)
def test_a_step_back_is_noticed(limit: Limit) -> None:
    """A state says that the clock stepped back since, so that a store knows to write it down."""
    state = count(limit, NOTHING, 4, START)

    assert has_stepped(limit, state, START - 1)
    assert not has_stepped(limit, state, START)
    assert not has_stepped(limit, NOTHING, START)


def test_every_algorithm_has_a_counting() -> None:
    """Each algorithm that a limit may name is there."""
    assert [*COUNTINGS] == EVERY
