"""Who may hear rooms by server-sent events, and how streams end."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, Query
from starlette.background import BackgroundTask

from brickwork.testing import ManualClock
from brickwork.websockets import (
    Connection,
    ConnectionLimits,
    ConnectionManager,
    Event,
    EventStream,
    EventStreamResponse,
    Heartbeat,
    History,
    JoinDeniedError,
    SlowConsumer,
)
from tests.websockets.listening import Listener, listening
from tests.websockets.peers import until


async def whoever(user: str) -> str:
    """Believe anybody."""
    return user


@asynccontextmanager
async def running(manager: ConnectionManager[Any]) -> AsyncIterator[FastAPI]:
    """An app that gives rooms to whoever says who it is, between its start and its end."""
    app = FastAPI(lifespan=manager.lifespan)

    @app.get("/events")
    async def events(room: Annotated[list[str], Query()], user: str | None = None) -> EventStreamResponse:
        return manager.sse(room, user=user)

    async with manager.lifespan(app):
        yield app


async def refused(app: FastAPI, query: str, status: int) -> dict[str, str]:
    """Ask for a stream that is refused; gives the headers of the answer."""
    async with listening(app, query=query) as listener:
        await listener.end()
    assert listener.status == status
    return listener.headers


def goodbye(listener: Listener) -> dict[str, Any]:
    """What a stream ended with."""
    last = listener.events[-1]
    assert last.type == "close"
    assert listener.ended
    said: dict[str, Any] = json.loads(last.data)
    return said


@pytest.mark.promise("websockets-154")
async def test_guards_are_asked_before_a_stream_begins() -> None:
    """Who may not be in one of the rooms gets an HTTP refusal, and is in none of them; who may is asked for once."""
    manager = ConnectionManager(authenticate=whoever)
    asked: list[tuple[Any, str | None, frozenset[str]]] = []

    @manager.authorize("vip-*")
    async def may_join(client: Connection[str] | EventStream[str], room: str) -> None:
        asked.append((client.user, client.user_id, client.rooms))
        if client.user != "ada":
            raise JoinDeniedError("Not for you.")

    async with running(manager) as app:
        await refused(app, "room=lobby&room=vip-1", 403)
        await refused(app, "room=vip-1&user=bob", 403)
        after_refusals = manager.counts
        async with listening(app, query="room=lobby&room=vip-1&user=ada") as listener:
            await listener.until(lambda it: it.status)
            await until(manager.room("vip-1").count)

    assert (after_refusals.connections, after_refusals.rooms) == (0, 0)
    assert [(user, user_id) for user, user_id, _ in asked] == [(None, None), ("bob", "bob"), ("ada", "ada")]
    assert all(rooms == frozenset() for _, _, rooms in asked)


@pytest.mark.promise("websockets-154")
async def test_a_room_that_cannot_be_is_refused() -> None:
    """The name of a room comes from the client as a rule: what is none is refused like a room that it may not hear."""
    manager = ConnectionManager()
    async with running(manager) as app:
        await refused(app, "room=" + "x" * 300, 403)
        await refused(app, "room=%00", 403)


@pytest.mark.promise("websockets-154")
async def test_streams_count_as_connections() -> None:
    """Limits of a user, of an address and of all hold for streams; what ends gives its place back."""
    one_each = ConnectionManager(authenticate=whoever, limits=ConnectionLimits(per_user=1, rooms=2))
    few = ConnectionManager(limits=ConnectionLimits(per_address=1))
    async with running(one_each) as app, listening(app, query="room=a&user=ada") as listener:
        await listener.until(lambda it: it.status == 200)
        by_user = await refused(app, "room=a&user=ada", 429)
        await refused(app, "room=a&room=b&room=c&user=bob", 429)
        listener.leave()
        await listener.end()
        async with listening(app, query="room=a&room=b&user=ada") as again:
            await again.until(lambda it: it.status == 200)
    async with running(few) as app, listening(app, query="room=a") as listener:
        await listener.until(lambda it: it.status == 200)
        by_address = await refused(app, "room=a", 429)

    assert "retry-after" in by_user
    assert "retry-after" in by_address


@pytest.mark.promise("websockets-155")
async def test_a_newer_connection_replaces_a_stream() -> None:
    """Where the oldest of a user has to make room, a stream is told so, with the code that a socket is closed with."""
    limits = ConnectionLimits(per_user=1, excess="replace")
    manager = ConnectionManager(authenticate=whoever, limits=limits)
    async with running(manager) as app, listening(app, query="room=a&user=ada") as old:
        await old.until(lambda it: it.status == 200)
        async with listening(app, query="room=a&user=ada") as new:
            await new.until(lambda it: it.status == 200)
            await old.end()

    assert goodbye(old)["code"] == 4409


@pytest.mark.promise("websockets-155")
async def test_a_user_can_be_reached_and_parted_with() -> None:
    """What is sent to a user comes by the user's streams as well, and a kick ends them."""
    manager = ConnectionManager(authenticate=whoever)
    async with running(manager) as app, listening(app, query="room=a&user=ada") as listener:
        await until(manager.room("a").count)
        await manager.user("ada").send({"n": 1})
        await manager.broadcast({"n": 2})
        await manager.user("ada").kick(4403, "enough")
        await listener.end()

    assert [json.loads(event.data) for event in listener.events[:-1]] == [{"n": 1}, {"n": 2}]
    assert goodbye(listener) == {"code": 4403, "reason": "enough"}


@pytest.mark.promise("websockets-155")
async def test_a_process_that_ends_says_when_to_come_back() -> None:
    """Draining ends streams with 1012, each at a time of its own for the browser; newcomers get 503."""
    manager = ConnectionManager()
    async with running(manager) as app, listening(app, query="room=a") as listener:
        await until(manager.room("a").count)

        left = await manager.drain(30, retry_after=(5, 5))

        headers = await refused(app, "room=a", 503)
    assert left == 0
    assert goodbye(listener) == {"code": 1012, "reason": "retry_after=5.0"}
    assert listener.source.retry == 5000
    assert headers["retry-after"] == "5"


@pytest.mark.promise("websockets-155")
async def test_a_stream_ends_with_its_token() -> None:
    """At the instant at which the user's token expires, the stream ends with 4401."""
    clock = ManualClock()
    soon = datetime.fromtimestamp(clock.time() + 0.01, UTC)
    manager = ConnectionManager(authenticate=whoever, clock=clock, expires=lambda _: soon)
    async with running(manager) as app, listening(app, query="room=a&user=ada") as listener:
        await until(manager.room("a").count)
        clock.advance(1)
        await listener.end()

    assert goodbye(listener)["code"] == 4401


@pytest.mark.promise("websockets-156")
async def test_a_listener_who_reads_nothing_delays_nobody_and_is_let_go() -> None:
    """When its queue is full, a stream ends as a socket does: at once, and without a word that nobody would read."""
    events: list[Event] = []
    manager = ConnectionManager(
        limits=ConnectionLimits(queue=3), heartbeat=Heartbeat(close=0.01), on_event=events.append
    )
    async with running(manager) as app, listening(app, query="room=a") as slow, listening(app, query="room=a") as quick:
        await until(lambda: manager.room("a").count() == 2)
        slow.stall()
        for number in range(8):
            await manager.room("a").send({"n": number})
        await quick.until(lambda it: len(it.events) == 8)
        await slow.end()
        left = manager.room("a").count()

    assert left == 1
    assert slow.events == []
    assert not slow.ended
    assert next(event.code for event in events if event.kind == "closed") == 1013


@pytest.mark.promise("websockets-156")
async def test_a_listener_who_reads_again_gets_the_latest() -> None:
    """Policies for slow clients are those of sockets: dropping the oldest keeps the stream, and the newest messages."""
    manager = ConnectionManager(limits=ConnectionLimits(queue=2), slow_consumer=SlowConsumer.drop_oldest())
    async with running(manager) as app, listening(app, query="room=a") as listener:
        await until(manager.room("a").count)
        listener.stall()
        for number in range(8):
            await manager.room("a").send({"n": number})
        listener.resume()
        await listener.until(lambda it: it.events and '"n":7' in it.events[-1].data)

    assert [json.loads(event.data)["n"] for event in listener.events] == [0, 6, 7]


@pytest.mark.promise("websockets-151")
async def test_a_server_that_cannot_send_means_that_the_client_has_gone() -> None:
    """A server may say so by an error, at any moment: nothing is left behind, and nothing goes wrong."""
    manager = ConnectionManager(history=History())
    await manager.room("a").send({"n": 1})
    counts = []
    for lost in range(5):
        sends = iter(range(lost))

        async def send(message: Any, sends: Any = sends) -> None:
            if next(sends, None) is None:
                raise OSError("gone")

        async def receive() -> dict[str, Any]:
            raise OSError("gone")

        response = manager.sse("a")
        await response({"type": "http", "method": "GET", "headers": [], "query_string": b""}, receive, send)
        counts.append((manager.counts.connections, manager.counts.rooms))

    async with manager.lifespan(None):
        pass
    assert counts == [(0, 0)] * 5


async def test_what_is_to_be_done_afterwards_is_done_when_the_stream_has_ended() -> None:
    """A background task of the endpoint runs when its listener has gone."""
    manager = ConnectionManager()
    done: list[int] = []
    response = manager.sse("a")
    response.background = BackgroundTask(done.append, 1)
    async with manager.lifespan(None), listening(response) as listener:
        await listener.until(lambda it: it.status)
        before = list(done)
        listener.leave()
        await listener.end()

    assert (before, done) == ([], [1])


async def test_a_stream_is_known_by_what_it_is() -> None:
    """Who guards a room sees who asks, from where, and can note something."""
    manager = ConnectionManager(authenticate=whoever)
    seen: list[EventStream[str]] = []
    manager.authorize("*")(lambda client, _: seen.append(client))
    async with running(manager) as app, listening(app, query="room=a&user=ada") as listener:
        await until(manager.room("a").count)
        [stream] = seen
        before = stream.rooms, stream.closed
        listener.leave()
        await listener.end()

    assert before == (frozenset({"a"}), False)
    assert (stream.user, stream.user_id, stream.address, stream.data) == ("ada", "ada", "127.0.0.1", {})
    assert (stream.rooms, stream.closed, stream.close_code) == (frozenset(), True, 1006)
