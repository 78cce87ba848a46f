"""Counting in Redis: one step of the server, shared round trips, and refusals that are remembered."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from brickwork.ratelimit import Charge, Limit, RateStoreUnavailableError, Verdict
from brickwork.ratelimit.redis import RedisRateStore
from brickwork.ratelimit.redis.denials import Denials
from tests.ratelimit.conftest import PATIENCE, charge
from tests.servers import FaultyProxy

MINUTE = Limit(5, 60)
SECOND = 1_000_000


@pytest.fixture
def store(redis: Redis) -> RedisRateStore:
    """A store in an empty Redis."""
    return RedisRateStore(redis, deadline=PATIENCE)


async def admitted(store: RedisRateStore, *charges: Charge) -> bool:
    """Say whether all charges of a decision were counted."""
    return not any(verdict.retry_after for verdict in await store.hit(charges))


@asynccontextmanager
async def commands(redis: Redis) -> AsyncIterator[list[str]]:
    """Collect what clients ask of the server, and not what scripts do there."""
    heard: list[str] = []
    async with redis.monitor() as monitor:
        yield heard
        await redis.echo("over")
        async for each in monitor.listen():
            if each["command"].startswith("ECHO"):
                break
            name = each["command"].split()[0]
            if each["client_type"] != "lua" and name not in {"HELLO", "CLIENT"}:  # those greet on a new connection
                heard.append(name)


@pytest.mark.promise("ratelimit-65")
@pytest.mark.parametrize("number", [1, 2, 5])
async def test_a_decision_is_one_command(store: RedisRateStore, redis: Redis, number: int) -> None:
    """Whatever the number of its limits, a decision is one command; the first one brings the script along."""
    limits = [charge(Limit(10, 60 + place)) for place in range(number)]
    await store.hit([charge(MINUTE)])

    async with commands(redis) as heard:
        await store.hit(limits)

    assert heard == ["EVALSHA"]


@pytest.mark.promise("ratelimit-66")
async def test_decisions_at_the_same_time_share_round_trips(store: RedisRateStore, redis: Redis) -> None:
    """Fifty decisions that are wanted at once are a handful of commands."""
    await store.hit([charge(MINUTE)])

    async with commands(redis) as heard:
        verdicts = await asyncio.gather(*(store.hit([charge(MINUTE, who=f"user {n}")]) for n in range(50)))

    assert all(verdict.remaining == 4 for [verdict] in verdicts)
    assert 1 <= len(heard) <= 3


async def test_a_batch_is_bounded(redis: Redis) -> None:
    """So many decisions as were asked for are one step of the server, and the others have their turn in between."""
    store = RedisRateStore(redis, deadline=PATIENCE, batch=10)
    await store.hit([charge(MINUTE)])

    async with commands(redis) as heard:
        verdicts = await asyncio.gather(*(store.hit([charge(MINUTE, who=f"user {n}")]) for n in range(50)))

    assert all(verdict.remaining == 4 for [verdict] in verdicts)
    assert heard == ["EVALSHA"] * 5


async def test_whoever_waits_meanwhile_is_asked_for_next(redis_proxy: FaultyProxy) -> None:
    """While an answer is under way others gather, and are asked for together once it is there."""
    async with Redis.from_url(redis_proxy.url) as client:
        store = RedisRateStore(client, deadline=PATIENCE)
        await store.hit([charge(MINUTE)])
        redis_proxy.hang()
        waiting = [asyncio.create_task(store.hit([charge(MINUTE, who="first")]))]
        for _ in range(10):  # turns, in which the first is sent
            await asyncio.sleep(0)
        waiting += [asyncio.create_task(store.hit([charge(MINUTE, who=f"user {n}")])) for n in range(5)]

        async with commands(client_of_server := Redis.from_url(redis_proxy._target.geturl())) as heard:
            await redis_proxy.heal()
            await asyncio.gather(*waiting)
        await client_of_server.aclose()

    assert heard == ["EVALSHA"] * 2


async def test_whoever_is_cancelled_harms_nobody(redis_proxy: FaultyProxy) -> None:
    """A caller that goes away takes only itself out of the line, and what was not sent for it is not counted."""
    async with Redis.from_url(redis_proxy.url) as client:
        store = RedisRateStore(client, deadline=PATIENCE)
        await store.hit([charge(MINUTE)])
        redis_proxy.hang()
        sent = asyncio.create_task(store.hit([charge(MINUTE)]))
        for _ in range(10):  # turns, in which it is sent
            await asyncio.sleep(0)
        gone, stays = (asyncio.create_task(store.hit([charge(MINUTE)])) for _ in range(2))
        await asyncio.sleep(0)

        gone.cancel()
        await redis_proxy.heal()
        [[first], [second]] = await asyncio.gather(sent, stays)

    assert gone.cancelled()
    assert (first.remaining, second.remaining) == (3, 2)


@pytest.mark.usefixtures("no_task_left")
async def test_cancelled_at_every_turn(store: RedisRateStore, redis: Redis) -> None:
    """Whenever callers are broken off, the others hear what concerns them, and no connection is lost."""
    for attempt in range(60):
        calls = [asyncio.create_task(store.hit([charge(Limit(9, 60), who=f"{attempt}:{n}")])) for n in range(4)]
        for _ in range(attempt % 20):
            await asyncio.sleep(0)

        calls[attempt % 4].cancel()
        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert sum(isinstance(answer, list) and answer[0].remaining == 8 for answer in answers) >= 3
    assert not redis.connection_pool._in_use_connections
    assert len(redis.connection_pool._available_connections) == 1


async def test_nobody_is_asked_for_who_has_left(store: RedisRateStore, redis: Redis) -> None:
    """Where all who waited are gone before they were asked for, nothing is asked and nothing counted."""
    await store.hit([charge(MINUTE)])

    async with commands(redis) as heard:
        gone = asyncio.create_task(store.hit([charge(MINUTE)]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
    [left] = await store.hit([charge(MINUTE)], mode="peek")

    assert heard == []
    assert left.remaining == 4


async def test_a_question_that_fails_harms_no_other(store: RedisRateStore, redis: Redis) -> None:
    """A key that somebody else has written to is an error for its own callers alone."""
    await redis.lpush(f"rate:{{{'eve':_<22}}}:{'search':_<11}:{MINUTE.code}", "no counter")
    names = ["ada", "eve", "grace"]

    answers = await asyncio.gather(*(store.hit([charge(MINUTE, who=name)]) for name in names), return_exceptions=True)

    assert [isinstance(answer, RateStoreUnavailableError) for answer in answers] == [False, True, False]


async def test_a_server_that_cannot_write_is_an_error_for_all(store: RedisRateStore, redis: Redis) -> None:
    """What goes wrong for all is no decision for anybody, and is over when it is over."""
    await redis.config_set("maxmemory", 1)
    try:
        answers = await asyncio.gather(
            *(store.hit([charge(MINUTE, who=name)]) for name in "ab"), return_exceptions=True
        )
    finally:
        await redis.config_set("maxmemory", 0)

    assert all(isinstance(answer, RateStoreUnavailableError) for answer in answers)
    assert await admitted(store, charge(MINUTE, who="a"))


@pytest.mark.promise("ratelimit-68")
async def test_every_key_ends_by_itself(store: RedisRateStore, redis: Redis) -> None:
    """Each key lives as long as it counts, and no longer; what stays small in Redis is all of it."""
    limits = [Limit(5, 60), Limit(5, 60, "fixed"), Limit(5, 60, "gcra", burst=2), Limit(5, 60, "log")]
    await store.hit([charge(limit) for limit in limits])
    await store.acquire("ada", "render", "1", amount=3, ttl=60.0)

    keys: list[Any] = await redis.keys("*")
    lives = {key: await redis.pttl(key) for key in keys}

    assert len(keys) == 5
    assert all(0 < life <= 60_000 for life in lives.values())
    assert all(life > 59_000 for key, life in lives.items() if b":g5" not in key)


@pytest.mark.promise("ratelimit-68")
@pytest.mark.slow
async def test_silence_empties_the_database(store: RedisRateStore, redis: Redis) -> None:
    """When nobody comes for a period, nothing is left."""
    limits = [Limit(5, 1), Limit(5, 1, "fixed"), Limit(5, 1, "gcra"), Limit(5, 1, "log")]
    await store.hit([charge(limit) for limit in limits])
    await store.acquire("ada", "render", "1", amount=3, ttl=1.0)

    async with asyncio.timeout(PATIENCE):
        while await redis.dbsize():  # each question is a turn for the others
            await redis.ping()

    assert await admitted(store, *(charge(limit, 5) for limit in limits))


@pytest.mark.promise("ratelimit-69")
async def test_keys_are_short_and_of_one_slot(store: RedisRateStore, redis: Redis) -> None:
    """A key is 128 bytes at most, and the limits of one identity have one hash tag."""
    largest = [Limit(2**50, 1), Limit(70_000_000, 366 * 86_400), Limit(2**50, 1, "gcra", burst=2**50)]
    longest = RedisRateStore(redis, prefix="p" * 32, deadline=PATIENCE)

    await longest.hit([charge(limit) for limit in largest])
    keys: list[Any] = await redis.keys("*")

    assert len(keys) == 3
    assert max(map(len, keys)) <= 128
    assert {key[key.index(b"{") : key.index(b"}") + 1] for key in keys} == {b"{%s}" % f"{'ada':_<22}".encode()}


def test_nonsense_is_refused() -> None:
    """A prefix that would not fit and sizes that hold nothing are refused where they are written down."""
    client = Redis()

    with pytest.raises(ValueError, match="32 bytes at most"):
        RedisRateStore(client, prefix="p" * 33)
    with pytest.raises(ValueError, match="no braces"):
        RedisRateStore(client, prefix="{p}")
    with pytest.raises(ValueError, match="batch >= 1"):
        RedisRateStore(client, batch=0)
    with pytest.raises(ValueError, match="deny_cache >= 0"):
        RedisRateStore(client, deny_cache=-1)
    with pytest.raises(TypeError, match=r"redis\.asyncio"):
        RedisRateStore("redis://localhost")  # type: ignore[arg-type]


# --- refusals that are remembered


@pytest.mark.promise("ratelimit-70")
async def test_a_blocked_caller_costs_no_command(store: RedisRateStore, redis: Redis) -> None:
    """What was refused is refused again without asking, and the wait that is told gets shorter."""
    blocked = [charge(MINUTE, 5), charge(Limit(100, 3600), 5)]
    await store.hit(blocked)
    [first, _] = await store.hit(blocked)

    async with commands(redis) as heard:
        again = [await store.hit(blocked) for _ in range(1000)]

    assert heard == []
    assert first.retry_after > again[0][0].retry_after > again[-1][0].retry_after > 0
    assert first.reset_after > again[-1][0].reset_after
    assert all(hour.remaining == 95 and hour.retry_after == 0 for [_, hour] in again)


@pytest.mark.promise("ratelimit-70")
async def test_what_could_never_pass_is_remembered_as_well(store: RedisRateStore, redis: Redis) -> None:
    """A cost beyond the limit asks once, too, and is told that it never passes."""
    [first] = await store.hit([charge(MINUTE, 6)])

    async with commands(redis) as heard:
        [again] = await store.hit([charge(MINUTE, 6)])

    assert heard == []
    assert first.retry_after == again.retry_after == -1


@pytest.mark.promise("ratelimit-71")
async def test_another_cost_is_another_question(store: RedisRateStore) -> None:
    """A cheaper request is not refused because a dearer one was."""
    await store.hit([charge(MINUTE, 3)])
    dear = await admitted(store, charge(MINUTE, 3))

    cheap = await admitted(store, charge(MINUTE, 2))

    assert (dear, cheap) == (False, True)


@pytest.mark.promise("ratelimit-72")
async def test_what_another_process_forgets_is_free_within_a_second(redis: Redis) -> None:
    """A reset holds at once where it is made, and a second later everywhere; so does a refund."""
    ours, theirs = RedisRateStore(redis, deadline=PATIENCE), RedisRateStore(redis, deadline=PATIENCE)
    for store in (ours, ours, theirs):
        await store.hit([charge(MINUTE, 5)])

    await ours.reset([charge(MINUTE)])
    here = await admitted(ours, charge(MINUTE, 5))
    await ours.refund([charge(MINUTE, 5)])
    there_at_first = await admitted(theirs, charge(MINUTE, 5))
    theirs.offset += SECOND
    there = await admitted(theirs, charge(MINUTE, 5))

    assert (here, there_at_first, there) == (True, False, True)


async def test_only_so_many_refusals_are_remembered(redis: Redis) -> None:
    """Beyond the most that are kept the oldest is forgotten, and asked about again."""
    store = RedisRateStore(redis, deadline=PATIENCE, deny_cache=2)
    for name in ("ada", "grace", "eve"):
        await store.hit([charge(MINUTE, 5, who=name)])
        await store.hit([charge(MINUTE, 5, who=name)])

    async with commands(redis) as heard:
        for name in ("grace", "eve", "ada"):
            await store.hit([charge(MINUTE, 5, who=name)])

    assert heard == ["EVALSHA"]


async def test_no_refusal_need_be_remembered(redis: Redis) -> None:
    """Whoever wants to hear the last word asks each time."""
    store = RedisRateStore(redis, deadline=PATIENCE, deny_cache=0)
    await store.hit([charge(MINUTE, 5)])

    async with commands(redis) as heard:
        for _ in range(3):
            await store.hit([charge(MINUTE, 5)])

    assert heard == ["EVALSHA"] * 3


@pytest.mark.promise("ratelimit-73")
@settings(max_examples=50)
@given(st.data())
def test_a_remembered_refusal_never_outlives_the_real_one(data: st.DataObject) -> None:
    """Whatever happened before, after the wait that was told the store asks again."""
    waits = data.draw(st.lists(st.integers(-1, 3 * SECOND), min_size=1, max_size=3))
    passed = data.draw(st.integers(0, 3 * SECOND))
    charges = [charge(Limit(1, 60 + place)) for place in range(len(waits))]
    denials = Denials(10)
    denials.remember(charges, [Verdict(0, 60 * SECOND, wait) for wait in waits], 0)

    found = denials.find(charges, passed)

    longest = max(SECOND if wait == -1 else wait for wait in waits)
    assert (found is not None) == (passed < min(longest, SECOND))
    if found is not None:
        assert [verdict.retry_after for verdict in found] == [w if w == -1 else max(0, w - passed) for w in waits]


# --- what it costs


@pytest.mark.slow
@pytest.mark.promise("ratelimit-66")
async def test_decisions_at_the_same_time_cost_less(redis: Redis) -> None:
    """Of fifty that are made at once each costs this process less than half of what it costs alone."""
    store = RedisRateStore(redis, deadline=PATIENCE)
    hour = Limit(10**6, 3600)

    async def seconds(at_once: int, rounds: int) -> float:
        began = time.process_time()
        for turn in range(rounds):
            await asyncio.gather(*(store.hit([charge(hour, who=f"{turn}:{n}")]) for n in range(at_once)))
        return (time.process_time() - began) / (at_once * rounds)

    await seconds(50, 2)
    alone = min([await seconds(1, 300) for _ in range(3)])
    together = min([await seconds(50, 10) for _ in range(3)])

    assert together < alone  # it is a sixth


def left_after_a_loop_was_broken_off(redis_url: str) -> int:
    """Count in a second event loop, after the first ended while it asked; give what is left."""
    client = Redis.from_url(redis_url)
    store = RedisRateStore(client, deadline=0.5)

    async def broken_off() -> None:
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(store.hit([charge(MINUTE)])) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting[0].cancel()

    async def again() -> int:
        with suppress(RateStoreUnavailableError):  # the connection of a loop that is closed may be an error once
            await store.hit([charge(MINUTE, who="eve")])
        [verdict] = await store.hit([charge(MINUTE, who="grace")])
        await client.aclose()
        return verdict.remaining

    asyncio.run(broken_off())
    return asyncio.run(again())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_each_event_loop_has_a_line_of_its_own(redis_url: str) -> None:
    """A store works in one loop after the other, even if one was broken off while it asked."""
    remaining = left_after_a_loop_was_broken_off(redis_url)
    for _ in range(3):
        gc.collect()  # the connection that nobody can close any more

    assert remaining == 4
