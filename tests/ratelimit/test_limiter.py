"""`RateLimiter`: what it is made of, and what it does without HTTP."""

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from brickwork.ratelimit import Limit, MemoryRateStore, RateLimiter, RateStore, Rule, by_form, by_ip
from brickwork.testing import ManualClock
from tests.ratelimit.calls import statuses
from tests.ratelimit.engines import MovingStore


@pytest.mark.promise("ratelimit-50")
async def test_anything_can_be_counted(store: RateStore) -> None:
    """A job needs no request; all limits count it or none, and another job is not concerned."""
    limiter = RateLimiter(store=store)
    limits = ("4/minute", [Limit(10, 3600, "fixed")])

    first = await limiter.check("job:42", *limits, cost=3)
    second = await limiter.check("job:42", *limits, cost=3)
    third = await limiter.check("job:42", *limits)
    other = await limiter.check(43, *limits, cost=3)

    assert (first.allowed, second.allowed, third.allowed, other.allowed) == (True, False, True, True)
    assert [policy.verdict.remaining for policy in third.policies] == [0, 6]


@pytest.mark.promise("ratelimit-50")
async def test_what_was_counted_can_be_forgotten(store: RateStore) -> None:
    """After a reset a job may do what it could at first, by the limits that were named and no others."""
    limiter = RateLimiter(store=store)
    await limiter.check("job:42", "1/minute", "5/hour")

    await limiter.reset("job:42", "1/minute")

    decision = await limiter.check("job:42", "1/minute", "5/hour")
    assert [policy.verdict.remaining for policy in decision.policies] == [0, 3]


async def test_a_check_needs_a_limit() -> None:
    """Without one everything would pass, and nobody would know."""
    with pytest.raises(ValueError, match="a rule needs a limit"):
        await RateLimiter().check("job:42")


@pytest.mark.parametrize("cost", [-1, 1.5, float("nan"), True, "2"])
async def test_a_job_costs_whole_numbers(cost: Any) -> None:
    """What no counter could add up is an error, and counts nothing."""
    limiter = RateLimiter()

    with pytest.raises(ValueError, match="a cost is a whole number from 0 on"):
        await limiter.check("job:42", "5/minute", cost=cost)

    assert (await limiter.check("job:42", "5/minute")).remaining == 4


@pytest.mark.promise("ratelimit-89")
def test_tests_can_move_time_start_anew_and_switch_off() -> None:
    """What was counted before does not matter, and afterwards the limiter counts as it did."""
    limiter, app = RateLimiter(), FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(lambda: 1)
    client = TestClient(app)
    before = statuses(client, "/", 2)

    with limiter.testing() as test:
        fresh = statuses(client, "/", 2)
        test.advance(121)
        later = statuses(client, "/", 2)
        test.reset()
        anew = statuses(client, "/", 2)
        with test.disabled():
            off = statuses(client, "/", 2)
        on = statuses(client, "/")

    assert before == fresh == later == anew == [200, 429]
    assert (off, on) == ([200, 200], [429])
    assert statuses(client, "/", 2)[1] == 429


def test_health_and_metrics_can_ask() -> None:
    """A limiter tells whether its store is away, and what it has decided."""
    store = MovingStore()
    limiter, app = RateLimiter(store=store, on_error="open", clock=ManualClock()), FastAPI()
    app.get("/", dependencies=[limiter.depends("1/minute")])(lambda: 1)
    client = TestClient(app)

    first = statuses(client, "/", 2)
    store.away = True
    away = statuses(client, "/", 6)

    assert (first, away) == ([200, 429], [200] * 6)
    assert limiter.degraded
    assert (limiter.counters.allowed, limiter.counters.denied, limiter.counters.degraded) == (7, 1, 6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"default": "5 per fortnight"}, "10/second"),
        ({"default": Rule("5/minute", key=by_form("login"))}, "the default is counted before a route is known"),
        ({"default": "5/minute", "key": by_form("login") | by_ip()}, "the default is counted before a route is known"),
        ({"headers": ["draft"]}, 'headers are "ietf", "legacy", both or none'),
        ({"headers": "ietf"}, 'headers are "ietf", "legacy", both or none'),
        ({"on_error": "ignore"}, 'on_error is "open", "closed" or "local"'),
        ({"replicas": 0}, "replicas is how many processes there are"),
        ({"secret": "short"}, "a secret has 16 characters or more"),
        ({"exempt_networks": ["10.0.0.0/40"]}, "10.0.0.0/40"),
        ({"key": 7}, "7"),
        ({"exempt_when": "health"}, "exempt_when is a function, got 'health'"),
    ],
)
def test_nonsense_is_refused_when_it_is_written(options: dict[str, Any], message: str) -> None:
    """A limiter that could not do what it is told is not made."""
    with pytest.raises((ValueError, TypeError), match=message):
        RateLimiter(**options)


def test_the_default_is_called_by_what_it_shares() -> None:
    """Its name is its own, or that of what it shares with others, or ``default``."""
    given = ["1/minute", Rule("1/minute", name="mine"), Rule("1/minute", scope="all"), Rule("1/minute", scope="path")]

    names = [RateLimiter(default=each).default.name for each in given]  # type: ignore[union-attr, arg-type]

    assert names == ["default", "mine", None, "default"]
    assert RateLimiter().default is None


@pytest.mark.promise("ratelimit-16")
@pytest.mark.parametrize("store", ["redis://:violet@localhost", MemoryRateStore])
def test_what_counts_nothing_is_no_store(store: Any) -> None:
    """An address, or a class that was not called, is refused where it is written, and not repeated."""
    with pytest.raises(TypeError, match="made already") as refused:
        RateLimiter(store=store)

    assert "violet" not in str(refused.value)
