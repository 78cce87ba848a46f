"""Writes one record per request or socket, when its last byte has left."""

import logging
from asyncio import CancelledError
from collections.abc import Collection, Mapping, Sequence
from random import random
from typing import TYPE_CHECKING, ClassVar, TypedDict, Unpack

from starlette.requests import ClientDisconnect

from .._core.clock import Clock
from .._core.context import RequestContext
from .._core.frame import Frame, Piece
from .._core.scope import TrustedProxies, route_template
from ._rules import Redaction, Selection, header_names, shown
from ._service import RecordMaker

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive

_CLIENT_LEFT = 499
# Reports, on stderr, a log handler that raised; the way in which logging reports its own.
_REPORTER = logging.NullHandler()


class AccessLogOptions(TypedDict, total=False):
    """Options of the access log."""

    logger: str
    """Name of the logger. Default: ``"brickwork.accesslog"``."""
    level: int | str
    """Level of the records. Default: ``"INFO"``."""
    exclude: Collection[str]
    """Paths that are not logged unless the answer is a server error; ``*`` stands for any characters. Default: none."""
    redact: Collection[str]
    """Names of further query parameters whose values are hidden. Always hidden: names with ``token``, ``secret``,
    ``password``, ``signature``, ``credential`` or ``api_key`` in them, and ``code``, ``key``, ``state``, ``otp`` and
    their like."""
    headers: Collection[str]
    """Names of request headers to log, such as ``{"user-agent"}``. Default: none."""
    sample: Mapping[str, float] | None
    """Share of the responses of a status class that is logged, such as ``{"2xx": 0.1}``. Default: all."""
    slow: float | None
    """Seconds from which a request is logged whatever ``exclude`` and ``sample`` say. Default: None, no such limit."""
    trusted_proxies: Sequence[str]
    """Addresses or networks whose word about the client's address is believed. Default: none, so the peer is the
    client."""


class AccessLog(Piece):
    """Writes one record per request or socket; the options are those of `AccessLogOptions`.

    Raises:
        TypeError: A bare string was passed instead of a set or list.
        ValueError: An option makes no sense.
    """

    rank: ClassVar[int] = 20

    def __init__(
        self,
        *,
        logger: str = "brickwork.accesslog",
        level: int | str = "INFO",
        exclude: Collection[str] = (),
        redact: Collection[str] = (),
        headers: Collection[str] = (),
        sample: Mapping[str, float] | None = None,
        slow: float | None = None,
        trusted_proxies: Sequence[str] = (),
    ) -> None:
        self._logger = logging.getLogger(logger)
        self._level = _level(level)
        self._records = RecordMaker(self._logger, self._level, "%s %s %d in %.1f ms")
        self._selection = Selection(exclude, sample, slow)
        self._redaction = Redaction(redact)
        self._headers = header_names(headers)
        self._proxies = TrustedProxies(trusted_proxies)

    def wrap_receive(self, context: RequestContext, receive: "Receive") -> "Receive":
        """Notice that the client leaves, as far as the application listens."""

        async def watched() -> "Message":
            message = await receive()
            if message["type"] == "http.disconnect":
                context.disconnected = context.disconnected or context.ended_at is None
            elif message["type"] == "websocket.disconnect" and context.close_code is None:
                context.close_code = message.get("code", 1005)
            return message

        return watched

    def finish(self, context: RequestContext) -> None:
        """Write the record."""
        if not self._logger.isEnabledFor(self._level):
            return
        try:
            status = _status(context)
            duration = (context.ended_at or context.now()) - context.began_at
            if self._selection.takes_all or self._selection.takes(context.scope["path"], status, duration, random()):  # noqa: S311 - chooses log lines
                self._logger.handle(self._record(context, status, duration))
        except Exception:  # noqa: BLE001 - no log handler of whatever kind may fail the request
            _REPORTER.handleError(logging.makeLogRecord({"msg": "an access record"}))

    def _record(self, context: RequestContext, status: int, duration: float) -> logging.LogRecord:
        scope = context.scope
        method = shown(scope.get("method", "WEBSOCKET"))
        path = shown(scope["path"])
        query = scope.get("query_string", b"")
        query = self._redaction.query(query) if query else ""
        target = f"{path}?{query}" if query else path
        said = (method, target, status, duration * 1000)
        record = self._records.make(said)
        record.__dict__.update(
            context.fields(),
            method=method,
            path=path,
            route=route_template(scope),
            query=query,
            status=status,
            duration=duration,
            first_byte=None if context.responded_at is None else context.responded_at - context.began_at,
            sent_bytes=context.sent_bytes,
            client=self._proxies.client(scope),
            response_started=context.responded_at is not None,
            disconnected=context.disconnected,
            close_code=context.close_code,
            error=None if context.error is None else type(context.error).__name__,
            headers=self._shown_headers(scope["headers"]) if self._headers else {},
        )
        return record

    def _shown_headers(self, headers: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
        return {
            name.decode("latin-1").lower(): shown(value.decode("latin-1"))
            for name, value in headers
            if name.lower() in self._headers
        }


def _level(level: int | str) -> int:
    number = level if isinstance(level, int) else logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f'level={level!r} is no level: write "INFO", or one of your own after logging.addLevelName')
    return number


def _status(context: RequestContext) -> int:
    """Give the status that the client got; where it got none, the one that says why."""
    error = context.error
    # A handler for it that comes too late makes Starlette raise another error from it.
    if error is not None and (isinstance(error, ClientDisconnect) or isinstance(error.__cause__, ClientDisconnect)):
        context.disconnected = True
    if context.disconnected:
        return _CLIENT_LEFT
    if context.status is not None:
        return context.status
    if context.scope["type"] == "websocket" and context.error is None and context.close_code is not None:
        return 403  # closed before it was accepted
    return _CLIENT_LEFT if isinstance(context.error, CancelledError) else 500


class AccessLogMiddleware(Frame):
    """Writes one structured record per request or socket.

    ```python
    from fastapi import FastAPI

    from brickwork.accesslog import AccessLogMiddleware

    app = FastAPI()
    app.add_middleware(AccessLogMiddleware, exclude={"/health/*"}, headers={"user-agent"})
    ```

    Args:
        app: The application inside.
        clock: Tells the time for durations.
        **options: See `AccessLogOptions`.
    """

    def __init__(self, app: "ASGIApp", *, clock: Clock | None = None, **options: Unpack[AccessLogOptions]) -> None:
        super().__init__(app, [AccessLog(**options)], clock=clock)
