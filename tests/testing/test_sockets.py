"""The client's side of a socket, in process."""

import asyncio
from typing import Annotated

import pytest
from fastapi import Depends, FastAPI, HTTPException, WebSocket
from starlette.types import Receive, Scope, Send

from brickwork.problems import add_problem_handlers
from brickwork.testing import ClientSocket, SocketRefusedError, assert_problem, open_socket


class BrokenError(Exception):
    """What an endpoint raises in these tests."""


async def member(token: str = "") -> str:
    """Let in whoever has a token."""
    if not token:
        raise HTTPException(401, "Who are you?", {"WWW-Authenticate": "Bearer"})
    return token


@pytest.fixture
def app() -> FastAPI:
    """An app whose sockets do what their path says."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.websocket("/echo")
    async def echo(socket: WebSocket) -> None:
        await socket.accept("chat", headers=[(b"x-room", b"lobby")])
        async for text in socket.iter_text():
            await socket.send_text(text)
        app.state.left = True

    @app.websocket("/members")
    async def members(socket: WebSocket, _: Annotated[str, Depends(member)]) -> None:
        await socket.accept()
        await socket.close(4003, "full")

    @app.websocket("/refused")
    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    @app.websocket("/broken")
    async def fail(socket: WebSocket) -> None:
        await socket.accept()
        raise BrokenError

    @app.websocket("/deaf")
    async def hear_nothing(socket: WebSocket) -> None:
        await socket.accept()
        await asyncio.Event().wait()

    return app


async def bytes_back(scope: Scope, receive: Receive, send: Send) -> None:
    """Send bytes back."""
    socket = WebSocket(scope, receive, send)
    await socket.accept()
    async for data in socket.iter_bytes():
        await socket.send_bytes(data)


@pytest.mark.promise("testing-8")
async def test_messages_go_both_ways(app: FastAPI) -> None:
    """What is sent as an object arrives as JSON and comes back as an object; texts and bytes stay what they are."""
    async with open_socket(app, "/echo", subprotocols=["chat"], headers={"X-Who": "ada"}) as socket:
        for message in ({"type": "say"}, "hello", "{no json"):
            await socket.send(message)
        heard = [await socket.receive() for _ in range(3)]
        known = socket.subprotocol, socket.headers["x-room"], socket.close_code
    async with open_socket(bytes_back, "ws://shop.example/") as socket:
        await socket.send(b"\x00")
        data = await socket.receive()

    assert heard == [{"type": "say"}, "hello", "{no json"]
    assert known == ("chat", "lobby", None)
    assert data == b"\x00"
    assert app.state.left


@pytest.mark.promise("testing-8")
async def test_one_kind_of_message_is_waited_for(app: FastAPI) -> None:
    """Messages of other types are passed over, and what is left can be looked at without waiting."""
    async with open_socket(app, "/echo") as socket:
        for message in ({"type": "noise"}, [1], {"type": "said", "text": "hi"}, "rest"):
            await socket.send(message)
        said = await socket.receive("said")
        rest = await socket.receive()
        unread = socket.unread()

    assert (said["text"], rest, unread) == ("hi", "rest", [])


@pytest.mark.promise("testing-8")
@pytest.mark.parametrize("kind", [None, "said"])
async def test_nothing_is_waited_for_without_end(app: FastAPI, kind: str | None) -> None:
    """What does not come is an assertion that tells what came instead, and so is a socket that stays open."""
    async with open_socket(app, "/echo") as socket:
        if kind:
            await socket.send({"type": "noise"})
        with pytest.raises(AssertionError, match="came; the socket is open; what came: .*" + ("noise" if kind else "")):
            await socket.receive(kind, timeout=0.2)
        with pytest.raises(AssertionError, match="the socket is open"):
            await socket.closed(timeout=0.01)


async def test_a_closed_socket_tells_why(app: FastAPI) -> None:
    """Its code and reason are there, and whoever waits for a message hears of them at once."""
    async with open_socket(app, "/members?token=t") as socket:
        code = await socket.closed()
        with pytest.raises(AssertionError, match="was closed with 4003 full"):
            await socket.receive()
        reason = socket.close_reason

    assert (code, socket.close_code, reason) == (4003, 4003, "full")


@pytest.mark.promise("testing-9")
async def test_a_refused_handshake_is_an_error(app: FastAPI) -> None:
    """It has the status, headers and body of the response, and `assert_problem` takes it."""
    with pytest.raises(SocketRefusedError, match="refused with 401") as denied:
        async with open_socket(app, "/members"):
            pass
    with pytest.raises(SocketRefusedError, match="refused with 403") as closed:
        async with open_socket(app, "/refused"):
            pass

    assert_problem(denied.value, 401, detail="Who are you?")
    assert denied.value.headers["www-authenticate"] == "Bearer"
    assert closed.value.content == b""


@pytest.mark.promise("testing-9")
async def test_an_error_of_the_endpoint_is_raised_in_the_test(app: FastAPI) -> None:
    """The test fails with the error that the app did not handle; one of its own goes first."""
    with pytest.raises(BrokenError):
        async with open_socket(app, "/broken") as socket:
            await socket.closed()
    with pytest.raises(ZeroDivisionError):
        async with open_socket(app, "/broken"):
            raise ZeroDivisionError


@pytest.mark.promise("testing-9")
async def test_an_endpoint_that_does_not_end_fails_the_test(app: FastAPI) -> None:
    """A client who leaves, or whose handshake is not answered, does not wait for ever either."""

    async def silent(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="did not end within"):
        async with open_socket(app, "/deaf", timeout=0.2):
            pass
    with pytest.raises(AssertionError, match="the handshake was not answered"):
        async with open_socket(silent, "/", timeout=0.01):
            pass


@pytest.mark.promise("testing-8")
async def test_a_client_that_stops_reading() -> None:
    """While it is stalled the app's send waits, and goes on when it reads again."""
    sent: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        await receive()
        for number in range(3):
            await send({"type": "websocket.send", "text": str(number)})
            sent.append(number)
        await receive()

    async with open_socket(app, "/") as socket:
        socket.stall()
        await socket.send("go")
        await asyncio.sleep(0)
        stalled = await _settled(sent)
        socket.resume()
        heard = [await socket.receive() for _ in range(3)]

    assert stalled == []
    assert heard == ["0", "1", "2"]


async def _settled(sent: list[int]) -> list[int]:
    for _ in range(10):
        await asyncio.sleep(0)
    return list(sent)


async def test_a_socket_can_be_left_while_it_is_stalled(app: FastAPI) -> None:
    """Leaving lets go of what waits to be sent."""
    async with open_socket(app, "/echo") as socket:
        socket.stall()
        await socket.send("one")

    assert isinstance(socket, ClientSocket)
    assert app.state.left
