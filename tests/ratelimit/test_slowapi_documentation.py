"""The examples of slowapi's documentation, with one import changed."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from slowapi import _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

from brickwork.ratelimit.slowapi import Limiter
from tests.ratelimit.slowapi_apps import call, statuses

pytestmark = pytest.mark.promise("ratelimit-90")

MIDDLEWARES = pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])

AddRoute = Callable[[str], Callable[[Callable[..., Any]], Callable[..., Any]]]


def route_of(app: Starlette) -> AddRoute:
    """Give the decorator for routes that Starlette had when the examples were written."""

    def route(path: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def add(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            app.add_route(path, endpoint)
            return endpoint

        return add

    return route


async def test_quick_start_with_starlette() -> None:
    """Five requests a minute to an endpoint of Starlette, then 429."""
    limiter = Limiter(key_func=get_remote_address)
    app = Starlette()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]

    @limiter.limit("5/hour")
    async def homepage(request: Request) -> Response:
        return PlainTextResponse("test")

    app.add_route("/home", homepage)

    *passed, refused = await call(app, *["/home"] * 6)

    assert [response.text for response in passed] == ["test"] * 5
    assert (refused.status_code, refused.json()) == (429, {"error": "Rate limit exceeded: 5 per 1 hour"})


async def test_quick_start_with_fastapi() -> None:
    """Two endpoints of FastAPI, each with five requests of its own."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]

    @app.get("/home")
    @limiter.limit("5/hour")
    async def home(request: Request) -> Response:
        return Response("test")

    @app.get("/mars")
    @limiter.limit("5/hour")
    async def mars(request: Request, response: Response) -> dict[str, str]:
        return {"key": "value"}

    assert await statuses(app, *["/home"] * 6) == [200] * 5 + [429]
    assert await statuses(app, *["/mars"] * 6) == [200] * 5 + [429]


async def test_an_endpoint_without_a_request() -> None:
    """What the documentation says not to write works as well: an endpoint without a parameter for the request."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()
    app.state.limiter = limiter

    @app.get("/mine")
    @limiter.limit("5/hour")
    async def mine() -> None: ...

    assert await statuses(app, *["/mine"] * 6) == [200] * 5 + [429]
    assert "parameters" not in app.openapi()["paths"]["/mine"]["get"]


async def test_headers_on_a_response_that_is_given() -> None:
    """With `headers_enabled`, an endpoint that takes the response answers with headers, each once."""
    limiter = Limiter(key_func=get_remote_address, headers_enabled=True)
    app = FastAPI()
    app.state.limiter = limiter

    @app.get("/mine")
    @limiter.limit("5/hour")
    async def mine(request: Request, response: Response) -> dict[str, str]:
        response.headers["X-Mine"] = "1"
        return {"key": "value"}

    (response,) = await call(app, "/mine")

    assert response.headers["x-mine"] == "1"
    assert response.headers.get_list("x-ratelimit-limit") == ["5"]
    assert response.headers.get_list("x-ratelimit-remaining") == ["4"]


@MIDDLEWARES
async def test_the_other_order_of_decorators(middleware: Any) -> None:
    """What the documentation says does not work does, where a middleware is installed: the limit above the route."""
    limiter = Limiter(key_func=get_remote_address)
    app = FastAPI()
    app.state.limiter = limiter
    app.add_middleware(middleware)

    @limiter.limit("2/hour")
    @app.get("/test")
    async def test(request: Request) -> str:
        return "hi"

    assert await statuses(app, *["/test"] * 3) == [200, 200, 429]


@MIDDLEWARES
async def test_a_default_for_all_routes(middleware: Any) -> None:
    """A limit that nobody wrote on the endpoint holds, and an exempt endpoint has none."""
    limiter = Limiter(key_func=get_remote_address, default_limits=["1/hour"])
    app = Starlette()
    app.state.limiter = limiter
    app.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)  # type: ignore[arg-type]
    app.add_middleware(middleware)

    async def homepage(request: Request) -> Response:
        return PlainTextResponse("Only once")

    app.add_route("/home", homepage)

    @route_of(app)("/someroute")
    @limiter.exempt
    def unlimited(request: Request) -> Response:
        return PlainTextResponse("I'm unlimited")

    assert await statuses(app, "/home", "/home") == [200, 429]
    assert await statuses(app, *["/someroute"] * 3) == [200, 200, 200]


@MIDDLEWARES
async def test_switched_off(middleware: Any) -> None:
    """A limiter that is switched off, from the start or later, limits nothing."""
    limiter = Limiter(key_func=get_remote_address, default_limits=["1/hour"], enabled=False)
    app = Starlette()
    app.state.limiter = limiter
    app.add_middleware(middleware)

    @route_of(app)("/someroute")
    @limiter.limit("1/hour")
    def limited(request: Request) -> Response:
        return PlainTextResponse("I'm limited")

    assert await statuses(app, *["/someroute"] * 2) == [200, 200]
    limiter.enabled = True
    assert await statuses(app, *["/someroute"] * 2) == [200, 429]
    limiter.enabled = False
    assert await statuses(app, *["/someroute"] * 2) == [200, 200]


async def test_counting_in_redis(redis_url: str) -> None:
    """A URI is all that Redis needs; two limiters with it count together."""
    limiters = [Limiter(key_func=get_remote_address, storage_uri=redis_url) for _ in range(2)]
    found: list[int] = []
    for limiter in limiters:
        app = FastAPI()
        app.state.limiter = limiter

        @app.get("/home")
        @limiter.limit("3/hour")
        async def home(request: Request) -> None: ...

        found += await statuses(app, *["/home"] * 2)
        await limiter.aclose()

    assert found == [200, 200, 200, 429]


async def test_a_cost_per_hit() -> None:
    """What a request costs may depend on it."""
    limiter = Limiter(key_func=get_remote_address)
    app = Starlette()
    app.state.limiter = limiter

    def get_hit_cost(request: Request) -> int:
        return len(request)

    @route_of(app)("/someroute")
    @limiter.limit("100/hour", cost=get_hit_cost)
    def limited(request: Request) -> Response:
        return PlainTextResponse(str(len(request)))

    (response,) = await call(app, "/someroute")
    cost = int(response.text)
    found = await statuses(app, *["/someroute"] * 10)

    assert cost > 5
    assert found.count(200) == 100 // cost - 1


@MIDDLEWARES
async def test_one_middleware_or_the_other(middleware: Any) -> None:
    """Both are added the same way, and a decorated endpoint is counted once."""
    limiter = Limiter(key_func=get_remote_address, default_limits=["1/hour"])
    app = FastAPI()
    app.state.limiter = limiter
    app.add_middleware(middleware)

    @app.get("/own")
    @limiter.limit("3/hour")
    async def own(request: Request) -> None: ...

    assert await statuses(app, *["/own"] * 4) == [200, 200, 200, 429]


@MIDDLEWARES
@pytest.mark.parametrize("key_style", ["url", "endpoint"])
async def test_the_name_of_the_function_as_key(middleware: Any, key_style: Any) -> None:
    """By function, two routes to one endpoint share a limit; by URL each has its own, whatever its values."""
    limiter = Limiter(key_func=lambda: "mock", default_limits=["1/hour"], key_style=key_style)
    app = Starlette()
    app.state.limiter = limiter
    app.add_middleware(middleware)

    @route_of(app)("/some_route/{some_param}")
    @route_of(app)("/other_route/{some_param}")
    def my_func(request: Request) -> Response:
        return PlainTextResponse(request.path_params["some_param"])

    assert await statuses(app, "/some_route/a", "/some_route/b") == [200, 429]
    assert await statuses(app, "/other_route/a") == [429 if key_style == "endpoint" else 200]
