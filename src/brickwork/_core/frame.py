"""The one ASGI frame in which the pieces of the middleware stack run.

A piece is one concern of a request (its ID, its log record, its security headers, …), written as a few plain functions:
before the application, when the response's headers leave, when the last byte has left. A frame runs one piece or many
around an application, with a single wrapped ``send`` for all of them: ``RequestIDMiddleware`` is a frame with one
piece, the stack of `brickwork.install` a frame with all, so both behave the same by construction.
"""

import time
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from starlette.exceptions import HTTPException

from .clock import Clock
from .context import CURRENT, RequestContext, mark, of_scope
from .headers import RawHeaders
from .problem import Problem
from .renderer import renderer_of
from .scope import REQUEST, SERVER_SEND, takes_response

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STARTS = frozenset({"http.response.start", "websocket.accept", "websocket.http.response.start"})
_BODIES = frozenset({"http.response.body", "websocket.http.response.body"})


class Piece:
    """One concern of a request; a subclass overrides what it needs.

    Attributes:
        rank: Where it stands; the lowest begins first and finishes last.
        websocket: Whether it serves sockets too.
        nested: Whether it runs again in a mounted application whose parent runs it already.
        __problems__: What it may answer, for the OpenAPI document and `Stack.explain`.
    """

    rank: ClassVar[int] = 50
    websocket: ClassVar[bool] = True
    nested: ClassVar[bool] = False
    __problems__: tuple[type[Problem], ...] = ()

    def begin(self, context: RequestContext) -> "Response | None":
        """Act before the application; a response given here answers the request in its place.

        Raises:
            HTTPException: To refuse the request with that error.
        """

    def wrap_receive(self, context: RequestContext, receive: "Receive") -> "Receive":
        """Stand between the server and what the application receives."""
        return receive

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Add to the headers of a response, or of a socket's acceptance or denial, as they leave.

        Raises:
            HTTPException: To send that error in place of the response.
        """

    async def answer(self, context: RequestContext, error: Exception) -> "Response | None":
        """Give the response to an error that nothing inside answered and no response preceded.

        The error then goes on to the server; a piece that has settled it sets ``context.error`` to None. An error that
        is raised here goes on in its place, and the response is a bare 500.
        """

    def interrupt(self, context: RequestContext) -> "Response | None":
        """Give the response to a request whose task is cancelled before it began one."""

    def finish(self, context: RequestContext) -> None:
        """Act once, when the last byte has left or the request has ended without it."""


class Frame:
    """Runs pieces around an ASGI application.

    Args:
        app: The application inside.
        pieces: What to run; sorted by rank.
        clock: Tells the time for the request's context.
        direct: Whether what is sent to open sockets may pass by all that is inside.
    """

    def __init__(
        self, app: "ASGIApp", pieces: Iterable[Piece], *, clock: Clock | None = None, direct: bool = False
    ) -> None:
        self.app = app
        self.direct = direct
        self.pieces: tuple[Piece, ...] = tuple(sorted(pieces, key=lambda piece: piece.rank))
        self.now: Callable[[], float] = time.perf_counter if clock is None else clock.monotonic
        # Around a whole application, the scope does not name it yet.
        self._application = app
        while isinstance(self._application, Frame):
            self._application = self._application.app
        self._hooks = {
            "http": _Hooks(self.pieces),
            "websocket": _Hooks(piece for piece in self.pieces if piece.websocket),
        }

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Serve one request or socket; any other scope passes untouched."""
        hooks = self._hooks.get(scope["type"])
        if hooks is None:
            await self.app(scope, receive, send)
            return
        run = _Run(self, scope, hooks, send)
        token = CURRENT.set(run.context)
        try:
            response = run.begin()
            if response is None:
                await self.app(scope, run.wrapped(receive), run.send)
            else:
                await run.respond(response)
        except Exception as error:
            await run.fail(error)
            if run.context.error is not None:
                raise
        except CancelledError as error:
            await run.interrupt(error)
            raise
        finally:
            run.finish()
            CURRENT.reset(token)
            if run.outermost:
                run.let_go(scope)

    def begin_context(self, scope: "Scope") -> RequestContext:
        """Begin what is known of a request that no frame has seen before."""
        context = RequestContext(scope, self.now(), self.now)
        if context.app is None:
            context.app = self._application
        scope.setdefault("state", {})[REQUEST] = context
        return context


class _Hooks:
    """The functions that pieces really have, in the order in which they run."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.pieces = tuple(pieces)
        inward, outward = self.pieces, self.pieces[::-1]
        self.kinds = frozenset(type(piece) for piece in inward)
        self.begins = [piece.begin for piece in inward if type(piece).begin is not Piece.begin]
        self.receives = [piece.wrap_receive for piece in inward if type(piece).wrap_receive is not Piece.wrap_receive]
        self.starts = [piece.start for piece in outward if type(piece).start is not Piece.start]
        self.answers = [piece.answer for piece in outward if type(piece).answer is not Piece.answer]
        self.interrupts = [piece.interrupt for piece in outward if type(piece).interrupt is not Piece.interrupt]
        self.finishes = [piece.finish for piece in outward if type(piece).finish is not Piece.finish]
        self._rests: dict[frozenset[type], _Hooks] = {}

    def without(self, kinds: frozenset[type]) -> "_Hooks":
        if self.kinds.isdisjoint(kinds):
            return self
        # As many as there are ways to stand inside another frame: one, most often.
        if kinds not in self._rests:
            self._rests[kinds] = _Hooks(piece for piece in self.pieces if piece.nested or type(piece) not in kinds)
        return self._rests[kinds]


class _ResponseReplaced(Exception):  # noqa: N818 - a signal that unwinds the application, not an error
    """Another response went out in place of the application's."""


class _Run:
    """One request on its way through a frame."""

    __slots__ = (
        "context", "ended", "frame", "from_server", "hooks", "outermost", "replaced", "started", "to_server",
    )  # fmt: skip

    def __init__(self, frame: Frame, scope: "Scope", hooks: _Hooks, to_server: "Send") -> None:
        context = of_scope(scope)
        self.outermost = context is None
        if context is None:
            context = frame.begin_context(scope)
            context.pieces = hooks.kinds
            if frame.direct and scope["type"] == "websocket":
                scope.setdefault(SERVER_SEND, to_server)
        else:
            hooks = hooks.without(context.pieces)
            context.pieces |= hooks.kinds
        self.frame = frame
        self.context = context
        self.hooks = hooks
        self.to_server = to_server
        self.started = False
        self.replaced = False
        self.ended = False

    def begin(self) -> "Response | None":
        try:
            for begin in self.hooks.begins:
                response = begin(self.context)
                if response is not None:
                    return response
        except HTTPException as error:
            return self._rendered(error)
        return None

    def _rendered(self, error: HTTPException) -> "Response":
        return renderer_of(self.context.app).respond(self.context.scope, error)

    def wrapped(self, receive: "Receive") -> "Receive":
        """Give what the application receives by: with the pieces between, and their objections heard."""
        if not self.hooks.receives:
            return receive
        for wrap in self.hooks.receives:
            receive = wrap(self.context, receive)
        self.from_server = receive
        return self.receive

    async def receive(self) -> "Message":
        try:
            return await self.from_server()
        except HTTPException as error:
            return await self._refuse(error)

    async def _refuse(self, error: HTTPException) -> "Message":
        """Answer in place of the application, which learns that nobody waits for it any more."""
        if not self.started:
            await self.respond(self._rendered(error))
            self.replaced = True
            self.to_server = _into_the_void
            return await _nothing_more()
        if _leaving_fails_sends(self.context.scope):
            # Nobody needs to listen for that: whoever receives wants the body, and would wait for the rest for ever.
            return await _nothing_more()
        # Whoever listens under a response, listens for the client to leave; what it sends meanwhile is not asked for.
        message = await self.from_server()
        while message["type"] == "http.request":
            message = await self.from_server()
        return message

    async def fail(self, error: Exception) -> None:
        """Answer an error, unless a response has gone out already."""
        if self.replaced:
            return
        self.context.error = error
        mark(error, self.context)
        for answer in () if self.started else self.hooks.answers:
            try:
                response = await answer(self.context, error)
            except Exception as raised:
                self.context.error = raised
                mark(raised, self.context)
                await self.respond(self._rendered(HTTPException(500)))
                raise
            if response is not None:
                await self.respond(response)
                return

    async def interrupt(self, error: CancelledError) -> None:
        """Answer a request that the server cancels, unless a response has gone out already."""
        self.context.error = error
        for interrupt in () if self.started else self.hooks.interrupts:
            response = interrupt(self.context)
            if response is not None:
                # A client that has left must not turn the cancellation into another error.
                with suppress(Exception):
                    await self.respond(response)
                return

    async def respond(self, response: "Response") -> None:
        """Send a response of our own: to a request, or as the denial of a socket where the server knows how."""
        scope = self.context.scope
        if not takes_response(scope):
            self.context.close_code = 1008
            await self.to_server({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            await response(scope, _nothing_more, self.send)

    def send(self, message: "Message") -> Awaitable[None]:
        # A coroutine of our own only where something is left to do afterwards; else the server's goes straight back.
        if message.get("more_body"):
            if self.outermost:
                self.context.sent_bytes += len(message.get("body", b""))
            return self.to_server(message)
        kind = message["type"]
        if kind in _BODIES:
            return self._send_last(message)
        if kind in _STARTS and not self.replaced:
            try:
                message = self._started(message)
            except HTTPException as error:
                return self._send_instead(error)
        elif kind == "websocket.close" and self.context.close_code is None:
            self.context.close_code = message.get("code", 1000)
        return self.to_server(message)

    async def _send_last(self, message: "Message") -> None:
        if self.outermost:
            self.context.sent_bytes += len(message.get("body", b""))
        await self.to_server(message)
        self.finish()

    async def _send_instead(self, error: HTTPException) -> None:
        await self.respond(self._rendered(error))
        self.replaced = True
        raise _ResponseReplaced from error

    def _started(self, message: "Message") -> "Message":
        # Every frame says so: the pieces of an inner one run before those of the outermost.
        self.context.status = message.get("status", 101)
        if self.outermost:
            self.context.responded_at = self.frame.now()
        # A copy of all: list and message may belong to a response that is sent more than once.
        headers: RawHeaders = list(message.get("headers") or ())
        for start in self.hooks.starts:
            start(self.context, headers)
        self.started = True
        return {**message, "headers": headers}

    def let_go(self, scope: "Scope") -> None:
        """Break the circles by which only the collector could free the request."""
        if self.frame.direct:
            scope.pop(SERVER_SEND, None)
        if self.context.error is None:
            scope["state"].pop(REQUEST, None)
            return
        # The error's traceback holds this frame. A handler outside may still ask the scope whose error it is.
        self.context.error = None
        self.context.scope = {**scope, "state": {}}

    def finish(self) -> None:
        if self.ended:
            return
        self.ended = True
        if self.outermost:
            self.context.ended_at = self.frame.now()
        for finish in self.hooks.finishes:
            finish(self.context)


def _leaving_fails_sends(scope: "Scope") -> bool:
    """Tell whether the server says that the client has left by an error from ``send``, as ASGI wants since 2.4."""
    version: str = scope.get("asgi", {}).get("spec_version", "2.0")
    return tuple(map(int, version.split("."))) >= (2, 4)


async def _nothing_more() -> "Message":
    return {"type": "http.disconnect"}


async def _into_the_void(message: "Message") -> None:
    """Take what an application sends after its response was replaced."""
