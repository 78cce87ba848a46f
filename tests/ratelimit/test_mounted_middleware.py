"""The middleware around an application that is mounted in another one."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from brickwork.ratelimit import RateLimiter, RateLimitMiddleware
from tests.ratelimit.calls import statuses


def _router(app: FastAPI) -> ASGIApp:
    return app.router


def _compressed(app: FastAPI) -> ASGIApp:
    return GZipMiddleware(app)


def _itself(app: FastAPI) -> ASGIApp:
    return app


@pytest.mark.parametrize("inside", [_itself, _router, _compressed])
def test_the_routes_of_what_is_mounted_count(inside: Callable[[FastAPI], ASGIApp]) -> None:
    """An exempt route of the application outside exempts nothing of the same path in the one that is mounted."""
    limiter = RateLimiter(default="2/minute")
    outside, mounted = FastAPI(), FastAPI()

    @outside.get("/health")
    @limiter.exempt
    async def health() -> None: ...

    @mounted.get("/health")
    async def costly() -> None: ...

    @mounted.get("/own")
    @limiter.limit("1/minute")
    async def own() -> None: ...

    outside.mount("/sub", RateLimitMiddleware(inside(mounted), limiter=limiter))
    client = TestClient(outside)

    assert statuses(client, "/sub/health", times=3) == [200, 200, 429]
    assert statuses(client, "/sub/own", times=2) == [200, 429]
    assert statuses(client, "/health", times=3) == [200, 200, 200]


def test_what_has_no_routes_is_limited_as_a_whole() -> None:
    """A function that is mounted has no routes, and those outside are none of it."""
    limiter = RateLimiter(default="1/minute")
    app = FastAPI()

    @app.get("/health")
    @limiter.exempt
    async def health() -> None: ...

    app.mount("/sub", RateLimitMiddleware(Response("Hello!"), limiter=limiter))
    client = TestClient(app)

    assert statuses(client, "/sub/health", times=2) == [200, 429]
    assert statuses(client, "/health", times=2) == [200, 200]


def test_what_hides_the_routes_of_an_application_hides_no_exemption() -> None:
    """Middleware that does not tell what it stands around is no mounted application."""
    limiter = RateLimiter(default="1/minute")
    app = FastAPI()

    def hidden(inner: ASGIApp) -> ASGIApp:
        async def call(scope: Scope, receive: Receive, send: Send) -> None:
            await inner(scope, receive, send)

        return call

    @app.get("/health")
    @limiter.exempt
    async def health() -> None: ...

    app.add_middleware(hidden)
    app.add_middleware(RateLimitMiddleware, limiter=limiter)

    assert statuses(TestClient(app), "/health", times=2) == [200, 200]
