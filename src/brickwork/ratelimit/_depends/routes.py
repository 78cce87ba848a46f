"""Which route will serve a request, as its router will find it, and what it says of limits.

The middleware stands in front of the routers, so it has to know before they do. A route that matches in a way of its
own is asked itself; what cannot be looked into, and a request that no route takes, have no marks: there the default
counts.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fastapi.routing import APIRoute, APIRouter, APIWebSocketRoute, RouteContext, iter_route_contexts
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Host, Match, Mount, Route, Router, WebSocketRoute

from .tags import is_exempt, markers_meant, replaces_default

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from starlette.types import Scope

# What matches as these do can be compared by its pattern here, which is all that they do.
_KNOWN: Final = frozenset(each.matches for each in (APIRoute, APIWebSocketRoute, Mount, Route, WebSocketRoute))


class Marks(NamedTuple):
    """What a route says of limits.

    Attributes:
        exempt: Whether its endpoint is exempt.
        own: Whether it has limits that stand in place of the default.
    """

    exempt: bool = False
    own: bool = False


_UNMARKED: Final = Marks()


class RouteIndex:
    """Finds the marks of the route that will serve a request; made anew when the routes have changed.

    Args:
        app: The application, or a router.
        limiter: Whose marks count.

    Raises:
        RuntimeError: The limits of an endpoint have no effect where they stand.
    """

    def __init__(self, app: object, limiter: object) -> None:
        self.app = app
        self._limiter = limiter
        self._read()

    def find(self, scope: "Scope") -> Marks:
        """Give the marks of the route that will serve a request or socket.

        Raises:
            RuntimeError: A route was added whose limits have no effect where they stand.
        """
        for live, seen in self._seen:
            if live != seen:
                self._read()
                break
        return self._table.find(scope, scope.get("root_path", "")) if self._table.marked else _UNMARKED

    def _read(self) -> None:
        self._table = _Table(self.app, self._limiter, ())
        self._seen = list(self._table.seen())


class _Entry(NamedTuple):
    """A route, as far as matching goes.

    Attributes:
        kind: The type of scope that it serves; ``mount``, or ``other`` for one that has to be asked.
        matches: Its pattern, or the question.
        methods: Methods that it serves; all where empty.
        marks: What it says.
        inside: What is mounted there.
    """

    kind: str
    matches: Callable[[Any], Any]
    methods: Collection[str]
    marks: Marks
    inside: "_Table | None"

    @property
    def marked(self) -> bool:
        return any(self.marks) if self.inside is None else self.inside.marked


class _Table:
    """The routes of one router in the order in which it tries them, with those of what is mounted there."""

    def __init__(self, app: object, limiter: object, outside: tuple[object, ...]) -> None:
        router = app.router if isinstance(app, Starlette) else app
        self._root_path: str = getattr(app, "root_path", "") if isinstance(app, Starlette) else ""
        self._routers: list[Router] = []
        self._entries: list[_Entry] = []
        # For a path without parameters the routes that can serve it are gathered once: others may stand before its own.
        self._fixed: dict[str, list[_Entry] | None] = {}
        self._varying: list[_Entry] = []
        # A router that is mounted inside of itself has no end.
        if isinstance(router, Router) and _is_known(router) and all(router is not each for each in outside):
            self._routers = [router, *_included(router)]
            for context in iter_route_contexts(router.routes):
                self._add(context, limiter, (*outside, router))
        self.marked = any(entry.marked for entry in self._entries)

    def _add(self, context: RouteContext, limiter: object, outside: tuple[object, ...]) -> None:
        _refuse_bare(context)
        route = effective_route(context)
        mounted = isinstance(context.original_route, Mount | Host)
        inside = _Table(route.app, limiter, outside) if mounted else None
        marks = marks_of(context, limiter)
        if type(context.original_route).matches not in _KNOWN:
            entry = _Entry("other", _question(context, route), (), marks, inside)
        elif inside is not None:
            entry = _Entry("mount", route.path_regex.match, (), marks, inside)
        else:
            kind = "websocket" if isinstance(context.original_route, WebSocketRoute) else "http"
            entry = _Entry(kind, route.path_regex.match, getattr(route, "methods", None) or (), marks, None)
        self._entries.append(entry)
        if entry.kind in ("http", "websocket") and not route.param_convertors:
            self._fixed[route.path] = None
        else:
            self._varying.append(entry)

    def seen(self) -> Iterator[tuple[Sequence[BaseRoute], list[BaseRoute]]]:
        """Give the routes that were read, as they may change and as they were."""
        for router in self._routers:
            yield router.routes, list(router.routes)
        for entry in self._entries:
            if entry.inside is not None:
                yield from entry.inside.seen()

    def find(self, scope: "Scope", root_path: str) -> Marks:
        """Give the marks of the first route that takes the request, as the router does.

        Reference: the method ``app`` of `starlette.routing.Router`.
        """
        root_path = self._root_path or root_path
        path = _route_path(scope["path"], root_path)
        for entry in self._candidates(path):
            if entry.kind == "other":
                if entry.matches({**scope, "root_path": root_path}):
                    return entry.marks if entry.inside is None else entry.inside.find(scope, root_path)
                continue
            found = entry.matches(path)
            if found is None:
                continue
            if entry.inside is not None:
                rest = f"/{found['path']}"
                return entry.inside.find(scope, root_path + path[: -len(rest)])
            if entry.kind == scope["type"] and (not entry.methods or scope["method"] in entry.methods):
                return entry.marks
        return _UNMARKED

    def _candidates(self, path: str) -> list[_Entry]:
        if path in self._fixed:
            known = self._fixed[path]
            if known is None:
                known = [entry for entry in self._entries if entry.kind == "other" or entry.matches(path)]
                self._fixed[path] = known
            return known
        # The end of a pattern also matches in front of a last line break: then a route without parameters may be meant.
        return self._entries if path.endswith("\n") else self._varying


def _route_path(path: str, root_path: str) -> str:
    """Give the path as a router matches it."""
    if not root_path or not path.startswith(root_path):
        return path
    rest = path[len(root_path) :]
    return rest if rest[:1] in ("", "/") else path


def _is_known(router: Router) -> bool:
    """Tell whether a router, and what is included there, finds routes as those of FastAPI and Starlette do."""
    kind = type(router)
    if isinstance(router, APIRouter):
        known = (kind.app, kind.matches, kind.handle) == (APIRouter.app, APIRouter.matches, APIRouter.handle)  # type: ignore[attr-defined]
    else:
        known = kind.app is Router.app
    return known and all(_is_known(each) for each in _included(router))


def _included(router: Router) -> Iterator[Router]:
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if isinstance(inner, Router):
            yield inner
            yield from _included(inner)


def _question(context: RouteContext, route: Any) -> "Callable[[Scope], bool]":
    """Make the question to a route that matches in a way of its own, as its router asks it."""

    def takes(scope: "Scope") -> bool:
        if isinstance(route, BaseRoute):
            return route.matches(scope)[0] is Match.FULL
        included = {**scope.get("fastapi", {}), "effective_route_context": route}
        return context.original_route.matches({**scope, "fastapi": included})[0] is Match.FULL

    return takes


def effective_route(context: RouteContext) -> Any:
    """Give the route that matches: with the prefixes of the routers that it is included in."""
    return context._effective_route  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]


def marks_of(context: RouteContext, limiter: object) -> Marks:
    """Give what a route says of the limits of ``limiter``."""
    calls = _calls(getattr(context, "dependant", None))
    return Marks(is_exempt(context.endpoint, limiter), any(replaces_default(call, limiter) for call in calls))


def _refuse_bare(context: RouteContext) -> None:
    meant = markers_meant(context.endpoint)
    if meant:
        calls = list(_calls(getattr(context, "dependant", None)))
        # Python may hand out one annotation for two that are equal, and so are the markers in them then.
        if any(marker not in calls for marker in meant):
            endpoint: Any = context.endpoint
            name = f"{endpoint.__module__}.{getattr(endpoint, '__qualname__', type(endpoint).__qualname__)}"
            raise RuntimeError(
                f"nothing limits {context.path} as {name} asks: put the decorator of the limiter below that of the "
                "route, which must be one of FastAPI's"
            )


def _calls(dependant: "Dependant | None") -> Iterator[object]:
    if dependant is not None:
        yield dependant.call
        for inner in dependant.dependencies:
            yield from _calls(inner)
