"""Decisions by all rules at once, with a store that is there."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from brickwork.ratelimit import Charge, Decision, RateStore, ReducedCapacityError, Verdict
from brickwork.ratelimit._service.engine import Engine
from brickwork.ratelimit._store import Mode
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.testing import ManualClock
from tests.ratelimit.engines import MovingStore, admitted, rule


@pytest.fixture
def engine() -> Engine:
    """An engine that counts in memory."""
    return Engine(MemoryRateStore())


async def test_a_limit_lets_through_what_it_says(engine: Engine) -> None:
    """Three pass and the fourth does not, and another caller is not concerned."""
    assert await admitted(engine, rule("3/minute")) == 3
    assert await admitted(engine, rule("3/minute", who="grace")) == 3
    assert await admitted(engine, rule("3/minute", name="other")) == 3


async def test_a_decision_tells_of_the_tightest_limit() -> None:
    """The numbers of a decision are those of the limit that leaves the least room, and all limits have their say."""
    engine = Engine(MemoryRateStore(clock=ManualClock()))

    first = await engine.decide([rule(["2/second fixed", "1000/hour fixed"])])
    await engine.decide([rule(["2/second fixed", "1000/hour fixed"])])
    refused = await engine.decide([rule(["2/second fixed", "1000/hour fixed"])])

    assert (first.allowed, first.limit, first.remaining, first.retry_after) == (True, 2, 1, 0.0)
    assert [policy.name for policy in first.policies] == ["search-second", "search-hour"]
    assert (refused.allowed, refused.limit, refused.remaining) == (False, 2, 0)
    assert refused.retry_after == refused.reset_after == 1.0
    assert [policy.verdict.remaining for policy in refused.policies] == [0, 998]


async def test_limits_of_one_name_are_told_apart(engine: Engine) -> None:
    """Several limits of a rule get the name of their period, or its length, or a number."""
    limits = ["2/second", "30/30s", "100/minute", "100/minute fixed", "9/day", "9 per 2 hours"]

    decision = await engine.decide([rule(limits)])

    ending = [policy.name.removeprefix("search-") for policy in decision.policies]
    assert ending == ["second", "30s", "minute", "minute-2", "day", "7200s"]
    assert [policy.name for policy in (await engine.decide([rule("9/day", name="one")])).policies] == ["one"]


@pytest.mark.promise("ratelimit-9")
async def test_all_rules_or_none(engine: Engine) -> None:
    """Where one rule refuses, no other is counted; each is told of in its place."""
    narrow, wide = rule("2/hour", name="narrow"), rule("10/hour", name="wide", who="grace")

    decisions = [await engine.decide([wide, narrow]) for _ in range(10)]

    assert [decision.allowed for decision in decisions] == [True, True] + [False] * 8
    assert [policy.name for policy in decisions[-1].policies] == ["wide", "narrow"]
    assert (await engine.decide([wide], mode="peek")).remaining == 8


@pytest.mark.promise("ratelimit-11")
async def test_costs(engine: Engine) -> None:
    """More than is ever allowed is refused for good, nothing is free, and less than nothing is an error."""
    assert (await engine.decide([rule("5/minute", cost=0)])).remaining == 5
    never = await engine.decide([rule("5/minute", cost=6)])
    assert (never.allowed, never.retry_after, never.remaining) == (False, None, 5)
    assert (await engine.decide([rule("5/minute", cost=5)])).allowed
    assert (await engine.decide([rule("5/minute", cost=0)])).allowed
    with pytest.raises(ValueError, match="cost"):
        await engine.decide([rule("5/minute", cost=-1)])


async def test_what_was_used_beyond_the_limit_is_owed(engine: Engine) -> None:
    """Forced costs are counted though they go beyond the limit, and refuse what comes next."""
    spent = await engine.decide([rule("10/minute", cost=15)], mode="force")

    assert (spent.allowed, spent.retry_after, spent.remaining) == (True, 0.0, 0)
    assert not (await engine.decide([rule("10/minute")], mode="peek")).allowed


async def test_what_was_used_is_never_refused() -> None:
    """A store that cannot count beyond a limit does not make a refusal of what has happened."""

    class Stern(MovingStore):
        async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
            return [Verdict(0, 1_000_000, 1_000_000)]

    spent = await Engine(Stern()).decide([rule("10/minute", cost=15)], mode="force")

    assert (spent.allowed, spent.retry_after, spent.remaining) == (True, 0.0, 0)


@pytest.mark.promise("ratelimit-43")
async def test_a_shadow_refuses_nobody(engine: Engine) -> None:
    """A rule in shadow lets all pass, keeps no other from being counted, and shows whom it would have refused."""
    shadow, wide = rule("2/hour", name="shadow", shadow=True), rule("8/hour", name="wide")

    decisions = [await engine.decide([shadow, wide]) for _ in range(10)]

    assert [decision.allowed for decision in decisions] == [True] * 8 + [False] * 2
    assert [(policy.name, policy.shadow) for policy in decisions[4].policies] == [("shadow", True), ("wide", False)]
    assert (decisions[4].limit, decisions[4].remaining) == (8, 3)
    assert (engine.counters.allowed, engine.counters.denied, engine.counters.would_deny) == (8, 2, 6)


@pytest.mark.promise("ratelimit-43")
async def test_what_is_refused_is_not_counted_in_shadow(engine: Engine) -> None:
    """A rule in shadow counts what it would count as a rule, and so nothing that another rule refuses."""
    shadow, narrow = rule("10/hour", name="shadow", shadow=True), rule("2/hour", name="narrow")

    await admitted(engine, shadow, narrow)

    assert (await engine.decide([shadow], mode="peek")).remaining == 8


@pytest.mark.promise("ratelimit-43")
async def test_only_shadows(engine: Engine) -> None:
    """Where all rules are in shadow nothing is refused, and the numbers are theirs."""
    decisions = [await engine.decide([rule("2/hour", shadow=True)]) for _ in range(3)]

    assert [decision.allowed for decision in decisions] == [True, True, True]
    assert (decisions[-1].limit, decisions[-1].remaining, decisions[-1].retry_after) == (2, 0, 0.0)


async def test_nothing_is_counted_while_switched_off(engine: Engine) -> None:
    """Without rules, or switched off, everything passes and nothing is counted."""
    unlimited = Decision(allowed=True, limit=None, remaining=None, retry_after=0.0, reset_after=0.0)

    assert await engine.decide([]) == unlimited
    engine.enabled = False
    assert await engine.decide([rule("1/hour")]) == unlimited
    assert await engine.acquire(rule("1/hour"), ttl=60) == (unlimited, None)
    engine.enabled = True
    assert await admitted(engine, rule("1/hour")) == 1


@pytest.mark.promise("ratelimit-21")
async def test_nobody_follows_on_error() -> None:
    """Where nobody can tell whom to count, `open` lets pass and everything else refuses, unless it only watches."""
    store = MovingStore()
    nobody = rule("1/hour", who="")

    for on_error in ("closed", "local"):
        engine = Engine(store, on_error=on_error)
        with pytest.raises(ReducedCapacityError):
            await engine.decide([nobody])
        with pytest.raises(ReducedCapacityError):
            await engine.acquire(nobody, ttl=60)
        assert (await engine.decide([nobody._replace(shadow=True)])).allowed
        assert (await engine.decide([nobody._replace(on_error="open")])).allowed
    assert await admitted(Engine(store, on_error="open"), nobody) == 20
    assert store.asked == 0


@pytest.mark.promise("ratelimit-21")
async def test_other_rules_hold_where_one_knows_nobody() -> None:
    """A rule that lets strangers pass does not keep the others from counting."""
    engine = Engine(MemoryRateStore(), on_error="open")

    shadow = rule("9/hour", name="shadow", shadow=True)
    assert await admitted(engine, rule("1/hour", who=""), rule("3/hour", name="wide"), shadow) == 3


@pytest.mark.promise("ratelimit-15")
async def test_what_was_counted_is_given_back(engine: Engine) -> None:
    """A decision that is taken back leaves nothing, of the rules that count and of those in shadow."""
    rules = [rule("3/hour"), rule("5/hour", name="shadow", shadow=True)]

    for _ in range(10):
        decision = await engine.decide(rules)
        assert decision.allowed
        await engine.giving_back(rules, decision)()

    assert [policy.verdict.remaining for policy in (await engine.decide(rules, mode="peek")).policies] == [3, 5]


@pytest.mark.promise("ratelimit-15")
async def test_what_was_not_counted_is_not_given_back(engine: Engine) -> None:
    """A refusal gives nothing back, and neither does a rule in shadow that would have refused."""
    rules = [rule("9/hour"), rule("2/hour", name="shadow", shadow=True)]
    decisions = [await engine.decide(rules) for _ in range(10)]

    await engine.refund(rules, decisions[-1])
    await engine.refund(rules, decisions[5])
    await engine.refund(rules, Decision(allowed=True, limit=None, remaining=None, retry_after=0.0, reset_after=0.0))

    assert [policy.verdict.remaining for policy in (await engine.decide(rules, mode="peek")).policies] == [1, 0]


async def test_what_was_counted_is_forgotten(engine: Engine) -> None:
    """A reset begins anew."""
    await admitted(engine, rule("3/hour"))

    await engine.reset([rule("3/hour")])

    assert await admitted(engine, rule("3/hour")) == 3


async def test_places_among_requests_that_run_at_once(engine: Engine) -> None:
    """Three places are three, and one that is given back is free again."""
    places = [await engine.acquire(rule("3/minute"), ttl=60) for _ in range(4)]

    assert [decision.allowed for decision, _ in places] == [True, True, True, False]
    refused, nothing = places[3]
    assert nothing is None
    assert (refused.policies[0].unit, refused.limit, refused.remaining) == ("concurrent-requests", 3, 0)
    lease = places[0][1]
    assert lease is not None
    await engine.renew(lease)
    await engine.release(lease)
    assert (await engine.acquire(rule("3/minute"), ttl=60))[0].allowed


async def test_places_in_shadow(engine: Engine) -> None:
    """A rule in shadow refuses no place, and has none to give back where it would have."""
    shadow = rule("1/minute", shadow=True)
    places = [await engine.acquire(shadow, ttl=60) for _ in range(2)]

    assert [decision.allowed for decision, _ in places] == [True, True]
    assert [lease is None for _, lease in places] == [False, True]
    assert engine.counters.would_deny == 1


async def test_a_store_without_places() -> None:
    """Whether a store keeps places can be asked before anybody needs one."""

    class Counter:
        hit = MemoryRateStore.hit
        refund = MemoryRateStore.refund
        reset = MemoryRateStore.reset

    store: RateStore = Counter()
    assert Engine(MemoryRateStore()).keeps_leases
    assert not Engine(store).keeps_leases


@pytest.mark.promise("ratelimit-16")
def test_an_engine_that_makes_no_sense_is_refused() -> None:
    """Options are checked where they are written."""
    with pytest.raises(ValueError, match="on_error"):
        Engine(MemoryRateStore(), on_error="maybe")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="1 or more"):
        Engine(MemoryRateStore(), replicas=0)
    half: Any = 1.5
    with pytest.raises(ValueError, match="replicas"):
        Engine(MemoryRateStore(), replicas=half)
    with pytest.raises(ValueError, match="16 characters"):
        Engine(MemoryRateStore(), secret="short")


async def test_fifty_at_once(engine: Engine) -> None:
    """What comes at once is counted one by one."""
    decisions = await asyncio.gather(*(engine.decide([rule("10/hour")]) for _ in range(50)))

    assert sum(decision.allowed for decision in decisions) == 10
