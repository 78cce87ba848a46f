"""In-process clients: what a server would put between an application and a client, and both of its ends."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic_core import from_json
from starlette.websockets import WebSocket

from brickwork.websockets._rules.frames import Codec
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.connection import Connection
from brickwork.websockets._service.hub import Hub

PATIENCE = 30.0  # seconds that anything may take on a machine that is busy


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.001)


class Peer:
    """A client and the server before it.

    Attributes:
        sent: The ASGI messages that the server was given, in their order; those that wait for the client are not there.
        failure: What the server raises from now on, as servers do when a client has gone.
        sending: How many of the server's sends are under way.
        most_sending: How many there have been at a time.
    """

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.failure: BaseException | None = None
        self.sending = 0
        self.most_sending = 0
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})
        self._reads = asyncio.Event()
        self._reads.set()
        self.websocket = WebSocket({"type": "websocket", "headers": [], "path": "/"}, self.receive, self.send)

    async def send(self, message: Any) -> None:
        """Take a message as a server does: at once, unless the client reads nothing."""
        self.sending += 1
        self.most_sending = max(self.most_sending, self.sending)
        try:
            await self._reads.wait()
            if self.failure is not None:
                raise self.failure
            self.sent.append(message)
        finally:
            self.sending -= 1

    async def receive(self) -> Any:
        """Give what the client says."""
        return await self._said.get()

    def stall(self) -> None:
        """Have the client read nothing."""
        self._reads.clear()

    def resume(self) -> None:
        """Have it read again, for good."""
        self._reads.set()

    def say(self, text: str) -> None:
        """Have the client send a text."""
        self._said.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1001) -> None:
        """Have the client close its socket."""
        self._said.put_nowait({"type": "websocket.disconnect", "code": code})

    @property
    def texts(self) -> list[str]:
        """The texts that the client was sent."""
        return [message["text"] for message in self.sent if message["type"] == "websocket.send"]

    @property
    def messages(self) -> list[Any]:
        """The JSON documents that the client was sent."""
        return [from_json(text) for text in self.texts]

    @property
    def closed_with(self) -> int | None:
        """The close code that the client was sent, if it was."""
        return next((message["code"] for message in self.sent if message["type"] == "websocket.close"), None)

    async def got(self, count: int) -> list[Any]:
        """Wait until the client was sent so many JSON documents, and give them."""
        await until(lambda: len(self.texts) >= count)
        return self.messages


async def connected(
    hub: Hub, peer: Peer, user_id: str | None = None, *, rooms: tuple[str, ...] = (), codec: Codec | None = None
) -> Connection[str | None]:
    """Connect a client, and bring it into rooms."""
    await peer.websocket.accept()
    peer.sent.clear()
    connection = Connection(
        hub=hub,
        websocket=peer.websocket,
        send=peer.send,
        user=user_id,
        user_id=user_id,
        address=None,
        codec=codec or JSONCodec(),
    )
    await hub.add(connection)
    for room in rooms:
        await connection.join(room)
    return connection
