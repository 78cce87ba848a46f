"""Counting in what the package `limits` reaches: what holds there, and what does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits.aio.storage import MemcachedStorage, MemoryStorage, RedisStorage, Storage
from limits.storage import MemoryStorage as BlockingStorage

from brickwork.ratelimit import Algorithm, Charge, Limit, RateStoreUnavailableError
from brickwork.ratelimit._rules.values import NEVER, SECOND
from brickwork.ratelimit.limits import LimitsRateStore
from tests.ratelimit.memcached import MemcachedServer, memcached

PATIENCE = 10.0  # seconds: most tests are not about deadlines, and the machine may be busy
DAY = 86_400

_MEMCACHED = memcached()
_BACKENDS = ["memory", "redis", *(["memcached"] if _MEMCACHED else [])]
_ALGORITHMS: dict[str, list[Algorithm]] = {
    "memory": ["fixed", "sliding", "log"],
    "redis": ["fixed", "sliding", "log"],
    "memcached": ["fixed", "sliding"],
}
EACH = pytest.mark.parametrize(
    ("backend", "algorithm"), [(backend, algorithm) for backend in _BACKENDS for algorithm in _ALGORITHMS[backend]]
)


def charge(limit: Limit, cost: int = 1, *, who: str = "ada", what: str = "search") -> Charge:
    """One charge, with digests as long as real ones."""
    return Charge(f"{who:_<22}", f"{what:_<11}", limit, cost)


@pytest.fixture(scope="session")
def running_memcached() -> Iterator[MemcachedServer]:
    """A Memcached of our own."""
    assert _MEMCACHED is not None
    with MemcachedServer(_MEMCACHED) as server:
        yield server


@pytest.fixture
async def storage(backend: str, request: pytest.FixtureRequest) -> AsyncIterator[Storage]:
    """An empty storage."""
    if backend == "memory":
        memory = MemoryStorage()
        yield memory
        if memory.timer is not None:
            await memory.timer
    elif backend == "redis":
        redis = RedisStorage(f"async+{request.getfixturevalue('redis_url')}", implementation="redispy")
        yield redis
        await redis.bridge.get_connection().aclose()  # type: ignore[attr-defined]
    else:
        server = request.getfixturevalue("running_memcached")
        server.empty()
        memcached = MemcachedStorage(f"async+{server.url}")
        yield memcached
        client: Any = await memcached.bridge.get_storage()  # type: ignore[attr-defined]
        client.connection_pool.close()


@pytest.fixture
def store(storage: Storage) -> LimitsRateStore:
    """A store that counts there."""
    return LimitsRateStore(storage, deadline=PATIENCE)


async def hits(store: LimitsRateStore, *charges: Charge, mode: Any = "count") -> list[tuple[int, bool]]:
    """Decide once; give what remains of each, and whether each admits."""
    return [(verdict.remaining, not verdict.retry_after) for verdict in await store.hit(charges, mode=mode)]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_a_limit_lets_through_what_it_says(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """Three pass and the fourth does not; another caller and another bucket are not concerned."""
    limit = Limit(3, DAY, algorithm)

    found = [await hits(store, charge(limit)) for _ in range(4)]
    others = [await hits(store, charge(limit, who="grace")), await hits(store, charge(limit, what="read"))]

    assert found == [[(2, True)], [(1, True)], [(0, True)], [(0, False)]]
    assert others == [[(2, True)], [(2, True)]]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_a_refusal_tells_when(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """The wait is within two periods, and there is none to be told where a cost can never pass."""
    limit = Limit(2, DAY, algorithm)
    await store.hit([charge(limit, 2)])

    (refused,) = await store.hit([charge(limit)])
    (never,) = await store.hit([charge(limit, 3)])

    assert 0 < refused.retry_after <= 2 * DAY * SECOND
    assert 0 < refused.reset_after <= 2 * DAY * SECOND
    assert never.retry_after == NEVER


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_a_refusal_costs_nothing(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """Where one limit refuses, the other has not counted; nor has the one that refuses."""
    narrow, wide = Limit(1, DAY, algorithm), Limit(100, DAY, algorithm)
    await store.hit([charge(narrow), charge(wide)])

    for _ in range(5):
        await store.hit([charge(narrow), charge(wide)])
    dear = await hits(store, charge(wide, 100))
    rest = await hits(store, charge(wide, 99))

    assert dear == [(99, False)]
    assert rest == [(0, True)]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_looking_and_what_is_free_count_nothing(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """`peek` counts nothing, and a cost of 0 passes even where nothing is left."""
    limit = Limit(1, DAY, algorithm)

    looks = [await hits(store, charge(limit), mode="peek") for _ in range(3)]
    await store.hit([charge(limit)])
    free = await hits(store, charge(limit, 0))

    assert looks == [[(1, True)]] * 3
    assert free == [(0, True)]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_force_counts_as_far_as_the_storage_can(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """What is forced counts up to the limit, with `fixed` up to as much debt again."""
    limit = Limit(4, DAY, algorithm)
    await store.hit([charge(limit, 3)])

    forced = [(await store.hit([charge(limit, 3)], mode="force"))[0] for _ in range(3)]
    await store.refund([charge(limit, 4)])

    (look,) = await store.hit([charge(limit)], mode="peek")
    assert forced[-1].remaining == 0
    assert bool(look.retry_after) is (algorithm == "fixed" or not _takes_back(store, algorithm))


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_what_was_counted_is_taken_back_where_that_can_be(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """A refund gives back with `fixed`, with `sliding` in memory and Memcached, and never more than was there."""
    limit = Limit(5, DAY, algorithm)
    await store.hit([charge(limit, 3)])

    await store.refund([charge(limit, 2)])
    (after,) = await store.hit([charge(limit)], mode="peek")
    await store.refund([charge(limit, 5)])
    await store.refund([charge(limit, 5)])
    (emptied,) = await store.hit([charge(limit)], mode="peek")

    expected = (4, 5) if _takes_back(store, algorithm) else (2, 2)
    assert (after.remaining, emptied.remaining) == expected


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_what_a_window_took_with_it_is_not_taken_back(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """A refund for a window that has ended leaves the present one alone."""
    limit = Limit(5, 60, algorithm)
    await store.hit([charge(limit, 3)])

    await store.refund([charge(limit, 3)], age=10 * 60.0)

    assert await hits(store, charge(limit), mode="peek") == [(2, True)]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_reset_forgets(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """After a reset all is as it was at first."""
    limit = Limit(1, DAY, algorithm)
    await store.hit([charge(limit)])

    await store.reset([charge(limit)])

    assert await hits(store, charge(limit)) == [(0, True)]


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_many_at_once_never_get_more(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """Of forty that ask at once, no more than ten pass; who is refused got nothing counted that can be taken back."""
    narrow, wide = Limit(10, DAY, algorithm), Limit(40, DAY, algorithm)

    found = await asyncio.gather(*[hits(store, charge(narrow), charge(wide)) for _ in range(40)])

    passed = [all(admitted for _, admitted in each) for each in found].count(True)
    ((left, _),) = await hits(store, charge(wide), mode="peek")
    assert 0 < passed <= 10
    assert left <= 40 - passed
    if _takes_back(store, algorithm):
        assert left == 40 - passed


@pytest.mark.promise("ratelimit-76")
@EACH
async def test_two_charges_on_one_counter_add_up(store: LimitsRateStore, algorithm: Algorithm) -> None:
    """Two charges that fit one by one, and not together, are refused."""
    limit = Limit(3, DAY, algorithm)

    [first, second] = await store.hit([charge(limit, 2), charge(limit, 2)])
    [never] = await store.hit([charge(limit, 4)])

    assert first == second == never
    assert never.retry_after == NEVER


@pytest.mark.promise("ratelimit-76")
@pytest.mark.parametrize("backend", ["redis"])
async def test_what_a_lost_race_has_counted_is_taken_back(store: LimitsRateStore) -> None:
    """Of many at once that look before any of them has counted, those who come too late leave no trace."""
    wide, narrow = Limit(1000, DAY, "fixed"), Limit(3, DAY, "fixed")
    both = [charge(wide, what="wide"), charge(narrow, what="narrow")]

    decided = await asyncio.gather(*(store.hit(both) for _ in range(20)))
    passed = sum(not any(verdict.retry_after for verdict in each) for each in decided)
    left = await hits(store, charge(wide, 0, what="wide"))

    assert passed == 3
    assert left == [(1000 - passed, True)]


@pytest.mark.promise("ratelimit-76")
@pytest.mark.parametrize("backend", ["memory"])
@given(previous=st.integers(0, 12), current=st.integers(0, 10), ends=st.floats(0.01, 60), cost=st.integers(1, 10))
def test_the_wait_of_a_sliding_window_is_the_one_that_helps(
    backend: str, previous: int, current: int, ends: float, cost: int
) -> None:
    """After the time that is told the charge fits; a thousandth of a second earlier it does not."""
    del backend
    limit = Limit(10, 60, "sliding")

    async def wait() -> float:
        store = LimitsRateStore(_Windows(previous, ends, current))
        (verdict,) = await store.hit([charge(limit, cost)], mode="peek")
        return verdict.retry_after / SECOND

    def fits(after: float) -> bool:
        if after < ends:
            used = previous * (ends - after) / 60 + current
        else:
            used = max(0.0, current * (60 + ends - after) / 60)
        return int(used) + cost <= 10

    told = asyncio.run(wait())

    assert fits(told + 0.001)
    assert told <= 0.001 or not fits(told - 0.001)


class _Windows(MemoryStorage):
    """A storage that was used in a certain way."""

    def __init__(self, previous: int, ends: float, current: int) -> None:
        super().__init__()
        self._windows = previous, ends if previous else 0.0, current, ends + 60

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        return self._windows


@pytest.mark.promise("ratelimit-76")
@pytest.mark.parametrize("backend", _BACKENDS)
async def test_what_the_storage_cannot_do_is_said(store: LimitsRateStore, backend: str) -> None:
    """The algorithms of a storage are known, and any other is refused with what to use."""
    assert store.algorithms == {*_ALGORITHMS[backend]}
    for algorithm in {"gcra", "log"} - store.algorithms:
        with pytest.raises(ValueError, match=rf"cannot count by {algorithm}: use fixed"):
            await store.hit([charge(Limit(5, 60, algorithm))])  # type: ignore[arg-type]


@pytest.mark.promise("ratelimit-76")
@pytest.mark.parametrize(("limit", "most"), [(Limit(5, 31 * DAY, "fixed"), 30), (Limit(5, 16 * DAY), 15)])
async def test_memcached_remembers_for_a_month(limit: Limit, most: int) -> None:
    """Memcached would forget a longer period at once: it is refused."""
    store = LimitsRateStore("memcached://127.0.0.1:1")

    with pytest.raises(ValueError, match=rf"Memcached cannot count by {limit.algorithm} for over {most * DAY} s"):
        await store.hit([charge(limit)])


@pytest.mark.promise("ratelimit-76")
@pytest.mark.parametrize("uri", ["memcached://127.0.0.1:1", "async+memcached://127.0.0.1:1"])
async def test_a_storage_that_is_away_is_unavailable(uri: str) -> None:
    """Whatever a client raises is the one error that stores raise."""
    store, asked = LimitsRateStore(uri), [charge(Limit(5, 60))]

    for question in (store.hit, store.refund, store.reset):
        with pytest.raises(RateStoreUnavailableError):
            await question(asked)


class _Silent(MemoryStorage):
    """A storage that never answers."""

    async def get(self, key: str) -> int:
        await asyncio.Event().wait()
        raise AssertionError


@pytest.mark.promise("ratelimit-76")
async def test_nobody_waits_longer_than_the_deadline() -> None:
    """A storage that does not answer in time is unavailable."""
    store = LimitsRateStore(_Silent(), deadline=0.01)

    with pytest.raises(RateStoreUnavailableError):
        await store.hit([charge(Limit(5, 60, "fixed"))])


@pytest.mark.promise("ratelimit-76")
def test_wrong_storages_are_refused() -> None:
    """A storage that blocks is refused, and so is a deadline that leaves no time."""
    with pytest.raises(TypeError, match=r"MemoryStorage would block every request: take it from limits\.aio\.storage"):
        LimitsRateStore(BlockingStorage())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leaves no time to ask"):
        LimitsRateStore("memory://", deadline=0)


def _takes_back(store: LimitsRateStore, algorithm: Algorithm) -> bool:
    return algorithm == "fixed" or (algorithm == "sliding" and not isinstance(store._storage, RedisStorage))
