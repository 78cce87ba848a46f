"""Redis is called once and until a deadline, whatever becomes of the call, and the app's client stays as it is."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import BlockingConnectionPool, Redis, RedisCluster, Sentinel
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from brickwork._core.redis import RedisCaller, RedisUnavailableError, Script
from tests.servers import ClusterServer, FaultyProxy, RedisServer, SentinelServer

PATIENCE = 10.0  # seconds, where the test is not about the deadline
SUM = Script("return redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def shaky(redis_proxy: FaultyProxy) -> AsyncIterator[RedisCaller]:
    """Calls through a proxy that fails on demand, by a client that would try three times more."""
    async with Redis.from_url(redis_proxy.url, retry=Retry(NoBackoff(), 3)) as client:
        yield RedisCaller(client, deadline=0.3)


async def test_a_script_runs_whether_the_server_knows_it_or_not(client: Redis) -> None:
    """A script runs the first time, by its digest from then on, and after the server has forgotten it."""
    caller = RedisCaller(client, deadline=PATIENCE)

    sums = [await caller.run(SUM, ["sum"], 2), await caller.run(SUM, ["sum"], 3)]
    await client.script_flush()
    sums.append(await caller.run(SUM, ["sum"], 4))

    assert sums == [2, 5, 9]


@pytest.mark.parametrize("protocol", [2, 3])
async def test_replies_are_bytes(protocol: int, redis_url: str) -> None:
    """What a client was told to make of replies does not matter, and it goes on doing that for the app."""
    async with Redis.from_url(redis_url, decode_responses=True, protocol=protocol) as client:
        caller = RedisCaller(client, deadline=PATIENCE)
        await client.set("book", "Middlemarch")

        reply = await caller.command("GET", "book")
        own = await client.get("book")

    assert reply == b"Middlemarch"
    assert own == "Middlemarch"


async def test_a_lost_reply_is_not_asked_for_again(client: Redis, shaky: RedisCaller, redis_proxy: FaultyProxy) -> None:
    """A call whose reply is lost was executed once, and is an error; the next one works."""
    await shaky.run(SUM, ["sum"], 1)
    redis_proxy.lose_reply(of=b"EVALSHA")

    with pytest.raises(RedisUnavailableError):
        await shaky.run(SUM, ["sum"], 1)

    assert await client.get("sum") == b"2"
    assert await shaky.run(SUM, ["sum"], 1) == 3


async def test_a_frozen_server_holds_nobody_longer_than_the_deadline(private_redis: RedisServer) -> None:
    """The deadline holds for connecting and for reading, and the server is found again when it moves."""
    async with Redis.from_url(private_redis.url) as client:
        caller = RedisCaller(client, deadline=0.2)
        await caller.command("INCR", "sum")
        private_redis.freeze()
        began = time.monotonic()

        for _ in range(3):
            with pytest.raises(RedisUnavailableError):
                await caller.command("INCR", "sum")
        waited = time.monotonic() - began
        private_redis.thaw()

        assert waited < 2
        assert await RedisCaller(client, deadline=PATIENCE).command("INCR", "other") == 1


async def test_a_server_that_is_away_is_an_error_until_it_is_back(private_redis: RedisServer) -> None:
    """A killed server is one error, and a restarted one, which has forgotten each script, works at once."""
    async with Redis.from_url(private_redis.url) as client:
        caller = RedisCaller(client, deadline=PATIENCE)
        await caller.run(SUM, ["sum"], 1)
        private_redis.kill()

        with pytest.raises(RedisUnavailableError):
            await RedisCaller(client, deadline=0.2).run(SUM, ["sum"], 1)
        private_redis.restart()

        assert await caller.run(SUM, ["sum"], 1) == 2


async def test_a_refused_connection_is_an_error(shaky: RedisCaller, redis_proxy: FaultyProxy) -> None:
    """Nobody listening is one error, within the deadline, and is over when somebody does."""
    await redis_proxy.refuse()

    with pytest.raises(RedisUnavailableError):
        await shaky.command("INCR", "sum")
    await redis_proxy.heal()

    assert await shaky.command("INCR", "sum") == 1


async def test_a_call_that_waits_for_a_connection_has_the_same_deadline(redis_url: str) -> None:
    """A pool whose connections are all taken is an error after the deadline, though the pool would wait longer."""
    pool = BlockingConnectionPool.from_url(redis_url, max_connections=1, timeout=PATIENCE)
    async with Redis.from_pool(pool) as client:
        taken = await pool.get_connection()  # type: ignore[no-untyped-call]

        with pytest.raises(RedisUnavailableError):
            await RedisCaller(client, deadline=0.05).command("INCR", "sum")
        await pool.release(taken)

        assert await RedisCaller(client, deadline=PATIENCE).command("INCR", "sum") == 1


async def test_cancelled_calls_leave_nothing_behind(client: Redis) -> None:
    """Whenever a call is broken off, the next on that connection has its own reply, and no connection is lost."""
    caller = RedisCaller(client, deadline=PATIENCE)
    broken_off = 0

    for attempt in range(200):
        call = asyncio.create_task(caller.command("ECHO", f"broken {attempt}"))
        for _ in range(attempt % 20):
            await asyncio.sleep(0)
        broken_off += call.cancel()
        await asyncio.wait([call])
        assert await caller.command("ECHO", f"whole {attempt}") == b"whole %d" % attempt

    assert broken_off > 0
    assert not client.connection_pool._in_use_connections
    assert len(client.connection_pool._available_connections) == 1


async def test_a_reply_that_is_broken_off_is_never_the_next_one(shaky: RedisCaller, redis_proxy: FaultyProxy) -> None:
    """A reply that comes after its deadline is not taken for that of the next call."""
    await shaky.command("ECHO", "first")
    redis_proxy.delay(0.5)

    with pytest.raises(RedisUnavailableError):
        await shaky.command("ECHO", "late")
    await redis_proxy.heal()

    assert await shaky.command("ECHO", "next") == b"next"


async def test_a_connection_that_is_reset_under_a_call_is_an_error(redis_proxy: FaultyProxy) -> None:
    """Whatever redis-py raises when somebody closes the pool during a call, it is the same error."""
    async with Redis.from_url(redis_proxy.url) as client:
        caller = RedisCaller(client, deadline=PATIENCE)
        await caller.command("PING", "ready")
        redis_proxy.hang()
        call = asyncio.create_task(caller.command("PING", "held"))
        for _ in range(10):  # turns, in which the call is sent
            await asyncio.sleep(0)

        await client.connection_pool.disconnect()

        with pytest.raises(RedisUnavailableError):
            await call
        await redis_proxy.heal()
        assert await caller.command("PING", "again") == b"again"


@pytest.mark.parametrize("refusal", ["wrong type", "read-only"])
async def test_a_refusal_of_the_server_is_an_error(refusal: str, private_redis: RedisServer) -> None:
    """What the server cannot do is the same error, and the next call looks anew for a server that can."""
    async with Redis.from_url(private_redis.url) as client:
        caller = RedisCaller(client, deadline=PATIENCE)
        await client.set("sum", "no number")
        if refusal == "read-only":
            await client.replicaof("127.0.0.1", "1")

        with pytest.raises(RedisUnavailableError):
            await caller.command("INCR", "sum")

        assert not any(each.is_connected for each in client.connection_pool._available_connections)


def echo_in_three_loops(redis_url: str) -> list[list[object]]:
    """Ask twice in each of three event loops, with one client."""
    client = Redis.from_url(redis_url)
    caller = RedisCaller(client, deadline=PATIENCE)

    async def twice(word: str, *, last: bool = False) -> list[object]:
        replies = [await caller.command("ECHO", word), await caller.command("ECHO", word)]
        if last:
            await client.aclose()
        return replies

    return [asyncio.run(twice("first")), asyncio.run(twice("second")), asyncio.run(twice("third", last=True))]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_client_of_another_loop_works_on(redis_url: str) -> None:
    """A client that knew another event loop connects anew in this one, as in tests with a loop for each request."""
    replies = echo_in_three_loops(redis_url)
    for _ in range(3):
        gc.collect()  # the connections that nobody can close any more

    assert replies == [[b"first"] * 2, [b"second"] * 2, [b"third"] * 2]


async def test_the_app_keeps_its_retries(redis_proxy: FaultyProxy) -> None:
    """The client goes on to try again for the app, on the very connections that Brickwork calls on."""
    async with Redis.from_url(redis_proxy.url, retry=Retry(NoBackoff(), 3)) as client:
        await RedisCaller(client, deadline=PATIENCE).command("INCR", "sum")
        redis_proxy.lose_reply(of=b"INCR")

        total = await client.incr("sum")

    assert total == 3


@pytest.mark.promise("auth-179")
async def test_the_master_behind_sentinel(sentinel: SentinelServer, private_redis: RedisServer) -> None:
    """A client that Sentinel leads to the master works like any other."""
    watch = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    async with watch.master_for("main") as client:
        caller = RedisCaller(client, deadline=PATIENCE)

        total = await caller.run(SUM, ["sum"], 5)

        assert total == 5
        assert not caller.sharded
    for each in watch.sentinels:
        await each.aclose()


async def test_cluster(private_cluster: ClusterServer) -> None:
    """A cluster runs scripts by the slot of their keys, and refuses keys that live apart."""
    async with RedisCluster.from_url(private_cluster.url, decode_responses=True) as client:
        caller = RedisCaller(client, deadline=PATIENCE)

        total = await caller.run(SUM, ["sum"], 5)

        assert total == 5
        assert await caller.command("GET", "sum") == b"5"
        assert caller.sharded
        with pytest.raises(RedisUnavailableError):
            await caller.run(SUM, ["sum", "elsewhere"], 5)


async def test_a_frozen_cluster(private_cluster: ClusterServer) -> None:
    """A cluster that hangs is an error after the deadline; then it is asked anew who serves what."""
    async with RedisCluster.from_url(private_cluster.url) as client:
        patient = RedisCaller(client, deadline=PATIENCE)
        hasty = RedisCaller(client, deadline=0.2)
        await patient.command("INCR", "sum")
        private_cluster.freeze()

        for _ in range(2):  # the second time it is asked in vain who serves what
            with pytest.raises(RedisUnavailableError):
                await hasty.command("INCR", "other")
        private_cluster.thaw()
        epoch = client.nodes_manager._epoch
        again = await hasty.command("INCR", "another")

        assert again == 1
        assert client.nodes_manager._epoch > epoch


async def test_a_lost_reply_of_a_cluster_is_not_asked_for_again(private_cluster: ClusterServer) -> None:
    """On a cluster, too, a call whose reply is lost was executed once."""
    async with FaultyProxy(private_cluster.url) as proxy:
        way = "127.0.0.1", urlsplit(proxy.url).port or 0
        async with RedisCluster.from_url(proxy.url, address_remap=lambda _: way) as client:
            caller = RedisCaller(client, deadline=PATIENCE)
            await caller.command("INCR", "sum")
            proxy.lose_reply(of=b"INCR")

            with pytest.raises(RedisUnavailableError):
                await caller.command("INCR", "sum")
            # After an error, redis-py's client closes none of its connections.
            await client.nodes_manager.aclose()
            await client.nodes_manager.aclose("startup_nodes")

    async with Redis.from_url(private_cluster.url) as direct:
        assert await direct.get("sum") == b"2"


async def test_nonsense_is_refused(client: Redis) -> None:
    """A client that cannot serve requests and a deadline that is none are refused before any request."""
    with pytest.raises(TypeError, match=r"write redis\.asyncio\.Redis"):
        RedisCaller("redis://localhost")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="leave single_connection_client out"):
        RedisCaller(Redis(single_connection_client=True))
    with pytest.raises(ValueError, match="above 0 seconds"):
        RedisCaller(client, deadline=0)


async def test_many_calls_are_one_round_trip(shaky: RedisCaller, redis_proxy: FaultyProxy) -> None:
    """Calls that are made together share a round trip, and one that fails harms no other."""
    await shaky.run(SUM, ["sum"], 1)
    await shaky.command("SET", "word", "no number")
    redis_proxy.delay(0.1)  # several round trips would be too many for the deadline

    replies = await shaky.run_all(SUM, [(["sum"], [1]), (["word"], [1]), (["sum"], [2]), (["sum"], [3])])

    assert [replies[0], *replies[2:]] == [2, 4, 7]
    assert isinstance(replies[1], RedisUnavailableError)


async def test_a_forgotten_script_is_sent_once(client: Redis) -> None:
    """However many calls a server cannot execute because it has forgotten the script, it is sent along one of them."""
    caller = RedisCaller(client, deadline=PATIENCE)
    await client.script_flush()
    await client.config_resetstat()

    replies = await caller.run_all(SUM, [(["sum"], [1])] * 5)

    stats = await client.info("commandstats")
    assert replies == [1, 2, 3, 4, 5]
    assert stats["cmdstat_eval"]["calls"] == 1


async def test_many_calls_to_a_server_that_is_away(shaky: RedisCaller, redis_proxy: FaultyProxy) -> None:
    """Where nobody answers at all, that is one error for all."""
    await redis_proxy.refuse()

    with pytest.raises(RedisUnavailableError):
        await shaky.run_all(SUM, [(["sum"], [1])] * 5)


async def test_many_calls_to_a_cluster(private_cluster: ClusterServer) -> None:
    """On a cluster, too, calls that are made together each have their own answer or error, and a deadline."""
    async with RedisCluster.from_url(private_cluster.url) as client:
        caller = RedisCaller(client, deadline=PATIENCE)
        await caller.command("SET", "word", "no number")

        replies = await caller.run_all(SUM, [(["sum"], [1]), (["word"], [1]), (["other"], [2])])
        private_cluster.freeze()
        with pytest.raises(RedisUnavailableError):
            await RedisCaller(client, deadline=0.2).run_all(SUM, [(["sum"], [1])])
        private_cluster.kill()
        away = await caller.run_all(SUM, [(["sum"], [1])] * 2)

    assert replies[::2] == [1, 2]
    assert isinstance(replies[1], RedisUnavailableError)
    assert [type(reply) for reply in away] == [RedisUnavailableError] * 2


def test_nobody_knows_where_a_key_is_before_the_first_call() -> None:
    """A cluster that was not asked yet names no server."""
    caller = RedisCaller(RedisCluster(host="127.0.0.1", port=1))

    assert caller.where("key") == ""
