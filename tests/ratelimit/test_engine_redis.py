"""Decisions while Redis dies and comes back."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from redis.asyncio import Redis

from brickwork.ratelimit import ReducedCapacityError
from brickwork.ratelimit._service.applied import OnError
from brickwork.ratelimit._service.engine import Engine
from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.engines import rule
from tests.servers import RedisServer

DEADLINE = 0.25  # seconds: one question tries a server that has just come back, on a machine that may be busy


@pytest.fixture
async def killed(private_redis: RedisServer) -> AsyncIterator[RedisRateStore]:
    """A store whose Redis a test may kill."""
    async with Redis.from_url(private_redis.url) as client:
        yield RedisRateStore(client, deadline=DEADLINE)


@pytest.mark.promise("ratelimit-77")
@pytest.mark.parametrize("on_error", ["open", "closed", "local"])
async def test_redis_is_killed_under_load(
    on_error: OnError, killed: RedisRateStore, private_redis: RedisServer
) -> None:
    """Fifty tasks ask without pause while Redis dies and comes back: no other answer than on_error says, all soon."""
    engine = Engine(killed, on_error=on_error, replicas=4)
    private_redis.kill()

    answers, waits = await _load(engine, seconds=0.5)
    private_redis.restart()
    recovered = await _until_recovered(engine)

    assert set(answers) <= _EXPECTED[on_error]
    assert answers["allowed"] <= 25 or on_error == "open"
    assert sorted(waits)[len(waits) * 99 // 100] < 10 * DEADLINE
    assert recovered < 20  # tenfold of what it may take


_EXPECTED = {"open": {"allowed"}, "closed": {"closed"}, "local": {"allowed", "denied"}}


async def _load(engine: Engine, *, seconds: float) -> tuple[Counter[str], list[float]]:
    answers: Counter[str] = Counter()
    waits: list[float] = []
    end = time.monotonic() + seconds

    async def ask() -> None:
        while (began := time.monotonic()) < end:
            try:
                decision = await engine.decide([rule("100/hour")])
                answers["allowed" if decision.allowed else "denied"] += 1
            except ReducedCapacityError:
                answers["closed"] += 1
            waits.append(time.monotonic() - began)
            await asyncio.sleep(0)

    await asyncio.gather(*(ask() for _ in range(50)))
    return answers, waits


async def _until_recovered(engine: Engine) -> float:
    began = time.monotonic()
    while engine.degraded and time.monotonic() < began + 20:
        with suppress(ReducedCapacityError):
            await engine.decide([rule("1000000/hour", name="after")])
        await asyncio.sleep(0.01)
    return time.monotonic() - began
