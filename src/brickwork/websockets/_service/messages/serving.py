"""Serves one connection: each of its messages goes to its handler, and each reply back."""

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException, WebSocketException

from ...._core.renderer import renderer_of
from ..._errors import ConnectionClosedError, InvalidReplyError, RequestTimeoutError
from ..._rules.frames import Frame, frame, with_members
from .error_frames import MessageId, error_frame, frame_of, invalid_member, unfit_frame
from .incoming import Incoming, Refused, read
from .replies import Replies

if TYPE_CHECKING:
    from ..connection import Connection
    from .router import MessageRouter, Route

_CONCURRENT: Final = 16

_logger = logging.getLogger("brickwork.websockets")


async def serve(connection: "Connection[Any]", router: "MessageRouter", *, grace: float) -> None:
    """Handle the messages of a connection until it closes; `Connection.serve` says more."""
    loop, deadline = asyncio.get_running_loop(), asyncio.timeout(None)

    def count_down(_closed: object) -> None:
        with suppress(RuntimeError):  # serving has ended in the same turn of the loop
            deadline.reschedule(loop.time() + grace)

    try:
        async with deadline, asyncio.TaskGroup() as tasks:
            connection.closing.add_done_callback(count_down)
            serving = _Serving(connection, router, tasks)
            async for data in connection.inlet:
                await serving.take(data)
    except TimeoutError:
        pass  # the socket has closed, and a handler has used up its grace
    finally:
        connection.closing.remove_done_callback(count_down)


class _Serving:
    """What one connection's messages have in common."""

    def __init__(self, connection: "Connection[Any]", router: "MessageRouter", tasks: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._router = router
        self._tasks = tasks
        self._places = asyncio.Semaphore(_CONCURRENT)
        self._replies = Replies()

    async def take(self, data: str | bytes) -> None:
        """Handle a message; returns when the next one may be."""
        try:
            incoming = read(self._connection.codec, data)
            if "re" in incoming.body:
                self._connection.requests.settle(incoming.body)
                return
            route, message = self._understand(incoming)
        except Refused as refused:
            self._connection.inlet.blame(refused.frame)
            return
        if incoming.id is not None and not self._replies.begin(incoming.id):
            await self._send(self._replies.of(incoming.id))
        elif route.handler.concurrent:
            await self._places.acquire()
            task = self._tasks.create_task(self._handle(route, message, incoming.id))
            task.add_done_callback(lambda _: self._places.release())
        else:
            await self._handle(route, message, incoming.id)

    def _understand(self, incoming: Incoming) -> "tuple[Route, BaseModel]":
        name = self._router.discriminator
        if name not in incoming.body:
            raise Refused(invalid_member(name, "missing", "Field required", incoming.id))
        route = self._router.route(incoming.body[name])
        if route is None:
            # Which types there are is for the documentation to say, to those who may read it.
            raise Refused(invalid_member(name, "unknown_type", "Input is no known type of message", incoming.id))
        try:
            return route, route.reader.read(incoming.body)
        except ValidationError as error:
            raise Refused(unfit_frame(error, incoming.body, incoming.id)) from None

    async def _handle(self, route: "Route", message: BaseModel, message_id: MessageId | None) -> None:
        try:
            reply = _reply(route, await route.handler(message, self._connection), message_id)
        except WebSocketException as error:
            await self._connection.close(error.code, error.reason)
            return
        except asyncio.CancelledError as error:
            if _is_cancelled():
                raise
            reply = self._failed(route, error, message_id)  # something that the handler awaited was cancelled
        except Exception as error:  # noqa: BLE001 - whatever a handler raises ends the handling of one message
            reply = self._failed(route, error, message_id)
        if message_id is not None and reply is not None:
            self._replies.keep(message_id, reply)
        await self._send(reply)

    async def _send(self, reply: Frame | None) -> None:
        if reply is not None:
            with suppress(ConnectionClosedError):
                await self._connection.send(reply)

    def _failed(self, route: "Route", error: BaseException, message_id: MessageId | None) -> Frame | None:
        """Say what a handler's error means to the client; None where nobody is there to be told."""
        scope = self._connection.websocket.scope
        meant = _known(error)
        if meant is None and isinstance(error, Exception):
            if self._connection.closed and _is_of_closed(error):
                return None
            meant = renderer_of(scope.get("app")).meaning(scope, error)
        if meant is not None:
            level = logging.WARNING if meant.status_code >= 500 else logging.DEBUG
            _logger.log(level, "%s is answered with %d", type(error).__name__, meant.status_code, exc_info=error)
            return frame_of(meant, scope, message_id)
        _logger.error(
            "the handler %s failed, on connection %s", route.handler.name, self._connection.id, exc_info=error
        )
        return error_frame(500, re=message_id)


def _reply(route: "Route", result: object, message_id: MessageId | None) -> Frame | None:
    """Make the reply of what a handler returned.

    Raises:
        TypeError: It has no members, so that it cannot say which message it answers.
    """
    if result is None:
        return None if message_id is None else frame({"type": "ack", "re": message_id})
    reply = frame(result)
    if reply.kind != "json" or not reply.data.startswith(b"{"):
        raise TypeError(
            f"the handler {route.handler.name} returned {type(result).__name__}: return a model, a dict or nothing, "
            "and send anything else with `await connection.send(…)`"
        )
    return reply if message_id is None else with_members(reply, {"re": message_id})


def _known(error: BaseException) -> HTTPException | None:
    if isinstance(error, RequestTimeoutError):
        return HTTPException(408, "A question to the client was not answered in time.")
    if isinstance(error, InvalidReplyError):
        return HTTPException(422, "A question to the client was not answered as it should be.")
    return None


def _is_of_closed(error: Any) -> bool:
    if isinstance(error, ExceptionGroup):
        return all(map(_is_of_closed, cast("Any", error).exceptions))
    return isinstance(error, ConnectionClosedError)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
