"""``limiter.routes(app)``: every route of an application with the limits that hold there."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from fastapi import params
from starlette.applications import Starlette
from starlette.routing import Host, Mount, Router

from ..._core.columns import in_columns
from .._rules.grammar import write
from .._service.rule import Rule
from .parts import Part
from .precedence import Limited, Placed, limited_routes
from .routes import RouteIndex, effective_route, marks_of

if TYPE_CHECKING:
    from .limiter import RateLimiter

Source = Literal["", "default", "app", "router", "route"]

_HEAD: Final = ("path", "methods", "name", "limits", "key", "scope", "from")


class RouteLimit(NamedTuple):
    """A rule that holds on a route; a route with several has several rows, and one without has one that says so.

    Attributes:
        path: The route's template, with the prefixes of routers and mounts.
        methods: What it serves; ``WEBSOCKET`` for a socket, nothing where it serves all.
        name: What headers call the limits.
        limits: As they are written, or who is asked for them; empty where nothing holds.
        key: Whom they count.
        scope: What they count.
        source: Where they were written: ``default`` is the limiter's own, for `RateLimitMiddleware`; the others are
            the dependencies of an ``app``, a ``router`` or a ``route``.
        exempt: Whether the endpoint is exempt.
    """

    path: str
    methods: tuple[str, ...]
    name: str = ""
    limits: str = ""
    key: str = ""
    scope: str = ""
    source: Source = ""
    exempt: bool = False


class RouteLimits(tuple[RouteLimit, ...]):
    """The limits of all routes, in the order of the routes; as text, a table."""

    __slots__ = ()

    def __str__(self) -> str:
        return in_columns(_HEAD, [_cells(row) for row in self])


def list_limits(app: object, limiter: "RateLimiter") -> RouteLimits:
    """Give the limits of every route of an application or router, with those of what is mounted there.

    Raises:
        RuntimeError: The limits of an endpoint have no effect where they stand.
    """
    RouteIndex(app, limiter)
    return RouteLimits(_rows(app, limiter, "", ()))


def _rows(app: object, limiter: "RateLimiter", prefix: str, outside: tuple[object, ...]) -> Iterator[RouteLimit]:
    router = app.router if isinstance(app, Starlette) else app
    for limited in limited_routes(router, limiter):
        route = effective_route(limited.context)
        path = prefix + (limited.context.path or "")
        inside: Any = getattr(route, "app", None)
        inside = inside.router if isinstance(inside, Starlette) else inside
        if not isinstance(route, Host | Mount):
            yield from _rows_of(limited, limiter, path)
        elif isinstance(inside, Router) and all(inside is not each for each in (*outside, router)):
            yield from _rows(inside, limiter, path, (*outside, router))
        else:
            # Files, or what cannot be looked into: the default counts it.
            bare = RouteLimit(f"{path}/*", ())
            yield from _default_rows(bare, limiter) or [bare]


def _rows_of(limited: Limited, limiter: "RateLimiter", path: str) -> Iterator[RouteLimit]:
    methods = limited.context.methods
    kinds = ("WEBSOCKET",) if methods is None else tuple(sorted(methods))
    bare = RouteLimit(path, kinds, exempt=limited.exempt)
    rows = [row for placed in limited.placed if placed.applies for row in _placed_rows(bare, placed, limiter)]
    if not any(marks_of(limited.context, limiter)):
        rows[:0] = _default_rows(bare, limiter)
    yield from rows or [bare]


def _placed_rows(bare: RouteLimit, placed: Placed, limiter: "RateLimiter") -> Iterator[RouteLimit]:
    parts: tuple[Part, ...] = getattr(placed.marker, "parts", ())
    for part in parts:
        row = _described(bare, part.rule, limiter)._replace(source=placed.level)
        if part.tier is not None:
            row = row._replace(limits=_called(part.tier))
        elif part.at_once:
            row = row._replace(limits=f"{part.rule.limits[0].amount} at once")
        yield row


def _default_rows(bare: RouteLimit, limiter: "RateLimiter") -> list[RouteLimit]:
    rule = limiter.default
    if rule is None:
        return []
    row = _described(bare, rule, limiter)
    return [row._replace(source="default", scope=rule.scope or "all")]


def _described(bare: RouteLimit, rule: Rule, limiter: "RateLimiter") -> RouteLimit:
    return bare._replace(
        name=rule.policy,
        limits="; ".join(map(write, rule.limits)),
        key=_called(limiter.key if rule.key is None else rule.key),
        scope=rule.scope or "route",
    )


def _called(found: object) -> str:
    if isinstance(found, params.Depends):
        found = found.dependency
    # What says nothing of itself would show where it is in memory.
    is_silent = type(found).__str__ is object.__str__ and type(found).__repr__ is object.__repr__
    name: str = getattr(found, "__qualname__", "") or (type(found).__qualname__ if is_silent else str(found))
    return name


def _cells(row: RouteLimit) -> tuple[str, ...]:
    methods = ", ".join(row.methods) or "all"
    return row.path, methods, row.name, row.limits or "none", row.key, row.scope, "exempt" if row.exempt else row.source
