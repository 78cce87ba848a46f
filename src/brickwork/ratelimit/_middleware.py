"""`RateLimitMiddleware`: the default limits of an application, and what responses tell of all its limits."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final, NotRequired, TypedDict

from fastapi import FastAPI
from fastapi.routing import RouteContext
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from .._core.headers import find
from .._core.openapi import declare
from .._core.paths import Paths
from .._core.problem import Problem
from .._core.renderer import renderer_of
from .._core.scope import RATE_LIMIT, route_path, takes_response
from ._depends.limiter import RateLimiter
from ._depends.routes import RouteIndex, marks_of
from ._errors import RateLimitExceededError, ReducedCapacityError
from ._service.ledger import Ledger, ResponseInfo, ledger_of
from ._service.refusal import refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_OURS: Final = frozenset(
    {b"ratelimit", b"ratelimit-policy", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset"}
)
_STARTS: Final = frozenset({"http.response.start", "websocket.http.response.start"})
_SWITCHING: Final = 101
_POLICY_VIOLATED: Final = 1008
_TRY_AGAIN_LATER: Final = 1013

_logger = logging.getLogger("brickwork.ratelimit")


class RateLimitOptions(TypedDict):
    """The options of `RateLimitMiddleware`."""

    limiter: RateLimiter
    """Whose default counts, and how headers are written."""
    exempt: NotRequired[Iterable[str]]
    """Paths that the default does not count; ``"/docs/*"`` means everything below."""


class RateLimitMiddleware:
    """Counts every request by the limiter's default, and tells in headers what is left.

    The default counts whatever has no limits of its own: routes, mounted applications, files, and what no route
    serves. Preflight requests of CORS are not counted. A socket is counted once, when it is opened.

    Args:
        app: The application inside.
        limiter: Whose default it is, and how headers are written.
        exempt: Paths that the default does not count; ``"/docs/*"`` means everything below.

    Raises:
        TypeError: ``limiter`` is no `RateLimiter`, or ``exempt`` a bare text.
        ValueError: A path of ``exempt`` does not begin with a slash.

    Reference: draft-ietf-httpapi-ratelimit-headers-10; RFC 6585, section 4.
    """

    rank: ClassVar[int] = 120
    __problems__: ClassVar[tuple[type[Problem], ...]] = (RateLimitExceededError, ReducedCapacityError)

    def __init__(self, app: "ASGIApp", *, limiter: RateLimiter, exempt: Iterable[str] = ()) -> None:
        if not isinstance(limiter, RateLimiter):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"limiter={limiter!r} must be a RateLimiter")
        self.app = app
        self.limiter = limiter
        self._exempt = Paths("exempt", exempt)
        self._has_exempt = bool(self._exempt)
        self._inside = _routed(app)
        self._index: RouteIndex | None = None
        # What is given back outlives the request whose caller may have left.
        self._giving_back: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request or socket, or refuse it.

        Raises:
            RuntimeError: ``@limiter.limit`` stands where it limits nothing.
        """
        kind = scope["type"]
        if kind == "lifespan":
            await self._start(scope, receive, send)
        elif kind not in ("http", "websocket") or not self.limiter.enabled:
            await self.app(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _start(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        try:
            self._indexed(scope)
        except RuntimeError as error:
            # A server that hears of no start-up would take it that there is none, and serve.
            await receive()
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await self.app(scope, receive, send)

    async def _serve(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        outside = ledger_of(scope)
        if outside is not None:
            await self._serve_inside(outside, scope, receive, send)
            return
        ledger = Ledger(self.limiter)
        scope[RATE_LIMIT] = ledger
        answer = _Answer(self, ledger, send)
        try:
            error = await self._decide(ledger, scope) if self._counts(scope) else None
            if error is None:
                await self.app(scope, receive, answer.send)
            else:
                await _refuse(error, scope, receive, answer.send)
        except Exception:
            # The server, or what stands outside of here, turns it into one.
            answer.begin(500, ())
            raise
        # The response is out: nobody waits for this, but a test that asks again, and a loop that is about to end.
        if answer.giving_back is not None:
            await asyncio.shield(answer.giving_back)

    async def _serve_inside(self, ledger: Ledger, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve a mounted application: what stands outside writes the headers, and has counted what it has to."""
        error = None
        if all(limiter is not self.limiter for limiter in ledger.limiters):
            ledger.limiters.append(self.limiter)
            error = await self._decide(ledger, scope) if self._counts(scope) else None
        await (self.app(scope, receive, send) if error is None else _refuse(error, scope, receive, send))

    def _counts(self, scope: "Scope") -> bool:
        """Tell whether the default counts a request."""
        index = self._indexed(scope)
        if self.limiter.default is None or (self._has_exempt and self._is_exempt(scope)):
            return False
        if scope["type"] == "http" and scope["method"] == "OPTIONS" and _is_preflight(scope):
            return False
        marks = index.find(scope)
        return not (marks.own or marks.exempt)

    def _is_exempt(self, scope: "Scope") -> bool:
        path = scope["path"]
        if path in self._exempt:
            return True
        return bool(scope.get("root_path")) and route_path(scope) in self._exempt

    async def _decide(self, ledger: Ledger, scope: "Scope") -> HTTPException | None:
        """Count a request by the default; give the error that refuses it."""
        limiter, connection = self.limiter, HTTPConnection(scope)
        rule, engine, applying = limiter.default, limiter.engine, limiter.applying
        try:
            if rule is None or (applying.exempting and await applying.exempts(connection)):
                return None
            applied = await applying.apply(rule, connection, "default")
            if applied is None:
                return None
            decision = ledger.add(await engine.decide((applied,)))
        except HTTPException as error:
            # Nobody can count, or a key of the application's own refuses.
            return error
        if not decision.allowed:
            return refusal(decision)
        if rule.count_when is not None:
            ledger.hold(rule.count_when, engine.giving_back((applied,), decision))
        return None

    def _indexed(self, scope: "Scope") -> RouteIndex:
        app = self._application(scope)
        if self._index is None or self._index.app is not app:
            self._index = RouteIndex(app, self.limiter)
            if isinstance(app, FastAPI):
                self.declare(app)
        return self._index

    def _application(self, scope: "Scope") -> Any:
        """Give what this limits: the application in charge, unless that one has mounted what stands inside of here."""
        app, inside = scope.get("app"), self._inside
        if hasattr(inside, "routes"):
            mounted = inside is not getattr(app, "router", None)
        else:
            mounted = scope.get("endpoint") not in (None, app)
        return inside if app is None or mounted else app

    def declare(self, app: FastAPI) -> None:
        """Show in the OpenAPI document of ``app`` which operations the default limits."""
        rule = self.limiter.default
        if rule is not None:
            closed = (rule.on_error or self.limiter.on_error) == "closed"
            declare(app, self.__problems__ if closed else (RateLimitExceededError,), self._limits)

    def _limits(self, context: RouteContext) -> bool:
        return (context.path_format or "") not in self._exempt and not any(marks_of(context, self.limiter))

    def pairs(self, ledger: Ledger) -> list[tuple[bytes, bytes]]:
        """Give the headers that tell of all decisions on a request."""
        decisions = ledger.decisions
        policies = (
            decisions[0].policies if len(decisions) == 1 else [each for one in decisions for each in one.policies]
        )
        return self.limiter.fields(policies)

    def give_back(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Let something be given back, whatever becomes of the request."""
        task = asyncio.get_running_loop().create_task(work)
        self._giving_back.add(task)
        task.add_done_callback(self._giving_back.discard)
        return task


class _Answer:
    """The response to one request, as it passes by."""

    __slots__ = ("_began", "_ledger", "_middleware", "_send", "giving_back")

    def __init__(self, middleware: RateLimitMiddleware, ledger: Ledger, send: "Send") -> None:
        self._middleware = middleware
        self._ledger = ledger
        self._send = send
        self._began = False
        self.giving_back: asyncio.Task[None] | None = None

    def send(self, message: "Message") -> Awaitable[None]:
        if not self._began:
            self._meet(message)
        return self._send(message)

    def _meet(self, message: "Message") -> None:
        kind = message["type"]
        headers = message.get("headers", ())
        if kind in _STARTS:
            if self._ledger.decisions:
                message["headers"] = headers = _with(headers, self._middleware.pairs(self._ledger))
            self.begin(message["status"], headers)
        elif kind == "websocket.accept":
            self.begin(_SWITCHING, headers)
        elif kind == "websocket.close":
            self.begin(403, ())

    def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Give back what does not count after all, now that it is known how the request is answered."""
        if self._began:
            return
        self._began = True
        if self._ledger.held:
            response = ResponseInfo(status, Headers(raw=list(headers)))
            self.giving_back = self._middleware.give_back(_settle(self._ledger, response))


def _routed(app: Any) -> Any:
    """Look through other middleware for what has routes."""
    while not hasattr(app, "routes") and hasattr(app, "app"):
        app = app.app
    return app


async def _settle(ledger: Ledger, response: ResponseInfo) -> None:
    for count_when, give_back in ledger.held:
        try:
            if not count_when(response):
                await give_back()
        except Exception:
            _logger.exception("count_when= failed, so the request counts")
    ledger.held.clear()


async def _refuse(error: HTTPException, scope: "Scope", receive: "Receive", send: "Send") -> None:
    if takes_response(scope):
        await renderer_of(scope.get("app")).respond(scope, error)(scope, receive, send)
    else:
        code = _TRY_AGAIN_LATER if error.status_code == 503 else _POLICY_VIOLATED
        await send({"type": "websocket.close", "code": code, "reason": "rate limit"})


def _with(headers: Iterable[tuple[bytes, bytes]], pairs: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    # A response that was fetched elsewhere may tell of limits that are not ours.
    return [*[pair for pair in headers if pair[0] not in _OURS], *pairs]


def _is_preflight(scope: "Scope") -> bool:
    headers = scope["headers"]
    return find(headers, b"origin") is not None and find(headers, b"access-control-request-method") is not None
