"""Two languages, one arithmetic: what Lua counts in Redis is what Python counts in memory, to the microsecond."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from brickwork.ratelimit import Charge, Limit, Verdict
from brickwork.ratelimit._rules import counting
from brickwork.ratelimit._rules.values import NEVER
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.ratelimit.redis import RedisRateStore
from brickwork.testing import ManualClock
from tests.ratelimit.conftest import PATIENCE, charge
from tests.servers.plugin import SharedServer

SECOND: Final = 1_000_000
YEAR_2026: Final = 1_767_225_600 * SECOND


@dataclass
class Step:
    """One thing that happens: time passes, then something is asked."""

    passes: float  # of the period of the first limit
    and_then: int  # microseconds
    verb: str
    costs: list[int]
    waits: bool  # for as long as the last refusal said


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    """Small limits, where everything happens, and huge ones, where numbers might be rounded."""
    period = draw(st.sampled_from([1, 2, 7, 60, 3600, 30 * 86_400]))
    algorithm: Any = draw(st.sampled_from(["sliding", "gcra", "fixed", "log"]))
    if algorithm == "log":
        return Limit(draw(st.integers(1, 20)), period, algorithm)
    amount = draw(st.one_of(st.integers(1, 10), st.integers(1, 1000), st.sampled_from([10**6, 2**50 // period])))
    return Limit(amount, period, algorithm, draw(st.integers(1, amount)) if algorithm == "gcra" else 0)


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from([0.0, 0.0, 0.0, 0.1, 0.3, 0.5, 0.999, 1.0, 1.5, 2.0]),
        st.integers(0, 3 * SECOND),
        st.sampled_from(["count"] * 6 + ["peek", "force", "refund", "reset"]),
        st.lists(st.integers(0, 12), min_size=3, max_size=3),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@pytest.fixture(scope="module")
def in_redis(redis_server: SharedServer) -> Iterator[Callable[[Callable[[RedisRateStore], Awaitable[None]]], None]]:
    """Runs something with a store in Redis whose time stands still."""
    with asyncio.Runner() as runner:
        client = Redis.from_url(redis_server.url)
        runner.run(_empty(client))
        store = RedisRateStore(client, deadline=PATIENCE, deny_cache=0)
        store._present = 0
        yield lambda work: runner.run(work(store))  # type: ignore[arg-type]
        runner.run(client.aclose())


async def _empty(client: Redis) -> None:
    await client.flushdb()


NAMES = count()


@pytest.mark.promise("ratelimit-64")
@settings(max_examples=300)
@given(st.lists(limits(), min_size=1, max_size=3, unique=True), st.integers(0, 100 * SECOND), STEPS)
def test_memory_and_redis_agree(in_redis: Any, chosen: list[Limit], start: int, steps: list[Step]) -> None:
    """Whatever happens when, both say the same of it, and after exactly the wait that they tell a refusal is over."""

    async def play(redis: RedisRateStore) -> None:
        memory = MemoryRateStore(clock=ManualClock(0.0))
        origin = memory._now()
        redis.offset, memory.offset = origin + start, start
        name = f"example {next(NAMES)}"
        refused: list[Charge] = []
        for step in steps:
            passed = round(step.passes * chosen[0].period * SECOND) + step.and_then
            redis.offset, memory.offset = redis.offset + passed, memory.offset + passed
            charges = [charge(limit, cost, who=name) for limit, cost in zip(chosen, step.costs, strict=False)]
            verdicts = [await ask(store, step, charges) for store in (redis, memory)]

            assert verdicts[0] == verdicts[1]

            refused = charges if any(verdict.retry_after > 0 for verdict in verdicts[0]) else []
            if refused and step.waits:
                await check_wait((redis, memory), refused, verdicts[0])

    in_redis(play)


async def ask(store: RedisRateStore | MemoryRateStore, step: Step, charges: list[Charge]) -> list[Verdict]:
    """Do what a step says."""
    if step.verb == "refund":
        await store.refund(charges, age=step.and_then / SECOND)
    elif step.verb == "reset":
        await store.reset(charges)
    else:
        mode: Any = step.verb
        return [*await store.hit(charges, mode=mode)]
    return []


async def check_wait(
    stores: tuple[RedisRateStore, MemoryRateStore], charges: list[Charge], verdicts: list[Verdict]
) -> None:
    """Wait one microsecond less than was told, then that one as well."""
    wait = max(verdict.retry_after for verdict in verdicts)
    if any(verdict.retry_after == NEVER for verdict in verdicts):
        return
    for store in stores:
        store.offset += wait - 1
        early = await store.hit(charges, mode="peek")
        store.offset += 1
        now = await store.hit(charges, mode="peek")

        assert any(verdict.retry_after for verdict in early)
        assert not any(verdict.retry_after for verdict in now)


@pytest.mark.promise("ratelimit-81")
@settings(max_examples=150)
@given(limits(), STEPS, st.integers(0, 24))
def test_a_clock_that_is_set_back_changes_nothing(in_redis: Any, limit: Limit, steps: list[Step], when: int) -> None:
    """When the server's clock is set back or forward, Lua still counts as Python does, and nobody waits for longer."""

    async def play(redis: RedisRateStore) -> None:
        who, now = f"stepping {next(NAMES)}", YEAR_2026
        state: counting.State = ()
        for place, step in enumerate(steps):
            now += round(step.passes * limit.period * SECOND) + step.and_then
            if place == when:
                now -= 3600 * SECOND
            redis.offset = now
            cost = max(step.costs[0], 1)
            [verdict] = await redis.hit([charge(limit, cost, who=who)])
            wait, kept = counting.weigh(limit, state, cost, now)
            if wait == 0:
                kept = counting.count(limit, kept, cost, now)
            if wait == 0 or counting.has_stepped(limit, state, now):
                state = kept

            assert verdict == counting.tell(limit, kept, now, wait)
            assert verdict.retry_after <= 2 * limit.period * SECOND
            assert verdict.remaining >= 0

    in_redis(play)
