"""A connection in process: what is said by the client, and what it hears, with nothing between."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.websockets import WebSocket

from brickwork.testing import ManualClock
from brickwork.websockets import Codec, ConnectionLimits, MemoryBackplane, MessageRouter
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.connection import Connection
from brickwork.websockets._service.hub import Hub

PATIENCE = 30  # seconds: only a test that fails waits so long


class Client:
    """The client's end of a socket.

    Attributes:
        connection: The server's end.
        serving: The task that serves it.
    """

    connection: Connection[Any]
    serving: "asyncio.Task[None]"

    def __init__(self) -> None:
        self._said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._said.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> dict[str, Any]:
        """Give the server what is said."""
        return await self._said.get()

    async def send(self, message: Any) -> None:
        """Take what the server sends."""
        if message["type"] != "websocket.accept":
            self._heard.put_nowait(message)

    def say(self, message: object) -> None:
        """Send a text, bytes, or anything else as JSON."""
        if isinstance(message, bytes):
            self._said.put_nowait({"type": "websocket.receive", "bytes": message})
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self._said.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self, code: int = 1001) -> None:
        """Close the socket."""
        self._said.put_nowait({"type": "websocket.disconnect", "code": code})

    async def hear_raw(self) -> dict[str, Any]:
        """Give the next message as the server sent it."""
        async with asyncio.timeout(PATIENCE):
            return await self._heard.get()

    async def hear(self) -> Any:
        """Give the next message, which is JSON."""
        return json.loads((await self.hear_raw())["text"])

    async def ask(self, message: object) -> Any:
        """Say something, and give what is heard next."""
        self.say(message)
        return await self.hear()

    @property
    def unheard(self) -> int:
        """How many messages wait to be heard."""
        return self._heard.qsize()

    async def served(self) -> None:
        """Wait until serving has ended; raises what it raised."""
        async with asyncio.timeout(PATIENCE):
            await self.serving


@asynccontextmanager
async def connected(
    router: MessageRouter | None = None,
    *,
    app: FastAPI | None = None,
    limits: ConnectionLimits | None = None,
    codec: Codec | None = None,
    grace: float = PATIENCE,
) -> AsyncIterator[Client]:
    """Connect a client, and serve it where there is a router; afterwards it leaves, if it has not."""
    hub = Hub(backplane=MemoryBackplane(), limits=limits or ConnectionLimits(rate=None), clock=ManualClock())
    client = Client()
    scope = {"type": "websocket", "headers": [], "app": app or FastAPI()}
    websocket = WebSocket(scope, client.receive, client.send)
    await websocket.accept()
    connection = client.connection = Connection(
        hub=hub,
        websocket=websocket,
        send=client.send,
        user=None,
        user_id=None,
        address=None,
        codec=codec or JSONCodec(),
    )
    await hub.add(connection)
    connection.inlet.start()
    client.serving = asyncio.ensure_future(connection.serve(router, grace=grace) if router else asyncio.sleep(0))
    try:
        yield client
        client.leave()
        await client.served()
    finally:
        client.serving.cancel()
        await asyncio.wait([client.serving])
        connection.evict(1001)
        await hub.close()
