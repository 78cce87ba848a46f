"""From the handshake to the end of a socket: what an endpoint gets, and what becomes of it."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from typing import Annotated, Any

import httpx2
import pytest
from fastapi import Body, Depends, FastAPI, HTTPException, Path, Request, WebSocket
from starlette.requests import HTTPConnection

from brickwork.problems import add_problem_handlers
from brickwork.testing import SocketRefusedError, open_socket
from brickwork.websockets import (
    Connection,
    ConnectionLimits,
    ConnectionManager,
)
from tests.websockets.apps import PATIENCE, Endpoint, User, assert_empty, by_header, serve, until

ADA = {"Authorization": "ada"}


def keep(seen: list[Connection[Any]]) -> Endpoint:
    """Make an endpoint that keeps what it gets."""

    async def endpoint(connection: Connection[Any]) -> None:
        seen.append(connection)
        await connection.wait_closed()

    return endpoint


# --- what an endpoint gets


@pytest.mark.promise("websockets-4")
@pytest.mark.parametrize("kind", ["coroutine", "function", "generator", "async generator", "marker"])
async def test_any_dependency_of_the_app_says_whose_a_socket_is(kind: str) -> None:
    """Whatever FastAPI takes for a dependency can find out the user of a socket."""

    def function(connection: HTTPConnection) -> User:
        return User(connection.headers["authorization"])

    def generator(user: Annotated[User, Depends(function)]) -> Generator[User]:
        yield user

    async def async_generator(user: Annotated[User, Depends(function)]) -> AsyncGenerator[User]:
        yield user

    kinds: dict[str, Any] = {
        "coroutine": by_header,
        "function": function,
        "generator": generator,
        "async generator": async_generator,
        "marker": Depends(by_header),
    }
    manager = ConnectionManager(authenticate=kinds[kind])
    seen: list[Connection[Any]] = []

    async with open_socket(serve(manager, keep(seen)), "/ws", headers=ADA, address=("192.0.2.1", 1)):
        await until(lambda: seen)

    assert [(each.user.id, each.user_id, each.address) for each in seen] == [("ada", "ada", "192.0.2.1")]
    assert_empty(manager)


async def test_nobody_is_asked_where_there_are_no_users() -> None:
    """Without ``authenticate`` everybody is a stranger."""
    manager = ConnectionManager()
    seen: list[Connection[Any]] = []

    async with open_socket(serve(manager, keep(seen)), "/ws"):
        await until(lambda: seen)

    assert [(each.user, each.user_id) for each in seen] == [(None, None)]


@pytest.mark.promise("websockets-5")
async def test_overrides_reach_sockets() -> None:
    """``dependency_overrides`` replace who authenticates, and the connection itself."""
    manager = ConnectionManager(authenticate=by_header)
    seen: list[Any] = []

    async def endpoint(connection: Any) -> None:
        seen.append(getattr(connection, "user_id", connection))
        if isinstance(connection, Connection):
            await connection.wait_closed()

    async def nobody() -> User:
        return User("grace")

    async def fake(websocket: WebSocket) -> str:
        await websocket.accept()
        return "a fake"

    app = serve(manager, endpoint)
    app.dependency_overrides[by_header] = nobody
    async with open_socket(app, "/ws"):
        await until(lambda: seen)
    app.dependency_overrides[manager.connect] = fake
    async with open_socket(app, "/ws"):
        await until(lambda: len(seen) == 2)

    assert seen == ["grace", "a fake"]


@pytest.mark.parametrize(
    ("user", "user_id"), [("ada", "ada"), (7, "7"), (User("ada"), "ada"), (type("Row", (), {"id": 7})(), "7")]
)
async def test_ids_are_found_in_the_usual_places(user: object, user_id: str) -> None:
    """A user's ID is the attribute ``id``, or the user itself where it is a text or a number."""
    manager = ConnectionManager(authenticate=lambda: user)
    seen: list[Connection[Any]] = []

    async with open_socket(serve(manager, keep(seen)), "/ws"):
        await until(lambda: seen)

    assert seen[0].user_id == user_id


async def test_the_app_can_say_where_ids_are() -> None:
    """``identify`` gives the ID of a user who has none of the usual ones; without it, the error says so."""
    claims = {"sub": "ada"}
    seen: list[Connection[Any]] = []
    knowing = ConnectionManager(authenticate=lambda: claims, identify=lambda user: user["sub"])
    guessing = ConnectionManager(authenticate=lambda: claims)

    async with open_socket(serve(knowing, keep(seen)), "/ws"):
        await until(lambda: seen)
    with pytest.raises(TypeError, match=r"write ConnectionManager\(identify="):
        async with open_socket(serve(guessing), "/ws"):
            pass

    assert seen[0].user_id == "ada"
    assert_empty(guessing)


# --- what is wrong from the start


def asks_for_request(request: Request) -> User:
    """Look at a request."""
    return User(request.headers["authorization"])


def asks_deeper(user: Annotated[User, Depends(asks_for_request)]) -> User:
    """Leave it to another."""
    return user


def asks_for_body(name: Annotated[str, Body()]) -> User:
    """Read a body."""
    return User(name)


def asks_for_path(room: Annotated[str, Path()], number: int = 1) -> User:
    """Read what the path and the query hold."""
    return User(f"{room} {number}")


@pytest.mark.promise("websockets-6")
@pytest.mark.parametrize("authenticate", [asks_for_request, asks_deeper, asks_for_body, Depends(), "auth.user"])
def test_what_no_handshake_has_is_not_asked_for(authenticate: Any) -> None:
    """A dependency that cannot run at a handshake is refused where the manager is made."""
    with pytest.raises(TypeError, match=r"HTTPConnection|a header|write authenticate="):
        ConnectionManager(authenticate=authenticate)


async def test_path_and_query_may_be_asked_for() -> None:
    """Who authenticates may look at parameters of the path and of the query."""
    manager = ConnectionManager(authenticate=asks_for_path)
    app = FastAPI()
    seen: list[str] = []

    @app.websocket("/ws/{room}")
    async def ws(connection: Annotated[Connection[User], Depends(manager.connect)]) -> None:
        seen.append(connection.user.id)

    async with open_socket(app, "/ws/lobby?number=3"):
        await until(lambda: seen)

    assert seen == ["lobby 3"]


@pytest.mark.promise("websockets-7")
async def test_code_of_tutorials_is_told_how_it_is_done() -> None:
    """Awaiting ``manager.connect(websocket)``, as tutorials do, is answered with the recipe."""
    manager: Any = ConnectionManager()

    with pytest.raises(TypeError, match=r"Depends\(manager\.connect\)"):
        await manager.connect(object())
    with pytest.raises(TypeError, match=r"Depends\(manager\.connect\)"):
        await manager.connect(websocket=object())


async def test_sockets_are_not_for_requests() -> None:
    """On a route for requests, the error says where it belongs."""
    manager = ConnectionManager()
    app = FastAPI()

    @app.get("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        raise AssertionError

    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test") as client:
        with pytest.raises(TypeError, match=r"@app\.websocket"):
            await client.get("/ws")


@pytest.mark.promise("websockets-7")
async def test_a_socket_is_accepted_once() -> None:
    """Who has accepted the socket already hears that this is done here."""
    manager = ConnectionManager()

    async def accept(websocket: WebSocket) -> None:
        await websocket.accept()

    with pytest.raises(RuntimeError, match="accepted already"):
        async with open_socket(serve(manager, dependencies=[Depends(accept)]), "/ws"):
            pass

    assert_empty(manager)


# --- denials


@pytest.mark.promise("websockets-11")
async def test_a_refusal_is_a_response() -> None:
    """What ``authenticate`` raises is the answer to the handshake: status, headers and body."""
    manager = ConnectionManager(authenticate=by_header)

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(serve(manager), "/ws"):
            pass

    assert refused.value.status_code == 401
    assert refused.value.headers["www-authenticate"] == "Bearer"
    assert refused.value.content == b'{"detail":"Log in."}'
    assert_empty(manager)


@pytest.mark.promise("websockets-11")
async def test_pages_of_others_reach_nobody() -> None:
    """The page is looked at before anybody asks for the user."""
    asked: list[str] = []

    async def authenticate() -> str:
        asked.append("who")
        return "ada"

    app = serve(ConnectionManager(authenticate=authenticate))
    add_problem_handlers(app)

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(app, "/ws", headers={"Origin": "https://evil.example", "Cookie": "session=1"}):
            pass

    assert (refused.value.status_code, asked) == (403, [])
    assert refused.value.headers["content-type"] == "application/problem+json"
    assert b"origin-not-allowed" in refused.value.content


@pytest.mark.promise("websockets-12")
@pytest.mark.parametrize("accepted", [False, True])
async def test_servers_that_send_no_response_close(*, accepted: bool) -> None:
    """Where no response can be sent to a handshake, the socket is closed with the code that says the same."""

    async def authenticate(connection: HTTPConnection) -> User:
        if accepted and isinstance(connection, WebSocket):
            await connection.accept()
        raise HTTPException(401, "Log in.")

    app = serve(ConnectionManager(authenticate=authenticate))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    extensions: dict[str, Any] = {"websocket.http.response": {}} if accepted else {}
    scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "extensions": extensions}
    await app(scope, receive, send)

    assert sent[-1] == {"type": "websocket.close", "code": 1008, "reason": "Log in."}
    assert len(sent) == 1 + accepted


@pytest.mark.promise("websockets-10")
async def test_caps_hold_in_a_burst() -> None:
    """However many handshakes come at once, no more are let in than may be, and all places are given back."""
    manager = ConnectionManager(authenticate=by_header, limits=ConnectionLimits(per_user=7, per_address=None))
    app = serve(manager)
    leave = asyncio.Event()
    let_in: list[str] = []
    refusals: list[int] = []

    async def client() -> None:
        try:
            async with open_socket(app, "/ws", headers=ADA, timeout=PATIENCE):
                let_in.append("in")
                await leave.wait()
        except SocketRefusedError as error:
            refusals.append(error.status_code)

    async with asyncio.TaskGroup() as group:
        for _ in range(500):
            group.create_task(client())
        await until(lambda: len(refusals) == 493 and manager.user("ada").count() == 7)
        present = len(manager.user("ada").connections())
        leave.set()

    assert (present, len(let_in), refusals) == (7, 7, [429] * 493)
    assert_empty(manager)
