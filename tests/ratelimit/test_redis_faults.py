"""Redis forgets, hangs, dies and comes back: what was counted stays counted once, and nobody waits for long."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis, Sentinel
from redis.exceptions import RedisError, ResponseError

from brickwork.ratelimit import Limit, RateStoreUnavailableError
from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.conftest import PATIENCE, charge
from tests.servers import FaultyProxy, RedisServer, SentinelServer
from tests.servers.process import Source

HOUR = Limit(1000, 3600)
DEADLINE = 0.1
SECOND = 1_000_000


async def outcome(store: RedisRateStore, limit: Limit = HOUR, *, who: str = "ada") -> str:
    """Say what becomes of one request."""
    try:
        [verdict] = await store.hit([charge(limit, who=who)])
    except RateStoreUnavailableError:
        return "unavailable"
    return "refused" if verdict.retry_after else "admitted"


async def left(store: RedisRateStore, *, who: str = "ada") -> int:
    """Say how much of the limit is left."""
    [verdict] = await store.hit([charge(HOUR, who=who)], mode="peek")
    return verdict.remaining


@pytest.fixture
async def shaky(redis_proxy: FaultyProxy) -> AsyncIterator[RedisRateStore]:
    """A store behind a proxy that fails on demand."""
    async with Redis.from_url(redis_proxy.url) as client:
        store = RedisRateStore(client, deadline=PATIENCE)
        await store.hit([charge(HOUR, who="warm-up")])
        yield store


@pytest.mark.promise("ratelimit-82")
async def test_a_lost_reply_counts_once(shaky: RedisRateStore, redis_proxy: FaultyProxy) -> None:
    """A decision whose reply is lost was counted once, and is not asked for again."""
    redis_proxy.lose_reply(of=b"EVALSHA")

    lost = await asyncio.gather(*(outcome(shaky) for _ in range(3)))

    assert lost == ["unavailable"] * 3
    assert await left(shaky) == 997


async def test_a_reply_that_is_cut_off_is_never_another(shaky: RedisRateStore, redis_proxy: FaultyProxy) -> None:
    """Half a reply is none, and the next caller has its own."""
    redis_proxy.cut_reply(of=b"EVALSHA", keep=3)

    cut = await outcome(shaky)

    assert cut == "unavailable"
    assert await left(shaky, who="grace") == 1000


@pytest.mark.promise("ratelimit-84")
async def test_a_redis_that_is_far_away_counts_once_it_is_connected(redis_proxy: FaultyProxy) -> None:
    """Connecting takes several round trips, and longer than a decision may: it goes on for those who come next."""
    redis_proxy.delay(0.012)
    async with Redis.from_url(redis_proxy.url) as client:
        store = RedisRateStore(client)

        first = await outcome(store)
        async with asyncio.timeout(PATIENCE):
            while await outcome(store) != "admitted":
                pass

    assert first == "unavailable"


async def test_leases_that_cannot_be_asked_for(shaky: RedisRateStore, redis_proxy: FaultyProxy) -> None:
    """Taking, renewing and giving back a lease say so when nobody answers, and who that was is not told."""
    await redis_proxy.refuse()

    with pytest.raises(RateStoreUnavailableError) as acquired:
        await shaky.acquire("ada", "render", "1", amount=3, ttl=60.0)
    with pytest.raises(RateStoreUnavailableError):
        await shaky.renew("ada", "render", "1", ttl=60.0)
    with pytest.raises(RateStoreUnavailableError):
        await shaky.release("ada", "render", "1")

    # Of a connection that is reset, redis-py says sometimes one thing and sometimes the other.
    assert str(acquired.value).removeprefix("Redis did not decide: ") in {"ConnectionError", "AttributeError"}


@pytest.mark.promise("ratelimit-83")
async def test_scripts_may_be_forgotten_at_any_time(redis: Redis) -> None:
    """However often the server forgets its scripts and its keys, callers notice nothing of it."""
    store = RedisRateStore(redis, deadline=PATIENCE)
    await redis.script_flush()
    await redis.config_resetstat()

    async def forget() -> None:
        for _ in range(10):
            await redis.script_flush()
            await redis.flushall()

    async def hit(name: str) -> list[str]:
        return [await outcome(store, who=name) for _ in range(40)]

    outcomes = await asyncio.gather(forget(), *(hit(f"user {number}") for number in range(10)))

    stats = await redis.info("commandstats")
    assert {each for some in outcomes[1:] for each in some or []} == {"admitted"}
    assert 1 <= stats["cmdstat_eval"]["calls"] <= 11


@pytest.mark.promise("ratelimit-84")
async def test_a_server_that_is_killed_and_comes_back(private_redis: RedisServer) -> None:
    """While it is away everybody hears so in time, and a second after it is back they are counted again."""
    async with Redis.from_url(private_redis.url) as client:
        store = RedisRateStore(client, deadline=DEADLINE)
        await RedisRateStore(client, deadline=PATIENCE).hit([charge(HOUR)])
        private_redis.kill()

        began = time.monotonic()
        away = await asyncio.gather(*(outcome(store) for _ in range(50)))
        waited = time.monotonic() - began
        private_redis.restart()
        back_at = time.monotonic()
        while await outcome(store) != "admitted":
            assert time.monotonic() - back_at < 10  # tenfold of what it may take

        assert set(away) == {"unavailable"}
        assert waited < 10
        assert await left(RedisRateStore(client, deadline=PATIENCE)) <= 998


@pytest.mark.promise("ratelimit-85")
async def test_a_frozen_server_holds_nobody(private_redis: RedisServer) -> None:
    """Each caller hears within its deadline that nothing is decided, and the event loop goes on meanwhile."""
    async with Redis.from_url(private_redis.url) as client:
        patient, hasty = RedisRateStore(client, deadline=PATIENCE), RedisRateStore(client, deadline=DEADLINE)
        await patient.hit([charge(HOUR)])
        private_redis.freeze()

        # A machine that is busy with something else holds people up as well: not each time, though.
        longest = [await longest_wait_and_lag(hasty) for _ in range(4)]
        private_redis.thaw()

        assert min(wait for wait, _ in longest) < 10 * DEADLINE
        assert min(lag for _, lag in longest) < 0.5
        assert await left(patient) == 999


async def longest_wait_and_lag(store: RedisRateStore) -> tuple[float, float]:
    """Let twenty ask in vain; say for how long one of them waited, and the event loop stood still, at most."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            turn = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append(time.monotonic() - turn - 0.005)

    async def ask(number: int) -> float:
        await asyncio.sleep(number * 0.01)  # so that most of them wait behind others
        began = time.monotonic()
        assert await outcome(store, who=f"user {number}") == "unavailable"
        return time.monotonic() - began

    watching = asyncio.create_task(watch())
    waits = await asyncio.gather(*map(ask, range(20)))
    watching.cancel()
    return max(waits), max(lags)


@pytest.mark.slow
async def test_a_pause_of_five_seconds(redis: Redis) -> None:
    """A server that writes nothing for seconds is an error until it does, and the decisions are not made up for."""
    hasty, patient = RedisRateStore(redis, deadline=DEADLINE), RedisRateStore(redis, deadline=PATIENCE)
    await patient.hit([charge(HOUR)])
    await redis.client_pause(5_000, all=False)

    paused_until = time.monotonic() + 4.5
    outcomes: Counter[str] = Counter()
    while time.monotonic() < paused_until:
        outcomes[await outcome(hasty)] += 1
    counted_before = await outcome(patient)

    assert set(outcomes) == {"unavailable"}
    assert counted_before == "admitted"
    assert 1000 - await left(patient) <= 2 + outcomes["unavailable"]


@pytest.mark.promise("ratelimit-74")
async def test_clocks_of_processes_do_not_matter(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes whose clocks are minutes apart together admit what the limit says, by the clock of the server."""
    real = time.monotonic_ns
    minute = Limit(10, 60)
    stores = [RedisRateStore(redis, deadline=PATIENCE) for _ in range(3)]
    outcomes = []

    for turn in range(60):
        skew = (0, 70, -70)[turn % 3]
        monkeypatch.setattr(time, "monotonic_ns", lambda skew=skew: real() + skew * 1_000_000_000)
        monkeypatch.setattr(time, "time", lambda skew=skew: real() / 1e9 + skew)
        outcomes.append(await outcome(stores[turn % 3], minute))
        monkeypatch.undo()

    assert Counter(outcomes) == {"admitted": 10, "refused": 50}


@pytest.mark.promise("ratelimit-14")
@pytest.mark.parametrize(
    "limit", [Limit(5, 60), Limit(5, 60, "fixed"), Limit(5, 60, "gcra"), Limit(5, 60, "log")], ids=str
)
async def test_the_clock_of_the_server_is_set_back(redis: Redis, limit: Limit) -> None:
    """An hour back or forth locks nobody out for longer than a period, and lets nobody through too early."""
    store = RedisRateStore(redis, deadline=PATIENCE)
    store._present = 1_767_225_600 * SECOND
    for _ in range(5):
        await store.hit([charge(limit)])

    store.offset = -3600 * SECOND
    [back] = await store.hit([charge(limit)])
    store.offset += back.retry_after
    after_the_wait = await outcome(store, limit)
    store.offset = 3600 * SECOND
    [forth] = await store.hit([charge(limit)])

    assert 0 < back.retry_after <= 60 * SECOND
    assert after_the_wait == "admitted"
    assert forth == (4, 60 * SECOND if limit.algorithm != "gcra" else 12 * SECOND, 0)


@pytest.mark.slow
@pytest.mark.promise("ratelimit-86")
async def test_a_failover(private_redis: RedisServer, sentinel: SentinelServer) -> None:
    """When Sentinel makes another server the master, its counts go on, and the app need not be restarted."""
    async with AsyncExitStack() as opened:
        second = opened.enter_context(RedisServer(_source(private_redis)))
        urls = private_redis.url, second.url, sentinel.url
        master, replica, watching = [await opened.enter_async_context(Redis.from_url(url)) for url in urls]
        await master.config_set("repl-diskless-sync-delay", 0)
        await replica.replicaof("127.0.0.1", str(private_redis.port))
        watch = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
        opened.push_async_callback(watch.sentinels[0].aclose)
        store = RedisRateStore(await opened.enter_async_context(watch.master_for("main")), deadline=1.0)
        for _ in range(10):
            await store.hit([charge(HOUR)])
        while await master.wait(1, 1_000) < 1:
            pass

        await fail_over(watching)
        began = time.monotonic()
        while not await admitted_by(store, replica):
            assert time.monotonic() - began < 20

        assert await left(store) <= 989


async def fail_over(watching: Redis) -> None:
    """Let Sentinel make the replica the master, as soon as it finds it good enough."""
    async with asyncio.timeout(40):
        while True:
            try:
                await watching.execute_command("SENTINEL FAILOVER", "main")  # type: ignore[no-untyped-call]
            except ResponseError:
                await watching.execute_command("SENTINEL CKQUORUM", "main")  # type: ignore[no-untyped-call]
            else:
                return


async def admitted_by(store: RedisRateStore, server: Redis) -> bool:
    """Say whether a request is admitted and that server counted it."""
    try:
        role = (await server.info("replication"))["role"]
    except RedisError:  # whoever changes its role shows its clients the door
        return False
    return role == "master" and await outcome(store) == "admitted"


def _source(server: RedisServer) -> Source:
    return Source(server.version, server.source, program=server.program)
