"""What is sent between the moment at which a socket opens and the one at which its endpoint begins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastapi import FastAPI

from brickwork.websockets import Backplane, ConnectionManager, Event, History, MemoryBackplane, Presence
from tests.websockets.apps import assert_empty, serve

SCOPE = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "extensions": {}}
AUTH = '{"type":"auth","token":"ada","id":1}'
Say = Callable[[], Awaitable[object]]


async def converse(app: FastAPI, when_open: Say) -> list[dict[str, Any]]:
    """Open a socket, do something in the very moment at which it is open, and leave; gives what the client got."""
    sent: list[dict[str, Any]] = []
    leave = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not sent:
            return {"type": "websocket.connect"}
        await leave.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        if message["type"] == "websocket.accept":
            await when_open()
        sent.append(message)
        if message["type"] != "websocket.accept":
            leave.set()

    await app(dict(SCOPE), receive, send)
    return sent


@pytest.mark.parametrize("to", ["user", "all"])
async def test_nothing_is_missed_that_is_sent_to_an_open_socket(to: str) -> None:
    """What is sent to a user, or to all, from the moment at which a socket opens reaches it, and not before that."""
    manager = ConnectionManager(authenticate=lambda: "ada")

    async def say() -> None:
        delivery = await (manager.user("ada").send("hello") if to == "user" else manager.broadcast("hello"))
        assert delivery.reached == 1

    sent = await converse(serve(manager), say)

    assert [message.get("text") for message in sent] == [None, "hello"]
    assert_empty(manager)


@pytest.mark.promise("websockets-29")
async def test_who_is_parted_with_while_the_socket_opens_is_told_why() -> None:
    """A user who is kicked in the middle of a handshake gets the code and the reason, and no endpoint begins."""
    manager = ConnectionManager(authenticate=lambda: "ada")
    begun: list[object] = []

    async def endpoint(connection: object) -> None:
        begun.append(connection)

    sent = await converse(serve(manager, endpoint), lambda: manager.user("ada").kick(reason="banned"))

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert (sent[-1]["code"], sent[-1]["reason"], begun) == (1008, "banned", [])
    assert_empty(manager)


@pytest.mark.promise("websockets-29")
async def test_who_is_parted_with_before_the_socket_opens_is_told_why() -> None:
    """The same holds before the handshake is answered."""
    manager: ConnectionManager[str]

    def part(event: Event) -> None:
        if event.kind == "opened":
            manager.connections()[0].evict(4000, "too late")

    manager = ConnectionManager(authenticate=lambda: "ada", on_event=part)

    async def nothing() -> None: ...

    sent = await converse(serve(manager), nothing)

    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert (sent[-1]["code"], sent[-1]["reason"]) == (4000, "too late")
    assert_empty(manager)


@pytest.mark.promise("websockets-29")
async def test_a_user_who_said_who_it_is_misses_nothing_from_then_on() -> None:
    """Who authenticates by its first message can be sent to when it is told that this was good."""

    async def authenticate(token: str) -> str:
        return token

    manager = ConnectionManager(authenticate_first=authenticate)
    told: list[tuple[str, int]] = []
    came: list[dict[str, Any]] = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": AUTH}]

    async def receive() -> dict[str, Any]:
        return came.pop(0) if came else await asyncio.Future()

    async def send(message: Any) -> None:
        if "text" in message:
            told.append((message["text"], manager.user("ada").count()))
            raise OSError  # the client has gone

    await serve(manager)(dict(SCOPE), receive, send)

    assert told == [('{"type":"ack","re":1}', 1)]
    assert_empty(manager)


class BrokenBackplane(MemoryBackplane):
    """Cannot begin."""

    async def open(self, receiver: Any, *, history: History | None, presence: Presence | None) -> None:
        """Fail."""
        raise OSError("no route")


@pytest.mark.promise("websockets-29")
async def test_no_socket_opens_that_nothing_could_be_sent_to() -> None:
    """Where a backplane fails to begin, the handshake fails: nobody waits on a socket that hears nothing."""
    backplane: Backplane = BrokenBackplane()
    manager = ConnectionManager(backplane=backplane)
    opened: list[str] = []

    async def note() -> None:
        opened.append("open")

    with pytest.raises(OSError, match="no route"):
        await converse(serve(manager), note)

    assert opened == []
    assert_empty(manager)


@pytest.mark.promise("websockets-148")
async def test_nothing_is_missed_from_the_moment_at_which_a_stream_begins() -> None:
    """Whoever sends to a room as soon as the response has begun finds the client in there."""
    manager = ConnectionManager()
    reached: list[int] = []
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            reached.append(manager.room("lobby").count())
            gone.set()

    scope = {**SCOPE, "type": "http", "method": "GET", "client": None}
    await manager.sse("lobby")(scope, receive, send)
    await manager.drain()

    assert reached == [1]
