"""A client and its connection, as far as an inlet knows them: the socket is a queue."""

import asyncio
from typing import Any

from pydantic_core import from_json
from starlette.websockets import WebSocket

from brickwork._core.clock import Clock
from brickwork.testing import ManualClock
from brickwork.websockets import Codec, ConnectionLimits, Heartbeat
from brickwork.websockets._rules.frames import Entry
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.counters import Counters
from brickwork.websockets._service.inlet import Inlet

PATIENCE = 30.0  # seconds that anything may take on a machine that is busy


class Client:
    """A client, the server it is connected to, and the connection of an application, as far as an inlet knows it."""

    def __init__(self, clock: Clock, limits: ConnectionLimits, *, idle: float | None, patience: float) -> None:
        self.id = "of-a-test"
        self.user_id: str | None = None
        self.codec: Codec = JSONCodec()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.errors: list[Any] = []
        self.ends: list[tuple[str, int]] = []
        self.ended = asyncio.Event()
        self.websocket = WebSocket({"type": "websocket"}, self._receive, self._send)
        self.outlet = self
        self.counters = Counters()
        self.inlet = Inlet(
            self, limits=limits, heartbeat=Heartbeat(idle=idle), clock=clock, counters=self.counters, patience=patience
        )

    async def _receive(self) -> Any:
        message = await self.sent.get()
        if "raises" in message:
            raise message["raises"]
        return message

    async def _send(self, message: Any) -> None:
        """Take what the server is given."""

    def say(self, *messages: str | bytes) -> None:
        """Send messages."""
        for message in messages:
            kind = "text" if isinstance(message, str) else "bytes"
            self.sent.put_nowait({"type": "websocket.receive", kind: message})

    def leave(self, code: int | None = 1001) -> None:
        """Close the socket."""
        self.sent.put_nowait({"type": "websocket.disconnect", "code": code})

    async def read(self) -> None:
        """Let the inlet read what it will: nothing here waits for anything but its turn."""
        for _ in range(30):
            await asyncio.sleep(0)

    async def taken(self, count: int) -> list[str | bytes | None]:
        """Take so many messages."""
        async with asyncio.timeout(PATIENCE):
            return [await anext(self.inlet, None) for _ in range(count)]

    # What the inlet does to its connection.

    def push(self, entry: Entry) -> None:
        """Note what the client is told."""
        self.errors.append(from_json(entry.told().data))

    def evict(self, code: int, reason: str = "") -> None:
        """Close the socket from this side."""
        self.ends.append(("evicted", code))
        self.inlet.stop()
        self.ended.set()

    def departed(self, code: int) -> None:
        """Hear that the client closed it."""
        self.ends.append(("departed", code))
        self.inlet.stop()
        self.ended.set()


class Connecting:
    """Connects clients, and parts with all of them in the end."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._clients: list[Client] = []

    async def __call__(
        self, limits: ConnectionLimits | None = None, *, idle: float | None = None, patience: float = PATIENCE
    ) -> Client:
        """Connect a client."""
        client = Client(self._clock, limits or ConnectionLimits(rate=None), idle=idle, patience=patience)
        client.sent.put_nowait({"type": "websocket.connect"})
        await client.websocket.accept()
        client.inlet.start()
        self._clients.append(client)
        return client

    def part(self) -> None:
        """Part with all clients."""
        for client in self._clients:
            client.inlet.stop()
