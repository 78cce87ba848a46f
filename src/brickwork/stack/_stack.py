"""The stack of one application: keeps the order, whatever is added when."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.routing import RouteContext
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp

from .._core.clock import Clock
from .._core.frame import Frame, Piece
from .._core.openapi import can_be_invalid, declare
from ..headers import SecurityHeadersOptions, SecurityHeadersPiece
from ..ratelimit import RateLimitMiddleware
from ._body import BodyLimit, largest_limit
from ._cors import CORS, no_app
from ._errors import PreflightRefusedError
from ._explain import Row, row, table
from ._hosts import TrustedHosts
from ._maintenance import Maintenance

_STATE = "brickwork_stack"


class SlowMiddlewareWarning(UserWarning):
    """A `BaseHTTPMiddleware` stands in the stack: one costs more than everything else in it together."""


class Stack:
    """What `install` has put around an application.

    Attributes:
        app: The application.
        maintenance: The switch that closes the service, where ``install`` was given one.
    """

    def __init__(
        self,
        app: FastAPI,
        pieces: Iterable[Piece],
        inner: Iterable[Middleware],
        *,
        outermost: Sequence[Middleware],
        body_limit: int | None,
        headers: SecurityHeadersOptions | None,
        maintenance: Maintenance | None,
        clock: Clock | None,
    ) -> None:
        self.app = app
        self.maintenance = maintenance
        self._pieces = list(pieces)
        self._inner = list(inner)
        self._outermost = list(outermost)
        self._body_limit = body_limit
        self._headers = headers
        self._clock = clock
        # What is not right fails here, where it is written, rather than at the first request.
        for entry in self._inner:
            _made(entry)
        self._declare(self._in_order())
        setattr(app.state, _STATE, self)
        self._build = app.build_middleware_stack
        app.build_middleware_stack = self._build_in_order  # type: ignore[method-assign]

    @staticmethod
    def refuse_second(app: FastAPI) -> None:
        """Raise where ``app`` cannot take a stack any more.

        Raises:
            RuntimeError: It has one, or has served a request.
        """
        if hasattr(app.state, _STATE):
            raise RuntimeError("install was called on this app before: give all options to one call")
        if app.middleware_stack is not None:
            raise RuntimeError("this app has served a request already: call install where the app is made")

    def explain(self) -> str:
        """Give a table of what runs, outermost first, and of what each piece may answer."""
        rows: list[Row] = []
        for entry in self._in_order():
            kind: Any = entry.cls
            if kind is Frame:
                rows += [row(piece, "one frame") for piece in _pieces_of(entry)]
            else:
                rows.append(row(kind, "inside" if kind.__module__.startswith("brickwork.") else "yours"))
        return table(rows)

    def _declare(self, entries: Iterable[Middleware]) -> None:
        """Show in OpenAPI what any operation may be answered with before it is reached."""
        for entry in entries:
            if _is_rate_limit(entry):
                _made(entry).declare(self.app)
                continue
            for part in (*_pieces_of(entry), entry.cls):
                problems = [each for each in getattr(part, "__problems__", ()) if each is not PreflightRefusedError]
                declare(self.app, problems, _takes_body if isinstance(part, BodyLimit) else None)

    def _build_in_order(self) -> ASGIApp:
        app = self.app
        for entry in app.user_middleware:
            _warn_if_slow(entry.cls)
        kept = app.user_middleware, app.max_body_size, app.exception_handlers
        app.user_middleware = self._in_order()
        # The frame counts bodies itself, and its boundary answers what Starlette would answer outside of it.
        app.max_body_size = None
        app.exception_handlers = {key: value for key, value in kept[2].items() if key not in (500, Exception)}
        try:
            return self._build()
        finally:
            app.user_middleware, app.max_body_size, app.exception_handlers = kept

    def _in_order(self) -> list[Middleware]:
        pieces = [*self._pieces]
        ranked = [*self._inner]
        rest: list[Middleware] = []
        for entry in self.app.user_middleware:
            piece = _taken_in(entry)
            if piece is not None:
                pieces.append(piece)
            else:
                (rest if getattr(entry.cls, "rank", None) is None else ranked).append(entry)
        if self._headers is not None:
            cors_open = any(isinstance(piece, CORS) and piece.open for piece in pieces)
            options: SecurityHeadersOptions = {"cors_open": cors_open, **self._headers}
            pieces.append(SecurityHeadersPiece(**options))
        if self._body_limit is not None:
            pieces.append(BodyLimit(self._body_limit, largest=largest_limit(self.app)))
        _refuse_twice([type(piece) for piece in (*pieces, *(piece for entry in rest for piece in _pieces_of(entry)))])
        _refuse_twice([entry.cls for entry in ranked])
        ranked.sort(key=lambda entry: getattr(entry.cls, "rank", 0))
        # Middleware of the app's own may want to see what is sent to sockets; none of ours does.
        frame = Middleware(Frame, pieces=pieces, clock=self._clock, direct=not rest)
        return [*self._outermost, frame, *ranked, *rest]


def _made(entry: Middleware) -> Any:
    """Make the middleware around nothing, to see what it is."""
    kind: Any = entry.cls
    return kind(no_app, *entry.args, **entry.kwargs)


def _is_rate_limit(entry: Middleware) -> bool:
    """Tell whether a middleware knows by itself which operations it answers."""
    kind: Any = entry.cls
    return isinstance(kind, type) and issubclass(kind, RateLimitMiddleware)


def _pieces_of(entry: Middleware) -> tuple[Piece, ...]:
    """Give the pieces that a frame of ours will run."""
    kind: Any = entry.cls
    if not isinstance(kind, type) or not issubclass(kind, Frame):
        return ()
    frame: Frame = _made(entry)
    return frame.pieces


def _taken_in(entry: Middleware) -> Piece | None:
    """Make a piece of a middleware of Starlette's that the application added itself."""
    kind: Any = entry.cls
    if isinstance(kind, type) and issubclass(kind, CORSMiddleware):
        return CORS(_made(entry))
    if kind is TrustedHostMiddleware:
        rules: TrustedHostMiddleware = _made(entry)
        return TrustedHosts(rules.allowed_hosts, www_redirect=rules.www_redirect)
    return None


def _takes_body(context: RouteContext) -> bool:
    return bool((context.methods or set()) & {"PATCH", "POST", "PUT", "QUERY"}) or can_be_invalid(context)


def _refuse_twice(kinds: Sequence[Any]) -> None:
    for kind in kinds:
        if kinds.count(kind) > 1:
            raise ValueError(
                f"{getattr(kind, '__name__', kind)} is installed twice: leave it to install(…), or turn it off there"
            )


def _warn_if_slow(kind: Any) -> None:
    if isinstance(kind, type) and issubclass(kind, BaseHTTPMiddleware):
        warnings.warn(
            f"{kind.__name__} is a BaseHTTPMiddleware: it makes a plain request several times as expensive, and each "
            "chunk of a stream many times. Write it as pure ASGI, or silence SlowMiddlewareWarning.",
            SlowMiddlewareWarning,
            stacklevel=2,
        )
