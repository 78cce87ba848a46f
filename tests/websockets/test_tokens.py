"""How a token comes: by the app's own dependency, as a subprotocol, or in the first message."""

import json
import logging
from typing import Annotated, Any

import msgpack  # type: ignore[import-untyped]
import pytest
from fastapi import Depends, HTTPException
from starlette.requests import HTTPConnection

from brickwork.accesslog import AccessLogMiddleware
from brickwork.auth import Auth, MemoryUser, MemoryUserStore
from brickwork.testing import SocketRefusedError, open_socket
from brickwork.websockets import (
    Connection,
    ConnectionLimits,
    ConnectionManager,
    Heartbeat,
    bearer_subprotocol,
)
from brickwork.websockets.msgpack import MessagePackCodec
from tests.leaks import SECRETS
from tests.websockets.apps import PATIENCE, User, assert_empty, serve, until

SECRET = "a-token-that-nobody-should-see"
SECRETS.add(SECRET)


async def known(token: str) -> User | None:
    """Find the user of a token of the first message."""
    if token == "banned":
        raise HTTPException(403, "Not you.")
    if token == "broken":
        raise HTTPException(503, "Later.")
    return User("ada") if token == SECRET else None


async def greet(connection: Connection[Any]) -> None:
    """Say who is there, and then nothing."""
    await connection.send(f"hello {connection.user.id}")
    await connection.wait_closed()


async def doors_and_token() -> tuple[Auth[MemoryUser], str]:
    """Make an `Auth` that takes tokens every way, and a token that it has issued."""
    doors = Auth(MemoryUserStore(), secret="s" * 64, transports=["header", "cookie", "websocket"])
    user = await doors.create_user("ada", "correct horse battery staple")
    return doors, (await doors.issue(user)).access_token


async def greet_by_login(connection: Connection[MemoryUser]) -> None:
    """Say who is there."""
    await connection.send(f"hello {connection.user.login}")


# --- subprotocol


async def by_subprotocol(token: Annotated[str | None, Depends(bearer_subprotocol)]) -> User:
    """Find a user by the token that a page offers."""
    if token != SECRET:
        raise HTTPException(401)
    return User("ada")


@pytest.mark.promise("websockets-18")
async def test_a_page_can_send_its_token_as_a_subprotocol(caplog: pytest.LogCaptureFixture) -> None:
    """The token behind ``bearer`` says who is there; only ``bearer`` is answered, and nothing is logged."""
    caplog.set_level(logging.DEBUG)
    manager = ConnectionManager(authenticate=by_subprotocol)
    app = AccessLogMiddleware(serve(manager, greet))

    async with open_socket(app, "/ws", subprotocols=["bearer", SECRET]) as socket:
        said = await socket.receive(timeout=PATIENCE)

    assert (said, socket.subprotocol) == ("hello ada", "bearer")
    assert caplog.records
    assert SECRET not in caplog.text
    assert all(SECRET not in str(vars(record)) for record in caplog.records)


@pytest.mark.promise("websockets-18")
@pytest.mark.parametrize("offered", [[], ["bearer"], ["bearer", "another"], ["bearer", SECRET, "bearer", "another"]])
async def test_without_a_good_token_nobody_is_let_in(offered: list[str], caplog: pytest.LogCaptureFixture) -> None:
    """No token, another one, or two of them are no token."""
    caplog.set_level(logging.DEBUG)
    manager = ConnectionManager(authenticate=by_subprotocol)

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(serve(manager), "/ws", subprotocols=offered):
            pass

    assert refused.value.status_code == 401
    assert SECRET not in str(refused.value) + str(refused.value.headers) + caplog.text


@pytest.mark.promise("websockets-18")
@pytest.mark.parametrize("way", ["header", "websocket", "cookie"])
async def test_tokens_of_brickwork_auth_come_every_way(way: str) -> None:
    """``authenticate=auth.user`` takes the token from wherever the app's `Auth` does."""
    doors, token = await doors_and_token()
    manager = ConnectionManager(authenticate=doors.user)
    headers = {
        "header": {"Authorization": f"Bearer {token}"},
        "websocket": {},
        "cookie": {"Cookie": f"__Host-access={token}", "Origin": "http://testserver"},
    }

    offered = ["bearer", token] if way == "websocket" else []
    async with open_socket(serve(manager, greet_by_login), "/ws", headers=headers[way], subprotocols=offered) as socket:
        said = await socket.receive(timeout=PATIENCE)

    assert said == "hello ada"
    assert socket.subprotocol == ("bearer" if offered else None)


@pytest.mark.promise("websockets-19")
async def test_tokens_in_the_address_are_refused() -> None:
    """A token in the query is no token, since it ends in logs."""
    doors, token = await doors_and_token()

    with pytest.raises(SocketRefusedError) as refused:
        async with open_socket(serve(ConnectionManager(authenticate=doors.user)), f"/ws?access_token={token}"):
            pass

    assert refused.value.status_code in (400, 401)


# --- first message


def auth(token: object = SECRET, **members: object) -> dict[str, object]:
    """Make a first message."""
    return {"type": "auth", "token": token, **members}


@pytest.mark.promise("websockets-20")
@pytest.mark.parametrize("named", [{}, {"id": "a1"}, {"id": 7}])
async def test_the_first_message_can_say_who_is_there(named: dict[str, object]) -> None:
    """The endpoint begins when the first message has a good token; one with an ID is answered."""
    manager = ConnectionManager(authenticate_first=known)

    async with open_socket(serve(manager, greet), "/ws") as socket:
        await socket.send(auth(**named))
        if named:
            answer = await socket.receive(timeout=PATIENCE)
            assert answer == {"type": "ack", "re": named["id"]}
        said = await socket.receive(timeout=PATIENCE)
        present = [(each.user_id, each.outlet.user_id) for each in manager.user("ada").connections()]
        delivery = await manager.user("ada").send("for ada")
        got = await socket.receive(timeout=PATIENCE)

    assert (said, present, delivery.reached, got) == ("hello ada", [("ada", "ada")], 1, "for ada")
    assert_empty(manager)


@pytest.mark.promise("websockets-20")
@pytest.mark.parametrize(
    ("message", "code", "status"),
    [
        (auth("wrong"), 4401, 401),
        (auth("banned"), 4403, 403),
        (auth("broken"), 1013, 503),
        (auth(None), 4401, 401),
        ({"type": "say", "token": SECRET}, 4401, 401),
        ([SECRET], 4401, 401),
        ("no JSON", 4401, 401),
        (b"bytes", 4401, 401),
    ],
)
async def test_another_first_message_closes_the_socket(message: object, code: int, status: int) -> None:
    """Whoever begins with anything else is told so, and is gone."""
    seen: list[Connection[Any]] = []

    async def endpoint(connection: Connection[Any]) -> None:
        seen.append(connection)

    manager = ConnectionManager(authenticate_first=known)
    async with open_socket(serve(manager, endpoint), "/ws") as socket:
        await socket.send(message)
        told = await socket.receive("error", timeout=PATIENCE)
        closed = await socket.closed(timeout=PATIENCE)

    assert (closed, told["status"], seen) == (code, status, [])
    assert SECRET not in json.dumps(told) + socket.close_reason
    assert_empty(manager)


@pytest.mark.parametrize("identified", [True, 2.5, "x" * 65, None, [1]])
async def test_an_id_that_is_none_is_not_answered(identified: object) -> None:
    """What a client calls its message is repeated only where it can be an ID."""
    manager = ConnectionManager(authenticate_first=known)

    async with open_socket(serve(manager, greet), "/ws") as socket:
        await socket.send(auth(id=identified))
        said = await socket.receive(timeout=PATIENCE)

    assert said == "hello ada"


@pytest.mark.promise("websockets-20")
async def test_silence_is_no_first_message() -> None:
    """Whoever says nothing within `Heartbeat.first_message` is closed with 4408."""
    manager = ConnectionManager(authenticate_first=known, heartbeat=Heartbeat(first_message=0.01))

    async with open_socket(serve(manager, greet), "/ws") as socket:
        code = await socket.closed(timeout=PATIENCE)

    assert code == 4408
    assert_empty(manager)


async def test_the_first_message_may_be_of_another_codec() -> None:
    """It is read as the client has chosen to speak."""
    manager = ConnectionManager(authenticate_first=known, codecs=[MessagePackCodec()])

    async with open_socket(serve(manager, greet), "/ws") as socket:
        await socket.send(msgpack.packb(auth()))
        await until(lambda: manager.user("ada").count())

    assert_empty(manager)


@pytest.mark.promise("websockets-20")
async def test_caps_hold_for_users_of_first_messages() -> None:
    """One connection too many of a user is closed with 4429, once it is known whose it is."""
    manager = ConnectionManager(authenticate_first=known, limits=ConnectionLimits(per_user=1))
    app = serve(manager, greet)

    async with open_socket(app, "/ws") as first, open_socket(app, "/ws") as second:
        await first.send(auth())
        await first.receive(timeout=PATIENCE)
        await second.send(auth())
        told = await second.receive("error", timeout=PATIENCE)
        code = await second.closed(timeout=PATIENCE)

    assert (code, told["status"]) == (4429, 429)
    assert_empty(manager)


@pytest.mark.promise("websockets-20")
@pytest.mark.parametrize("header", [{"Authorization": "grace"}, {}])
async def test_both_ways_may_be_open(header: dict[str, str]) -> None:
    """Where the dependency finds nobody, the first message is waited for; where it finds somebody, it is not."""

    async def maybe(connection: HTTPConnection) -> User | None:
        name = connection.headers.get("authorization")
        return None if name is None else User(name)

    manager = ConnectionManager(authenticate=maybe, authenticate_first=known)
    async with open_socket(serve(manager, greet), "/ws", headers=header) as socket:
        if not header:
            await socket.send(auth())
        said = await socket.receive(timeout=PATIENCE)

    assert said == ("hello grace" if header else "hello ada")
