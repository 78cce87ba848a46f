"""`WebSocketLimit`: how often a client may open sockets, how many it may have, and how much it may say."""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from inspect import Signature
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from fastapi import Response, WebSocket
from starlette.requests import HTTPConnection

from ..._core.problem import Problem
from .._errors import ReducedCapacityError
from .._rules.values import Decision
from .._service.applied import Applied
from .._service.applying import route_name
from .._service.decisions import UNLIMITED
from .._service.engine import Engine
from .._service.refusal import refusal
from .concurrent import holding
from .marker import problems_of, stands_aside
from .parts import Asked, Part, signature_of
from .precedence import Kind
from .telling import Telling, refusing

if TYPE_CHECKING:
    from .limiter import RateLimiter

MessageT = TypeVar("MessageT")
OnExcess = Literal["close", "drop", "error"]

_UNSUPPORTED_DATA = 1003
_POLICY_VIOLATION = 1008
_TRY_AGAIN_LATER = 1013


class WebSocketLimit:
    """Reads the messages of one socket, as far as its client may send them.

    What the server sends is not counted.
    """

    def __init__(self, engine: Engine, asked: Applied | None, on_excess: OnExcess) -> None:
        self._engine = engine
        self._asked = asked
        self._on_excess = on_excess

    async def message(self) -> Decision:
        """Count a message, and decide on it; what becomes of it is for the caller to see to.

        Raises:
            ReducedCapacityError: Nobody can count, and nothing is to pass uncounted.
        """
        return UNLIMITED if self._asked is None else await self._engine.decide([self._asked])

    async def iter_text(self, socket: WebSocket) -> AsyncIterator[str]:
        """Give the texts that come in, until the socket is closed; bytes close it."""
        async for text in _one_kind(socket, socket.iter_text()):
            if await self._admits(socket, socket.send_text):
                yield text
            elif self._on_excess == "close":
                return

    async def iter_bytes(self, socket: WebSocket) -> AsyncIterator[bytes]:
        """Give the bytes that come in, until the socket is closed; a text closes it."""

        async def send(text: str) -> None:
            await socket.send_bytes(text.encode())

        async for data in _one_kind(socket, socket.iter_bytes()):
            if await self._admits(socket, send):
                yield data
            elif self._on_excess == "close":
                return

    async def iter_json(self, socket: WebSocket) -> AsyncIterator[Any]:
        """Give what comes in as JSON, until the socket is closed; texts that are not JSON raise ``ValueError``."""
        async for text in self.iter_text(socket):
            yield json.loads(text)

    async def _admits(self, socket: WebSocket, send: Callable[[str], Awaitable[None]]) -> bool:
        try:
            decision = await self.message()
        except ReducedCapacityError as error:
            await self._exceed(socket, send, error, _TRY_AGAIN_LATER)
            return False
        if not decision.allowed:
            await self._exceed(socket, send, refusal(decision), _POLICY_VIOLATION)
        return decision.allowed

    async def _exceed(
        self, socket: WebSocket, send: Callable[[str], Awaitable[None]], error: Problem, code: int
    ) -> None:
        if self._on_excess == "close":
            await socket.close(code, error.detail)
        elif self._on_excess == "error":
            known = {"title": error.title, "status": error.status, "detail": error.detail}
            await send(json.dumps({**known, **error.members()}))


async def _one_kind(socket: WebSocket, messages: AsyncIterator[MessageT]) -> AsyncIterator[MessageT]:
    """Close the socket of a client who sends what is not read there: it is no error of the application.

    Reference: RFC 6455, section 7.4.1.
    """
    try:
        async for message in messages:
            yield message
    except KeyError:  # Starlette looks for the text of a message that has bytes, or the other way round
        await socket.close(_UNSUPPORTED_DATA)


class WebSocketDependency:
    """Gives the `WebSocketLimit` of a socket, and refuses the handshake where a limit does.

    Attributes:
        limiter: What made it.
        rules: The rules for ``connect``, ``message`` and ``open``.
        ttl: Seconds after which a place is free again whose process has died.
        on_excess: What becomes of a message that is too much.
        stack: Whether it adds to limits further out.
        kind: What it counts.
    """

    kind: Kind = "requests"

    def __init__(self, limiter: "RateLimiter", rules: dict[str, Part], *, ttl: float, on_excess: OnExcess) -> None:
        self.limiter = limiter
        self.rules = rules
        self.ttl = ttl
        self.on_excess: OnExcess = on_excess
        self.parts = tuple(rules.values())
        self.stack = "connect" not in rules
        self._told = (tuple(rules.items()), ttl, on_excess)
        self._hash = hash((type(self), id(limiter), self._told))
        self.__signature__: Signature = signature_of(self.parts)
        self.__problems__: tuple[type[Problem], ...] = problems_of(limiter, self.parts)

    @property
    def replaces_default(self) -> bool:
        """Whether the limiter's default gives way to it."""
        return not self.stack

    def __eq__(self, other: object) -> bool:
        return isinstance(other, WebSocketDependency) and self.limiter is other.limiter and self._told == other._told

    def __hash__(self) -> int:
        return self._hash

    async def __call__(
        self, *, connection: HTTPConnection, response: Response, **found: Any
    ) -> AsyncGenerator[WebSocketLimit]:
        """Let a socket in, and give its place back once it is closed: FastAPI calls this.

        Raises:
            RateLimitExceededError: (429) A limit is used up; the handshake is refused.
            ReducedCapacityError: (503) Nobody can count, and nobody is to pass uncounted.
            RuntimeError: It is no socket.
        """
        limiter = self.limiter
        if connection.scope["type"] != "websocket":
            raise RuntimeError("limiter.websocket(…) belongs on a socket: use limiter.depends(…) for requests")
        if await stands_aside(limiter, self, connection):
            yield WebSocketLimit(limiter.engine, None, self.on_excess)
            return
        asked = await self._asked(connection, found)
        telling = Telling(limiter, connection, response)
        async with AsyncExitStack() as stack:
            with refusing(connection.scope):
                if "connect" in asked:
                    telling.tell(await limiter.engine.decide([asked["connect"]]))
                if "open" in asked:
                    telling.tell(await stack.enter_async_context(holding(limiter.engine, asked["open"], self.ttl)))
            yield WebSocketLimit(limiter.engine, asked.get("message"), self.on_excess)

    async def _asked(self, connection: HTTPConnection, found: dict[str, Any]) -> dict[str, Applied]:
        reading = Asked(connection, route_name(connection.scope), found, self.limiter.applying)
        asked: dict[str, Applied] = {}
        for number, (name, part) in enumerate(self.rules.items()):
            each = await reading.one(part, number, f" {name}")
            if each is not None:
                asked[name] = each
        return asked
