"""`ConnectionManager`: its options, and whom it can send to."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from brickwork.testing import ClientSocket, open_socket
from brickwork.websockets import (
    Connection,
    ConnectionLimits,
    ConnectionManager,
    Cursor,
    Event,
    History,
    JoinDeniedError,
    JSONCodec,
    MemoryBackplane,
    Presence,
    SlowConsumer,
)
from tests.websockets.apps import PATIENCE, assert_empty, by_header, echo, serve


class Said(BaseModel):
    """What somebody said."""

    type: str = "said"
    text: str


async def lobby(connection: Connection[Any]) -> None:
    """Be in the lobby until the socket is closed."""
    await connection.join("lobby")
    await connection.send("joined")
    await connection.wait_closed()


async def greet(connection: Connection[Any]) -> None:
    """Say that one is here, then answer each message with itself."""
    await connection.send("joined")
    await echo(connection)


def ada() -> dict[str, str]:
    """Give the headers by which a user is known."""
    return {"Authorization": "ada"}


async def joined(*sockets: ClientSocket) -> None:
    """Wait until the endpoints of clients have begun, and are in the lobby if they go there."""
    for socket in sockets:
        assert await socket.receive(timeout=PATIENCE) == "joined"


@pytest.mark.promise("websockets-22")
async def test_a_room_hears_what_is_sent_to_it() -> None:
    """All who are in a room get what is sent to it, but those who are excluded."""
    manager = ConnectionManager(authenticate=by_header)
    app = serve(manager, lobby)
    headers = [{"Authorization": name} for name in ("ada", "grace", "edsger")]

    async with (
        open_socket(app, "/ws", headers=headers[0]) as first,
        open_socket(app, "/ws", headers=headers[1]) as second,
        open_socket(app, "/ws", headers=headers[2]) as third,
    ):
        await joined(first, second, third)
        room = manager.room("lobby")
        everyone = await room.send(Said(text="all"))
        one = await room.send("not ada", exclude=manager.user("ada").connections())
        other = await room.send("not edsger", exclude=manager.user("edsger").connections()[0], exclude_users=["grace"])
        await room.send("end")
        heard = [[await socket.receive(timeout=PATIENCE) for _ in range(3)] for socket in (first, third)]
        grace = [await second.receive(timeout=PATIENCE) for _ in range(3)]

    assert [each.reached for each in (everyone, one, other)] == [3, 2, 1]
    assert heard[0] == [{"type": "said", "text": "all"}, "not edsger", "end"]
    assert heard[1] == [{"type": "said", "text": "all"}, "not ada", "end"]
    assert grace == [{"type": "said", "text": "all"}, "not ada", "end"]
    assert_empty(manager)


async def test_a_room_can_be_looked_into() -> None:
    """A room knows how many are in it, which connections, and who."""
    manager = ConnectionManager(authenticate=by_header)

    async with open_socket(serve(manager, lobby), "/ws", headers=ada()) as socket:
        await joined(socket)
        room = manager.room("lobby")
        connections = room.connections()
        members = await room.members()
        counted = (room.name, room.count(), manager.room("empty").count())

    assert [each.user_id for each in connections] == ["ada"]
    assert [member.user for member in members] == ["ada"]
    assert counted == ("lobby", 1, 0)


@pytest.mark.promise("websockets-22")
async def test_a_room_can_be_closed() -> None:
    """Closing a room closes the sockets of all who are in it, and of nobody else."""
    manager = ConnectionManager()

    async with (
        open_socket(serve(manager, lobby), "/ws") as inside,
        open_socket(serve(manager, greet), "/ws") as outside,
    ):
        await joined(inside, outside)
        await manager.room("lobby").close(4000, "closed")
        code = await inside.closed(timeout=PATIENCE)
        await outside.send("hello")
        said = await outside.receive(timeout=PATIENCE)

    assert (code, inside.close_reason, said) == (4000, "closed", "hello")
    assert_empty(manager)


async def test_what_was_sent_to_a_room_can_be_read() -> None:
    """With a history, what was said can be read from anywhere, from a cursor on, or only the latest."""
    manager = ConnectionManager(history=History())
    room = manager.room("lobby")
    cursors = [(await room.send(text)).cursor for text in ("one", "two", "three")]

    everything = await room.history()
    later = await room.history(cursors[0])
    latest = await room.history(limit=1)
    unknown = await room.history(Cursor("other", 1))

    assert [entry.frame.data for entry in everything.entries] == [b"one", b"two", b"three"]
    assert [entry.frame.data for entry in later.entries] == [b"two", b"three"]
    assert [entry.frame.data for entry in latest.entries] == [b"three"]
    assert (later.recovered, unknown.recovered) == (True, False)


@pytest.mark.promise("websockets-22")
async def test_a_user_hears_it_everywhere() -> None:
    """What is sent to a user reaches all of the user's connections, and no others."""
    manager = ConnectionManager(authenticate=lambda: 7)
    others = ConnectionManager()

    async with (
        open_socket(serve(manager, greet), "/ws") as first,
        open_socket(serve(manager, greet), "/ws") as second,
        open_socket(serve(others, greet), "/ws") as other,
    ):
        await joined(first, second, other)
        assert manager.user(7).count() == 2
        delivery = await manager.user(7).send("hello", exclude=())
        heard = [await socket.receive(timeout=PATIENCE) for socket in (first, second)]
        connections = manager.user("7").connections()
        await manager.user(7).kick(reason="go")
        codes = [await socket.closed(timeout=PATIENCE) for socket in (first, second)]
        others_code = other.close_code

    assert (delivery.reached, delivery.cursor, heard) == (2, None, ["hello", "hello"])
    assert [each.user for each in connections] == [7, 7]
    assert (codes, first.close_reason, others_code) == ([1008, 1008], "go", None)
    assert_empty(manager)


@pytest.mark.promise("websockets-22")
async def test_everybody_can_be_told() -> None:
    """A broadcast reaches all connections but those who are excluded."""
    manager = ConnectionManager(authenticate=by_header)
    app = serve(manager, greet)

    async with (
        open_socket(app, "/ws", headers=ada()) as first,
        open_socket(app, "/ws", headers={"Authorization": "grace"}) as second,
    ):
        await joined(first, second)
        await manager.broadcast("not grace", exclude_users=["grace"])
        await manager.broadcast("not ada", exclude=manager.user("ada").connections())
        await manager.broadcast("all")
        heard = [[await socket.receive(timeout=PATIENCE) for _ in range(2)] for socket in (first, second)]

    assert heard == [["not grace", "all"], ["not ada", "all"]]


@pytest.mark.promise("websockets-23")
async def test_guards_decide_who_joins() -> None:
    """A function that is registered for a pattern decides on all rooms that fit, before anybody is in."""
    manager = ConnectionManager()
    asked: list[str] = []

    @manager.authorize("vip-*")
    async def may_join(connection: Connection[None], room: str) -> None:
        asked.append(room)
        raise JoinDeniedError("No.")

    async def endpoint(connection: Connection[Any]) -> None:
        await connection.join("lobby")
        await connection.join("vip-lounge")

    async with open_socket(serve(manager, endpoint), "/ws") as socket:
        told = await socket.receive("error", timeout=PATIENCE)
        code = await socket.closed(timeout=PATIENCE)

    assert (told["status"], code, asked) == (403, 1008, ["vip-lounge"])
    assert may_join.__name__ == "may_join"
    assert_empty(manager)


def test_what_happens_is_told_and_counted() -> None:
    """Events are told as they happen, numbers add up; the lifespan is nothing that an app has to have."""
    events: list[Event] = []
    manager = ConnectionManager(on_event=events.append)
    app = serve(manager, lobby)

    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        assert socket.receive_text() == "joined"
        during = manager.counts

    assert (during.connections, during.rooms, manager.counts.connections) == (1, 1, 0)
    assert [event.kind for event in events] == ["opened", "joined", "left", "closed"]


async def test_the_manager_serves_its_client() -> None:
    """`client_router` is a route for the script that browsers load."""
    app = FastAPI()
    app.include_router(ConnectionManager().client_router("/static/brickwork.js"))

    response = TestClient(app).get("/static/brickwork.js")

    assert response.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"origins": "https://app.example"}, TypeError),
        ({"subprotocols": "chat"}, TypeError),
        ({"codecs": []}, ValueError),
        ({"codecs": [JSONCodec(), JSONCodec()]}, ValueError),
        ({"ipv6_prefix": 0}, ValueError),
        ({"ipv6_prefix": 129}, ValueError),
        ({"delivery": "thread"}, ValueError),
        ({"trusted_proxies": "10.0.0.1"}, TypeError),
        ({"history": True}, TypeError),
        ({"slow_consumer": "drop_oldest"}, TypeError),
        ({"heartbeat": 30}, TypeError),
        ({"backplane": "redis://localhost"}, TypeError),
        ({"backplane": MemoryBackplane}, TypeError),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    """A wrong option is refused where it is written, with what to write instead."""
    with pytest.raises(error, match=r"write|takes|must be"):
        ConnectionManager(**options)


@pytest.mark.parametrize("name", ["", "x" * 300, "a\nb"])
def test_rooms_have_names_that_can_be_written(name: str) -> None:
    """A room that cannot be named is refused at once."""
    with pytest.raises(ValueError, match="room's name"):
        ConnectionManager().room(name)


@pytest.mark.parametrize("delivery", ["inline", "task"])
async def test_all_options_go_together(delivery: Any) -> None:
    """History, presence, subprotocols, limits and the rest are no enemies."""
    manager = ConnectionManager(
        authenticate=by_header,
        subprotocols=["chat"],
        limits=ConnectionLimits(rate=None),
        slow_consumer=SlowConsumer.coalesce(),
        history=History(),
        presence=Presence(announce=False),
        delivery=delivery,
    )

    async with open_socket(serve(manager), "/ws", headers=ada(), subprotocols=["other", "chat"]) as socket:
        await socket.send("hello")
        said = await socket.receive(timeout=PATIENCE)

    assert (said, socket.subprotocol, manager.state) == ("hello", "chat", "ready")
