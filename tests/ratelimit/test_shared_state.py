"""Servers that give all requests of a connection one state, though ASGI asks for a copy: each request is counted."""

from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import FastAPI, Request
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.types import ASGIApp, Receive, Scope, Send

from brickwork.ratelimit import RateLimiter, RateLimitMiddleware
from brickwork.ratelimit.slowapi import Limiter
from brickwork.testing import open_client


def careless(app: ASGIApp) -> ASGIApp:
    """Serve an app as such a server does."""
    state: dict[str, Any] = {}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = state
        await app(scope, receive, send)

    return serve


async def answers(app: ASGIApp, path: str, times: int = 3) -> list[tuple[int, MutableMapping[str, str]]]:
    """The statuses and headers with which one path is answered."""
    async with open_client(careless(app)) as client:
        found = [await client.get(path) for _ in range(times)]
    return [(answer.status_code, answer.headers) for answer in found]


@pytest.mark.promise("ratelimit-28")
async def test_the_default_counts_each_request() -> None:
    """What was counted of one request says nothing of the next."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=RateLimiter(default="2/minute"))

    found = await answers(app, "/nowhere")

    assert [status for status, _ in found] == [404, 404, 429]


@pytest.mark.promise("ratelimit-55")
async def test_headers_tell_of_one_request() -> None:
    """What one response told is not told again by the next, and nothing piles up."""
    limiter, app = RateLimiter(), FastAPI()

    @app.get("/", dependencies=[limiter.depends("2/minute")])
    async def home() -> None: ...

    found = await answers(app, "/")

    assert [status for status, _ in found] == [200, 200, 429]
    assert [headers["ratelimit"].partition(";t=")[0] for _, headers in found] == [
        '"route";r=1',
        '"route";r=0',
        '"route";r=0',
    ]


@pytest.mark.promise("ratelimit-92")
@pytest.mark.parametrize("installed", [False, True])
async def test_limits_of_slowapi_count_each_request(*, installed: bool) -> None:
    """A limit of an endpoint holds for each request, whether a middleware is installed or not."""
    limiter = Limiter(get_remote_address)
    app = FastAPI()
    app.state.limiter = limiter
    if installed:
        app.add_middleware(SlowAPIASGIMiddleware)

    @app.get("/")
    @limiter.limit("2/minute")
    async def home(request: Request) -> None: ...

    found = await answers(app, "/")

    assert [status for status, _ in found] == [200, 200, 429]
