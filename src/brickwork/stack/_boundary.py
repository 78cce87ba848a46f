"""The error boundary: errors that nothing inside answered are answered here, inside CORS, headers and request IDs."""

from collections.abc import Iterator, Mapping
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, ClassVar

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request

from .._core.context import RequestContext
from .._core.frame import Piece
from .._core.renderer import renderer_of, respond_to_error
from .._core.scope import connection_close, takes_response
from ._errors import ShuttingDownError

if TYPE_CHECKING:
    from starlette.responses import Response


class ErrorBoundary(Piece):
    """Answers errors that left the application, then lets them go on to the server.

    Starlette would answer them outside all middleware, without request ID, security headers and CORS. An error for
    which the application has a handler of its own is settled with that answer; any other still reaches the server's
    log, error trackers and the test client, once.

    Args:
        app: The application whose handlers answer.
    """

    rank: ClassVar[int] = 70
    # A mounted application has handlers of its own, and Starlette around it would answer without them.
    nested: ClassVar[bool] = True

    def __init__(self, app: Any) -> None:
        self._app = app

    async def answer(self, context: RequestContext, error: Exception) -> "Response | None":
        """Give the answer of the application's handler for ``error``, or the generic 500."""
        scope = context.scope
        for handler, settles in _handlers(self._app.exception_handlers, error) if scope["type"] == "http" else ():
            try:
                response = await _asked(handler, Request(scope), error)
            except Exception as raised:
                if raised is not error:
                    raise
                continue  # the handler has nothing to say to this error, and gave it back
            if settles:
                context.error = None
            return response
        if isinstance(error, HTTPException):
            context.error = None
        elif not takes_response(scope):
            return None  # all that could be said here is a refusal; the server may know how to say 500
        return await respond_to_error(self._app, scope, error)

    def interrupt(self, context: RequestContext) -> "Response | None":
        """Tell the client to come back: a server that shuts down cancels what has not ended in time."""
        if context.scope["type"] != "http":
            return None
        headers = {"Retry-After": "1", **connection_close(context.scope)}
        return renderer_of(self._app).respond(context.scope, ShuttingDownError(headers=headers))


async def _asked(handler: Any, request: Request, error: Exception) -> "Response":
    if iscoroutinefunction(handler) or iscoroutinefunction(type(handler).__call__):
        response: Response = await handler(request, error)
    else:
        response = await run_in_threadpool(handler, request, error)
    return response


def _handlers(handlers: Mapping[Any, Any], error: Exception) -> Iterator[tuple[Any, bool]]:
    """Find the handlers as Starlette would, the closest first, and tell whether each settles the error."""
    if isinstance(error, HTTPException) and error.status_code in handlers:
        yield handlers[error.status_code], True
    for kind in type(error).__mro__:
        if kind in handlers and kind is not Exception:
            yield handlers[kind], True
    last = handlers.get(500) or handlers.get(Exception)
    if last is not None:
        yield last, isinstance(error, HTTPException)
