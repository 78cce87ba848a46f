"""Which limits apply: those of the route before those of its router, and those before the application's."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, WebSocket
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from brickwork.ratelimit import Decision, RateLimiter, RateLimitMiddleware
from brickwork.ratelimit._depends.precedence import limited_routes
from tests.ratelimit.calls import statuses


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter with a default."""
    return RateLimiter(default="7/minute")


def one() -> int:
    """Give one."""
    return 1


def policies(client: TestClient, path: str) -> str:
    """Give what a response says of limits: their numbers, in order."""
    header = client.get(path).headers.get("ratelimit-policy", "")
    return " ".join(each.split(";")[1] for each in header.split(", ") if each)


@pytest.fixture
def client(limiter: RateLimiter) -> Iterator[TestClient]:
    """A client of an app with limits at all levels."""
    app = FastAPI(dependencies=[limiter.depends("6/minute", name="app")])
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    outer = APIRouter(dependencies=[limiter.depends("5/minute")])
    inner = APIRouter(dependencies=[limiter.depends("3/minute")])
    stacking = APIRouter(dependencies=[limiter.depends("2/minute", stack=True)])
    plain = APIRouter()
    own, more = limiter.depends("1/minute"), limiter.depends("1/minute", stack=True)
    for router in (outer, inner, stacking, plain):
        router.get("/none")(one)
        router.get("/own", dependencies=[own])(one)
        router.get("/more", dependencies=[more])(one)
    app.get("/none")(one)
    app.get("/own")(limiter.limit("1/minute")(lambda: 1))
    outer.include_router(inner, prefix="/inner", dependencies=[limiter.depends("4/minute")])
    outer.include_router(plain, prefix="/given", dependencies=[limiter.depends("4/minute")])
    app.include_router(outer, prefix="/outer")
    app.include_router(stacking, prefix="/stacking")
    app.include_router(plain, prefix="/plain")
    with TestClient(app) as client:
        yield client


@pytest.mark.promise("ratelimit-36")
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/none", "q=6"),
        ("/own", "q=1"),
        ("/plain/none", "q=6"),
        ("/outer/none", "q=5"),
        ("/outer/own", "q=1"),
        ("/outer/more", "q=5 q=1"),
        ("/outer/inner/none", "q=3"),
        ("/outer/inner/own", "q=1"),
        ("/outer/inner/more", "q=3 q=1"),
        ("/outer/given/none", "q=4"),
        ("/stacking/none", "q=6 q=2"),
        ("/stacking/own", "q=1"),
        ("/stacking/more", "q=6 q=2 q=1"),
        ("/nowhere", "q=7"),
    ],
)
def test_the_nearest_limits_hold(client: TestClient, path: str, expected: str) -> None:
    """A route's own limits, else those of the nearest router that has some, else the app's, else the default."""
    assert policies(client, path) == expected


@pytest.mark.promise("ratelimit-36")
def test_alike_at_two_levels_is_still_counted(limiter: RateLimiter) -> None:
    """A router and its route that say the same are one limit, and not none."""
    limit = limiter.depends("1/minute")
    router, app = APIRouter(dependencies=[limit]), FastAPI()
    router.get("/", dependencies=[limiter.depends("1/minute")])(one)
    app.include_router(router)

    assert statuses(TestClient(app), "/", 2) == [200, 429]


@pytest.mark.promise("ratelimit-36")
def test_what_counts_something_else_is_not_replaced(limiter: RateLimiter) -> None:
    """A limit of another limiter, and one on what runs at once, stand beside."""
    other = RateLimiter()
    router, app = APIRouter(dependencies=[other.depends("5/minute"), limiter.concurrent(4)]), FastAPI()
    router.get("/", dependencies=[limiter.depends("3/minute")])(one)
    router.get("/few", dependencies=[limiter.concurrent(2)])(one)
    app.include_router(router)
    client = TestClient(app)

    assert policies(client, "/") == "q=5 q=4 q=3"
    assert policies(client, "/few") == "q=5 q=2"


def test_limits_hang_where_their_dependency_does(limiter: RateLimiter) -> None:
    """A limit inside of a router's dependency is the router's; replaced, it gives a decision that counted nothing."""
    seen: list[Decision] = []

    def look(decision: Annotated[Decision, limiter.depends("2/minute")]) -> None:
        seen.append(decision)

    router, app = APIRouter(dependencies=[Depends(look)]), FastAPI()
    router.get("/none")(one)
    router.get("/own", dependencies=[limiter.depends("1/minute")])(one)
    app.include_router(router)
    client = TestClient(app)

    assert (policies(client, "/none"), policies(client, "/own")) == ("q=2", "q=1")
    assert [decision.limit for decision in seen] == [2, None]


def test_sockets_of_routers_have_the_same_levels(limiter: RateLimiter) -> None:
    """A route's own limit takes the place of its router's."""
    router, app = APIRouter(dependencies=[limiter.depends("1/minute")]), FastAPI()

    @router.websocket("/own")
    @limiter.limit("2/minute")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close()

    app.include_router(router, prefix="/sockets")
    client = TestClient(app)

    for _ in range(2):
        with client.websocket_connect("/sockets/own"):
            pass
    with pytest.raises(WebSocketDenialResponse), client.websocket_connect("/sockets/own"):
        pass


def test_mounted_routers_and_apps_have_levels_of_their_own(limiter: RateLimiter) -> None:
    """What is mounted does not see the dependencies outside; inside, the nearest limits hold."""
    mounted = FastAPI(dependencies=[limiter.depends("3/minute")])
    bare = APIRouter(dependencies=[limiter.depends("4/minute")])
    app = FastAPI(dependencies=[limiter.depends("5/minute")])
    for router in (mounted, bare):
        router.get("/none")(one)
        router.get("/own", dependencies=[limiter.depends("1/minute")])(one)
    app.mount("/app", mounted)
    app.mount("/bare", bare)
    client = TestClient(app)

    paths = ("/app/none", "/app/own", "/bare/none", "/bare/own")
    assert [policies(client, path) for path in paths] == ["q=3", "q=1", "q=4", "q=1"]


def test_routes_that_nobody_knows_are_limited_by_all_they_have(limiter: RateLimiter) -> None:
    """Where a router is hidden in another application, no limit is taken for replaced."""
    bare = APIRouter(dependencies=[limiter.depends("4/minute")])
    bare.get("/a", dependencies=[limiter.depends("1/minute")])(one)
    bare.get("/b", dependencies=[limiter.depends("2/minute")])(one)

    async def hiding(scope: Any, receive: Any, send: Any) -> None:
        await bare(scope, receive, send)

    app = FastAPI()
    app.mount("/hidden", hiding)
    client = TestClient(app)

    assert [policies(client, "/hidden/a"), policies(client, "/hidden/b")] == ["q=4 q=1", "q=4 q=2"]
    assert policies(client, "/hidden/a") == "q=4 q=1"


def test_routes_that_are_added_later_are_seen(limiter: RateLimiter) -> None:
    """Levels are looked at anew when there is a route that was not there."""
    router, app = APIRouter(dependencies=[limiter.depends("4/minute")]), FastAPI()
    router.get("/first", dependencies=[limiter.depends("1/minute")])(one)
    app.include_router(router)
    client = TestClient(app)
    first = policies(client, "/first")

    router.get("/second", dependencies=[limiter.depends("2/minute")])(one)

    assert [first, policies(client, "/second"), policies(client, "/first")] == ["q=1", "q=2", "q=1"]


def test_routes_of_one_request_are_not_remembered_for_ever(limiter: RateLimiter) -> None:
    """An application that makes a router for each request is limited, and takes no more memory for each."""
    app, limit = FastAPI(), limiter.depends("1/minute")
    app.get("/")(one)

    applied = [
        limiter.precedence.applies(limit.dependency, {"app": app, "route": APIRoute("/", one, dependencies=[limit])})  # type: ignore[arg-type]
        for _ in range(600)
    ]

    assert all(applied)
    assert len(limiter.precedence._known[app]) <= 257


async def test_without_an_application_every_limit_applies(limiter: RateLimiter) -> None:
    """A router that is served by itself has no levels that anybody could know."""
    limit = limiter.depends("1/minute").dependency

    assert limiter.precedence.applies(limit, {"type": "http"})  # type: ignore[arg-type]


def test_levels_can_be_listed(limiter: RateLimiter) -> None:
    """Each route tells which limits it has, where they were written, and which of them hold."""
    app = FastAPI(dependencies=[limiter.depends("6/minute")], openapi_url=None)
    router = APIRouter(dependencies=[limiter.depends("5/minute")])
    router.get("/own", dependencies=[limiter.depends("1/minute")])(one)
    router.get("/exempt")(limiter.exempt(lambda: 1))
    app.include_router(router)
    app.mount("/mounted", FastAPI())

    own, exempt, mounted = limited_routes(app, limiter)

    assert [(each.level, each.applies) for each in own.placed] == [("app", False), ("router", False), ("route", True)]
    assert [(each.level, each.applies) for each in exempt.placed] == [("app", False), ("router", False)]
    assert (own.exempt, exempt.exempt, mounted.placed) == (False, True, ())


@pytest.mark.promise("ratelimit-36")
def test_equal_limits_on_two_levels_count_once() -> None:
    """What the router says and the route says again is one limit."""
    limiter, app = RateLimiter(), FastAPI()
    router = APIRouter(dependencies=[limiter.depends("4/minute")])
    router.get("/", dependencies=[limiter.depends("4/minute", stack=True)])(one)
    app.include_router(router)

    assert statuses(TestClient(app), "/", 5) == [200] * 4 + [429]
