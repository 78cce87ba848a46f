"""The same app on every server that speaks WebSocket: what a client sees does not depend on which one it is."""

import asyncio
import json
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, HTTPException
from granian.constants import Interfaces
from granian.server.embed import Server
from hypercorn.asyncio import serve as serve_by_hypercorn
from hypercorn.config import Config
from starlette.requests import HTTPConnection
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from brickwork import install
from brickwork.websockets import Connection, ConnectionLimits, ConnectionManager, Event, Heartbeat, listen_socket
from tests.servers.process import wait_until
from tests.websockets.apps import PATIENCE, User, assert_empty, by_header, until
from tests.websockets.served import serving
from tests.websockets.wire import raw

Serve = Callable[[Any], AbstractContextManager[int]]

CHUNK = "x" * 65_000


@contextmanager
def hypercorn(app: Any) -> Iterator[int]:
    """Serve an app by Hypercorn on a free port of the loopback interface, in a thread; give the port."""
    config = Config()
    config.accesslog = config.errorlog = None
    config.graceful_timeout = config.shutdown_timeout = 5.0
    with listen_socket("127.0.0.1", 0) as listener:
        config.bind = [f"fd://{os.dup(listener.fileno())}"]
        loop = asyncio.new_event_loop()
        told = asyncio.Event()
        server = serve_by_hypercorn(app, config, shutdown_trigger=told.wait)
        thread = threading.Thread(target=loop.run_until_complete, args=[server], daemon=True)
        thread.start()
        try:
            # Whoever connects before the server has begun waits in the queue of the listening socket.
            yield listener.getsockname()[1]
        finally:
            loop.call_soon_threadsafe(told.set)
            thread.join(PATIENCE)
            if thread.is_alive():
                raise RuntimeError("the server did not stop")
            loop.close()


@contextmanager
def granian(app: Any) -> Iterator[int]:
    """Serve an app by Granian, likewise; sockets and protocol are in Rust there."""
    with socket.socket() as kept:
        # Granian cannot be given a socket, nor be asked for its port: one that is ours, it may share.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        server = Server(app, port=port, interface=Interfaces.ASGI, log_enabled=False)
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_until_complete, args=[server.serve()], daemon=True)
        thread.start()
        try:
            if not wait_until(partial(listens, port), limit=PATIENCE):
                raise RuntimeError("the server did not start")
            yield port
        finally:
            loop.call_soon_threadsafe(server.stop)
            thread.join(PATIENCE)
            if thread.is_alive():
                raise RuntimeError("the server did not stop")
            loop.close()


def listens(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


SERVERS: dict[str, Serve] = {
    "uvicorn": serving,
    "uvicorn-wsproto": partial(serving, ws="wsproto"),
    "hypercorn": hypercorn,
    "granian": granian,
}


@pytest.fixture(params=SERVERS)
def serve(request: pytest.FixtureRequest) -> Serve:
    """Serves an app, by one server after the other."""
    return SERVERS[request.param]


async def allowed(connection: HTTPConnection) -> User:
    """Let everybody in who says a name, but one."""
    user = await by_header(connection)
    if user.id == "eve":
        raise HTTPException(403, "Not you.")
    return user


class Rooms:
    """An app with one room, in which everybody hears what anybody says.

    Attributes:
        manager: Its manager.
        app: The app.
        ends: The users whose connections have ended, and with which code.
    """

    def __init__(self) -> None:
        self.ends: list[tuple[str | None, int | None]] = []
        self.manager = ConnectionManager(
            authenticate=allowed,
            limits=ConnectionLimits(rate=None, queue=16),
            heartbeat=Heartbeat(close=0.2),
            on_event=self._note,
        )
        self.app = FastAPI(lifespan=self.manager.lifespan)
        install(self.app)

        @self.app.websocket("/ws")
        async def ws(connection: Annotated[Connection[User], Depends(self.manager.connect)]) -> None:
            async with connection.join("lobby"):
                async for message in connection:
                    await self._answer(connection, message)

    def _note(self, event: Event) -> None:
        if event.kind == "closed":
            self.ends.append((event.user, event.code))

    async def _answer(self, connection: Connection[User], message: str | bytes) -> None:
        if message == "leave":
            await connection.close(4000, "as you wish")
        elif message == "fail":
            raise RuntimeError("as you wish")
        elif message == "more":
            # As long as the other one is there, who never reads.
            alone = self.manager.room("lobby").count() < 2
            await self.manager.room("lobby").send("enough" if alone else CHUNK)
        else:
            await self.manager.room("lobby").send(message)


@asynccontextmanager
async def client(port: int, name: str) -> AsyncIterator[ClientConnection]:
    """Open a socket as a user, and close it in the end."""
    async with connect(
        f"ws://127.0.0.1:{port}/ws",
        additional_headers={"Authorization": name},
        compression=None,
        open_timeout=PATIENCE,
        close_timeout=PATIENCE,
        ping_interval=None,
        proxy=None,
    ) as opened:
        yield opened


async def end_of(opened: ClientConnection) -> tuple[int | None, str | None]:
    """Read on until the server closes the socket; give the code and the reason."""
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionClosed):
            while True:
                await opened.recv()
    return opened.close_code, opened.close_reason


@pytest.mark.promise("websockets-162")
async def test_rooms(serve: Serve) -> None:
    """What one says in a room all hear, in order, texts as texts and bytes as bytes; and nothing is left of them."""
    rooms = Rooms()
    said: list[str | bytes] = ["hello", b"\x00\xff", "", "ä€😀", "x" * 60_000, *(f"{number}" for number in range(100))]

    with serve(rooms.app) as port:
        async with asyncio.timeout(PATIENCE), client(port, "ada") as ada, client(port, "grace") as grace:
            await until(lambda: rooms.manager.room("lobby").count() == 2)
            for message in said:
                await ada.send(message)
            heard = [[await each.recv() for _ in said] for each in (ada, grace)]
        await until(lambda: len(rooms.ends) == 2)
        await until(lambda: not len(rooms.manager._draining._caps))
        assert_empty(rooms.manager)

    assert heard == [said, said]


@pytest.mark.promise("websockets-162")
@pytest.mark.usefixtures("expected_errors")  # uvicorn logs each denial as one
async def test_denials(serve: Serve) -> None:
    """Who may not come in gets an HTTP response, with its status, its headers and a problem document."""
    rooms = Rooms()
    refusals = []

    with serve(rooms.app) as port:
        for headers in ({}, {"Authorization": "eve"}, {"Authorization": "ada", "Cookie": "a=1"}):
            with pytest.raises(InvalidStatus) as error:
                await connect(
                    f"ws://127.0.0.1:{port}/ws", additional_headers=headers, open_timeout=PATIENCE, proxy=None
                )
            refusals.append(error.value.response)
        assert_empty(rooms.manager)

    assert [refused.status_code for refused in refusals] == [401, 403, 403]
    assert [json.loads(refused.body)["status"] for refused in refusals] == [401, 403, 403]
    assert refusals[0].headers["www-authenticate"] == "Bearer"
    assert refusals[1].headers["content-type"] == "application/problem+json"


@pytest.mark.promise("websockets-162")
@pytest.mark.usefixtures("expected_errors")  # that the endpoint fails is logged
async def test_close_codes_of_the_server(serve: Serve) -> None:
    """A client hears the code and the reason that the app gives; 1011 where its endpoint fails."""
    rooms = Rooms()
    ends = []

    with serve(rooms.app) as port:
        for word in ("leave", "fail"):
            async with client(port, "ada") as ada:
                await ada.send(word)
                ends.append(await end_of(ada))
        async with client(port, "ada") as ada:
            await ada.send(CHUNK * 16)
            ends.append(await end_of(ada))
        await until(lambda: len(rooms.ends) == 3)

    assert ends[0] == (4000, "as you wish")
    assert [code for code, _ in ends] == [4000, 1011, 1009]
    assert rooms.ends == [("ada", 4000), ("ada", 1011), ("ada", 1009)]


@pytest.mark.promise("websockets-162")
async def test_close_codes_of_the_client(serve: Serve) -> None:
    """The app hears the client's code, and 1006 where there is none; from Hypercorn, which tells none, always."""
    rooms = Rooms()

    with serve(rooms.app) as port:
        async with client(port, "ada") as ada:
            await until(lambda: rooms.manager.user("ada").count())
            await ada.close(3001)
        await until(lambda: len(rooms.ends) == 1)
        async with raw(port, "/ws", "Authorization: grace") as grace:
            await until(lambda: rooms.manager.user("grace").count())
            grace.abort()
            await until(lambda: len(rooms.ends) == 2)
        await until(lambda: not len(rooms.manager._draining._caps))
        assert_empty(rooms.manager)

    assert rooms.ends[0] == ("ada", 1006 if serve is hypercorn else 3001)
    assert rooms.ends[1][0] == "grace"
    assert rooms.ends[1][1] in (1005, 1006)


@pytest.mark.promise("websockets-162")
async def test_a_client_that_reads_nothing(serve: Serve) -> None:
    """Who reads nothing is parted with, while another gets each message; and nothing is left of either."""
    rooms = Rooms()
    heard: list[str | bytes] = []

    with serve(rooms.app) as port:
        async with raw(port, "/ws", "Authorization: slow"), client(port, "ada") as ada:
            await until(lambda: rooms.manager.room("lobby").count() == 2)
            async with asyncio.timeout(PATIENCE):
                while not heard or heard[-1] == CHUNK:
                    await ada.send("more")
                    heard.append(await ada.recv())
            left = [each.user_id for each in rooms.manager.connections()]
        await until(lambda: not len(rooms.manager._draining._caps))
        assert_empty(rooms.manager)

    assert (heard[-1], left) == ("enough", ["ada"])
    assert rooms.ends[0] == ("slow", 1013)
