"""What slowapi's two middlewares do for a limiter of ours: limit every request, and write the headers once.

They are told so here, on import: whoever has ``app.add_middleware(SlowAPIMiddleware)`` need not change it. For limiters
of slowapi itself they do what they always did.
"""

from collections.abc import Awaitable, Callable
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Protocol

from slowapi.middleware import SlowAPIASGIMiddleware, SlowAPIMiddleware
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ApplicationGate(Protocol):
    """Whoever limits all requests of an application."""

    enabled: bool

    async def admit(self, request: Request) -> None:
        """Count, and raise where a limit refuses."""
        ...

    def fields(self, scope: "Scope") -> dict[str, str]:
        """Give the headers that tell of the nearest limit."""
        ...


def serve(kind: type[Any], gate: type[Any]) -> None:
    """Let a middleware of slowapi serve limiters of a kind."""
    plain: Callable[..., Awaitable[None]] = kind.__call__

    @wraps(plain)
    async def call(self: Any, scope: "Scope", receive: "Receive", send: "Send") -> None:
        limiter: Any = getattr(scope["app"].state, "limiter", None) if scope["type"] == "http" else None
        if not isinstance(limiter, gate):
            await plain(self, scope, receive, send)
            return
        # What an application made of the middleware still does its own part.
        inside = self.app if type(self) is kind else partial(plain, self)
        await limit_requests(limiter, inside, scope, receive, send)

    setattr(kind, "__call__", call)  # noqa: B010


async def limit_requests(
    gate: ApplicationGate, app: "ASGIApp", scope: "Scope", receive: "Receive", send: "Send"
) -> None:
    """Serve a request, unless a limit of the whole application refuses it."""
    request = Request(scope, receive)
    if not gate.enabled or _is_preflight(request):
        await app(scope, receive, send)
        return

    async def tell(message: "Message") -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in gate.fields(scope).items():
                headers[name] = value
        await send(message)

    try:
        await gate.admit(request)
    except HTTPException as refusal:
        app = _answering(scope["app"], refusal)
    await app(scope, receive, tell)


def _answering(application: Any, refusal: HTTPException) -> "ASGIApp":
    """Answer with a refusal as the application's handlers do; here, they are further in."""

    async def refuse(*_: object) -> None:
        raise refusal

    return ExceptionMiddleware(refuse, handlers=application.exception_handlers)


def _is_preflight(request: Request) -> bool:
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


MIDDLEWARES = (SlowAPIMiddleware, SlowAPIASGIMiddleware)
