"""What does not hold in slowapi, as reproduced with its release 0.1.10, holds after one changed import."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from fastapi.responses import JSONResponse, Response, StreamingResponse
from slowapi.errors import RateLimitExceeded
from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, Match
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Receive, Scope, Send

from brickwork.ratelimit.slowapi import audit
from tests.ratelimit.slowapi_apps import app_with, call, limiter_with, set_up, statuses

MIDDLEWARES = pytest.mark.parametrize("middleware", [SlowAPIMiddleware, SlowAPIASGIMiddleware])


@pytest.mark.promise("ratelimit-94")
@MIDDLEWARES
async def test_default_limits_hold_in_included_routers_and_mounts(middleware: Any) -> None:
    """Routes of included routers and of mounted applications are limited, each by itself."""
    app = app_with(limiter_with(default_limits=["2/minute"]), middleware)
    router, inner = APIRouter(), FastAPI()

    @router.get("/books")
    @inner.get("/books")
    async def books() -> str:
        return "books"

    app.include_router(router, prefix="/a")
    app.include_router(router, prefix="/b")
    app.mount("/c", inner)

    for path in ("/a/books", "/b/books", "/c/books"):
        assert await statuses(app, *[path] * 3) == [200, 200, 429], path


@pytest.mark.promise("ratelimit-94")
@pytest.mark.parametrize("path", ["/books/{n}", "/files/{n}/{n}.txt"])
async def test_another_value_in_the_path_is_no_new_bucket(path: str) -> None:
    """A route is counted by its template, whatever stands in the path."""
    limiter = limiter_with(default_limits=["2/minute"])
    app = app_with(limiter)

    @app.get("/books/{number}")
    @limiter.limit("2/minute")
    async def book(number: int) -> int:
        return number

    @app.get("/files/{path:path}")
    async def file(path: str) -> str:
        return path

    assert await statuses(app, *[path.format(n=number) for number in range(3)]) == [200, 200, 429]


@pytest.mark.promise("ratelimit-94")
async def test_what_no_route_serves_is_counted() -> None:
    """Limits of the application count requests that end in 404, too."""
    app = app_with(limiter_with(application_limits=["2/minute"]))

    assert await statuses(app, "/a", "/b", "/c") == [404, 404, 429]


@pytest.mark.promise("ratelimit-94")
async def test_frontends_and_routes_of_ones_own_are_counted(tmp_path: Path) -> None:
    """Files of a frontend, and a route that names neither path nor endpoint, are counted with what no route serves."""
    (tmp_path / "index.html").write_text("<p>books</p>")
    app = app_with(limiter_with(default_limits=["2/minute"]))
    app.frontend("/", directory=tmp_path)
    app.router.routes.append(_Own())

    assert await statuses(app, "/index.html", "/own", "/own") == [200, 200, 429]
    assert await statuses(app, "/none.css") == [429]
    assert audit(app) == []


class _Own(BaseRoute):
    """A route that finds and serves its requests by itself."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        return (Match.FULL if scope["path"] == "/own" else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("own")(scope, receive, send)


@pytest.mark.promise("ratelimit-95")
@MIDDLEWARES
async def test_a_stream_begins_once(middleware: Any) -> None:
    """A response in three parts has one beginning, with each header once."""
    app = app_with(limiter_with(default_limits=["2/minute"], headers_enabled=True), middleware)
    begun: list[Message] = []

    @app.get("/")
    async def parts() -> StreamingResponse:
        return StreamingResponse(iter(["1", "2", "3"]))

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        async def watch(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.append(message)
            await send(message)

        await app(scope, receive, watch)

    (response,) = await call(watched, "/")

    assert response.text == "123"
    (start,) = begun
    names = [name for name, _ in start["headers"]]
    assert sorted(name for name in names if b"ratelimit" in name) == [
        b"x-ratelimit-limit",
        b"x-ratelimit-remaining",
        b"x-ratelimit-reset",
    ]


@pytest.mark.promise("ratelimit-93")
def test_sockets_can_be_limited() -> None:
    """The decorator limits a socket's endpoint, before the socket is accepted."""
    limiter = limiter_with()
    app = app_with(limiter)

    @app.websocket("/ws")
    @limiter.limit("1/minute")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    with TestClient(app) as client:
        with client.websocket_connect("/ws"):
            pass
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws"):
            pass

    assert denied.value.status_code == 429


@pytest.mark.promise("ratelimit-95")
async def test_what_one_limit_refuses_costs_another_nothing() -> None:
    """Limits are counted together or not at all, those of the application too."""
    limiter = limiter_with(application_limits=["12/hour"], headers_enabled=True)
    app = app_with(limiter)

    @app.get("/")
    @limiter.limit("100/hour")
    @limiter.limit("2/minute")
    async def home() -> None: ...

    @app.get("/other")
    async def other() -> None: ...

    refused = await statuses(app, *["/"] * 10)
    (response,) = await call(app, "/other")

    assert refused == [200] * 2 + [429] * 8
    assert (response.headers["x-ratelimit-limit"], response.headers["x-ratelimit-remaining"]) == ("12", "9")


@pytest.mark.promise("ratelimit-94")
@pytest.mark.parametrize("key_style", ["url", "endpoint"])
async def test_functions_of_one_name_have_limits_of_their_own(key_style: Any) -> None:
    """Limits belong to a function, and not to its name."""
    limiter = limiter_with(key_style=key_style)
    app = app_with(limiter)

    def endpoint(path: str, limit: str) -> None:
        @app.get(path)
        @limiter.limit(limit)
        async def home() -> None: ...

    endpoint("/strict", "1/minute")
    endpoint("/mild", "3/minute")

    assert await statuses(app, *["/strict"] * 2) == [200, 429]
    assert await statuses(app, *["/mild"] * 4) == [200, 200, 200, 429]


@pytest.mark.promise("ratelimit-92")
@pytest.mark.parametrize("middleware", [None, SlowAPIMiddleware, SlowAPIASGIMiddleware])
async def test_headers_need_no_parameter(middleware: Any) -> None:
    """An endpoint that returns a plain value has headers, without a parameter for the response."""
    limiter = limiter_with(headers_enabled=True)
    app = app_with(limiter, middleware)

    @app.get("/")
    @limiter.limit("2/minute")
    def home() -> dict[str, int]:
        return {"a": 1}

    first, second, third = await call(app, *["/"] * 3)

    assert first.json() == {"a": 1}
    assert [each.headers.get_list("x-ratelimit-remaining") for each in (first, second, third)] == [["1"], ["0"], ["0"]]
    assert "retry-after" not in second.headers
    assert int(third.headers["retry-after"]) > 0
    assert first.headers["x-ratelimit-reset"].isdecimal()


@pytest.mark.promise("ratelimit-94")
@MIDDLEWARES
async def test_a_limit_that_is_a_function_replaces_the_default(middleware: Any) -> None:
    """A route with a limit that depends on the request has not the default limit as well."""
    limiter = limiter_with(default_limits=["2/minute"])
    app = app_with(limiter, middleware)

    @app.get("/")
    @limiter.limit(lambda: "4/minute")
    async def home() -> None: ...

    assert await statuses(app, *["/"] * 5) == [200, 200, 200, 200, 429]


@pytest.mark.promise("ratelimit-94")
@pytest.mark.parametrize(
    "scope",
    [lambda: "shared", lambda endpoint: endpoint[:5], lambda request: request.method],
    ids=["nothing", "endpoint", "request"],
)
async def test_what_is_shared_may_be_a_function(scope: Any) -> None:
    """The name of a shared limit may come from a function of nothing, of the endpoint's name, or of the request."""
    limiter = limiter_with()
    app = app_with(limiter)

    @app.get("/a")
    @limiter.shared_limit("1/minute", scope=scope)
    async def a() -> None: ...

    @app.get("/b")
    @limiter.shared_limit("1/minute", scope=scope)
    async def b() -> None: ...

    assert await statuses(app, "/a", "/b") == [200, 429]


@pytest.mark.promise("ratelimit-91")
@MIDDLEWARES
async def test_the_middleware_runs_handlers_of_either_kind(middleware: Any) -> None:
    """A handler for refusals runs where the middleware refuses, be it a coroutine function or not."""
    sync, asynchronous = (app_with(limiter_with(default_limits=["1/minute"]), middleware) for _ in range(2))

    def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"mine": request.url.path}, 429)

    async def answer_later(request: Request, error: Exception) -> Response:
        await anyio.lowlevel.checkpoint()
        return answer(request, error)

    sync.add_exception_handler(RateLimitExceeded, answer)
    asynchronous.add_exception_handler(RateLimitExceeded, answer_later)

    for app in (sync, asynchronous):
        assert [response.json() for response in await call(app, "/", "/")][1] == {"mine": "/"}


@pytest.mark.promise("ratelimit-90")
async def test_starlette_alone_is_enough() -> None:
    """Endpoints of Starlette, sync and async, are limited as well."""
    limiter = limiter_with()

    @limiter.limit("1/minute")
    async def later(request: Request) -> Response:
        return PlainTextResponse("later")

    @limiter.limit("1/minute")
    def now(request: Request) -> Response:
        return PlainTextResponse("now")

    app = set_up(Starlette(), limiter, None)
    app.add_route("/later", later)
    app.add_route("/now", now)

    assert await statuses(app, "/later", "/later", "/now", "/now") == [200, 429, 200, 429]
