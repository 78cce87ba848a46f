"""The store in memory forgets nothing that counts, however many come, and takes no more room than it may."""

import asyncio
import sys
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from heapq import nlargest
from time import thread_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.ratelimit import Charge, Limit, MemoryRateStore, Verdict
from brickwork.testing import ManualClock
from tests.ratelimit.counting import EVERY, SECOND, limits

MINUTE = [Limit(5, 60, algorithm) for algorithm in EVERY]
DAY = 86_400 * SECOND


def charge(who: object, limit: Limit = MINUTE[0], cost: int = 1) -> Charge:
    """One charge, with digests as long as real ones."""
    return Charge(f"{who:_>22}", "search_____", limit, cost)


async def hit(store: MemoryRateStore, who: object, limit: Limit = MINUTE[0], cost: int = 1) -> Verdict:
    """The verdict on a single charge."""
    [verdict] = await store.hit([charge(who, limit, cost)])
    return verdict


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


# --- time


async def test_the_clock_and_the_offset_tell_the_time() -> None:
    """A store tells time by the clock it is given, moved by its offset."""
    clock = ManualClock()
    store = MemoryRateStore(clock=clock)
    await hit(store, "ada", cost=5)

    refused = await hit(store, "ada")
    clock.advance(20)
    later = await hit(store, "ada")
    store.offset += 40 * SECOND
    free = await hit(store, "ada")

    assert (refused.retry_after, later.retry_after) == (60 * SECOND, 40 * SECOND)
    assert free == (4, 60 * SECOND, 0)


@pytest.mark.promise("ratelimit-14")
@pytest.mark.parametrize("mode", ["count", "peek"])
@pytest.mark.parametrize("limit", MINUTE, ids=lambda limit: limit.algorithm)
async def test_a_clock_that_steps_back_an_hour(limit: Limit, mode: str) -> None:
    """Whoever is refused after a step back is free again after one period, though nothing was counted since."""
    store = MemoryRateStore(clock=ManualClock())
    await hit(store, "ada", limit, cost=5)

    store.offset -= 3_600 * SECOND
    [refused] = await store.hit([charge("ada", limit)], mode="count" if mode == "count" else "peek")
    store.offset += refused.retry_after
    free = await hit(store, "ada", limit)

    assert 0 < refused.retry_after <= 60 * SECOND
    assert free.retry_after == 0


async def test_a_clock_that_steps_back_while_keys_are_due() -> None:
    """A key that is looked at after a step back, though it was counted later, is kept for as long as it counts."""
    store = MemoryRateStore(clock=ManualClock())
    for who in ["ada", "grace", "lin", "joan"]:
        await hit(store, who)
    store.offset = 3_600 * SECOND
    await hit(store, "ada", cost=5)

    store.offset = 70 * SECOND
    await hit(store, "new")
    looked_at = len(store)
    store.offset += 10 * SECOND
    refused = await hit(store, "ada")

    assert looked_at == 2
    assert refused.retry_after == 50 * SECOND


@pytest.mark.promise("ratelimit-3")
@given(st.lists(limits(), min_size=1, max_size=3, unique=True), st.lists(st.integers(0, 10**7), max_size=30))
async def test_a_decision_by_several_limits_says_when(several: list[Limit], pauses: list[int]) -> None:
    """What several limits refuse together passes after the longest of their waits, and not a microsecond sooner."""
    store = MemoryRateStore(clock=ManualClock())
    charges = [charge("ada", limit) for limit in several]
    await store.hit([charge("ada", several[0], several[0].most)])
    for pause in pauses:
        store.offset += pause
        await store.hit(charges)
    wait = max(verdict.retry_after for verdict in await store.hit(charges))

    store.offset += wait - 1
    sooner = await store.hit(charges, mode="peek")
    store.offset += 1
    in_time = await store.hit(charges, mode="peek")

    assert wait == 0 or max(verdict.retry_after for verdict in sooner) == 1
    assert wait == 0 or all(verdict.retry_after == 0 for verdict in in_time)


# --- room


@pytest.mark.parametrize("limit", MINUTE, ids=lambda limit: limit.algorithm)
async def test_whoever_counts_no_more_is_forgotten(limit: Limit) -> None:
    """Callers who have all of their limit again take no room once others come."""
    store = MemoryRateStore(clock=ManualClock())
    for number in range(100):
        await hit(store, number, limit)

    store.offset += 70 * SECOND
    for number in range(100, 200):
        await hit(store, number, limit)

    assert len(store) == 100


@pytest.mark.promise("ratelimit-60")
async def test_a_hit_looks_at_a_handful_of_keys() -> None:
    """However many keys are due, a hit looks at two of them, and at sixteen when it needs room: it never sweeps."""
    store = MemoryRateStore(clock=ManualClock(), max_keys=1_000)
    for number in range(1_000):
        await hit(store, number)
    store.offset += DAY

    await hit(store, 0)
    after_one = len(store)
    await hit(store, "new")
    after_two = len(store)

    assert after_one in {998, 999}
    assert after_one - 2 <= after_two <= after_one


async def test_a_caller_who_comes_again_is_kept() -> None:
    """A key that is due but was counted since is looked at again later, and forgotten in the end."""
    store = MemoryRateStore(clock=ManualClock())
    await hit(store, "ada")
    store.offset += 50 * SECOND
    await hit(store, "ada", cost=4)
    store.offset += 30 * SECOND

    refused = await hit(store, "ada", cost=5)
    store.offset += 70 * SECOND
    await hit(store, "grace")

    assert refused.retry_after == 30 * SECOND
    assert len(store) == 1


async def test_a_counter_that_makes_room_for_another_of_its_decision_comes_back() -> None:
    """Where one limit's counter takes the room of another of the same decision, both are kept, and both forgotten."""
    store = MemoryRateStore(max_keys=4, clock=ManualClock())
    short, long = Limit(5, 10), Limit(5, 60)
    for who in ("bob", "eve", "grace"):
        await hit(store, who, short)
    store.offset += SECOND
    await hit(store, "ada", short)
    store.offset += 8 * SECOND
    for who in ("bob", "eve", "grace"):  # they are due before ada, and stay
        await hit(store, who, short)
    store.offset += 3 * SECOND

    both = await store.hit([charge("ada", long), charge("ada", short)])
    nothing = await store.hit([charge("ada", long), charge("ada", short, 0)], mode="peek")
    most = len(store)
    store.offset += 200 * SECOND
    for _ in range(3):
        await hit(store, "bob", short)

    assert [verdict.remaining for verdict in both] == [4, 4]
    assert [verdict.remaining for verdict in nothing] == [4, 4]
    assert (most, len(store)) == (4, 1)


async def test_what_is_forgotten_or_taken_back_leaves_no_trace() -> None:
    """However often a counter is reset or refunded, it is looked at once, and then gone."""
    store = MemoryRateStore(clock=ManualClock())
    for _ in range(50):
        await hit(store, "ada")
        await store.reset([charge("ada")])
        await hit(store, "ada")
        await store.refund([charge("ada")])

    store.offset += 70 * SECOND
    await hit(store, "grace")

    assert len(store) == 1


async def test_what_was_never_counted_can_be_reset_and_refunded() -> None:
    """To forget or take back what is not known changes nothing."""
    store = MemoryRateStore()

    await store.reset([charge("ada")])
    await store.refund([charge("ada")])
    [free] = await store.hit([charge("ada", cost=0)])

    assert (free.remaining, len(store)) == (5, 0)


def test_a_store_needs_room() -> None:
    """A store with room for nobody is refused."""
    with pytest.raises(ValueError, match="use max_keys >= 1"):
        MemoryRateStore(max_keys=0)


# --- threads


@pytest.mark.promise("ratelimit-59")
@pytest.mark.usefixtures("switching")
def test_threads_share_a_store() -> None:
    """Eight threads with loops of their own let through together exactly what is allowed."""
    store = MemoryRateStore()
    limit = Limit(500, 3_600)

    async def many() -> int:
        return sum([(await hit(store, "ada", limit)).retry_after == 0 for _ in range(200)])

    with ThreadPoolExecutor(8) as pool:
        admitted = [*pool.map(lambda _: asyncio.run(many()), range(8))]

    assert sum(admitted) == 500


# --- a flood


@pytest.mark.promise("ratelimit-61")
@pytest.mark.parametrize("limit", MINUTE, ids=lambda limit: limit.algorithm)
async def test_no_flood_frees_who_is_blocked(limit: Limit) -> None:
    """Whoever was refused before a flood of new callers is refused after it, and told the same."""
    store = MemoryRateStore(max_keys=100, clock=ManualClock())
    await hit(store, "mallory", limit, cost=5)
    before = await hit(store, "mallory", limit)

    for number in range(2_000):
        await hit(store, number, limit)
    after = await hit(store, "mallory", limit)

    assert after == before
    assert after.retry_after > 0
    assert len(store) == 100


async def flood(store: MemoryRateStore, numbers: range) -> float:
    """Let as many callers come once each; give the third longest time, in seconds, that one of them was kept."""
    took = []
    for number in numbers:
        one = [charge(number)]
        begin = thread_time()
        await store.hit(one)
        took.append(thread_time() - begin)
    return nlargest(3, took)[-1]  # the machine has its own reasons for one or two


@pytest.mark.slow
@pytest.mark.promise("ratelimit-62")
async def test_a_million_callers_wait_for_nothing() -> None:
    """Of a million callers within a period nobody is held up for 5 ms, and no more counters are kept than may be."""
    store = MemoryRateStore()

    longest = await flood(store, range(1_000_000))

    assert longest < 0.05  # tenfold of what it may take
    assert len(store) == 100_000


@pytest.mark.slow
@pytest.mark.promise("ratelimit-62")
async def test_a_flood_takes_no_more_memory_than_it_may() -> None:
    """A full store takes less than 64 MiB, and whoever comes beyond that takes nothing."""
    store = MemoryRateStore()
    tracemalloc.start()

    await flood(store, range(105_000))
    full, _ = tracemalloc.get_traced_memory()
    await flood(store, range(105_000, 140_000))
    beyond, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert full < 64 * 2**20
    assert beyond - full < 2**16


# --- leases


async def test_leases_are_bounded() -> None:
    """A store that holds all the leases it may refuses more until one ends, or was not renewed in time."""
    store = MemoryRateStore(max_keys=2, clock=ManualClock())
    await store.acquire("ada", "render", "1", amount=3, ttl=60.0)
    await store.acquire("grace", "render", "2", amount=3, ttl=30.0)

    refused = await store.acquire("lin", "render", "3", amount=3, ttl=60.0)
    store.offset += 30 * SECOND
    given = await store.acquire("lin", "render", "3", amount=3, ttl=60.0)
    one_too_many = await store.acquire("lin", "render", "4", amount=1, ttl=60.0)
    await store.release("ada", "render", "1")
    again = await store.acquire("ada", "render", "4", amount=3, ttl=60.0)

    assert refused == (3, 0, 30 * SECOND)
    assert given == (2, 60 * SECOND, 0)
    assert one_too_many == (0, 60 * SECOND, 60 * SECOND)
    assert again.retry_after == 0


async def test_a_lease_that_ended_is_not_renewed() -> None:
    """A lease that was given back, or ended by itself, stays so."""
    store = MemoryRateStore(clock=ManualClock())
    await store.acquire("ada", "render", "back", amount=2, ttl=60.0)
    await store.acquire("ada", "render", "late", amount=2, ttl=60.0)
    await store.release("ada", "render", "back")
    store.offset += 60 * SECOND

    await store.renew("ada", "render", "back", ttl=60.0)
    await store.renew("ada", "render", "late", ttl=60.0)
    free = await store.acquire("ada", "render", "new", amount=1, ttl=60.0)

    assert free == (0, 60 * SECOND, 0)
