"""Decisions while the store is away."""

import asyncio
import logging
from contextlib import suppress

import pytest

from brickwork.ratelimit import RateStoreUnavailableError, ReducedCapacityError
from brickwork.ratelimit._service.applied import OnError
from brickwork.ratelimit._service.breaker import Breaker
from brickwork.ratelimit._service.engine import Engine
from brickwork.testing import ManualClock
from tests.ratelimit.engines import MovingStore, admitted, rule


@pytest.fixture
def clock() -> ManualClock:
    """The time of stores and engines."""
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> MovingStore:
    """A store that has gone away."""
    store = MovingStore(clock)
    store.away = True
    return store


async def fail(engine: Engine, times: int) -> None:
    """Ask while the store is away."""
    for _ in range(times):
        with suppress(ReducedCapacityError):
            await engine.decide([rule("100000/hour")])


@pytest.mark.promise("ratelimit-77")
async def test_open_lets_everything_pass(store: MovingStore, clock: ManualClock) -> None:
    """Nothing is refused, nothing is counted, and the decision says so."""
    engine = Engine(store, on_error="open", clock=clock)

    decisions = [await engine.decide([rule("1/hour")]) for _ in range(10)]

    assert all(decision.allowed and decision.degraded and not decision.policies for decision in decisions)
    assert engine.counters.degraded == engine.counters.allowed == 10


@pytest.mark.promise("ratelimit-77")
async def test_closed_lets_nothing_pass(store: MovingStore, clock: ManualClock) -> None:
    """Everything is refused with 503, and told when to come back."""
    engine = Engine(store, on_error="closed", clock=clock)

    with pytest.raises(ReducedCapacityError) as caught:
        await engine.decide([rule("1/hour")])

    assert (caught.value.status_code, caught.value.retry_after) == (503, 1)
    await fail(engine, 4)
    clock.advance(1)
    await fail(engine, 1)
    with pytest.raises(ReducedCapacityError) as caught:
        await engine.decide([rule("1/hour")])
    assert caught.value.retry_after == 2


@pytest.mark.promise("ratelimit-77")
@pytest.mark.parametrize(("replicas", "share"), [(1, 10), (3, 4), (4, 3), (20, 1)])
@pytest.mark.parametrize("limit", ["10/hour", "10/hour fixed", "10/hour log", "20/hour burst 10"])
async def test_local_lets_a_share_pass(
    limit: str, replicas: int, share: int, store: MovingStore, clock: ManualClock
) -> None:
    """Each process lets its part of the limit pass, rounded up, and refuses the rest with the time to wait."""
    engine = Engine(store, on_error="local", replicas=replicas, clock=clock)

    assert await admitted(engine, rule(limit)) == share

    refused = await engine.decide([rule(limit)])
    assert (refused.allowed, refused.degraded, refused.remaining) == (False, True, 0)
    assert refused.retry_after
    clock.advance(refused.retry_after)
    assert (await engine.decide([rule(limit)])).allowed


@pytest.mark.promise("ratelimit-77")
async def test_what_could_pass_can_pass_alone(store: MovingStore, clock: ManualClock) -> None:
    """A cost above the share takes all of it; one above the whole limit is still refused for good."""
    engine = Engine(store, replicas=4, clock=clock)

    assert (await engine.decide([rule("10/hour", cost=7)])).allowed
    refused = await engine.decide([rule("10/hour", cost=7)])
    assert (refused.allowed, refused.retry_after is None) == (False, False)
    assert (await engine.decide([rule("10/hour", cost=11)])).retry_after is None


@pytest.mark.promise("ratelimit-77")
async def test_each_rule_has_its_way(store: MovingStore, clock: ManualClock) -> None:
    """A rule may say what holds for it: one that is closed closes, one that is open is left out."""
    engine = Engine(store, on_error="local", clock=clock)
    is_open, closed = rule("1/hour", name="open", on_error="open"), rule("1/hour", name="closed", on_error="closed")
    local = rule(["3/hour", "9/day"], name="local")

    assert await admitted(engine, is_open, local) == 3
    assert [policy.name for policy in (await engine.decide([is_open, local])).policies] == ["local-hour", "local-day"]
    with pytest.raises(ReducedCapacityError):
        await engine.decide([is_open, closed, local])


@pytest.mark.promise("ratelimit-43")
@pytest.mark.promise("ratelimit-77")
async def test_a_shadow_refuses_nobody_without_the_store(store: MovingStore, clock: ManualClock) -> None:
    """What only watches lets pass when it cannot watch."""
    engine = Engine(store, on_error="closed", clock=clock)

    decision = await engine.decide([rule("1/hour", shadow=True, on_error="closed")])

    assert (decision.allowed, decision.degraded) == (True, True)
    granted, lease = await engine.acquire(rule("1/hour", shadow=True), ttl=60)
    assert (granted.allowed, granted.degraded, lease) == (True, True, None)


@pytest.mark.promise("ratelimit-78")
async def test_a_store_that_fails_is_left_alone(store: MovingStore, clock: ManualClock) -> None:
    """After five failures in a row it is not asked for a second, then for twice as long each time, up to 30."""
    engine = Engine(store, on_error="open", clock=clock)
    await fail(engine, 4)
    assert not engine.degraded

    await fail(engine, 10)

    assert (store.asked, engine.degraded, engine.counters.errors) == (5, True, 5)
    for probes, pause in enumerate([1, 2, 4, 8, 16, 30, 30], start=1):
        clock.advance(pause - 0.001)
        await fail(engine, 3)
        assert store.asked == 5 + probes - 1
        clock.advance(0.001)
        await fail(engine, 3)
        assert store.asked == 5 + probes


@pytest.mark.promise("ratelimit-78")
async def test_failures_that_are_not_in_a_row_are_borne(store: MovingStore, clock: ManualClock) -> None:
    """An answer in between begins the count anew."""
    engine = Engine(store, on_error="open", clock=clock)

    for _ in range(5):
        store.away = True
        await fail(engine, 4)
        store.away = False
        await fail(engine, 1)

    assert (store.asked, engine.degraded) == (25, False)


@pytest.mark.promise("ratelimit-78")
async def test_one_question_tries_the_store(store: MovingStore, clock: ManualClock) -> None:
    """Of many requests one asks whether the store is back, and its answer ends the outage for all."""
    engine = Engine(store, on_error="local", clock=clock)
    await fail(engine, 5)
    clock.advance(1)
    store.away, store.thinking = False, asyncio.Event()

    probing = asyncio.create_task(engine.decide([rule("9/hour")]))
    await asyncio.sleep(0)
    others = [await engine.decide([rule("9/hour")]) for _ in range(5)]
    store.thinking.set()
    decision = await probing

    assert store.asked == 6
    assert all(other.degraded for other in others)
    assert not decision.degraded
    assert not engine.degraded
    assert not (await engine.decide([rule("9/hour")])).degraded


@pytest.mark.promise("ratelimit-78")
async def test_who_leaves_while_trying_lets_others_try(store: MovingStore, clock: ManualClock) -> None:
    """A client that goes away before the answer neither opens nor closes anything."""
    engine = Engine(store, on_error="open", clock=clock)
    store.thinking = asyncio.Event()
    leaving = asyncio.create_task(engine.decide([rule("9/hour")]))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.wait([leaving])
    store.thinking.set()
    await fail(engine, 5)
    clock.advance(1)
    store.away, store.thinking = False, asyncio.Event()

    probing = asyncio.create_task(engine.decide([rule("9/hour")]))
    await asyncio.sleep(0)
    probing.cancel()
    await asyncio.wait([probing])
    assert engine.degraded
    store.thinking.set()

    assert not (await engine.decide([rule("9/hour")])).degraded


@pytest.mark.promise("ratelimit-78")
async def test_many_failures_at_once_are_one_outage(store: MovingStore, clock: ManualClock) -> None:
    """Questions that were under way when the store was given up do not prolong the pause."""
    engine = Engine(store, on_error="open", clock=clock)
    store.thinking = asyncio.Event()
    asking = [asyncio.create_task(engine.decide([rule("9/hour")])) for _ in range(50)]
    await asyncio.sleep(0)
    store.thinking.set()
    await asyncio.gather(*asking)
    store.away = False

    clock.advance(1)

    assert not (await engine.decide([rule("9/hour")])).degraded


@pytest.mark.promise("ratelimit-78")
def test_an_answer_in_between_outweighs_the_question_that_tries(clock: ManualClock) -> None:
    """Where a late answer ended the outage, the failure of the question that tried the store is the first of five."""
    breaker = Breaker(clock)
    for _ in range(5):
        breaker.failed("ask", TimeoutError())
    clock.advance(1)
    permit = breaker.permit()

    breaker.succeeded()
    breaker.failed(permit, TimeoutError())

    assert permit == "probe"
    assert (breaker.open, breaker.permit()) == (False, "ask")


@pytest.mark.promise("ratelimit-79")
async def test_an_outage_is_two_lines(store: MovingStore, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """The log says that the store went, with the kind of the error, and that it came back; nothing more."""
    engine = Engine(store, on_error="local", clock=clock)

    await fail(engine, 20)
    clock.advance(1)
    await fail(engine, 20)
    store.away = False
    clock.advance(2)
    await fail(engine, 20)

    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "The store of rate limits does not answer (ConnectionResetError): on_error decides."),
        (logging.WARNING, "The store of rate limits answers again."),
    ]
    assert not any(record.exc_info for record in caplog.records)


@pytest.mark.promise("ratelimit-15")
async def test_giving_back_alone(store: MovingStore, clock: ManualClock) -> None:
    """What was counted in this process alone is given back there, and not in the store that has come back."""
    engine = Engine(store, clock=clock)
    decisions = [await engine.decide([rule("3/hour")]) for _ in range(3)]
    store.away = False

    await engine.refund([rule("3/hour")], decisions[0])
    store.away = True

    assert await admitted(engine, rule("3/hour")) == 1


@pytest.mark.promise("ratelimit-15")
async def test_what_passed_uncounted_is_not_given_back(store: MovingStore, clock: ManualClock) -> None:
    """Without the store, an open rule counted nothing, and neither did one in shadow."""
    engine = Engine(store, clock=clock)
    shared = rule("3/hour")
    await engine.decide([shared])
    rules = [rule("9/hour", name="wide"), shared._replace(on_error="open"), rule("9/hour", name="other", shadow=True)]
    decision = await engine.decide(rules)

    await engine.refund(rules, decision)

    assert await admitted(engine, shared) == 2
    assert await admitted(engine, rule("9/hour", name="wide")) == 9


@pytest.mark.promise("ratelimit-43")
@pytest.mark.promise("ratelimit-15")
async def test_a_store_that_goes_between_two_questions(clock: ManualClock) -> None:
    """What was counted before it went is given back there, and the rule in shadow has nothing to give back."""
    store = MovingStore(clock)
    engine = Engine(store, clock=clock)
    rules = [rule("3/hour"), rule("9/hour", name="other", shadow=True)]
    store.leaves_after = 1

    decision = await engine.decide(rules)
    store.leaves_after = 100
    await engine.refund(rules, decision)

    assert (decision.allowed, decision.degraded, len(decision.policies)) == (True, False, 1)
    assert [(await engine.decide([each], mode="peek")).remaining for each in rules] == [3, 9]


@pytest.mark.promise("ratelimit-15")
async def test_giving_back_to_a_store_that_has_gone(clock: ManualClock) -> None:
    """What cannot be given back stays counted, and nobody hears of it; to reset what is away is an error."""
    store = MovingStore(clock)
    engine = Engine(store, clock=clock)
    decision = await engine.decide([rule("3/hour")])
    store.away = True

    await engine.refund([rule("3/hour")], decision)

    with pytest.raises(RateStoreUnavailableError):
        await engine.reset([rule("3/hour")])


@pytest.mark.promise("ratelimit-80")
async def test_places_without_the_store(store: MovingStore, clock: ManualClock) -> None:
    """Places follow on_error: all are free, none is, or this process's share."""
    held = {name: Engine(store, on_error=name, replicas=2, clock=clock) for name in _WAYS}

    granted = [await held["open"].acquire(rule("1/minute"), ttl=60) for _ in range(3)]
    assert all(decision.allowed and decision.degraded and lease is None for decision, lease in granted)
    with pytest.raises(ReducedCapacityError):
        await held["closed"].acquire(rule("3/minute"), ttl=60)
    places = [await held["local"].acquire(rule("3/minute"), ttl=60) for _ in range(3)]
    assert [decision.allowed for decision, _ in places] == [True, True, False]


_WAYS: tuple[OnError, ...] = ("open", "closed", "local")


@pytest.mark.promise("ratelimit-80")
async def test_a_place_is_given_back_where_it_was_taken(store: MovingStore, clock: ManualClock) -> None:
    """One that was taken in this process alone is free there again; the store has nothing of it."""
    engine = Engine(store, clock=clock)
    _, lease = await engine.acquire(rule("1/minute"), ttl=60)
    assert lease is not None
    store.away, asked = False, store.asked

    clock.advance(50)
    await engine.renew(lease)
    clock.advance(50)
    store.away = True
    assert not (await engine.acquire(rule("1/minute"), ttl=60))[0].allowed
    await engine.release(lease)

    assert (await engine.acquire(rule("1/minute"), ttl=60))[0].allowed
    assert store.asked == asked + 2


@pytest.mark.promise("ratelimit-80")
async def test_a_place_in_a_store_that_has_gone(clock: ManualClock) -> None:
    """It can be neither renewed nor given back, ends by itself, and nobody hears of it."""
    store = MovingStore(clock)
    engine = Engine(store, clock=clock)
    _, lease = await engine.acquire(rule("1/minute"), ttl=60)
    assert lease is not None
    store.away = True

    await engine.renew(lease)
    await engine.release(lease)

    assert engine.counters.errors == 2
