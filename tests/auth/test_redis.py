"""Stores in Redis agree between processes, refuse when nobody answers, and are right on a cluster."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import ConnectionPool, Redis, RedisCluster

from brickwork.auth import AuthUnavailableError, TokenStore
from brickwork.auth.redis import RedisApiKeyStore, RedisAttemptStore, RedisTokenStore
from tests.auth.conftest import PATIENCE
from tests.auth.records import IDLE, NOW, TOTAL, alive, digest, new_key, rotate, started
from tests.servers import ClusterServer, FaultyProxy, RedisServer

ROOT = Path(__file__).parents[2]
# A second process: it ends, rotates or spends what it is told, and answers in one line.
SECOND = """
import asyncio, sys
from redis.asyncio import Redis
from brickwork.auth.redis import RedisTokenStore
from tests.auth.records import NOW, digest

async def main():
    async with Redis.from_url(sys.argv[1]) as client:
        store = RedisTokenStore(client, deadline=10)
        for line in sys.stdin:
            what, name = line.split()
            if what == "end":
                answer = await store.end(name)
            elif what == "check":
                answer = await store.check(name, "token", now=NOW)
            elif what == "spend":
                answer = await store.spend(name, now=NOW, until=NOW + 60)
            else:
                made = [
                    store.rotate(
                        name, presented=digest("first"), successor=digest(f"{what} {n}"),
                        now=NOW, idle_expires_at=NOW + 60, grace=0,
                    )
                    for n in range(25)
                ]
                answer = ",".join(each.outcome for each in await asyncio.gather(*made))
            print(answer, flush=True)

asyncio.run(main())
"""
Ask = Callable[[str], Awaitable[str]]


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database."""
    async with Redis.from_url(redis_url) as client:
        yield client


async def names(client: Redis) -> list[str]:
    """Give the names of all keys."""
    return [name.decode() if isinstance(name, bytes) else name for name in await client.keys()]


@pytest.fixture
async def second(redis_url: str) -> AsyncIterator[Ask]:
    """Another process on the same Redis, which does what it is told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SECOND, redis_url, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdin is not None
    assert process.stdout is not None
    orders, answers = process.stdin, process.stdout

    async def ask(order: str) -> str:
        orders.write(f"{order}\n".encode())
        return (await answers.readline()).decode().strip()

    yield ask
    orders.close()
    await process.wait()


@pytest.mark.promise("auth-174")
async def test_two_processes_agree_at_once(client: Redis, second: Ask) -> None:
    """What one process ends, the other refuses with its very next call, in both directions."""
    store = RedisTokenStore(client, deadline=PATIENCE)
    mine, yours = await started(store), await started(store)
    assert await second(f"check {mine.id}") == "True"

    await store.end(mine.id)
    seen = await second(f"check {mine.id}")
    ended = await second(f"end {yours.id}")

    assert (seen, ended) == ("False", "True")
    assert not await alive(store, yours)


@pytest.mark.promise("auth-174")
async def test_two_processes_rotate_once(client: Redis, second: Ask) -> None:
    """Of fifty refreshes of one token in two processes, one succeeds, and the session ends."""
    store = RedisTokenStore(client, deadline=PATIENCE)
    session = await started(store)

    here = [rotate(store, session, "first", f"here {n}") for n in range(25)]
    mine, theirs = await asyncio.gather(asyncio.gather(*here), second(f"there {session.id}"))

    outcomes = [each.outcome for each in mine] + theirs.split(",")
    assert sorted(outcomes) == ["reused", "rotated"] + ["unknown"] * 48
    assert not await alive(store, session)


@pytest.mark.promise("auth-174")
async def test_two_processes_spend_once(client: Redis, second: Ask) -> None:
    """A one-time token that two processes are shown works in one of them."""
    store = RedisTokenStore(client, deadline=PATIENCE)

    answers = await asyncio.gather(store.spend("reset", now=NOW, until=NOW + 60), second("spend reset"))

    assert sorted(map(str, answers)) == ["False", "True"]


class CountingPool(ConnectionPool):
    """Counts how often a connection is taken from it: once for a round trip."""

    taken = 0

    async def get_connection(self, *arguments: Any, **options: Any) -> Any:
        """Give a connection."""
        self.taken += 1
        return await super().get_connection(*arguments, **options)  # type: ignore[no-untyped-call]


async def test_many_sessions_take_no_more_round_trips_than_few(redis_url: str) -> None:
    """Listing, crowding out and ending is a question for all of them, not for one after another."""
    pool = CountingPool.from_url(redis_url)
    async with Redis.from_pool(pool) as client:
        tokens = RedisTokenStore(client, deadline=PATIENCE)
        for turn in range(40):
            await started(tokens, at=NOW + turn)
        taken = [pool.taken]

        listed = await tokens.sessions("ada", now=NOW + 40)
        taken.append(pool.taken)
        await started(tokens, at=NOW + 41, limit=21)
        taken.append(pool.taken)
        left = await tokens.sessions("ada", now=NOW + 42)
        taken.append(pool.taken)
        ended = await tokens.end_all("ada")
        taken.append(pool.taken)

    assert [len(listed), len(left), ended] == [40, 21, 21]
    assert [each.used_at for each in listed] == [NOW + turn for turn in reversed(range(40))]
    assert all(later - earlier <= 4 for earlier, later in pairwise(taken))


@pytest.mark.promise("auth-175")
@pytest.mark.parametrize("fault", ["killed", "frozen"])
async def test_a_server_that_is_down_lets_nobody_in(fault: str, private_redis: RedisServer) -> None:
    """No call of any store takes silence for an answer, and all of them work when the server is back."""
    async with Redis.from_url(private_redis.url) as client:
        session = await started(RedisTokenStore(client, deadline=PATIENCE))
        getattr(private_redis, {"killed": "kill", "frozen": "freeze"}[fault])()
        tokens = RedisTokenStore(client, deadline=0.05)
        calls: list[Awaitable[object]] = [
            tokens.check(session.id, "token", now=NOW),
            tokens.get(session.id, now=NOW),
            rotate(tokens, session, "first", "second"),
            tokens.spend("reset", now=NOW, until=NOW + 60),
            tokens.deny("token", now=NOW, until=NOW + 60),
            tokens.end_all("ada"),
            started(tokens, "grace"),
            RedisApiKeyStore(client, deadline=0.05).get("key"),
            RedisAttemptStore(client, deadline=0.05).attempt("ada", limit=1, per=60, now=NOW),
        ]

        for call in calls:
            with pytest.raises(AuthUnavailableError):
                await call

        getattr(private_redis, {"killed": "restart", "frozen": "thaw"}[fault])()
        assert await RedisTokenStore(client, deadline=PATIENCE).check(session.id, "other", now=NOW)


@pytest.mark.promise("auth-92")
async def test_the_log_says_that_redis_cannot_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    """A warning names the store and the kind of error, and nothing of what was asked."""
    async with Redis.from_url("redis://:a-password@127.0.0.1:1") as client:
        with pytest.raises(AuthUnavailableError):
            await RedisTokenStore(client).get("the-session", now=NOW)

    assert caplog.record_tuples == [("brickwork.auth", logging.WARNING, "Redis cannot be asked: ConnectionError")]


@pytest.fixture
async def shaky(redis_proxy: FaultyProxy) -> AsyncIterator[TokenStore]:
    """A store behind a proxy that fails on demand."""
    async with Redis.from_url(redis_proxy.url) as client:
        yield RedisTokenStore(client, deadline=PATIENCE)


@pytest.mark.promise("auth-178")
async def test_a_refresh_whose_reply_is_lost_can_be_repeated(shaky: TokenStore, redis_proxy: FaultyProxy) -> None:
    """The old token is answered with the successor that was kept, and the session lives."""
    session = await started(shaky)
    await rotate(shaky, await started(shaky), "first", "second")
    redis_proxy.lose_reply(of=b"EVALSHA")
    with pytest.raises(AuthUnavailableError):
        await rotate(shaky, session, "first", "second", grace=10)

    again = await rotate(shaky, session, "first", "second", grace=10)

    assert again.outcome == "replayed"
    assert again.session is not None
    assert again.session.token_hash == digest("second")
    assert await alive(shaky, session)


@pytest.mark.promise("auth-178")
async def test_a_refresh_that_never_arrived_leaves_the_token_good(shaky: TokenStore, redis_proxy: FaultyProxy) -> None:
    """Where the server was not reached, the old token is still the current one."""
    session = await started(shaky)
    await redis_proxy.refuse()
    with pytest.raises(AuthUnavailableError):
        await rotate(shaky, session, "first", "second")
    await redis_proxy.heal()

    again = await rotate(shaky, session, "first", "second")

    assert again.outcome == "rotated"


async def test_a_list_whose_reply_is_lost_is_not_taken_for_an_empty_one(
    shaky: TokenStore, redis_proxy: FaultyProxy
) -> None:
    """Where the sessions of a user cannot be read to the end, none are shown."""
    await started(shaky)
    redis_proxy.lose_reply(of=b"HMGET")

    with pytest.raises(AuthUnavailableError):
        await shaky.sessions("ada", now=NOW)


@pytest.mark.promise("auth-178")
async def test_a_one_time_token_whose_reply_is_lost_is_spent(shaky: TokenStore, redis_proxy: FaultyProxy) -> None:
    """A one-time token works at most once: where nobody knows whether it was used, it was."""
    await shaky.spend("another", now=NOW, until=NOW + 60)
    redis_proxy.lose_reply(of=b"EVALSHA")
    with pytest.raises(AuthUnavailableError):
        await shaky.spend("reset", now=NOW, until=NOW + 60)

    assert not await shaky.spend("reset", now=NOW, until=NOW + 60)


async def test_scripts_that_the_server_forgot_are_sent_again(client: Redis) -> None:
    """A server that knows none of the scripts any more does as before."""
    store = RedisTokenStore(client, deadline=PATIENCE)
    session = await started(store)
    await client.script_flush()

    rotation = await rotate(store, session, "first", "second")

    assert rotation.outcome == "rotated"


@pytest.mark.promise("auth-172")
async def test_everything_goes_by_itself(client: Redis) -> None:
    """Each key lives as long as it can matter, by the caller's clock, and API keys until they are removed."""
    tokens = RedisTokenStore(client, deadline=PATIENCE)
    session = await started(tokens)
    await tokens.deny("stolen", now=NOW, until=NOW + 900)
    await tokens.spend("reset", now=NOW, until=NOW + 600)
    await RedisAttemptStore(client, deadline=PATIENCE).attempt("ada", limit=5, per=300, now=NOW)
    await RedisApiKeyStore(client, deadline=PATIENCE).add(key := new_key())

    lives = {name: await client.ttl(name) for name in await names(client)}

    expected = {f"session:{session.id}": IDLE, "sessions:ada": TOTAL, "denied:stolen": 900, "spent:reset": 600}
    attempts = [lives.pop(name) for name in [*lives] if name.startswith("brickwork:auth:attempts:")]
    keys = {f"key:{key.id}": -1, "keys:ada": -1}
    assert lives == pytest.approx({f"brickwork:auth:{name}": life for name, life in (expected | keys).items()}, abs=30)
    assert attempts == pytest.approx([300], abs=30)


async def test_a_refresh_prolongs_what_is_kept(client: Redis) -> None:
    """A session that is refreshed is kept for longer, and never beyond its end."""
    store = RedisTokenStore(client, deadline=PATIENCE)
    session = await started(store)
    name = f"brickwork:auth:session:{session.id}"

    lives = []
    for turn in range(30):
        at = NOW + turn * IDLE * 0.8
        await rotate(store, session, f"{turn}" if turn else "first", f"{turn + 1}", at=at)
        lives.append(await client.ttl(name))

    assert lives[5] == pytest.approx(IDLE, abs=30)
    assert lives[-1] == pytest.approx(TOTAL - 29 * IDLE * 0.8, abs=30)


async def test_lists_forget_what_has_ended(client: Redis) -> None:
    """The list of a user's sessions, and of an owner's keys, holds no more than there is."""
    tokens, keys = RedisTokenStore(client, deadline=PATIENCE), RedisApiKeyStore(client, deadline=PATIENCE)
    for _ in range(20):
        session = await started(tokens, limit=5)
        await tokens.end(session.id)
        await keys.add(key := new_key())
        await keys.remove(key.id)
    await keys.keys("ada")

    assert await client.scard("brickwork:auth:sessions:ada") <= 6
    assert await client.scard("brickwork:auth:keys:ada") == 0


@pytest.mark.promise("auth-39")
async def test_no_token_and_no_login_is_at_rest(client: Redis) -> None:
    """Redis holds hashes of tokens, and neither keys nor values tell who tried to log in."""
    await started(RedisTokenStore(client, prefix="mine:", deadline=PATIENCE))
    await RedisAttemptStore(client, prefix="mine:", deadline=PATIENCE).attempt(
        "ada@example.com 192.0.2.1", limit=5, per=300, now=NOW
    )

    found = await names(client)

    assert all(name.startswith("mine:") for name in found)
    assert not any("example" in name or "192.0" in name for name in found)


@pytest.mark.promise("auth-179")
async def test_a_cluster(private_cluster: ClusterServer) -> None:
    """On a cluster, where the keys of one call must live together, every store works."""
    async with RedisCluster.from_url(private_cluster.url) as client:
        tokens = RedisTokenStore(client, deadline=PATIENCE)
        keys = RedisApiKeyStore(client, deadline=PATIENCE)
        attempts = RedisAttemptStore(client, deadline=PATIENCE)
        old, kept = await started(tokens), await started(tokens, at=NOW + 1)
        new = await started(tokens, at=NOW + 2, limit=2)
        await tokens.deny("stolen", now=NOW, until=NOW + 60)
        rotations = await asyncio.gather(*(rotate(tokens, kept, "first", f"{n}", grace=10) for n in range(20)))
        await keys.add(key := new_key())

        assert [await alive(tokens, each, at=NOW + 3) for each in (old, kept, new)] == [False, True, True]
        assert sorted(each.outcome for each in rotations) == ["replayed"] * 19 + ["rotated"]
        assert not await tokens.check(new.id, "stolen", now=NOW)
        assert not await tokens.check(None, "stolen", now=NOW)
        assert await tokens.end_all("ada") == 2
        assert await keys.replace(key.id, new_key(), expires_at=key.created_at)
        assert len(await keys.keys("ada")) == 2
        assert [await attempts.attempt("ada", limit=1, per=60, now=NOW) for _ in range(2)] == [0.0, 60.0]
