"""``limiter.routes(app)``: what holds on every route, and where it was written."""

from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Response, WebSocket
from starlette.routing import Host, Mount, Route

from brickwork.ratelimit import RateLimiter, Rule, by_cookie, by_form, by_header, by_ip, by_json, by_route, by_user


async def nothing() -> None:
    """An endpoint."""


async def tier() -> str:
    """The limits of a caller."""
    return "9/minute"


def own_key(connection: Any) -> str:
    """A key of the application's own."""
    return "ada"


async def test_levels() -> None:
    """Each route has the rules that hold there, with the level at which they were written."""
    limiter = RateLimiter(default="100/minute")
    app = FastAPI(openapi_url=None)
    router = APIRouter(dependencies=[limiter.depends("5/minute burst 2", key=by_header("x-key") | by_ip())])
    own = limiter.depends(tier, stack=True, scope="shared", key=Depends(tier))
    router.add_api_route("/x", nothing)
    router.add_api_route("/y", nothing, methods=["POST"], dependencies=[own, limiter.concurrent(3, name="running")])
    router.add_api_route("/z", nothing, dependencies=[limiter.depends("1/10s log", name="slow", key=own_key)])
    app.add_api_route("/", nothing)
    app.add_api_route("/free", limiter.exempt(tier))
    app.include_router(router, prefix="/a")

    rows = limiter.routes(app)

    get = ("GET",)
    keys = "by_header(x-key) | by_ip"
    assert list(rows) == [
        ("/", get, "default", "100/minute", "by_ip", "all", "default", False),
        ("/free", get, "", "", "", "", "", True),
        ("/a/x", get, "route", "5/minute burst 2", keys, "route", "router", False),
        ("/a/y", ("POST",), "route", "5/minute burst 2", keys, "route", "router", False),
        ("/a/y", ("POST",), "shared", "tier", "tier", "shared", "route", False),
        ("/a/y", ("POST",), "running", "3 at once", "by_ip", "route", "route", False),
        ("/a/z", get, "slow", "1/10s log", "own_key", "route", "route", False),
    ]


async def test_mounts_and_sockets() -> None:
    """Mounted applications show their routes under their prefix; what cannot be looked into has one row."""
    limiter = RateLimiter(default=Rule("9/hour; 1/s", scope="everything"))
    mounted = FastAPI(openapi_url=None)
    mounted.add_api_route("/in", nothing)
    mounted.mount("/again", mounted)
    app = FastAPI(openapi_url=None, routes=[Mount("/m", mounted), Host("files.example", Response())])

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None: ...

    app.routes.append(Route("/any", nothing, methods=[]))
    default = ("everything", "9/hour; 1/second", "by_ip", "everything", "default", False)

    rows = limiter.routes(app)

    assert list(rows) == [
        ("/m/in", ("GET",), *default),
        ("/m/again/*", (), *default),
        ("/*", (), *default),
        ("/ws", ("WEBSOCKET",), *default),
        ("/any", (), *default),
    ]


async def test_whatever_limits_is_there() -> None:
    """Sockets show how many may be open, and budgets what may be spent, beside the limits that count requests."""
    limiter = RateLimiter(default="100/minute")
    app = FastAPI(openapi_url=None)

    @app.websocket("/ws", dependencies=[limiter.websocket(connect="9/minute", open=3, ttl=90)])
    async def socket(websocket: WebSocket) -> None: ...

    app.add_api_route("/work", nothing, dependencies=[limiter.budget("50/day")])

    rows = limiter.routes(app)

    assert [(row.path, row.name, row.limits, row.source) for row in rows] == [
        ("/ws", "connect", "9/minute", "route"),
        ("/ws", "open", "3 at once", "route"),
        ("/work", "default", "100/minute", "default"),
        ("/work", "budget", "50/day", "route"),
    ]


async def test_without_a_default() -> None:
    """A route that nothing limits has a row that says so."""
    limiter = RateLimiter()
    app = FastAPI(openapi_url=None, routes=[Mount("/files", Response())])
    app.add_api_route("/", nothing)

    rows = limiter.routes(app)

    assert [(row.path, row.limits, row.exempt) for row in rows] == [("/files/*", "", False), ("/", "", False)]


async def test_as_text() -> None:
    """As text it is a table."""
    limiter = RateLimiter(default="100/minute")
    router = APIRouter()
    router.add_api_route("/", nothing, name="home")
    router.add_api_route("/free", limiter.exempt(tier), methods=["GET", "POST"])

    assert str(limiter.routes(router)).splitlines() == [
        "path   methods    name     limits      key    scope  from",
        "-" * 60,
        "/      GET        default  100/minute  by_ip  all    default",
        "/free  GET, POST           none                      exempt",
    ]


async def test_limit_above_the_route() -> None:
    """A limit that does not hold where it stands is an error here, too."""
    limiter = RateLimiter()
    app = FastAPI()

    @limiter.limit("1/minute")
    @app.get("/bare")
    async def bare() -> None: ...

    with pytest.raises(RuntimeError, match="bare"):
        limiter.routes(app)


async def test_keys_that_say_nothing_of_themselves() -> None:
    """An object without a name shows its class."""

    class Caller:
        def __call__(self) -> str:
            return "ada"

    limiter, app = RateLimiter(), FastAPI(openapi_url=None)
    app.add_api_route("/", nothing, dependencies=[limiter.depends("1/minute", key=Depends(Caller()))])

    [row] = limiter.routes(app)

    assert row.key.endswith("Caller")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (by_ip(["10.0.0.0/8"]), "by_ip"),
        (by_user() | by_ip(), "by_user | by_ip"),
        (by_header("X-Key") & by_cookie("id"), "by_header(x-key) & by_cookie(id)"),
        (by_form("name") | by_json("name"), "by_form(name) | by_json(name)"),
        (by_route() & own_key, "by_route & own_key"),
    ],
)
def test_keys_as_text(key: Any, text: str) -> None:
    """A key reads as it is written, without what it holds beside."""
    assert str(key) == text
