"""`audit`: which limits of an application have no effect, with slowapi and here."""

from typing import Any

import pytest
from fastapi import APIRouter, FastAPI, Request, WebSocket
from slowapi import Limiter as SlowLimiter
from slowapi.middleware import SlowAPIASGIMiddleware
from slowapi.util import get_remote_address
from starlette.staticfiles import StaticFiles

from brickwork.ratelimit.slowapi import Finding, Limiter, audit
from tests.ratelimit.slowapi_apps import app_with, limiter_with, statuses

pytestmark = pytest.mark.promise("ratelimit-99")

KINDS = pytest.mark.parametrize("kind", [SlowLimiter, Limiter], ids=["slowapi", "brickwork"])


def reasons(findings: list[Finding]) -> dict[str, tuple[str, ...]]:
    """Give why limits have no effect with slowapi, by path."""
    return {finding.path: finding.slowapi for finding in findings}


def some_app(limiter: SlowLimiter, middleware: Any) -> FastAPI:
    """Make an application with routes of all kinds."""
    app = app_with(limiter, middleware)
    router, inner = APIRouter(), FastAPI()

    @app.get("/")
    @limiter.limit("5/minute")
    async def home(request: Request) -> None: ...

    @router.get("/books/{number}")
    @inner.get("/books")
    async def books(request: Request) -> None: ...

    @app.get("/exempt")
    @limiter.exempt  # type: ignore[untyped-decorator]
    async def exempt(request: Request) -> None: ...

    @app.websocket("/open")
    async def opened(websocket: WebSocket) -> None: ...

    app.include_router(router, prefix="/a")
    app.mount("/b", inner)
    app.mount("/files", StaticFiles(directory=".", check_dir=False))
    return app


@KINDS
def test_what_has_an_effect_is_not_mentioned(kind: type[SlowLimiter]) -> None:
    """An application whose limits all hold has nothing to be told."""
    limiter = kind(key_func=get_remote_address)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("5/minute")
    async def home(request: Request) -> None: ...

    assert audit(app) == []


@KINDS
def test_defaults_that_do_not_reach_a_route(kind: type[SlowLimiter]) -> None:
    """With slowapi, default limits do not reach included routers and mounts; here they do."""
    app = some_app(kind(key_func=get_remote_address, default_limits=["5/minute"]), SlowAPIASGIMiddleware)

    found = reasons(audit(app))

    nested, values = "does not look into included routers and mounted applications", "each value in the path"
    assert nested in found["/a/books/{number}"][0]
    assert values in found["/a/books/{number}"][1]
    assert [nested in reason for reason in found["/b/books"]] == [True]
    assert {"/", "/exempt", "/open"}.isdisjoint(found)
    assert not any(finding.brickwork for finding in audit(app))


@KINDS
def test_limits_of_the_application_that_nobody_asks_for(kind: type[SlowLimiter]) -> None:
    """Without a middleware, neither enforces default limits and those of the application, and both are told."""
    app = some_app(kind(key_func=get_remote_address, application_limits=["5/minute"]), None)

    found = audit(app)

    assert {"/", "/a/books/{number}", "/b/books"} <= reasons(found).keys()
    assert {"/exempt", "/open"}.isdisjoint(reasons(found))
    assert all("no middleware" in finding.slowapi[0] and finding.brickwork == finding.slowapi for finding in found)


@KINDS
def test_limits_of_the_application_that_a_limited_route_escapes(kind: type[SlowLimiter]) -> None:
    """With slowapi, routes with limits of their own escape those of the application."""
    app = some_app(kind(key_func=get_remote_address, application_limits=["5/minute"]), SlowAPIASGIMiddleware)

    (home,) = [finding for finding in audit(app) if finding.path == "/"]

    assert "leaves routes with limits of their own alone" in home.slowapi[0]
    assert home.brickwork == ()


@KINDS
@pytest.mark.parametrize("middleware", [None, SlowAPIASGIMiddleware])
async def test_a_decorator_that_stands_too_high(kind: type[SlowLimiter], middleware: Any) -> None:
    """A limit above the decorator of the route has no effect without a middleware of ours, and is told of."""
    limiter = limiter_with() if kind is Limiter else kind(key_func=get_remote_address)
    app = app_with(limiter, middleware)

    @limiter.limit("1/minute")
    @app.get("/")
    async def home(request: Request) -> None: ...

    (finding,) = audit(app)

    assert "put it below" in finding.slowapi[0]
    assert bool(finding.brickwork) is (middleware is None)
    if kind is Limiter and not finding.brickwork:
        assert await statuses(app, "/", "/") == [200, 429]


@KINDS
def test_keys_that_nobody_awaits_and_sockets(kind: type[SlowLimiter]) -> None:
    """With slowapi a key that is a coroutine function limits nobody, and a limited socket raises."""

    async def key(request: Request) -> str:
        return "all"

    limiter = kind(key_func=key, default_limits=["5/minute"])  # type: ignore[arg-type]
    app = app_with(limiter)

    @app.get("/default")
    async def default(request: Request) -> None: ...

    @app.get("/fixed")
    @limiter.limit("5/minute")
    async def fixed(request: Request) -> None: ...

    @app.get("/varying")
    @limiter.limit(lambda: "5/minute")
    async def varying(request: Request) -> None: ...

    @app.websocket("/socket")
    @limiter.limit("5/minute", key_func=get_remote_address)
    async def socket(websocket: WebSocket) -> None: ...

    found = reasons(audit(app))

    assert all("nobody awaits" in found[path][0] for path in ("/default", "/fixed", "/varying"))
    assert "does not know sockets" in found["/socket"][0]


@KINDS
def test_functions_of_one_name(kind: type[SlowLimiter]) -> None:
    """With slowapi two functions of one name get the limits of both."""
    limiter = kind(key_func=get_remote_address)
    app = app_with(limiter, None)

    def endpoint(path: str, limit: str) -> None:
        @app.get(path)
        @limiter.limit(limit)
        async def home(request: Request) -> None: ...

    endpoint("/strict", "1/minute")
    endpoint("/mild", "3/minute")

    assert all("both get the limits of both" in found[0] for found in reasons(audit(app)).values())
    assert {*reasons(audit(app))} == {"/strict", "/mild"}


def test_a_limit_that_slowapi_could_not_read(expected_errors: list[Any]) -> None:
    """With slowapi a limit that cannot be read leaves the route unlimited."""
    limiter = SlowLimiter(key_func=get_remote_address)
    app = app_with(limiter, None)

    @app.get("/")
    @limiter.limit("5 per fortnight")
    async def home(request: Request) -> None: ...

    (finding,) = audit(app)

    assert finding.slowapi == ("a limit could not be read, and was dropped",)
    assert expected_errors


def test_a_finding_can_be_read() -> None:
    """As text, a finding names method, path and function, and why with either."""
    findings = Finding("/", ("GET", "HEAD"), "shop.home", ("a",), ("b",)), Finding("/ws", (), "shop.ws", ("c",), ())

    assert "\n".join(map(str, findings)).splitlines() == [
        "GET,HEAD / (shop.home)",
        "  slowapi: a",
        "  brickwork: b",
        "WEBSOCKET /ws (shop.ws)",
        "  slowapi: c",
    ]


def test_an_application_without_a_limiter() -> None:
    """Without a limiter there is nothing to audit, and that is said."""
    with pytest.raises(TypeError, match=r"write app\.state\.limiter = limiter"):
        audit(FastAPI())
