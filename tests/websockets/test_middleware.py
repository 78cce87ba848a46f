"""The way past middleware."""

from typing import Any

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brickwork import install
from brickwork._core.scope import SERVER_SEND
from brickwork.testing import CapturedLogs, SocketRefusedError, open_socket
from brickwork.websockets import Connection, ConnectionManager, ConnectionsMiddleware
from tests.websockets.apps import PATIENCE, assert_empty, by_header, serve


class Spy:
    """Middleware that writes down what is sent through it.

    Attributes:
        seen: The types of the messages.
    """

    seen: list[str]

    def __init__(self, app: ASGIApp, seen: list[str]) -> None:
        self.app = app
        self.seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def spy(message: Message) -> None:
            self.seen.append(message["type"])
            await send(message)

        await self.app(scope, receive, spy)


@pytest.mark.promise("websockets-21")
@pytest.mark.parametrize("direct", [True, False])
async def test_messages_go_to_the_server_itself(*, direct: bool) -> None:
    """With the middleware, what is inside of it sees a socket open and close, and none of its messages."""
    manager = ConnectionManager()
    app: ASGIApp = serve(manager)
    seen: list[str] = []
    app = Spy(app, seen)
    if direct:
        app = ConnectionsMiddleware(app)

    async with open_socket(app, "/ws") as socket:
        await socket.send("hello")
        said = await socket.receive(timeout=PATIENCE)
        await manager.connections()[0].close(4000)
        code = await socket.closed(timeout=PATIENCE)

    assert (said, code) == ("hello", 4000)
    assert seen == ["websocket.accept", *["websocket.send"] * (not direct), "websocket.close"]
    assert_empty(manager)


@pytest.mark.promise("websockets-21")
async def test_ids_and_logs_know_such_sockets(logs: CapturedLogs) -> None:
    """In the stack of `install`, a socket has its ID, its headers and its line in the access log all the same."""
    manager = ConnectionManager()
    app = serve(manager)
    install(app)
    app.add_middleware(ConnectionsMiddleware)

    async with open_socket(app, "/ws") as socket:
        await socket.send("hello")
        await socket.receive(timeout=PATIENCE)
        await manager.connections()[0].close(4000)
        await socket.closed(timeout=PATIENCE)

    codes = [vars(record)["close_code"] for record in logs.records if record.name == "brickwork.accesslog"]
    assert "x-request-id" in socket.headers
    assert codes == [4000]


@pytest.mark.promise("websockets-21")
@pytest.mark.parametrize("own", [False, True])
async def test_the_stack_does_it_by_itself(*, own: bool) -> None:
    """In the stack of `install`, messages go to the server itself, unless middleware of the app would miss them."""
    manager = ConnectionManager()
    direct: list[bool] = []
    seen: list[str] = []

    async def endpoint(connection: Connection[Any]) -> None:
        direct.append(SERVER_SEND in connection.websocket.scope)
        await connection.send("hello")

    app = serve(manager, endpoint)
    install(app)
    if own:
        app.add_middleware(Spy, seen=seen)
    async with open_socket(app, "/ws") as socket:
        said = await socket.receive(timeout=PATIENCE)

    assert (said, direct, "websocket.send" in seen) == ("hello", [not own], own)


async def test_denials_are_what_they_were() -> None:
    """A handshake that is refused is answered through everything that stands around the app."""
    manager = ConnectionManager(authenticate=by_header)
    seen: list[str] = []

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(ConnectionsMiddleware(Spy(serve(manager), seen)), "/ws"):
            pass

    assert refused.value.status_code == 401
    assert seen == ["websocket.http.response.start", "websocket.http.response.body"]


async def test_other_scopes_pass_untouched() -> None:
    """Requests and lifespans are none of its business; a socket's scope is as it was when all is over."""
    scopes: list[dict[str, Any]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(dict(scope))

    async def nothing(*_: Any) -> Any:
        return None

    socket = {"type": "websocket"}
    for scope in ({"type": "http"}, {"type": "lifespan"}, socket):
        await ConnectionsMiddleware(app)(scope, nothing, nothing)

    assert [SERVER_SEND in scope for scope in scopes] == [False, False, True]
    assert socket == {"type": "websocket"}


async def test_the_outermost_counts() -> None:
    """Where it is there twice, messages go where the one further out sends them."""
    manager = ConnectionManager()
    seen: list[str] = []
    app = ConnectionsMiddleware(Spy(ConnectionsMiddleware(serve(manager)), seen))

    async with open_socket(app, "/ws") as socket:
        await socket.send("hello")
        await socket.receive(timeout=PATIENCE)

    assert "websocket.send" not in seen
