"""What is known of the request in progress: one object, made once, changed in place.

It hangs on a `ContextVar`, so it is reachable from endpoints, dependencies, threads and background tasks; and because
they all share the *object*, what one of them binds the others see, also across a thread hop, where a context variable
set anew would be lost. A second reference lies in ``scope["state"]``, for code that has only the scope.
"""

from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

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
        disconnected: Whether the client left before the response was complete.
        error: The exception that no handler answered, if any.
    """

    __slots__ = (
        "app", "began_at", "disconnected", "ended_at", "error", "pieces", "request_id", "responded_at",
        "scope", "sent_bytes", "status", "values",
    )  # fmt: skip

    def __init__(self, scope: "Scope", began_at: float) -> None:
        self.scope = scope
        self.app: Any = scope.get("app")
        self.began_at = began_at
        self.request_id: str | None = None
        self.values: dict[str, object] = {}
        self.pieces: frozenset[type] = frozenset()
        self.responded_at: float | None = None
        self.ended_at: float | None = None
        self.status: int | None = None
        self.sent_bytes = 0
        self.disconnected = False
        self.error: BaseException | None = None


CURRENT: ContextVar[RequestContext | None] = ContextVar("brickwork.request", default=None)


def current() -> RequestContext | None:
    """Give the request in progress, or None outside of one."""
    return CURRENT.get()


def mark(error: BaseException, context: RequestContext) -> None:
    """Write the request's ID on an error, for whoever logs it after the request has ended."""
    if context.request_id is not None:
        with suppress(AttributeError):
            error.__brickwork_request_id__ = context.request_id  # type: ignore[attr-defined]


def mark_of(error: BaseException | None) -> str | None:
    """Give the request ID that `mark` wrote on an error."""
    return getattr(error, "__brickwork_request_id__", None)


def of_scope(scope: "Scope") -> RequestContext | None:
    """Give the request context of ``scope``, also where the context variable is out of reach."""
    state = scope.get("state")
    context = state.get(REQUEST) if state else None
    return context if isinstance(context, RequestContext) else None
