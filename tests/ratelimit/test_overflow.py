"""Callers of whom the store has no room left may be refused too early, and never pass too often."""

from collections import defaultdict
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.ratelimit import Charge, Limit, MemoryRateStore
from brickwork.ratelimit._store import Mode
from brickwork.ratelimit.memory.overflow import _Sketch  # pyright: ignore[reportPrivateUsage]
from brickwork.testing import ManualClock
from tests.ratelimit.counting import EVERY, SECOND, Hit, busiest, limits

FIVE = [Limit(5, 60, algorithm) for algorithm in EVERY]


def charge(who: object, limit: Limit = FIVE[0], cost: int = 1) -> Charge:
    """One charge of somebody."""
    return Charge(str(who), "search", limit, cost)


async def full_store() -> MemoryRateStore:
    """A store with room for one, who came already and needs it for a day."""
    store = MemoryRateStore(max_keys=1, clock=ManualClock())
    await store.hit([charge("first", Limit(1, 86_400))])
    return store


def leaks(limit: Limit, hits: list[Hit]) -> bool:
    """Say whether more passed in some stretch of time than a burst and what the pace adds."""
    return any(
        sum(hit.cost for hit in hits if first.at <= hit.at <= last.at) * limit.period * SECOND
        > limit.burst * limit.period * SECOND + (last.at - first.at + limit.tick) * limit.amount
        for first in hits
        for last in hits
        if first.at <= last.at
    )


class Crowd(NamedTuple):
    """How many find room, what each is allowed, and who comes after which pause at what cost."""

    room: int
    limit: Limit
    visits: list[tuple[int, str, int]]


@st.composite
def crowds(draw: st.DrawFn) -> Crowd:
    """Six callers in a store for fewer."""
    limit = draw(limits())
    period = limit.period * SECOND
    pauses = st.integers(0, period // 2) | st.sampled_from([0, period // limit.amount, period])
    costs = st.integers(1, limit.most) | st.just(1)
    visits = draw(st.lists(st.tuples(pauses, st.sampled_from("abcdef"), costs), min_size=10, max_size=40))
    return Crowd(draw(st.integers(1, 3)), limit, visits)


@pytest.mark.promise("ratelimit-63")
@given(crowds())
async def test_nobody_passes_too_often(crowd: Crowd) -> None:
    """Whoever comes and goes, in the table or beyond it, each caller stays within what the algorithm promises."""
    room, limit, visits = crowd
    store = MemoryRateStore(max_keys=room, clock=ManualClock())
    passed: dict[str, list[Hit]] = defaultdict(list)

    for pause, who, cost in visits:
        store.offset += pause
        [verdict] = await store.hit([charge(who, limit, cost)])
        if verdict.retry_after == 0:
            passed[who].append(Hit(store.offset, cost))

    most = limit.amount if limit.algorithm == "log" else max(limit.amount, 2 * limit.amount - 1)
    for hits in passed.values():
        assert not leaks(limit, hits) if limit.algorithm == "gcra" else busiest(hits, limit.period * SECOND) <= most


@pytest.mark.promise("ratelimit-63")
@pytest.mark.parametrize("limit", FIVE, ids=lambda limit: limit.algorithm)
async def test_a_newcomer_without_room_is_limited_exactly(limit: Limit) -> None:
    """A caller who meets no stranger in his cells gets what is allowed, is refused then, and is told when to return."""
    store = await full_store()

    admitted = [(await store.hit([charge("ada", limit)]))[0] for _ in range(5)]
    [refused] = await store.hit([charge("ada", limit)])
    [peeked] = await store.hit([charge("ada", limit)], mode="peek")
    store.offset += refused.retry_after - 1
    [too_early] = await store.hit([charge("ada", limit)])
    store.offset += 1
    [again] = await store.hit([charge("ada", limit)])

    assert [verdict.remaining for verdict in admitted] == [4, 3, 2, 1, 0]
    assert refused == peeked
    assert 0 < refused.retry_after <= 140 * SECOND
    assert too_early.retry_after == 1
    assert (again.remaining, again.retry_after) == (4, 0)
    assert len(store) == 1


async def test_a_part_is_free_when_its_span_is_over() -> None:
    """What fits beside what is newer passes as soon as the older is gone."""
    store = await full_store()
    await store.hit([charge("ada", cost=4)])
    span = 1 << 26
    store.offset = span

    await store.hit([charge("ada", cost=1)])
    [refused] = await store.hit([charge("ada", cost=1)])
    store.offset += refused.retry_after
    [passed] = await store.hit([charge("ada", cost=4)])

    assert refused == (0, 2 * span, span)
    assert passed.retry_after == 0


@pytest.mark.parametrize("cost", [0, 6])
async def test_costs_at_the_edge(cost: int) -> None:
    """Beyond the table, too, nothing is free and more than everything never passes."""
    store = await full_store()
    await store.hit([charge("ada", cost=5)])

    [verdict] = await store.hit([charge("ada", cost=cost)])

    assert verdict.retry_after == (-1 if cost else 0)
    assert verdict.remaining == 0


@pytest.mark.parametrize("mode", ["count", "force"])
async def test_debt_is_bounded(mode: Mode) -> None:
    """What is forced into the cells counts, up to twice what is allowed."""
    store = await full_store()

    await store.hit([charge("ada", cost=10**6)], mode="force")
    [verdict] = await store.hit([charge("ada")], mode=mode)
    store.offset += 140 * SECOND
    [free] = await store.hit([charge("ada")])

    assert verdict.remaining == 0
    assert (verdict.retry_after > 0) == (mode == "count")
    assert free.remaining == 4


async def test_all_or_nothing() -> None:
    """A decision that is refused by a counter in the table costs nothing in the cells, nor the other way round."""
    store = await full_store()
    both = [charge("first", Limit(1, 86_400)), charge("ada")]
    await store.hit([charge("grace", cost=5)])

    refused = await store.hit(both)
    await store.hit([charge("grace"), charge("lin")])
    [ada] = await store.hit([charge("ada")], mode="peek")
    [lin] = await store.hit([charge("lin")], mode="peek")

    assert refused[0].retry_after > 0
    assert refused[1] == (5, 0, 0)
    assert ada.remaining == lin.remaining == 5


@pytest.mark.promise("ratelimit-63")
@pytest.mark.parametrize("came", [0, 66 * SECOND], ids=["in this span", "in the span before"])
@pytest.mark.parametrize("limit", FIVE, ids=lambda limit: limit.algorithm)
async def test_who_finds_room_takes_along_what_was_counted(limit: Limit, came: int) -> None:
    """A caller who moves from the cells into the table brings what was counted of him."""
    store = MemoryRateStore(max_keys=1, clock=ManualClock())
    store.offset = came
    await store.hit([charge("first", Limit(1, 1))])
    await store.hit([charge("ada", limit, 3)])

    store.offset += 2 * SECOND
    [moved] = await store.hit([charge("ada", limit)])
    [fifth] = await store.hit([charge("ada", limit)])
    [sixth] = await store.hit([charge("ada", limit)])

    assert (moved.remaining, fifth.remaining, fifth.retry_after) == (1, 0, 0)
    assert sixth.retry_after > 0
    assert len(store) == 1


async def test_a_reset_beyond_the_table() -> None:
    """A caller in the cells is forgotten where there is room for a counter of its own, and not where there is none."""
    store = MemoryRateStore(max_keys=1, clock=ManualClock())
    await store.hit([charge("first", Limit(1, 1))])
    await store.hit([charge("ada", cost=5)])

    await store.reset([charge("ada")])
    [no_room] = await store.hit([charge("ada")])
    store.offset += 2 * SECOND
    await store.reset([charge("ada")])
    [free] = await store.hit([charge("ada")])

    assert no_room.retry_after > 0
    assert free.remaining == 4


async def test_nothing_is_taken_back_from_the_cells() -> None:
    """A refund of what was counted together with strangers gives nobody anything."""
    store = await full_store()
    await store.hit([charge("ada", cost=5)])

    await store.refund([charge("ada", cost=5)])
    [refused] = await store.hit([charge("ada")])

    assert refused.retry_after > 0


async def test_a_clock_that_steps_back() -> None:
    """After a step back nobody passes who would not have, and everybody after two spans."""
    store = await full_store()
    store.offset += 3_600 * SECOND
    await store.hit([charge("ada", cost=5)])

    store.offset -= 1_000 * SECOND
    [refused] = await store.hit([charge("ada")])
    store.offset += refused.retry_after
    [free] = await store.hit([charge("ada")])

    assert 0 < refused.retry_after <= 140 * SECOND
    assert free.remaining == 4


async def test_limits_of_any_number_share_few_spans() -> None:
    """Limits of many amounts, periods and bursts are counted in one sketch for each power of two."""
    store = await full_store()

    for amount in range(1, 200):
        await store.hit([charge("ada", Limit(amount, 60)), charge("ada", Limit(amount, 60, "gcra", 1))])

    assert len(store._overflow._sketches) <= 8  # pyright: ignore[reportPrivateUsage]


def test_a_cell_never_shrinks() -> None:
    """A stranger who shares one cell of the two takes nothing away from what was counted there."""
    sketch = _Sketch(20, 0)

    sketch.add((1, 2), 3, 10)
    sketch.add((1, 3), 1, 10)

    assert sketch.read((1, 2)).newer == 3
    assert sketch.read((1, 3)).newer == 1
    assert sketch.read((4, 2)).newer == 0


async def test_cells_cannot_be_foreseen() -> None:
    """Two stores put the same caller into different cells."""
    stores = [await full_store() for _ in range(2)]

    cells = [store._overflow._cells("ada") for store in stores]  # pyright: ignore[reportPrivateUsage]

    assert cells[0] != cells[1]
