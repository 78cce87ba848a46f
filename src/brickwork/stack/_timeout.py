"""Time-outs: an application that does not begin its response in time is given up, and its caller gets a 504.

One timer and the request's own task: no task and no cancel scope per request. A coroutine meets one `CancelledError`,
as with `asyncio.timeout`, and what it awaits while it cleans up is left in peace. Unlike there, a worker thread is
waited for: cancelling the coroutine that waits for it would free its place while it still runs, and threads pile up.
"""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, cast

from anyio.to_thread import current_default_thread_limiter
from fastapi.params import Depends
from starlette.requests import HTTPConnection

from .._core.problem import Problem
from .._core.renderer import renderer_of
from .._core.scope import TIME_LIMIT, connection_close
from ._errors import RequestTimeoutError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_RETRY = 0.01


class TimeoutOptions(TypedDict, total=False):
    """The options of `TimeoutMiddleware`."""

    timeout: float
    """Seconds from the request's arrival to the start of the response."""
    on_abandoned: Callable[[int], object] | None
    """Called with 1 when a request is given up and with -1 when its endpoint has ended, as a gauge's ``inc``."""


class TimeoutMiddleware:
    """Answers 504 when the application does not begin its response in time.

    What has begun is never cut: streams, server-sent events and background tasks take as long as they need, and
    sockets are not watched at all. A coroutine is cancelled; a thread cannot be, so a ``def`` endpoint keeps its
    thread until it ends, and its late result is dropped.

    Args:
        app: The application inside.
        timeout: Seconds from the request's arrival to the start of the response; `time_limit` sets another for a
            route or a router.
        on_abandoned: Called with 1 when a request is given up and with -1 when its endpoint has ended.

    Attributes:
        abandoned: Requests that were answered 504 and whose endpoints have not ended yet.

    Raises:
        ValueError: The time-out is not a positive number.
    """

    rank: ClassVar[int] = 130
    __problems__: ClassVar[tuple[type[Problem], ...]] = (RequestTimeoutError,)

    def __init__(
        self, app: "ASGIApp", *, timeout: float = 10.0, on_abandoned: Callable[[int], object] | None = None
    ) -> None:
        if not timeout > 0:
            raise ValueError(f"timeout={timeout!r} must be seconds above 0; leave the middleware out for no time-out")
        self.app = app
        self.timeout = timeout
        self.abandoned: int = 0
        self._on_abandoned = on_abandoned

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request within its time; anything else passes untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        outside: _Deadline | None = state.get(TIME_LIMIT)
        if outside is not None:
            # In a mounted application: one deadline a request, and the innermost word counts.
            outside.move(self.timeout)
            await self.app(scope, receive, send)
            return
        deadline = state[TIME_LIMIT] = _Deadline(self, scope, receive, send)
        try:
            await self.app(scope, receive, deadline.send)
        except asyncio.CancelledError:
            if not deadline.is_to_blame():
                raise
        finally:
            # The deadline holds the scope: together they would wait for the collector.
            del state[TIME_LIMIT]
            await deadline.end()

    def count(self, change: int) -> None:
        """Keep the gauge of abandoned requests."""
        self.abandoned += change
        if self._on_abandoned is not None:
            self._on_abandoned(change)


class _Deadline:
    """The time that one request has left."""

    __slots__ = (
        "_answer", "_app", "_began", "_cancelled", "_ended", "_loop", "_middleware", "_moved", "_receive", "_scope",
        "_task", "_threads", "_timer", "_to_client", "_waiting",
    )  # fmt: skip

    def __init__(self, middleware: TimeoutMiddleware, scope: "Scope", receive: "Receive", to_client: "Send") -> None:
        self._middleware = middleware
        self._scope = scope
        self._receive = receive
        self._to_client = to_client
        self._app: Any = scope.get("app")  # a mount puts its own in this place
        self._loop = loop = asyncio.get_running_loop()
        self._task = cast("asyncio.Task[Any]", asyncio.current_task(loop))
        self._began = began = loop.time()
        self._waiting = True
        self._moved = False
        self._cancelled = False
        self._ended = False
        self._answer: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = loop.call_at(began + middleware.timeout, self._expire)

    def is_to_blame(self) -> bool:
        """Tell whether the task was cancelled here, and nowhere else."""
        return self._cancelled and self._task.cancelling() == 1

    async def end(self) -> None:
        """Put everything back as it was, once the application has ended."""
        self._ended = True
        self._disarm()
        if self._cancelled:
            self._task.uncancel()
        if self._answer is not None:
            self._middleware.count(-1)
            await self._answer

    def send(self, message: "Message") -> Awaitable[None]:
        if self._answer is not None:
            # The endpoint came to its end after all; what remains is to clean up, in peace.
            self._ended = True
            return asyncio.sleep(0)
        if message["type"] == "http.response.start":
            self._waiting = False
            self._disarm()
        # The server's awaitable goes straight back, so that a stream costs nothing here.
        return self._to_client(message)

    def move(self, seconds: float | None) -> None:
        """Set the deadline anew, in seconds since the request's arrival; None for none."""
        if not self._waiting:
            return
        self._moved = True
        self._disarm()
        if seconds is not None:
            self._timer = self._loop.call_at(self._began + seconds, self._expire)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        if not self._moved:
            # FastAPI reads the body before it runs dependencies: look what the route asks for.
            for limit in _declared(self._scope):
                self.move(limit.seconds)
            if self._moved:
                return
        self._waiting = False
        self._answer = self._loop.create_task(self._give_up())
        self._middleware.count(1)

    def _cancel(self) -> None:
        """Cancel the endpoint once, as soon as it is not waiting for a thread."""
        if self._ended or self._task.cancelling():
            return
        if self._task not in self._threads.statistics().borrowers:
            self._cancelled = self._task.cancel()
        elif not _is_thread(self._scope.get("endpoint")):
            self._timer = self._loop.call_later(_RETRY, self._cancel)

    async def _give_up(self) -> None:
        self._threads = current_default_thread_limiter()
        self._cancel()
        # An error may still come out of the endpoint, and servers close the connection on it, whoever uses it by then.
        headers = connection_close(self._scope)
        error = RequestTimeoutError("The server did not begin its answer in time.", headers=headers)
        response = renderer_of(self._app).respond(self._scope, error)
        await response(self._scope, self._receive, self._to_client)


def _is_thread(endpoint: object) -> bool:
    """Tell whether FastAPI runs the endpoint in a thread, which cannot be cancelled and is best left to its end."""
    return inspect.isroutine(endpoint) and not inspect.iscoroutinefunction(inspect.unwrap(endpoint))


@dataclass(frozen=True)
class _TimeLimit:
    """The dependency behind `time_limit`."""

    seconds: float | None
    __problems__: ClassVar[tuple[type[Problem], ...]] = (RequestTimeoutError,)

    async def __call__(self, connection: HTTPConnection) -> None:
        deadline = connection.scope.get("state", {}).get(TIME_LIMIT)
        if deadline is not None:
            deadline.move(self.seconds)


def time_limit(seconds: float | None) -> Depends:
    """Give a route, or all routes of a router, a time-out of their own.

    ```python
    from fastapi import FastAPI

    from brickwork.stack import TimeoutMiddleware, time_limit

    app = FastAPI()
    app.add_middleware(TimeoutMiddleware, timeout=10)

    @app.post("/reports", dependencies=[time_limit(60)])
    async def report() -> None: ...
    ```

    The route's own counts before the router's. Without `TimeoutMiddleware` it does nothing.

    Args:
        seconds: Seconds from the request's arrival to the start of the response; None for no time-out.

    Raises:
        ValueError: The time is not a positive number.
    """
    if seconds is not None and not seconds > 0:
        raise ValueError(f"time_limit({seconds!r}) must be seconds above 0, or None for no time-out")
    return Depends(_TimeLimit(seconds))


def _declared(scope: "Scope") -> Iterator[_TimeLimit]:
    """Give the time limits among the dependencies of the matched route, outermost first."""
    route = scope.get("fastapi", {}).get("effective_route_context") or scope.get("route")
    waiting = [getattr(route, "dependant", None)]
    while waiting:
        dependant = waiting.pop()
        call = getattr(dependant, "call", None)
        if isinstance(call, _TimeLimit):
            yield call
        waiting.extend(reversed(getattr(dependant, "dependencies", ())))
