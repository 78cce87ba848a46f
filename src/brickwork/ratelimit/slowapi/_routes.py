"""Which endpoint will serve a request, and which endpoints there are: included routers and mounts too."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Match, WebSocketRoute

if TYPE_CHECKING:
    from starlette.types import Scope


class Found(NamedTuple):
    """What will serve a request.

    Attributes:
        endpoint: The function, or else the application that is mounted there, or the route itself.
        template: Its path, with what stands for a value as it was written.
    """

    endpoint: object
    template: str


class Place(NamedTuple):
    """A route of an application.

    Attributes:
        path: Its template, with all prefixes.
        methods: The methods that it serves; none for sockets.
        endpoint: What it calls.
        nested: Whether it comes from an included router or a mounted application.
        websocket: Whether it serves sockets.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: Callable[..., Any]
    nested: bool
    websocket: bool


def find(app: Any, scope: "Scope") -> Found | None:
    """Find what will serve a request, as the routers will; None where nothing does."""
    return _find(app.routes, scope, "")


def places(app: Any) -> Iterator[Place]:
    """List all routes that have an endpoint."""
    yield from _places(app.routes, "", nested=False)


def _find(routes: Sequence[BaseRoute], scope: "Scope", prefix: str) -> Found | None:
    for context in iter_route_contexts(routes):
        match, child = context.matches(scope)
        if match is Match.FULL:
            path: str = context.path_format or ""
            if inner := getattr(context, "routes", None):
                return _find(inner, {**scope, **child}, prefix + _mounted(path))
            # A route of somebody's own need not name an endpoint.
            return Found(child.get("endpoint", context.original_route), prefix + path)
    return None


def _places(routes: Sequence[BaseRoute], prefix: str, *, nested: bool) -> Iterator[Place]:
    for context in iter_route_contexts(routes):
        path: str = context.path_format or ""
        if inner := getattr(context, "routes", None):
            yield from _places(inner, prefix + _mounted(path), nested=True)
        elif context.endpoint is not None:
            route = context.original_route
            included = nested or all(route is not each for each in routes)
            methods = tuple(sorted(context.methods or ()))
            yield Place(prefix + path, methods, context.endpoint, included, isinstance(route, WebSocketRoute))


def _mounted(path: str) -> str:
    return path.removesuffix("/{path}")
