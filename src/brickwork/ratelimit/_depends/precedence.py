"""Which limits of a route apply: its own before those of its router, and those before the application's."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Protocol, get_args
from weakref import WeakKeyDictionary

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import Mount, Router

from .tags import is_exempt

if TYPE_CHECKING:
    from fastapi.dependencies.models import Dependant
    from starlette.routing import BaseRoute
    from starlette.types import Scope

_MOST_STRANGERS: Final = 256

Level = Literal["app", "router", "route"]
Kind = Literal["requests", "concurrent-requests", "budget"]


class Ranked(Protocol):
    """A dependency that limits, and may be replaced by one that is nearer to the route."""

    @property
    def limiter(self) -> object:
        """What made it; limits of another limiter do not concern it."""
        ...

    @property
    def kind(self) -> Kind:
        """What it counts; only the same replaces it."""
        ...

    @property
    def parts(self) -> Hashable:
        """Its rules."""
        ...

    @property
    def stack(self) -> bool:
        """Whether it adds to the limits further out, and does not replace them."""
        ...


class Placed(NamedTuple):
    """A limit, and where it was written.

    Attributes:
        marker: The limit.
        level: Where it was written.
        applies: Whether nothing nearer to the route takes its place.
    """

    marker: Ranked
    level: Level
    applies: bool


class Limited(NamedTuple):
    """A route, as far as a limiter is concerned.

    Attributes:
        context: The route, as FastAPI serves it.
        placed: The limiter's limits, from the outermost to the innermost.
        exempt: Whether the limiter was told to leave it alone.
    """

    context: RouteContext
    placed: tuple[Placed, ...]
    exempt: bool


def limited_routes(app: Any, limiter: object) -> Iterator[Limited]:
    """Give the routes of an application or router, and what a limiter has to say about each.

    What is mounted has routes of its own, and is not looked into.
    """
    router = getattr(app, "router", app)
    places = _places(router, ())
    for context in iter_route_contexts(getattr(router, "routes", ())):
        # FastAPI leaves out what it cannot include; the order is the same.
        sizes = next((sizes for route, sizes in places if route is context.original_route), ())
        yield _limited(context, sizes, limiter)


class Precedence:
    """Tells for the limits of a limiter whether they apply to the route that serves a request.

    Args:
        limiter: Whose limits.
    """

    def __init__(self, limiter: object) -> None:
        self._limiter = limiter
        self._known: WeakKeyDictionary[Any, dict[int, _Known]] = WeakKeyDictionary()

    def applies(self, marker: Ranked, scope: "Scope") -> bool:
        """Tell whether a limit applies. Where nobody knows which route serves, it does."""
        dependant = _dependant(scope)
        if dependant is None or "app" not in scope:
            return True
        known = self._known.get(scope["app"], {}).get(id(dependant))
        if known is None or known.dependant is not dependant:
            known = self._learn(scope["app"], dependant)
        return marker in known.applying

    def _learn(self, app: Any, dependant: "Dependant") -> "_Known":
        """Look at all routes anew: there are others, or FastAPI has prepared them once more."""
        known = {
            id(limited.context.dependant): _Known(limited.context.dependant, _applying(limited.placed))
            for router in _routers(app)
            for limited in limited_routes(router, self._limiter)
            if limited.placed
        }
        if id(dependant) not in known:
            # Something else than the routers that are known here serves it: whatever it has, applies.
            everything = frozenset(_found(dependant, self._limiter))
            former = self._known.get(app, {})
            # An application may make a router for each request: those are not remembered for ever.
            former = former if len(former) < len(known) + _MOST_STRANGERS else {}
            known = {**former, **known, id(dependant): _Known(dependant, everything)}
        self._known[app] = known
        return known[id(dependant)]


class _Known(NamedTuple):
    dependant: Any
    applying: frozenset[Ranked]


def _routers(app: Any) -> Iterator[Any]:
    """Give an application's router, and those that are mounted by themselves: their routes are the application's."""
    yield app
    for route in getattr(app, "routes", ()):
        mounted = getattr(route, "app", None) if isinstance(route, Mount) else None
        if isinstance(mounted, Router):
            yield from _routers(mounted)


def _applying(placed: tuple[Placed, ...]) -> frozenset[Ranked]:
    return frozenset(each.marker for each in placed if each.applies)


def _dependant(scope: "Scope") -> "Dependant | None":
    route = scope.get("route")
    context = scope.get("fastapi", {}).get("effective_route_context")
    # The context of an included mount stays in the scope while the mounted application sets its own route.
    if context is not None and (route is context.original_route or route is context.starlette_route):
        route = context.starlette_route or context
    dependant: Dependant | None = getattr(route, "dependant", None)
    return dependant


def _places(router: Any, above: tuple[int, ...]) -> Iterator[tuple["BaseRoute", tuple[int, ...]]]:
    """Give each route with the number of dependencies that it has from each level above, the outermost first."""
    inherited: Sequence[object] = getattr(router, "dependencies", ())
    here = (*above, len(inherited))
    for route in getattr(router, "routes", ()):
        included = getattr(route, "original_router", None)
        if included is None:
            yield route, here
        else:
            given = len(route.include_context.dependencies) - len(inherited)
            yield from _places(included, (*here, given))


def _limited(context: RouteContext, sizes: tuple[int, ...], limiter: object) -> Limited:
    exempt = is_exempt(context.endpoint, limiter)
    dependant: Dependant | None = getattr(context, "dependant", None)
    if dependant is None:
        return Limited(context, (), exempt)
    levels: list[tuple[Level, list[Ranked]]] = []
    start = 0
    for position, size in enumerate(sizes):
        level: Level = "router" if position else "app"
        levels.append((level, [*_each_found(dependant.dependencies[start : start + size], limiter)]))
        start += size
    levels.append(("route", [*_each_found(dependant.dependencies[start:], limiter)]))
    return Limited(context, _ranked(levels, exempt=exempt), exempt)


def _ranked(levels: Sequence[tuple[Level, list[Ranked]]], *, exempt: bool) -> tuple[Placed, ...]:
    replaced: set[Kind] = set()
    nearer: set[tuple[Kind, object]] = set()
    placed: list[Placed] = []
    for level, markers in reversed(levels):
        placed[:0] = [
            Placed(
                marker,
                level,
                # What a nearer one counts in the same counter would be counted twice.
                marker.kind not in replaced
                and (marker.kind, marker.parts) not in nearer
                and (level == "route" or not exempt),
            )
            for marker in dict.fromkeys(markers)
        ]
        replaced.update(marker.kind for marker in markers if not marker.stack)
        nearer.update((marker.kind, marker.parts) for marker in markers)
    return tuple(placed)


def _each_found(dependants: "Sequence[Dependant]", limiter: object) -> Iterator[Ranked]:
    for dependant in dependants:
        yield from _found(dependant, limiter)


def _found(dependant: "Dependant", limiter: object) -> Iterator[Ranked]:
    call: Any = dependant.call
    if getattr(call, "kind", None) in _KINDS and getattr(call, "limiter", None) is limiter:
        yield call
    yield from _each_found(dependant.dependencies, limiter)


_KINDS: Final = frozenset(get_args(Kind))
