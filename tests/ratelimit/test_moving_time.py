"""Tests of limits: time that moves, a fresh start, and no limits at all."""

import threading
from collections.abc import Sequence

import anyio
import pytest

from brickwork.ratelimit import Charge, Verdict
from brickwork.ratelimit._service.engine import Engine
from brickwork.ratelimit._service.testing import testing as trying
from brickwork.ratelimit._store import Mode
from brickwork.ratelimit.memory import MemoryRateStore
from tests.ratelimit.conftest import Store
from tests.ratelimit.engines import MovingStore, admitted, rule


@pytest.fixture
def engine(store: Store) -> Engine:
    """An engine with each store."""
    return Engine(store)


@pytest.mark.promise("ratelimit-89")
async def test_time_moves(engine: Engine) -> None:
    """What was used comes back as time passes, and no test has to wait for it."""
    with trying(engine) as control:
        first = await admitted(engine, rule("3/minute"), tries=5)
        control.advance(30)
        control.advance(90)
        again = await admitted(engine, rule("3/minute"), tries=5)

    assert (first, again) == (3, 3)


@pytest.mark.promise("ratelimit-89")
async def test_a_test_leaves_nothing_behind(engine: Engine) -> None:
    """Each test starts with nothing counted, and what it counts and moves concerns nobody after it."""
    await admitted(engine, rule("3/hour"), tries=2)

    with trying(engine) as control:
        inside = await admitted(engine, rule("3/hour"), tries=5)
        _, lease = await engine.acquire(rule("1/minute"), ttl=60)
        control.reset()
        anew = await admitted(engine, rule("3/hour"), tries=5)
        control.advance(100_000)
    with trying(engine):
        later = await admitted(engine, rule("3/hour"), tries=5)

    assert (inside, anew, later) == (3, 3, 3)
    assert lease is not None
    assert (await engine.acquire(rule("1/minute"), ttl=60))[0].allowed
    assert await admitted(engine, rule("3/hour"), tries=5) == 1


@pytest.mark.promise("ratelimit-89")
async def test_limits_are_switched_off() -> None:
    """Without limits everything passes, until the end of the block, or of the test."""
    engine = Engine(MemoryRateStore())

    with trying(engine) as control:
        with control.disabled():
            assert await admitted(engine, rule("3/hour")) == 20
        assert await admitted(engine, rule("3/hour")) == 3
        control.disabled()
        assert await admitted(engine, rule("3/hour")) == 20

    assert await admitted(engine, rule("3/hour")) == 3


async def test_a_limiter_that_is_off_is_on_in_its_tests() -> None:
    """Whoever switches limits off by their settings still tests them, and finds them off again."""
    engine = Engine(MemoryRateStore(), enabled=False)

    with trying(engine):
        assert await admitted(engine, rule("3/hour")) == 3

    assert not engine.enabled


@pytest.mark.promise("ratelimit-89")
async def test_time_moves_without_the_store() -> None:
    """What is counted in this process alone lives in the same time."""
    store = MovingStore()
    store.away = True
    engine = Engine(store)

    with trying(engine) as control:
        assert await admitted(engine, rule("3/minute")) == 3
        control.advance(120)
        assert await admitted(engine, rule("3/minute")) == 3


@pytest.mark.promise("ratelimit-22")
async def test_tests_are_strict() -> None:
    """In tests, and only there, a key that gives nobody is an error."""
    engine = Engine(MemoryRateStore())

    with trying(engine), pytest.raises(RuntimeError, match="nobody"):
        engine.identities.stated(None)

    assert engine.identities.stated(None)


def test_time_that_cannot_be_moved() -> None:
    """Time only goes forward, and a store whose time cannot be moved says so."""

    class Fixed:
        async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
            raise NotImplementedError

        async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
            raise NotImplementedError

        async def reset(self, charges: Sequence[Charge]) -> None:
            raise NotImplementedError

    with trying(Engine(Fixed())) as control, pytest.raises(TypeError, match="Fixed cannot be moved"):
        control.advance(1)
    with trying(Engine(MemoryRateStore())) as control, pytest.raises(ValueError, match="forward"):
        control.advance(-1)


@pytest.mark.promise("ratelimit-41")
def test_nobody_is_judged_by_the_limits_of_another() -> None:
    """Forty threads with callers of two tiers: each has what its own tier allows, and is told of that one."""
    engine = Engine(MemoryRateStore())
    passed: dict[int, int] = {}
    told: dict[int, set[int | None]] = {}

    async def ask(number: int) -> None:
        amount = 10 if number % 2 else 30
        decisions = [await engine.decide([rule(f"{amount}/hour", who=f"caller-{number}")]) for _ in range(60)]
        passed[number] = sum(decision.allowed for decision in decisions)
        told[number] = {decision.limit for decision in decisions}

    threads = [threading.Thread(target=anyio.run, args=(ask, number)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert passed == {number: 10 if number % 2 else 30 for number in range(40)}
    assert told == {number: {10 if number % 2 else 30} for number in range(40)}
