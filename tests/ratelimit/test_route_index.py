"""Marks before routing: the middleware knows which route will serve, for every router that FastAPI's could be."""

from contextlib import suppress
from typing import Any, NamedTuple

import anyio
import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from fastapi.routing import APIRoute
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Host, Match, Mount, Route, Router
from starlette.types import Message, Scope

from brickwork.ratelimit._depends.routes import RouteIndex
from brickwork.ratelimit._depends.tags import is_exempt, tag_exempt

LIMITER = object()

PATHS = ("/", "/a", "/a/", "/b", "/a/b", "/{x}", "/{x}/b", "/a/{x}", "/{x:int}", "/{x:path}", "/a/{x:path}", "/a.b", "")
PREFIXES = ("", "/a", "/b", "/{y}")
STEPS = st.sampled_from(["a", "b", "1", "c", "a.b", "", "a\n", "\n", "%2F", "é"])


class Leaf(NamedTuple):
    """A route to be made."""

    path: str
    how: str
    methods: tuple[str, ...]
    exempt: bool


class Branch(NamedTuple):
    """A router to be made, and how it is put into the one above."""

    prefix: str
    how: str
    parts: tuple[Any, ...]


leaves = st.builds(
    Leaf,
    st.sampled_from(PATHS),
    st.sampled_from(["api", "api", "plain", "socket", "plain socket"]),
    st.sampled_from([("GET",), ("POST",), ("GET", "HEAD"), ("DELETE", "PUT")]),
    st.booleans(),
)
trees = st.recursive(
    leaves,
    lambda parts: st.builds(
        Branch,
        st.sampled_from(PREFIXES),
        st.sampled_from(["include", "include", "mount app", "mount router", "mount starlette", "host"]),
        st.lists(parts, min_size=1, max_size=4).map(tuple),
    ),
    max_leaves=10,
)
apps = st.lists(trees, min_size=1, max_size=5).map(tuple)
requests = st.tuples(
    st.sampled_from(["http", "http", "http", "websocket"]),
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "OPTIONS"]),
    st.lists(STEPS, max_size=4).map(lambda steps: "/" + "/".join(steps)),
    st.sampled_from(["", "", "/a", "/outside"]),
)


def endpoint_of(leaf: Leaf) -> Any:
    """An endpoint that says that it served."""

    async def socket(websocket: WebSocket) -> None:
        websocket.scope["served"].append(socket)

    async def serve(request: Request) -> Response:
        request.scope["served"].append(serve)
        return Response()

    endpoint: Any = socket if "socket" in leaf.how else serve
    if leaf.exempt:
        tag_exempt(endpoint, LIMITER)
    return endpoint


def fill(router: Any, parts: tuple[Any, ...], prefix: str = "", depth: int = 0) -> None:
    """Put all parts into a router, each in its turn."""
    for part in parts:
        if isinstance(part, Leaf):
            put(router, part, part.path or ("" if prefix and part.how == "api" else "/"))
        else:
            graft(router, part, part.prefix.replace("y", f"y{depth}"), depth + 1)


def put(router: Any, leaf: Leaf, path: str) -> None:
    """Put a route into a router."""
    endpoint = endpoint_of(leaf)
    if leaf.how == "socket":
        router.add_api_websocket_route(path, endpoint)
    elif leaf.how == "plain socket":
        router.add_websocket_route(path, endpoint)
    elif leaf.how == "plain":
        router.add_route(path, endpoint, methods=list(leaf.methods))
    else:
        router.add_api_route(path, endpoint, methods=list(leaf.methods))


def graft(router: Any, branch: Branch, prefix: str, depth: int) -> None:
    """Put a router into a router."""
    inner: Any = FastAPI(openapi_url=None) if branch.how == "mount app" else APIRouter()
    fill(getattr(inner, "router", inner), branch.parts, prefix if branch.how == "include" else "", depth)
    if branch.how == "include":
        router.include_router(inner, prefix=prefix)
        return
    mounted = Starlette(routes=inner.routes) if branch.how == "mount starlette" else inner
    # FastAPI includes no router in which a mount has no path.
    mount = Mount(prefix or ("/a" if depth > 1 else ""), mounted)
    router.routes.append(Host("host", mounted) if branch.how == "host" else mount)


async def served_by(app: FastAPI, asked: tuple[Any, ...]) -> list[Any]:
    """The endpoint that the application's own routers choose for each request."""
    chosen: list[Any] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        pass

    for request in asked:
        served: list[Any] = []
        with suppress(Exception):
            await app({**scope_of(*request), "served": served}, receive, send)
        chosen.append(served[0] if served else None)
    return chosen


def scope_of(kind: str, method: str, path: str, root_path: str = "", **more: Any) -> Scope:
    """A request or socket."""
    headers = [(b"host", b"host")]
    scope = {"type": kind, "path": root_path + path, "root_path": root_path, "query_string": b"", "headers": headers}
    return {**scope, "method": method, **more} if kind == "http" else {**scope, **more}


@pytest.mark.promise("ratelimit-27")
@settings(max_examples=300)
@given(apps, st.lists(requests, min_size=1, max_size=12).map(tuple), st.sampled_from(["", "", "/outside"]))
def test_index_agrees_with_the_routers(parts: tuple[Any, ...], asked: tuple[Any, ...], root_path: str) -> None:
    """A request is found exempt where the endpoint that serves it is, and nowhere else."""
    app = FastAPI(openapi_url=None)
    app.root_path = root_path
    fill(app.router, parts)
    index = RouteIndex(app, LIMITER)
    found = [index.find(scope_of(*request)).exempt for request in asked]

    served = anyio.run(served_by, app, asked)

    assert found == [endpoint is not None and is_exempt(endpoint, LIMITER) for endpoint in served]


async def nothing() -> None:
    """An endpoint."""


def exempt_endpoint() -> Any:
    """An exempt endpoint."""

    async def free() -> None: ...

    tag_exempt(free, LIMITER)
    return free


class Versioned(APIRoute):
    """A route that serves only those who ask for its version."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Look at the header, too."""
        if (b"version", self.name.encode()) not in scope["headers"]:
            return Match.NONE, {}
        return super().matches(scope)


def asks(version: bytes, path: str = "/a") -> Scope:
    """A request for a version."""
    return {**scope_of("http", "GET", path), "headers": [(b"version", version)]}


@pytest.mark.promise("ratelimit-27")
@pytest.mark.parametrize("prefix", ["", "/a"])
def test_routes_that_match_in_their_own_way(prefix: str) -> None:
    """A route that looks at more than the path is asked itself, wherever it stands."""
    router = APIRouter(route_class=Versioned)
    router.add_api_route("/a", nothing, name="1")
    router.add_api_route("/a", exempt_endpoint(), name="2")
    app = FastAPI()
    if prefix:
        app.include_router(router, prefix=prefix)
    else:
        app.router.routes.extend(router.routes)
    index = RouteIndex(app, LIMITER)

    found = [index.find(asks(version, f"{prefix}/a")).exempt for version in (b"1", b"2", b"3")]

    assert found == [False, True, False]


class Picky(APIRouter):
    """A router that decides by itself what it serves."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Serve nobody."""
        return Match.NONE, {}


class Odd(Router):
    """A router that goes its own way."""

    async def app(self, scope: Scope, receive: Any, send: Any) -> None:
        """Serve nobody."""


@pytest.mark.promise("ratelimit-27")
@pytest.mark.parametrize("how", ["included", "mounted", "app"])
def test_routers_that_go_their_own_way(how: str) -> None:
    """Where a router is not one that is known, nobody can tell what it serves: nothing is exempt."""
    app = FastAPI()
    free = Route("/a", exempt_endpoint())
    if how == "included":
        picky = Picky()
        picky.add_api_route("/a", exempt_endpoint())
        app.include_router(picky)
    elif how == "mounted":
        app.mount("", Odd(routes=[free]))
    else:
        app.router = Odd(routes=[free])  # type: ignore[assignment]
    app.router.routes.append(Route("/b", exempt_endpoint()))
    index = RouteIndex(app, LIMITER)

    found = [index.find(scope_of("http", "GET", path)).exempt for path in ("/a", "/b")]

    assert found == [False, False]


def test_router_inside_of_itself() -> None:
    """What is mounted inside of itself has an end."""
    app = FastAPI()
    app.add_api_route("/free", exempt_endpoint())
    app.mount("/again", app)

    index = RouteIndex(app, LIMITER)

    assert index.find(scope_of("http", "GET", "/free")).exempt
    assert not index.find(scope_of("http", "GET", "/again/free")).exempt


def test_route_in_front_of_a_fixed_path() -> None:
    """A path that is written out is served by what stands before it, where that takes it."""
    app = FastAPI()
    app.add_api_route("/{any}", nothing)
    app.add_api_route("/free", exempt_endpoint())
    app.add_api_route("/free", exempt_endpoint(), methods=["POST"])
    index = RouteIndex(app, LIMITER)

    found = [index.find(scope_of("http", method, "/free")).exempt for method in ("GET", "POST", "PUT", "POST")]

    assert found == [False, True, False, True]


def test_line_break_behind_a_fixed_path() -> None:
    """A path with a line break behind it is served by the route without: another one that follows is not meant."""
    app = FastAPI()
    app.add_api_route("/a", nothing)
    app.add_api_route("/{any}", exempt_endpoint())
    index = RouteIndex(app, LIMITER)

    found = [index.find(scope_of("http", "GET", path)).exempt for path in ("/a", "/a\n", "/b")]

    assert found == [False, False, True]
