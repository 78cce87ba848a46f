"""Marks before routing: the middleware knows which route will serve, for every router that FastAPI's could be."""

from contextlib import suppress
from typing import Any, NamedTuple

import anyio
import pytest
from fastapi import APIRouter, FastAPI, Request, Response, WebSocket
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Host, Mount
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
    endpoint: Any

    if "socket" in leaf.how:

        async def endpoint(websocket: WebSocket) -> None:
            websocket.scope["served"].append(endpoint)
    else:

        async def endpoint(request: Request) -> Response:
            request.scope["served"].append(endpoint)
            return Response()

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


@pytest.mark.promise("ratelimit-D1")
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
