"""Rate limits in the stack: inside of the frame and of maintenance, outside of time-outs."""

import pytest
from fastapi import FastAPI

from brickwork import install
from brickwork.ratelimit import RateLimiter, RateLimitMiddleware
from brickwork.testing import assert_problem, open_client


def app_of() -> FastAPI:
    """An app with one route."""
    app = FastAPI()
    app.add_api_route("/", lambda: "home")
    return app


async def test_refusal_has_what_every_answer_has() -> None:
    """A refusal has the request's ID, security and CORS headers; a preflight spends nothing."""
    app = app_of()
    install(app, rate_limit=RateLimiter(default="1/minute"), cors=["https://shop.example"])
    asking = {"origin": "https://shop.example", "access-control-request-method": "GET"}

    async with open_client(app) as client:
        preflights = [(await client.options("/", headers=asking)).status_code for _ in range(3)]
        first = await client.get("/")
        answer = await client.get("/", headers={"origin": "https://shop.example"})

    assert preflights == [200, 200, 200]
    assert first.headers["ratelimit"] == '"default";r=0;t=60'
    document = assert_problem(answer, 429, slug="quota-exceeded")
    assert document["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert {"ratelimit", "ratelimit-policy", "retry-after"} <= answer.headers.keys()


async def test_options() -> None:
    """Given with options, they hold."""
    app = app_of()
    install(app, rate_limit={"limiter": RateLimiter(default="1/minute"), "exempt": ["/"]})

    async with open_client(app) as client:
        statuses = [(await client.get("/")).status_code for _ in range(3)]

    assert statuses == [200, 200, 200]


async def test_maintenance_spends_nothing() -> None:
    """Who is turned away for maintenance has spent nothing."""
    app = app_of()
    stack = install(app, rate_limit=RateLimiter(default="1/minute"), maintenance=True)
    assert stack.maintenance is not None

    stack.maintenance.enable()
    async with open_client(app) as client:
        closed = [(await client.get("/")).status_code for _ in range(2)]
        stack.maintenance.disable()
        opened = (await client.get("/")).status_code

    assert (closed, opened) == ([503, 503], 200)


@pytest.mark.parametrize("late", [True, False])
def test_explain(*, late: bool) -> None:
    """The table shows it between maintenance and time-out, whoever added it, and what it may answer."""
    app = app_of()
    limiter = RateLimiter(default="1/minute")
    stack = install(app, rate_limit=None if late else limiter, maintenance=True, timeout=5)
    if late:
        app.add_middleware(RateLimitMiddleware, limiter=limiter)

    lines = stack.explain().splitlines()

    names = [line.split()[1] for line in lines[2:]]
    place = names.index("RateLimit")
    assert names[place - 1 : place + 2] == ["Maintenance", "RateLimit", "Timeout"]
    assert "429 quota-exceeded, 503 temporary-reduced-capacity" in lines[place + 2]


def test_twice() -> None:
    """Given to install and added by hand, it would count twice: that is refused."""
    app = app_of()
    app.add_middleware(RateLimitMiddleware, limiter=RateLimiter())

    with pytest.raises(ValueError, match="RateLimitMiddleware is installed twice"):
        install(app, rate_limit=RateLimiter())


def test_mistakes_show_where_they_are_written() -> None:
    """Wrong options fail in install, not at the first request."""
    with pytest.raises(TypeError, match="must be a RateLimiter"):
        install(app_of(), rate_limit={"limiter": "100/minute"})  # type: ignore[arg-type]
