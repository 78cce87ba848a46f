"""slowapi's `Limiter`, counting here: storages, what holds while they are away, settings and tests."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from limits.errors import ConfigurationError
from redis import Redis
from slowapi.util import get_remote_address

from brickwork.ratelimit import Charge, RateStoreUnavailableError, Verdict
from brickwork.ratelimit._store import Mode
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.ratelimit.slowapi import Limiter
from tests.ratelimit.slowapi_apps import LostStore, StandingClock, app_with, call, limiter_with, statuses
from tests.servers import RedisServer

pytestmark = pytest.mark.promise("ratelimit-98")


def one_a_minute(limiter: Limiter, text: str = "1/minute") -> FastAPI:
    """Make an application with one limited route."""
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit(text)
    async def home() -> None: ...

    return app


async def test_each_process_counts_by_itself_while_the_storage_is_away() -> None:
    """With `in_memory_fallback_enabled` the limits hold in memory."""
    limiter = limiter_with(in_memory_fallback_enabled=True, store=LostStore())

    assert await statuses(one_a_minute(limiter, "2/hour"), *["/"] * 3) == [200, 200, 429]
    assert limiter.counters.degraded == 3


async def test_other_limits_hold_while_the_storage_is_away() -> None:
    """The limits of `in_memory_fallback` hold meanwhile, and no others."""
    limiter = limiter_with(in_memory_fallback=["1/hour"], store=LostStore())

    assert await statuses(one_a_minute(limiter, "5/hour"), *["/"] * 2) == [200, 429]


async def test_what_was_counted_meanwhile_is_given_back_where_it_was_counted() -> None:
    """Where the storage is back when the endpoint refuses, it gives nothing back that it has not counted."""
    store = LeavingStore(clock=StandingClock())
    limiter = limiter_with(application_limits=["9/hour"], in_memory_fallback=["9/hour"], store=store)
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("2/hour")
    async def home() -> None: ...

    before = await statuses(app, "/", "/")
    store.away = 1  # for the middleware, and not for the endpoint
    refused = await statuses(app, "/")
    after = await statuses(app, *["/nowhere"] * 8)

    assert (before, refused) == ([200, 200], [429])
    assert after == [404] * 7 + [429]


class LeavingStore(MemoryRateStore):
    """A store that is away for some questions."""

    away = 0

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Count, if it is there."""
        if self.away:
            self.away -= 1
            raise RateStoreUnavailableError
        return await super().hit(charges, mode=mode)


async def test_a_storage_that_stays_away_is_left_alone() -> None:
    """After five failures nobody waits for it, which can be seen."""
    limiter = limiter_with(swallow_errors=True, store=LostStore())

    found = await statuses(one_a_minute(limiter), *["/"] * 6)

    assert found == [200] * 6
    assert limiter.degraded
    assert limiter.counters.errors == 5


@pytest.mark.parametrize("what", ["key_func", "limit", "cost", "exempt_when", "scope"])
@pytest.mark.parametrize("swallow", [False, True])
async def test_a_function_that_fails_lets_nobody_pass_uncounted(
    what: str, swallow: bool, expected_errors: list[logging.LogRecord]
) -> None:
    """A request is refused with 503 where a function that its limit is made of raises."""

    def fail(request: Request) -> Any:
        raise LookupError

    limiter = limiter_with(fail if what == "key_func" else get_remote_address, swallow_errors=swallow)
    app = app_with(limiter, None)
    given: dict[str, Any] = {name: fail for name in ("cost", "exempt_when") if name == what}
    if what == "scope":
        limit = limiter.shared_limit("1/minute", fail)
    else:
        limit = limiter.limit(fail if what == "limit" else "1/minute", **given)

    @app.get("/")
    @limit
    async def home() -> None: ...

    # Whoever lets errors pass lets a failing key pass: slowapi's option covers it, too.
    assert await statuses(app, "/") == [200 if swallow and what == "key_func" else 503]
    assert [record.name for record in expected_errors] == ([] if what == "key_func" else ["brickwork.ratelimit"])


@pytest.mark.parametrize("cost", [-5, 1.5])
async def test_a_cost_gives_nothing_back(cost: Any, expected_errors: list[logging.LogRecord]) -> None:
    """A cost is a whole number from 0 on: when it is written, and when a function gives it."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("1/minute", cost=lambda: cost)
    async def home() -> None: ...

    assert await statuses(app, "/") == [503]
    assert len(expected_errors) == 1
    with pytest.raises(ValueError, match="a cost is a whole number from 0 on"):
        limiter.limit("1/minute", cost=cost)


async def test_a_function_may_answer_itself() -> None:
    """An `HTTPException` that a function raises is the answer."""

    def nobody(request: Request) -> str:
        raise HTTPException(401)

    for limiter in (limiter_with(nobody), limiter_with(lambda: "all")):
        app = app_with(limiter, None)

        @app.get("/")
        @limiter.limit(nobody)
        async def home() -> None: ...

        assert await statuses(app, "/") == [401]


@pytest.mark.parametrize("text", ["fast", "0/minute", None])
async def test_a_limit_that_turns_out_wrong_lets_nobody_pass(
    text: Any, expected_errors: list[logging.LogRecord]
) -> None:
    """A function that gives no limit refuses the request with 503, and says so in the log."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit(lambda: text)
    async def home() -> None: ...

    assert await statuses(app, "/") == [503]
    assert expected_errors


async def test_nothing_is_checked_where_that_is_not_wanted() -> None:
    """With `auto_check=False` nothing is counted, by endpoints or by the middleware."""
    limiter = limiter_with(auto_check=False, default_limits=["1/minute"])
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home() -> None: ...

    assert await statuses(app, "/", "/", "/a", "/a") == [200, 200, 404, 404]


async def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowapi's settings are read where the constructor does not say."""
    monkeypatch.setenv("RATELIMIT_DEFAULT", "1/hour")
    monkeypatch.setenv("RATELIMIT_HEADERS_ENABLED", "true")
    monkeypatch.setenv("RATELIMIT_HEADER_LIMIT", "X-Most")
    monkeypatch.setenv("RATELIMIT_STRATEGY", "sliding-window-counter")
    monkeypatch.setenv("RATELIMIT_STORAGE_URL", "memory://")
    app = app_with(Limiter(get_remote_address))

    served, refused = await call(app, "/", "/")

    assert (served.headers["x-most"], refused.status_code) == ("1", 429)


async def test_nobody_else_waits_for_redis(private_redis: RedisServer) -> None:
    """While Redis hangs, requests that are not limited are served."""
    limiter = Limiter(get_remote_address, storage_uri=private_redis.url)
    app = one_a_minute(limiter, "5/hour")

    @app.get("/free")
    async def free() -> None: ...

    before = await statuses(app, "/")
    private_redis.freeze()
    waiting = asyncio.create_task(statuses(app, "/"))
    meanwhile = await statuses(app, *["/free"] * 3)
    waited = not waiting.done()
    hung = await waiting
    private_redis.thaw()
    await limiter.aclose()

    assert (before, meanwhile, waited, hung) == ([200], [200] * 3, True, [503])


async def test_prefixes_tell_applications_apart() -> None:
    """Two applications with one store and different prefixes do not share."""
    store = MemoryRateStore()
    apps = [one_a_minute(limiter_with(store=store, key_prefix=prefix), "1/hour") for prefix in ("a", "b")]

    assert [(await statuses(app, "/"))[0] for app in apps] == [200, 200]


async def test_memory_begins_anew() -> None:
    """`reset` forgets what was counted in memory."""
    limiter = Limiter(get_remote_address)
    app = one_a_minute(limiter, "1/hour")

    before = await statuses(app, "/", "/")
    limiter.reset()

    assert before + await statuses(app, "/") == [200, 429, 200]


async def test_redis_begins_anew(redis_url: str) -> None:
    """`reset` deletes what was counted in Redis by all processes, and nothing else."""
    limiter, other = (Limiter(get_remote_address, storage_uri=redis_url) for _ in range(2))
    app = one_a_minute(limiter, "1/hour")
    with Redis.from_url(redis_url) as client:
        client.set("mine", "1")
        before = await statuses(app, "/", "/")
        await limiter.aclose()

        other.reset()

        assert client.keys() == [b"mine"]
    limiter.reset()
    assert before + await statuses(app, "/") == [200, 429, 200]
    await limiter.aclose()


@pytest.mark.parametrize("options", [{"store": MemoryRateStore()}, {"storage_uri": "memcached://127.0.0.1:1"}])
async def test_what_cannot_be_reset_says_so(options: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    """A store of the caller's, and one of the package limits, keep what they have."""
    limiter = Limiter(get_remote_address, **options)

    limiter.reset()

    assert "cannot be reset as a whole" in caplog.text


async def test_time_can_be_moved_in_tests() -> None:
    """Inside of `testing`, counts are their own and time goes where it is told to."""
    limiter = Limiter(get_remote_address)
    app = one_a_minute(limiter)

    with limiter.testing() as control:
        found = await statuses(app, "/", "/")
        control.advance(61)
        found += await statuses(app, "/")

    assert found == [200, 429, 200]


@pytest.mark.parametrize("uri", ["redis+sentinel://127.0.0.1:1/main", "redis+cluster://127.0.0.1:1"])
def test_sentinel_and_clusters_need_a_client(uri: str) -> None:
    """A URI of Sentinel or a cluster is refused with what to write."""
    with pytest.raises(ValueError, match=r"pass store=RedisRateStore\(client\)"):
        Limiter(get_remote_address, storage_uri=uri)


def test_what_makes_no_sense_is_refused() -> None:
    """A strategy or storage that nobody knows is refused at once; so is a log that would grow too long."""
    with pytest.raises(ValueError, match="a strategy is one of fixed-window, moving-window, sliding-window-counter"):
        Limiter(get_remote_address, strategy="guess")
    with pytest.raises(ConfigurationError):
        Limiter(get_remote_address, storage_uri="stone://tablet")
    with pytest.raises(ValueError, match="a log remembers every request"):
        Limiter(get_remote_address, strategy="moving-window").limit("5000/hour")


def test_counting_by_hand_says_what_to_use() -> None:
    """Slowapi's own counter is not there; the error names what is."""
    with pytest.raises(RuntimeError, match=r"RateLimiter\.check to count by hand"):
        _ = limiter_with().limiter


async def test_nothing_of_the_caller_is_in_redis(redis_url: str) -> None:
    """Keys in Redis hold digests, and not what callers sent."""
    limiter = Limiter(lambda request: request.headers["x-token"], storage_uri=redis_url)
    app = one_a_minute(limiter)

    await statuses(app, "/", headers={"x-token": "s3cret-token"})
    await limiter.aclose()

    with Redis.from_url(redis_url) as client:
        keys = str(client.keys())
    assert keys.startswith("[b'slowapi:")
    assert "s3cret" not in keys
