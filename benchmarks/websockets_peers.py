"""One broadcast, as each library does it: what serves the sockets, and what sends to all of them."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, FastAPI, WebSocket, WebSocketDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from brickwork.websockets import Connection, ConnectionLimits, ConnectionManager, ConnectionsMiddleware

from .measure import Group

MESSAGE = {"type": "said", "user": "ada", "text": "x" * 150}

Say = Callable[[dict[str, Any]], Awaitable[object]]


class Made(NamedTuple):
    """An app with sockets at ``/ws``, and what sends a message to all of them."""

    app: ASGIApp
    say: Say


@dataclass(frozen=True, slots=True)
class Way:
    """A way to send to many.

    Attributes:
        name: What the tables call it.
        group: Whether it is a floor, ours, or what people use instead.
        make: Makes the app.
        needs: The module that only the benchmarks' own environment holds.
        path: What clients open.
        hello: What a client has to send before it is one of them.
        greetings: How many frames it is sent before it hears what is said.
    """

    name: str
    group: Group
    make: Callable[[], Made]
    needs: str = ""
    path: str = "/ws"
    hello: str = ""
    greetings: int = 0

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return bool(self.needs) and find_spec(self.needs) is None


def _raw() -> Made:
    sends: set[Send] = set()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            return
        await receive()
        await send({"type": "websocket.accept"})
        sends.add(send)
        while (await receive())["type"] != "websocket.disconnect":
            pass
        sends.discard(send)

    async def say(message: dict[str, Any]) -> None:
        event = {"type": "websocket.send", "text": json.dumps(message)}
        for send in list(sends):
            await send(event)

    return Made(app, say)


def _tutorial(*, once: bool) -> Made:
    """What FastAPI's page shows, with the usual JSON; ``once`` encodes it before the loop."""
    app, active = FastAPI(), list[WebSocket]()

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        active.append(socket)
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            active.remove(socket)

    async def say(message: dict[str, Any]) -> None:
        text = json.dumps(message)
        for socket in active:
            await (socket.send_text(text) if once else socket.send_json(message))

    return Made(app, say)


def _ours(*, middleware: bool = False) -> Made:
    limits = ConnectionLimits(per_address=None, total=None)  # all clients are on this machine
    app, manager = FastAPI(), ConnectionManager(limits=limits)
    if middleware:
        app.add_middleware(ConnectionsMiddleware)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async with connection.join("lobby"):
            await connection.wait_closed()

    return Made(app, manager.room("lobby").send)


def _litestar() -> Made:
    from litestar import Litestar, WebSocket, websocket
    from litestar.channels import ChannelsPlugin
    from litestar.channels.backends.memory import MemoryChannelsBackend

    channels = ChannelsPlugin(MemoryChannelsBackend(), channels=["lobby"])

    @websocket("/ws")  # type: ignore[untyped-decorator]
    async def ws(socket: WebSocket[Any, Any, Any]) -> None:
        await socket.accept()
        async with channels.start_subscription(["lobby"]) as subscriber, subscriber.run_in_background(socket.send_text):
            while True:
                await socket.receive_text()

    async def say(message: dict[str, Any]) -> None:
        channels.publish(message, "lobby")

    return Made(Litestar([ws], plugins=[channels]), say)


def _broadcaster() -> Made:
    from broadcaster import Broadcast

    broadcast = Broadcast("memory://")

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with broadcast:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.websocket("/ws")
    async def ws(socket: WebSocket) -> None:
        await socket.accept()
        async with broadcast.subscribe("lobby") as subscriber:
            async for event in subscriber:
                await socket.send_text(event.message)

    async def say(message: dict[str, Any]) -> None:
        await broadcast.publish("lobby", json.dumps(message))

    return Made(app, say)


def _socketio() -> Made:
    import socketio

    server: Any = socketio.AsyncServer(async_mode="asgi", ping_interval=3_600)

    @server.event  # type: ignore[untyped-decorator]
    async def connect(sid: str, _: Any) -> None:
        await server.enter_room(sid, "lobby")

    async def say(message: dict[str, Any]) -> None:
        await server.emit("said", message, room="lobby")

    return Made(socketio.ASGIApp(server), say)


FLOOR = Way("ASGI send, nothing else", "floor", _raw)
WAYS = (
    FLOOR,
    Way("ConnectionManager", "ours", _ours),
    Way("ConnectionManager, with its middleware", "ours", lambda: _ours(middleware=True)),
    Way("the tutorial's manager, JSON for each", "peer", lambda: _tutorial(once=False)),
    Way("the tutorial's manager, JSON once", "peer", lambda: _tutorial(once=True)),
    Way("Litestar channels", "peer", _litestar, "litestar"),
    Way("broadcaster", "peer", _broadcaster, "broadcaster"),
    Way(
        "python-socketio", "peer", _socketio, "socketio",
        path="/socket.io/?EIO=4&transport=websocket", hello="40", greetings=2,
    ),
)  # fmt: skip
