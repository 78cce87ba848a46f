"""Whom slowapi 0.1.10 mistakes for whom, and what settings and storages do to it: right after one changed import."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from fastapi import Header, Request
from redis.asyncio import Redis
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_ipaddr, get_remote_address

from brickwork.ratelimit.slowapi import Limiter
from tests.ratelimit.slowapi_apps import LostStore, app_with, call, limiter_with, statuses

MIDDLEWARES = pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])


def plan_of(request: Request) -> str:
    """Name the plan of whoever calls."""
    return request.headers.get("x-plan", "free")


@pytest.mark.promise("ratelimit-96")
@pytest.mark.parametrize("key_func", [get_ipaddr, get_remote_address])
@pytest.mark.parametrize("header", ["X-Forwarded-For", "X_FORWARDED_FOR"])
async def test_nobody_chooses_an_address(key_func: Any, header: str) -> None:
    """Headers are believed from trusted proxies only, and then the standard one."""
    limiter, trusting = limiter_with(key_func), limiter_with(key_func, trusted_proxies=["192.0.2.0/24"])
    app, behind = app_with(limiter), app_with(trusting)

    for application, gate in ((app, limiter), (behind, trusting)):

        @application.get("/")
        @gate.limit("1/minute")
        async def home() -> None: ...

    alone = [(await statuses(app, "/", headers={header: f"198.51.100.{n}"}))[0] for n in range(3)]
    proxied = [(await statuses(behind, "/", headers={header: f"198.51.100.{n}"}))[0] for n in range(3)]

    assert alone == [200, 429, 429]
    assert proxied == ([200] * 3 if header == "X-Forwarded-For" else [200, 429, 429])


@pytest.mark.promise("ratelimit-96")
async def test_an_ipv6_site_is_one_caller() -> None:
    """All addresses of one /64 share a bucket."""
    limiter = limiter_with()
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home() -> None: ...

    found = [
        (await statuses(app, "/", address=address))[0] for address in ("2001:db8::1", "2001:db8::2", "2001:db8:1::1")
    ]

    assert found == [200, 429, 200]


@pytest.mark.promise("ratelimit-97")
def test_limiters_share_no_options() -> None:
    """The options of one limiter do not reach another, and nobody's own are changed."""
    options: dict[str, Any] = {"socket_timeout": 1}

    first = Limiter(get_remote_address, storage_options=options)
    second = Limiter(get_remote_address)

    assert vars(first)["_storage_options"] is not vars(second)["_storage_options"]
    assert options == {"socket_timeout": 1}


@pytest.mark.promise("ratelimit-97")
@pytest.mark.parametrize(("text", "enabled"), [("false", False), ("true", True)])
def test_the_environment_says_true_or_false(text: str, enabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`RATELIMIT_ENABLED=false` is false."""
    monkeypatch.setenv("RATELIMIT_ENABLED", text)

    limiter = Limiter(get_remote_address, enabled=not enabled)

    assert limiter.enabled is enabled


@pytest.mark.promise("ratelimit-97")
def test_a_file_is_read_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` that happens to lie there changes nothing; one that is named does."""
    (tmp_path / ".env").write_text("RATELIMIT_ENABLED=false\n")
    monkeypatch.chdir(tmp_path)

    assert Limiter(get_remote_address).enabled is True
    assert Limiter(get_remote_address, config_filename=".env").enabled is False


@pytest.mark.promise("ratelimit-97")
@pytest.mark.parametrize("text", ["5 per fortnight", "fast", "0/minute", "1.5/s", ""])
def test_a_limit_that_cannot_be_read_is_refused_when_it_is_written(text: str) -> None:
    """Wrong limits never make an unlimited route."""
    limiter = Limiter(get_remote_address)

    with pytest.raises(ValueError, match=r"limit|nothing"):
        limiter.limit(text)
    with pytest.raises(ValueError, match=r"limit|nothing"):
        Limiter(get_remote_address, default_limits=[text or "?"])


@pytest.mark.promise("ratelimit-93")
async def test_a_key_may_be_a_coroutine_function() -> None:
    """What a coroutine function gives counts, and not the coroutine."""

    async def key(request: Request) -> str:
        return request.headers["x-user"]

    limiter = limiter_with(key)
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home() -> None: ...

    found = [(await statuses(app, "/", headers={"x-user": user}))[0] for user in ("ada", "ada", "grace")]

    assert found == [200, 429, 200]


@pytest.mark.promise("ratelimit-96")
async def test_nobody_gets_past_without_a_key() -> None:
    """Requests whose key is empty share a bucket."""
    limiter = limiter_with(lambda request: request.headers.get("x-user", ""))
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home() -> None: ...

    assert await statuses(app, "/", "/") == [200, 429]


@pytest.mark.promise("ratelimit-98")
@MIDDLEWARES
async def test_a_storage_that_is_away_is_no_500(middleware: Any) -> None:
    """Without another choice, requests are refused with 503 until the storage answers again."""
    limiter = limiter_with(default_limits=["1/minute"], store=LostStore())
    app = app_with(limiter, middleware)

    @app.get("/own")
    @limiter.limit("1/minute")
    async def own() -> None: ...

    assert await statuses(app, "/", "/own") == [503, 503]


@pytest.mark.promise("ratelimit-98")
@pytest.mark.parametrize("middleware", [None, SlowAPIMiddleware])
async def test_swallowed_errors_let_requests_pass(middleware: Any) -> None:
    """With `swallow_errors`, a decorated endpoint is served while the storage is away, headers or not."""
    limiter = limiter_with(swallow_errors=True, headers_enabled=True, store=LostStore())
    app = app_with(limiter, middleware)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home(request: Request) -> None:
        assert request.state.view_rate_limit is None

    assert await statuses(app, "/", "/") == [200, 200]


@pytest.mark.promise("ratelimit-96")
async def test_keys_and_scopes_do_not_run_together() -> None:
    """The key "a/b" of "c" and the key "a" of "b/c" are two buckets."""
    limiter = limiter_with(plan_of)
    app = app_with(limiter)

    @app.get("/1")
    @limiter.shared_limit("1/minute", "c")
    async def one() -> None: ...

    @app.get("/2")
    @limiter.shared_limit("1/minute", "b/c")
    async def two() -> None: ...

    assert await statuses(app, "/1", headers={"x-plan": "a/b"}) == [200]
    assert await statuses(app, "/2", headers={"x-plan": "a"}) == [200]


@pytest.mark.promise("ratelimit-97")
async def test_addresses_of_asynchronous_storages_are_taken() -> None:
    """A URI that begins with `async+` works like one that does not."""
    limiter = Limiter(lambda: "all", storage_uri="async+memory://")
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("1/hour")
    async def home() -> None: ...

    assert await statuses(app, "/", "/") == [200, 429]


@pytest.fixture
def hurried() -> Iterator[None]:
    """Let threads take turns as often as they can."""
    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(former)


@pytest.mark.promise("ratelimit-95")
@pytest.mark.usefixtures("hurried")
async def test_nobody_is_judged_by_the_plan_of_another() -> None:
    """Limits that depend on the caller are those of the caller, however many ask at once."""

    def limit_of(key: str) -> str:
        return "1000/hour" if key == "paid" else "2000/hour"

    limiter = limiter_with(plan_of, headers_enabled=True)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit(limit_of)
    def home(x_plan: Annotated[str, Header()]) -> str:
        return x_plan

    plans = ["paid", "free"] * 150
    found = await asyncio.gather(*[call(app, "/", headers={"x-plan": plan}) for plan in plans])

    said = [response.headers["x-ratelimit-limit"] for (response,) in found]
    assert said == ["1000" if plan == "paid" else "2000" for plan in plans]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.promise("ratelimit-97")
async def test_another_strategy_begins_anew(redis: Redis, redis_url: str) -> None:
    """What one strategy has left in Redis does not disturb another."""
    del redis
    for strategy in ("fixed-window", "moving-window", "sliding-window-counter"):
        limiter = Limiter(lambda: "all", storage_uri=redis_url, strategy=strategy)
        app = app_with(limiter)

        @app.get("/")
        @limiter.limit("1/hour")
        async def home() -> None: ...

        assert await statuses(app, "/", "/") == [200, 429], strategy
        await limiter.aclose()
