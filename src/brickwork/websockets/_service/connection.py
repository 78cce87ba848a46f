"""`Connection`: one client, from the handshake to the end of its socket."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel
from starlette.websockets import WebSocket

from ..._core.closing import close_reason
from ..._core.uuid7 import uuid7_text
from .._errors import ConnectionClosedError
from .._rules.frames import Codec, Entry, frame
from .._rules.rooms import cursors, rooms_of
from .._rules.values import CloseCode, Cursor, checked_code
from .counters import Stats
from .delivering import Recipient
from .inlet import Inlet
from .joining import Joining
from .loops import refuse_other_loop
from .messages.requests import Requests
from .messages.serving import serve
from .outlet import LOST, Outlet, Send

if TYPE_CHECKING:
    from .hub import Hub
    from .messages.router import MessageRouter

R = TypeVar("R", bound=BaseModel)
U = TypeVar("U")


class Connection(Generic[U]):
    """One client; `ConnectionManager.connect` gives it to an endpoint.

    Attributes:
        id: Names the connection, in the log too.
        user: Whom ``authenticate`` found.
        user_id: The user's ID; None for a stranger.
        address: The client's address; None where the server does not know it.
        data: For whatever the application wants to remember of the connection.
        subprotocol: What both sides speak; None where the client named nothing that we know.
        websocket: Starlette's, for its headers and the like.
        codec: What turns messages into frames.
        close_code: What the socket was closed with; None while it is open, 1006 if nobody closed it.
    """

    __slots__ = (
        "__weakref__",
        "_closing",
        "_cursors",
        "_goodbye",
        "_held",
        "_hub",
        "_reason",
        "_requests",
        "address",
        "channels",
        "close_code",
        "codec",
        "data",
        "id",
        "inlet",
        "outlet",
        "subprotocol",
        "user",
        "user_id",
        "websocket",
    )

    def __init__(
        self,
        *,
        hub: "Hub",
        websocket: WebSocket,
        send: Send,
        user: U,
        user_id: str | None,
        address: str | None,
        codec: Codec,
        subprotocol: str | None = None,
    ) -> None:
        self.id: str = uuid7_text(int(hub.clock.time() * 1000))
        self.user: U = user
        self.user_id: str | None = user_id
        self.address: str | None = address
        self.data: dict[str, Any] = {}
        self.subprotocol: str | None = subprotocol
        self.websocket: WebSocket = websocket
        self.codec: Codec = codec
        self.close_code: int | None = None
        # What the block itself keeps of it: the way out, what stands for it in which channel, the way in.
        self.outlet: Outlet = Outlet(hub.delivering, send, codec, id=self.id, user_id=user_id, end=self.evict)
        self.channels: dict[str, Recipient] = {}
        self.inlet: Inlet = Inlet(
            self, limits=hub.limits, heartbeat=hub.heartbeat, clock=hub.clock, counters=hub.counters
        )
        self._hub = hub
        self._requests: Requests | None = None
        self._cursors: dict[str, Cursor] | None = None
        self._goodbye: asyncio.Task[Any] | None = None
        self._held = False
        self._reason = ""
        self._closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def __repr__(self) -> str:
        state = "open" if self.close_code is None else f"closed with {self.close_code}"
        return f"<Connection {self.id} of {self.user_id or 'a stranger'}, {state}>"

    @property
    def hub(self) -> "Hub":
        """What joins this connection with the others."""
        return self._hub

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self.close_code is not None

    @property
    def closing(self) -> "asyncio.Future[int]":
        """Has the close code as its result when the socket is closed; not to be awaited, which could cancel it."""
        return self._closing

    @property
    def rooms(self) -> frozenset[str]:
        """The rooms that it is in."""
        return rooms_of(self.channels)

    @property
    def stats(self) -> Stats:
        """What it has sent and received."""
        out = self.outlet
        return Stats(out.sent, out.dropped, out.queued, out.queued_bytes, self.inlet.received)

    def join(self, room: str, *, since: Cursor | None = None, info: Mapping[str, Any] | None = None) -> Joining:
        """Bring the client into a room.

        ```python {reason="needs a socket"}
        async with connection.join("lobby"):  # in there until the block ends
            ...
        await connection.join("news")  # in there until the socket is closed, or `leave`
        ```

        Where a history is kept, the client is first told whether it missed anything that is not kept any more, then
        what it missed, then all that comes: each message once, in order. Where presence is kept, it is told who is
        there. Joining a room where it is already changes nothing, but for ``info``. Cancelled, it leaves no trace.

        Args:
            room: The room's name: up to 256 characters, none of them a control character.
            since: Where the client was before, as `cursor` tells it; without it the client is told all that is kept.
            info: What is told of this connection to the others, where presence is kept; has a JSON form.

        Returns:
            What is to be awaited, or entered with ``async with``; that raises:
                ConnectionClosedError: The socket is closed, or was meanwhile.
                JoinDeniedError: (403) A guard refuses, or no room is called that.
                TooManyRoomsError: (429) The client is in as many rooms as it may be.
        """
        return Joining(self._hub.rooms, self, room, since, info)

    async def leave(self, room: str) -> None:
        """Take the client out of a room; harmless where it is not in there."""
        await self._hub.rooms.leave(self, room)

    def cursor(self, room: str) -> Cursor | None:
        """Give where the client says that it was in a room: ``?cursor=<room>:<epoch>:<offset>``, for each room.

        None where it does not say, or nothing that makes sense. It looks at as many as there may be rooms.
        """
        if self._cursors is None:
            self._cursors = cursors(self.websocket.query_params.getlist("cursor"), self._hub.limits.rooms)
        return self._cursors.get(room)

    async def send(self, message: object) -> None:
        """Send a message to this client alone; waits while others are queued for it.

        Args:
            message: A pydantic model, or anything else that has a JSON form; a text or bytes are sent as they are.

        Raises:
            ConnectionClosedError: The socket is closed, or was while the message waited for its turn.
            pydantic_core.PydanticSerializationError: The message has no JSON form.
            RuntimeError: It is sent from another event loop than the one that serves the socket.
        """
        refuse_other_loop(self._closing.get_loop())
        if self.close_code is not None:
            raise ConnectionClosedError(self.close_code)
        await self.outlet.put(Entry("", frame(message)))

    async def close(self, code: int = CloseCode.NORMAL, reason: str = "") -> None:
        """Close the socket, after what was sent before; does nothing where it is closed.

        Returns when the close frame is sent. A client that reads nothing is left to itself after `Heartbeat.close`.

        Args:
            code: The close code.
            reason: For the person who looks for the cause; at most 123 bytes are sent.

        Raises:
            ValueError: No socket can be closed with that code.
        """
        checked_code(code)
        self._part(code, reason, flush=True)
        await self.wait_gone()

    def hold(self) -> None:
        """Send nothing until `release`: it can be sent to already, but its handshake is not answered."""
        self._held = True
        self.outlet.hold()

    def release(self) -> None:
        """Send what has waited; where it was closed meanwhile, close the socket."""
        self._held = False
        self.outlet.release()
        if self.close_code is not None:
            self._say_goodbye_later()

    def evict(self, code: int, reason: str = "") -> None:
        """Part with the client at once, whatever waits for it.

        It is out of everything when this returns; the close frame is tried afterwards, and not for long.
        """
        self._part(code, reason, flush=False)

    def departed(self, code: int) -> None:
        """Hear that the client has closed the socket, or is gone: there is nobody to say goodbye to."""
        self._part(code, "", flush=False, goodbye=False)

    def _part(self, code: int, reason: str, *, flush: bool, goodbye: bool = True) -> None:
        if self.close_code is not None:
            return
        self.close_code = code
        self._hub.remove(self)
        self.inlet.stop()
        self.outlet.close(code, flush=flush)
        self._closing.set_result(code)
        self._reason = reason
        if goodbye and code != LOST and not self._held:
            self._say_goodbye_later()

    def expire_at(self, when: datetime | None) -> None:
        """Close the socket with 4401 at an instant, instead of one that was said before: a token's end.

        Args:
            when: The instant, with its time zone; None for never.

        Raises:
            ValueError: It has no time zone.
        """
        self.inlet.liveness.expire_at(when)

    def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Give the client's messages as they come, until the socket is closed."""
        return self.inlet

    async def serve(self, messages: "MessageRouter", *, grace: float = 5.0) -> None:
        """Handle what the client sends, until its socket is closed.

        Messages are handled one after the other, in their order, save for the handlers that are registered with
        ``concurrent=True``, of which up to 16 run at a time. What a handler returns is the reply. A `Problem` or an
        `HTTPException` that it raises is told to the client; of any other error the client hears no more than
        ``500``, the log has the rest, and the connection goes on.

        What the client said before it left is still handled. A connection that is closed from this side handles
        nothing more than it has begun.

        Args:
            messages: Which function handles what.
            grace: Seconds for which handlers may go on after the socket is closed; then they are cancelled.
        """
        await serve(self, messages, grace=grace)

    async def request(self, message: object, reply: type[R], *, timeout: float | None = 5.0) -> R:  # noqa: ASYNC109
        """Ask the client something, and wait for its answer.

        The message goes out with an ``id``; the client answers with an object that has the same as ``re``.

        Args:
            message: A pydantic model or a dict.
            reply: The model of the answer.
            timeout: Seconds to wait; None for as long as the socket is open.

        Raises:
            RequestTimeoutError: There was no answer in time; one that comes later is ignored.
            InvalidReplyError: The answer does not fit the model. The client is told.
            ConnectionClosedError: The socket is closed, or was before the answer came.
            TypeError: The message has no members.
            ValueError: It has an ``id`` of its own.
        """
        return await self.requests.ask(message, reply, timeout)

    @property
    def requests(self) -> Requests:
        """What it has been asked, and how many of its answers nobody waited for."""
        if self._requests is None:  # most connections are never asked anything
            self._requests = Requests(self)
        return self._requests

    async def wait_closed(self) -> int:
        """Wait until the socket is closed; gives the close code.

        What the client sends meanwhile, and nobody asks for, is dropped when there is too much of it.
        """
        self.inlet.rest()
        await asyncio.wait([self._closing])
        return self._closing.result()

    async def wait_gone(self) -> None:
        """Wait until the close frame is sent, or was tried for as long as it may take."""
        if self._goodbye is not None:
            await asyncio.wait([self._goodbye])

    def _say_goodbye_later(self) -> None:
        self._goodbye = self._hub.spawn(self._say_goodbye(self.close_code or CloseCode.NORMAL, self._reason))

    async def _say_goodbye(self, code: int, reason: str) -> None:
        # The server may never get rid of a frame for a client that reads nothing, nor even take a close frame.
        with suppress(Exception):
            async with asyncio.timeout(self._hub.heartbeat.close):
                await self.outlet.wait_idle()
                await self.websocket.close(code, close_reason(reason))
        self.outlet.abandon()
