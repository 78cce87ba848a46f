"""slowapi's `Limiter`, counting here: what its options mean."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from fastapi import Request, WebSocket
from fastapi.responses import Response
from slowapi import Limiter as SlowLimiter
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from slowapi.util import get_remote_address
from starlette.datastructures import MutableHeaders
from starlette.middleware.base import RequestResponseEndpoint
from starlette.staticfiles import StaticFiles
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.ratelimit.slowapi_apps import app_with, call, client_of, limiter_with, statuses

pytestmark = pytest.mark.promise("ratelimit-92")


def user_of(request: Request) -> str:
    """Give who says they call."""
    return request.headers.get("x-user", "ada")


async def test_several_decorators_are_one_decision() -> None:
    """Limits of several decorators, and of one with several limits, hold together."""
    limiter = limiter_with(headers_enabled=True)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("5/hour")
    @limiter.limit("3/minute;100/day")
    async def home() -> None: ...

    first, *_, refused = await call(app, *["/"] * 4)

    assert (first.headers["x-ratelimit-limit"], first.headers["x-ratelimit-remaining"]) == ("3", "2")
    assert refused.json() == {"error": "Rate limit exceeded: 3 per 1 minute"}


async def test_what_wraps_a_limited_endpoint_passes_its_limits_on() -> None:
    """A limit above a decorator of somebody else joins those below it."""
    from functools import wraps

    limiter = limiter_with()
    app = app_with(limiter, None)

    def loud(endpoint: Any) -> Any:
        @wraps(endpoint)
        async def shout(*args: Any, **kwargs: Any) -> str:
            return str(await endpoint(*args, **kwargs)).upper()

        return shout

    @app.get("/")
    @limiter.limit("2/minute")
    @loud
    @limiter.limit("5/minute")
    async def home() -> str:
        return "hi"

    assert [response.text for response in await call(app, *["/"] * 3)][:2] == ['"HI"', '"HI"']
    assert await statuses(app, "/") == [429]


async def test_methods_can_be_chosen_and_told_apart() -> None:
    """`methods` limits some, `per_method` counts each by itself, and without either they share."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.api_route("/some", methods=["GET", "POST"])
    @limiter.limit("1/minute", methods=["POST"])
    async def some() -> None: ...

    @app.api_route("/each", methods=["GET", "POST"])
    @limiter.limit("1/minute", per_method=True)
    async def each() -> None: ...

    @app.api_route("/both", methods=["GET", "POST"])
    @limiter.limit("1/minute")
    async def both() -> None: ...

    async with client_of(app) as client:
        found = {
            path: [(await client.request(method, path)).status_code for method in ("GET", "POST", "GET", "POST")]
            for path in ("/some", "/each", "/both")
        }

    assert found == {
        "/some": [200, 200, 200, 429],
        "/each": [200, 200, 429, 429],
        "/both": [200, 429, 429, 429],
    }


@pytest.mark.parametrize("kind", ["nothing", "request", "later"])
async def test_functions_take_the_request_or_nothing(kind: str) -> None:
    """Keys, limits, costs and conditions may take the request or nothing, and may be coroutine functions."""

    async def later(request: Request) -> Any:
        return values[request.headers["x-what"]]

    values = {"limit": "4/minute", "cost": 2, "exempt": False}
    functions: dict[str, Any] = {
        "nothing": {"limit": lambda: "4/minute", "cost": lambda: 2, "exempt": lambda: False, "key": lambda: "all"},
        "request": {
            "limit": lambda request: "4/minute" if request else "",
            "cost": lambda request: 2 if request else 0,
            "exempt": lambda request: not request,
            "key": user_of,
        },
        "later": dict.fromkeys(("limit", "cost", "exempt"), later) | {"key": user_of},
    }
    given = functions[kind]
    limiter = limiter_with(given["key"])
    app = app_with(limiter, None)
    if kind == "later":
        given = {**given, "exempt": None, "cost": 2}

    @app.get("/")
    @limiter.limit(given["limit"], cost=given["cost"], exempt_when=given["exempt"])
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 3, headers={"x-what": "limit"}) == [200, 200, 429]


async def test_a_limit_by_key_may_wait_for_it() -> None:
    """A function that takes `key` is given what the key function gives; it may be a coroutine function."""

    async def key(request: Request) -> str:
        return user_of(request)

    async def limit_of(key: str) -> str:
        return "2/minute" if key == "ada" else "1/minute"

    limiter = limiter_with(key)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit(limit_of)
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 3, headers={"x-user": "ada"}) == [200, 200, 429]
    assert await statuses(app, *["/"] * 2, headers={"x-user": "grace"}) == [200, 429]


async def test_exemptions_by_condition() -> None:
    """Where `exempt_when` says so, a limit does not apply."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("1/minute", exempt_when=lambda request: user_of(request) == "ada")
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 2, headers={"x-user": "ada"}) == [200, 200]
    assert await statuses(app, *["/"] * 2, headers={"x-user": "grace"}) == [200, 429]


@pytest.mark.parametrize("exempt_first", [True, False])
async def test_an_exempt_endpoint_has_no_limits(*, exempt_first: bool) -> None:
    """`exempt` wins over a limit, in either order, and over the application's."""
    limiter = limiter_with(application_limits=["1/minute"])
    app = app_with(limiter)

    def limited(endpoint: Any) -> Any:
        if exempt_first:
            return limiter.limit("1/minute")(limiter.exempt(endpoint))
        return limiter.exempt(limiter.limit("1/minute")(endpoint))

    @app.get("/")
    @limited
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 3) == [200] * 3


@pytest.mark.parametrize("message", ["slow down", lambda: "slow down"], ids=["text", "function"])
async def test_a_refusal_in_ones_own_words(message: Any) -> None:
    """`error_message` stands in the answer in place of the limit."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("1/minute", error_message=message)
    async def home() -> None: ...

    *_, refused = await call(app, "/", "/")

    assert refused.json() == {"error": "Rate limit exceeded: slow down"}


@pytest.mark.parametrize("middleware", [None, SlowAPIASGIMiddleware])
async def test_a_limit_may_leave_the_default_in_place(middleware: Any) -> None:
    """With `override_defaults=False`, the default holds beside a route's own limit, counted once."""
    limiter = limiter_with(default_limits=["2/minute"])
    app = app_with(limiter, middleware)

    @app.get("/")
    @limiter.limit("5/minute", override_defaults=False)
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 3) == [200, 200, 429]


async def test_a_cost_that_can_never_pass_has_no_date() -> None:
    """Where a request costs more than is ever allowed, there is nothing to wait for."""
    limiter = limiter_with(headers_enabled=True)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("2/minute", cost=3)
    async def home() -> None: ...

    (refused,) = await call(app, "/")

    assert refused.status_code == 429
    assert "retry-after" not in refused.headers


async def test_dates_are_written_where_they_are_wanted() -> None:
    """With `retry_after="http-date"`, the header holds a date."""
    limiter = limiter_with(headers_enabled=True, retry_after="http-date")
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("1/minute")
    async def home() -> None: ...

    *_, refused = await call(app, "/", "/")

    assert refused.headers["retry-after"].startswith("Wed, 18 May 2033 03:3")
    assert refused.headers["retry-after"].endswith(" GMT")


def test_headers_of_slowapi_s_own_making() -> None:
    """What was not counted here has no headers."""
    limiter = limiter_with(headers_enabled=True)

    assert limiter._inject_headers(Response(), (None, [])).headers.get("x-ratelimit-limit") is None
    assert limiter._inject_asgi_headers(MutableHeaders(), None).raw == []


async def test_endpoints_of_all_kinds() -> None:
    """Generators, methods, objects and functions with any keyword are limited, and serve what they did."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    class Shop:
        async def books(self) -> str:
            return "books"

        async def __call__(self) -> str:
            return "called"

    @app.get("/later")
    @limiter.limit("1/minute")
    async def later() -> AsyncIterator[int]:
        yield 1

    @app.get("/now")
    @limiter.limit("1/minute")
    def now() -> Iterator[int]:
        yield 1

    @app.get("/odd")
    @limiter.limit("1/minute")
    async def odd(slowapi_limit: int = 1) -> int:
        return slowapi_limit

    app.get("/books")(limiter.limit("1/minute")(Shop().books))
    app.get("/called")(limiter.limit("1/minute")(Shop()))

    for path, text in {"/later": "1", "/now": "1", "/odd": "1", "/books": '"books"', "/called": '"called"'}.items():
        served, refused = await call(app, path, path)
        assert (served.text.strip("\n"), refused.status_code) == (text, 429), path


async def test_one_endpoint_that_calls_another_is_counted_once() -> None:
    """What a limited endpoint calls counts nothing more; called without a request, it says what is missing."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @limiter.limit("1/minute")
    async def inner(request: Request) -> str:
        return "inner"

    @app.get("/")
    @limiter.limit("2/minute")
    async def outer(request: Request) -> str:
        return await inner(request)

    assert await statuses(app, *["/"] * 3) == [200, 200, 429]
    with pytest.raises(TypeError, match="inner is limited, and was called without a request"):
        await inner(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [int, "home"], ids=["class", "text"])
def test_only_functions_can_be_limited(wrong: Any) -> None:
    """A class or a text is refused where it is decorated."""
    with pytest.raises(TypeError, match="belongs on a function"):
        limiter_with().limit("1/minute")(wrong)


async def test_two_limiters_keep_to_themselves() -> None:
    """Limits of two limiters on one endpoint both hold."""
    strict, mild = limiter_with(), limiter_with()
    app = app_with(strict, None)

    @app.get("/")
    @strict.limit("2/minute")
    @mild.limit("5/minute")
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 3) == [200, 200, 429]
    assert mild.counters.allowed == 3


def test_a_socket_is_closed_where_it_cannot_be_denied() -> None:
    """A server that knows no answer to a handshake closes it with 1008."""
    limiter = limiter_with()
    app = app_with(limiter, None)

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    async def without(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "extensions": {}}, receive, send)

    client = TestClient(without)
    with client.websocket_connect("/ws"):
        pass
    with pytest.raises(WebSocketDisconnect) as closed, client.websocket_connect("/ws"):
        pass

    assert closed.value.code == 1008


async def test_preflights_and_files_in_front_of_routes() -> None:
    """A CORS preflight costs nothing; what is mounted and has no routes is limited as a whole."""
    limiter = limiter_with(default_limits=["1/minute"])
    app = app_with(limiter)
    app.mount("/files", StaticFiles(directory=".", check_dir=False))

    async with client_of(app) as client:
        asks = {"Origin": "https://a.test", "Access-Control-Request-Method": "GET"}
        preflights = [(await client.options("/files/a", headers=asks)).status_code for _ in range(3)]

    assert 429 not in preflights
    assert (await statuses(app, "/files/a", "/files/b"))[1] == 429


@pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])
async def test_limiters_of_slowapi_are_served_as_ever(middleware: Any) -> None:
    """The middlewares do for a limiter of slowapi what they always did."""
    limiter = SlowLimiter(key_func=get_remote_address, default_limits=["1/hour"])
    app = app_with(limiter, middleware)

    @app.get("/")
    async def home() -> None: ...

    assert await statuses(app, "/", "/") == [200, 429]


async def test_what_was_made_of_the_middleware_runs() -> None:
    """A subclass of the middleware still does its own part."""

    class Marked(SlowAPIMiddleware):
        async def dispatch(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
            response = await super().dispatch(request, call_next)
            response.headers["x-marked"] = "1"
            return response

    app = app_with(limiter_with(default_limits=["1/minute"]), Marked)

    @app.get("/")
    async def home() -> None: ...

    served, refused = await call(app, "/", "/")

    assert (served.headers.get("x-marked"), refused.status_code) == ("1", 429)
