"""`audit`: which limits of an application have no effect, with slowapi and here."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction, unwrap
from typing import Any, Protocol

from slowapi import Limiter as SlowLimiter

from ._endpoints import is_exempt, mark_of, meant_for, name_of
from ._limiter import Limiter
from ._middleware import MIDDLEWARES
from ._routes import Place, places

_NO_MIDDLEWARE = "no middleware asks for the limits of the application: app.add_middleware(SlowAPIASGIMiddleware)"
_ABOVE = "@limiter.limit stands above the decorator of the route, which serves the bare function: put it below"
_NESTED = "the middleware does not look into included routers and mounted applications"
_SOCKET = "the decorator does not know sockets, and raises"
_UNREAD = "a limit could not be read, and was dropped"
_SAME_NAME = "another endpoint has the same module and name, and both get the limits of both"
_PER_VALUE = "each value in the path has a bucket of its own"
_NOT_APPLICATION = "the middleware leaves routes with limits of their own alone, and so the limits of the application"
_ASYNC_KEY = "key_func is a coroutine function, which nobody awaits: each request is a caller of its own"


@dataclass(frozen=True, slots=True)
class Finding:
    """A route whose limits do not take effect as they are written.

    Attributes:
        path: Its template.
        methods: The methods that it serves; none for a socket.
        endpoint: Module and name of its function.
        slowapi: Why not with slowapi; nothing where they do.
        brickwork: Why not with the `Limiter` of this module; nothing where they do.
    """

    path: str
    methods: tuple[str, ...]
    endpoint: str
    slowapi: tuple[str, ...]
    brickwork: tuple[str, ...]

    def __str__(self) -> str:
        methods = ",".join(self.methods) or "WEBSOCKET"
        lines = [f"{methods} {self.path} ({self.endpoint})"]
        lines += [f"  slowapi: {reason}" for reason in self.slowapi]
        lines += [f"  brickwork: {reason}" for reason in self.brickwork]
        return "\n".join(lines)


def audit(app: Any) -> list[Finding]:
    """List the routes of an application whose limits do not take effect as they are written.

    Ask it before you change the import, to learn what that will limit, and again afterwards: then nothing should be
    said about ``brickwork``.

    Args:
        app: An application with a limiter at ``app.state.limiter``: of slowapi or of this module.

    Raises:
        TypeError: There is no limiter.
    """
    limiter = getattr(app.state, "limiter", None)
    if not isinstance(limiter, SlowLimiter):
        raise TypeError("there is no limiter to audit: write app.state.limiter = limiter")
    written = _Ours(limiter) if isinstance(limiter, Limiter) else _Theirs(limiter)
    asked = any(issubclass(each.cls, MIDDLEWARES) for each in app.user_middleware)  # pyright: ignore[reportArgumentType]
    routes = [place for place in places(app) if not written.is_exempt(place.endpoint)]
    shared = _shared_names(written, routes)
    findings = [
        Finding(
            place.path,
            place.methods,
            name_of(place.endpoint),
            tuple(_with_slowapi(written, place, asked=asked, shared=shared)),
            tuple(_with_brickwork(written, place, asked=asked)),
        )
        for place in routes
    ]
    return [finding for finding in findings if finding.slowapi or finding.brickwork]


def _with_slowapi(written: "_Written", place: Place, *, asked: bool, shared: set[str]) -> Iterator[str]:
    endpoint = place.endpoint
    if not written.is_limited(endpoint):
        yield from _default_with_slowapi(written, place, asked=asked)
        return
    reasons = {
        _ABOVE: written.is_bare(endpoint),
        _SOCKET: place.websocket,
        _UNREAD: written.is_unread(endpoint),
        _SAME_NAME: _slow_name(endpoint) in shared,
        _PER_VALUE: written.by_url and "{" in place.path,
        _NOT_APPLICATION if asked else _NO_MIDDLEWARE: written.application,
        _ASYNC_KEY: any(map(iscoroutinefunction, written.keys(endpoint))),
    }
    yield from (reason for reason, holds in reasons.items() if holds)


def _default_with_slowapi(written: "_Written", place: Place, *, asked: bool) -> Iterator[str]:
    if place.websocket or not (written.defaults or written.application):
        return
    if not asked:
        yield _NO_MIDDLEWARE
    elif place.nested:
        yield _NESTED
    if written.defaults and written.by_url and "{" in place.path:
        yield _PER_VALUE
    if iscoroutinefunction(written.key_func):
        yield _ASYNC_KEY


def _with_brickwork(written: "_Written", place: Place, *, asked: bool) -> Iterator[str]:
    # A middleware counts by limits that stand too high, too.
    if asked:
        return
    limited = written.is_limited(place.endpoint)
    if limited and written.is_bare(place.endpoint):
        yield _ABOVE
    if not place.websocket and (written.application or (written.defaults and not limited)):
        yield _NO_MIDDLEWARE


def _shared_names(written: "_Written", routes: Sequence[Place]) -> set[str]:
    functions: dict[str, set[int]] = {}
    for place in routes:
        if written.is_limited(place.endpoint):
            functions.setdefault(_slow_name(place.endpoint), set()).add(id(unwrap(place.endpoint)))
    return {name for name, known in functions.items() if len(known) > 1}


def _slow_name(endpoint: Callable[..., Any]) -> str:
    """Give the name by which slowapi knows an endpoint."""
    return f"{endpoint.__module__}.{getattr(endpoint, '__name__', type(endpoint).__name__)}"


class _Written(Protocol):
    """What is written down of limits."""

    defaults: bool
    application: bool
    by_url: bool
    key_func: Callable[..., Any]

    def is_exempt(self, endpoint: Callable[..., Any]) -> bool: ...

    def is_limited(self, endpoint: Callable[..., Any]) -> bool: ...

    def is_bare(self, endpoint: Callable[..., Any]) -> bool: ...

    def is_unread(self, endpoint: Callable[..., Any]) -> bool: ...

    def keys(self, endpoint: Callable[..., Any]) -> list[Callable[..., Any]]: ...


class _Theirs:
    """What slowapi has written down, by the names of functions."""

    def __init__(self, limiter: SlowLimiter) -> None:
        known: dict[str, Any] = vars(limiter)
        self.defaults = bool(known["_default_limits"])
        self.application = bool(known["_application_limits"])
        self.by_url = known["_key_style"] == "url"
        self.key_func: Callable[..., Any] = known["_key_func"]
        self._exempt: set[str] = known["_exempt_routes"]
        self._functions: dict[str, list[Callable[..., Any]]] = known["_Limiter__marked_for_limiting"]
        self._limits: dict[str, list[Any]] = known["_route_limits"]
        self._groups: dict[str, list[Any]] = known["_dynamic_route_limits"]

    def is_exempt(self, endpoint: Callable[..., Any]) -> bool:
        return _slow_name(endpoint) in self._exempt

    def is_limited(self, endpoint: Callable[..., Any]) -> bool:
        return _slow_name(endpoint) in self._functions

    def is_bare(self, endpoint: Callable[..., Any]) -> bool:
        return not hasattr(endpoint, "__wrapped__") and endpoint in self._functions[_slow_name(endpoint)]

    def is_unread(self, endpoint: Callable[..., Any]) -> bool:
        name = _slow_name(endpoint)
        return not self._limits.get(name) and not self._groups.get(name)

    def keys(self, endpoint: Callable[..., Any]) -> list[Callable[..., Any]]:
        name = _slow_name(endpoint)
        own = [limit.key_func for limit in self._limits.get(name, ())]
        return own + [group.key_function for group in self._groups.get(name, ())]


class _Ours:
    """What the limiter of this module has written down, on the endpoints themselves."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self.defaults, self.application, self.by_url, self.key_func = limiter.written()

    def is_exempt(self, endpoint: Callable[..., Any]) -> bool:
        return is_exempt(endpoint, self._limiter)

    def is_limited(self, endpoint: Callable[..., Any]) -> bool:
        return meant_for(endpoint, self._limiter) is not None

    def is_bare(self, endpoint: Callable[..., Any]) -> bool:
        return mark_of(endpoint, self._limiter) is None

    def is_unread(self, endpoint: Callable[..., Any]) -> bool:
        return False

    def keys(self, endpoint: Callable[..., Any]) -> list[Callable[..., Any]]:
        mark = meant_for(endpoint, self._limiter)
        return [group.key_func for group in mark.groups] if mark is not None else []
