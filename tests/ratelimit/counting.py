"""Limits and streams of hits for the tests of counting."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hypothesis import strategies as st

from brickwork.ratelimit._rules.counting import NOTHING, State, count, weigh
from brickwork.ratelimit._rules.values import Algorithm, Limit

SECOND = 1_000_000
EVERY: list[Algorithm] = ["sliding", "gcra", "fixed", "log"]


class Hit(NamedTuple):
    """A hit that passed: when, and what it cost."""

    at: int
    cost: int


@st.composite
def limits(draw: st.DrawFn, *, algorithms: Iterable[Algorithm] = EVERY) -> Limit:
    """Limits of each algorithm, from one a second to far too many for microseconds."""
    algorithm: Algorithm = draw(st.sampled_from(list(algorithms)))
    amounts = st.sampled_from([1, 2, 3, 5, 10, 97, 1_000])
    amount = draw(amounts if algorithm == "log" else amounts | st.sampled_from([1_000_003, 50_000_000]))
    period = draw(st.sampled_from([1, 7, 60, 3_600, 86_400, 366 * 86_400]))
    return Limit(amount, period, algorithm, draw(st.integers(1, amount)) if algorithm == "gcra" else 0)


@st.composite
def streams(draw: st.DrawFn, limit: Limit) -> list[tuple[int, int]]:
    """Pauses in microseconds and costs, many of them near what the limit allows."""
    period = limit.period * SECOND
    pauses = st.one_of(
        st.just(0),
        st.integers(0, period // limit.amount + 1),
        st.integers(0, 2 * period),
        st.sampled_from([period - 1, period, period + 1]),
    )
    costs = st.one_of(st.just(1), st.integers(1, limit.most), st.just(limit.most), st.just((limit.most + 1) // 2))
    return draw(st.lists(st.tuples(pauses, costs), min_size=1, max_size=25))


def admit(limit: Limit, times: Iterable[tuple[int, int]]) -> Iterator[Hit]:
    """Give those of the hits at these times that pass."""
    state: State = NOTHING
    for at, cost in times:
        wait, kept = weigh(limit, state, cost, at)
        if wait == 0:
            state = count(limit, kept, cost, at)
            yield Hit(at, cost)


def busiest(hits: Iterable[Hit], period: int) -> int:
    """Say how much passed in the busiest ``period`` microseconds."""
    known = list(hits)
    return max((sum(each.cost for each in known if 0 <= each.at - hit.at < period) for hit in known), default=0)
