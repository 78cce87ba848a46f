"""What is known of the request in progress: one object, made once, changed in place.

It hangs on a `ContextVar`, so it is reachable from endpoints, dependencies, threads and background tasks; and because
they all share the *object*, what one of them binds the others see, also across a thread hop, where a context variable
set anew would be lost. A second reference lies in ``scope["state"]``, for code that has only the scope.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from . import trace
from .scope import REQUEST

if TYPE_CHECKING:
    from starlette.types import Scope


class RequestContext:
    """The request or socket in progress.

    Attributes:
        scope: The ASGI scope that the outermost piece was called with.
        app: The application that serves it (``scope["app"]`` before any mount replaced it).
        request_id: The request's ID; None where no request-ID piece is installed.
        values: What the application bound to it, for log records.
        pieces: The kinds of piece already at work, so that a mounted application does not repeat them.
        began_at: When it came in, in monotonic seconds.
        responded_at: When the response began, in monotonic seconds; None before.
        ended_at: When the last byte of the response was handed to the server; None before.
        status: The response's status (for sockets: 101, or the denial's), None before it began.
        sent_bytes: Bytes of response body handed to the server so far.
        close_code: The code with which a socket was closed, by whichever side; None before.
        disconnected: Whether the client left before the response was complete.
        error: The exception that no handler answered, if any.
        now: Tells the present, on the scale of the instants above.
    """

    __slots__ = (
        "_inbound", "app", "began_at", "close_code", "disconnected", "ended_at", "error", "now", "pieces",
        "request_id", "responded_at", "scope", "sent_bytes", "status", "values",
    )  # fmt: skip

    def __init__(self, scope: "Scope", began_at: float, now: Callable[[], float] = time.perf_counter) -> None:
        self.scope: Scope = scope
        self.app: Any = scope.get("app")
        self.began_at: float = began_at
        self.now: Callable[[], float] = now
        self.request_id: str | None = None
        self.values: dict[str, object] = {}
        self.pieces: frozenset[type] = frozenset()
        self.responded_at: float | None = None
        self.ended_at: float | None = None
        self.status: int | None = None
        self.sent_bytes: int = 0
        self.close_code: int | None = None
        self.disconnected: bool = False
        self.error: BaseException | None = None
        self._inbound: trace.Trace | Literal[False] | None = False

    def trace(self) -> trace.Trace | None:
        """Give the place in the trace: OpenTelemetry's current span, else what the caller's header continues."""
        span = trace.of_span()
        if span is not None:
            return span
        # Parsed when asked for the first time: most requests neither log nor call anyone.
        if self._inbound is False:
            self._inbound = trace.parse(self.scope.get("headers", ()))
        return self._inbound

    def fields(self) -> dict[str, object]:
        """Give what belongs on each log line of the request: its IDs, and what the application bound to it."""
        fields = ids(self.request_id, self.trace())
        fields.update(self.values)
        return fields


CURRENT: ContextVar[RequestContext | None] = ContextVar("brickwork.request", default=None)


def current() -> RequestContext | None:
    """Give the request in progress, or None outside of one."""
    return CURRENT.get()


def ids(request_id: str | None, place: trace.Trace | None) -> dict[str, object]:
    """Give the three IDs by the names that they have in logs, ``-`` for one that is not known."""
    if place is None:
        return {"request_id": request_id or "-", "trace_id": "-", "span_id": "-"}
    return {"request_id": request_id or "-", "trace_id": place.trace_id, "span_id": place.span_id}


def mark(error: BaseException, context: RequestContext) -> None:
    """Write on an error what belongs on its log line, for whoever logs it after the request has ended."""
    with suppress(AttributeError):
        error.__brickwork_fields__ = context.fields()  # type: ignore[attr-defined]


def marked_fields(error: BaseException | None) -> Mapping[str, object] | None:
    """Give what `mark` wrote on an error."""
    return getattr(error, "__brickwork_fields__", None)


def mark_of(error: BaseException | None) -> str | None:
    """Give the request ID that `mark` wrote on an error."""
    request_id = (marked_fields(error) or {}).get("request_id")
    return request_id if isinstance(request_id, str) and request_id != "-" else None


def of_scope(scope: "Scope") -> RequestContext | None:
    """Give the request context of ``scope``, also where the context variable is out of reach."""
    state = scope.get("state")
    context = state.get(REQUEST) if state else None
    return context if isinstance(context, RequestContext) else None
