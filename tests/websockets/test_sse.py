"""Rooms as server-sent events: what is told, where a stream goes on, and what becomes of it."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, Query
from starlette.middleware.gzip import GZipMiddleware

from brickwork import install
from brickwork.websockets import Connection, ConnectionManager, EventStreamResponse, History
from tests.websockets.listening import Listener, listening
from tests.websockets.peers import until

_LOBBY = ["lobby"]


def served(manager: ConnectionManager[Any]) -> FastAPI:
    """An app that gives rooms as events, and by sockets."""
    app = FastAPI(lifespan=manager.lifespan)

    @app.head("/events", include_in_schema=False)
    @app.get("/events", response_class=EventStreamResponse)
    async def events(room: Annotated[list[str], Query()] = _LOBBY, user: str | None = None) -> EventStreamResponse:
        return manager.sse(room, user=user, heartbeat=3600)

    @app.get("/header", response_class=EventStreamResponse)
    async def header(last_event_id: Annotated[str | None, Header()] = None) -> EventStreamResponse:
        return manager.sse("lobby", since=last_event_id)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[Any], Depends(manager.connect)]) -> None:
        await connection.join("lobby", since=connection.cursor("lobby"))
        await connection.wait_closed()

    return app


@asynccontextmanager
async def running(manager: ConnectionManager[Any]) -> AsyncIterator[FastAPI]:
    """Such an app, between its start and its end."""
    app = served(manager)
    async with manager.lifespan(app):
        yield app


def told(listener: Listener) -> list[dict[str, Any]]:
    """What was said in rooms: no word about the rooms themselves."""
    said = [json.loads(event.data) for event in listener.events]
    return [message for message in said if message["type"] == "said"]


def numbers(listener: Listener) -> list[int]:
    """The numbers that were said."""
    return [message["n"] for message in told(listener)]


async def say(manager: ConnectionManager[Any], *them: int, room: str = "lobby") -> None:
    """Say numbers in a room."""
    for number in them:
        await manager.room(room).send({"type": "said", "n": number})


@pytest.mark.promise("websockets-148")
async def test_a_stream_tells_what_sockets_are_told() -> None:
    """An event is the JSON that a socket in the room gets, under headers that nobody on the way keeps or holds back."""
    manager = ConnectionManager(history=History())
    async with running(manager) as app, listening(app) as listener:
        await listener.until(lambda it: it.events)
        delivery = await manager.room("lobby").send({"type": "said", "text": "Grüß dich\r\n"})
        await listener.until(told)

    assert listener.status == 200
    assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert listener.headers["cache-control"] == "no-store"
    assert listener.headers["x-accel-buffering"] == "no"
    assert "content-length" not in listener.headers
    assert listener.source.retry == 2000
    assert told(listener) == [
        {"room": "lobby", "cursor": str(delivery.cursor), "type": "said", "text": "Grüß dich\r\n"}
    ]
    assert listener.source.id == f"lobby={delivery.cursor}"
    assert delivery.reached == 1


@pytest.mark.promise("websockets-148")
async def test_texts_and_bytes_are_told_too() -> None:
    """A text is an event as it is, with its lines; bytes are an event of type ``bytes``."""
    manager = ConnectionManager()
    async with running(manager) as app, listening(app) as listener:
        await until(manager.room("lobby").count)
        await manager.room("lobby").send("one\ntwo")
        await manager.room("lobby").send(b"\x00\xff")
        await listener.until(lambda it: len(it.events) == 2)

    assert [tuple(event) for event in listener.events] == [("message", "one\ntwo", ""), ("bytes", "AP8=", "")]


@pytest.mark.promise("websockets-149")
@pytest.mark.parametrize("way", ["header", "parameter", "argument"])
async def test_a_stream_goes_on_where_it_was(way: str) -> None:
    """A browser that says the last ID, or a page that says its cursor, gets what came since, and nothing twice."""
    manager = ConnectionManager(history=History())
    async with running(manager) as app:
        async with listening(app) as first:
            await say(manager, 1, 2)
            await first.until(lambda it: numbers(it) == [1, 2])
        await say(manager, 3, 4)
        last = first.source.id
        ask: dict[str, Any] = {
            "header": {"headers": {"Last-Event-ID": last}},
            "parameter": {"query": "cursor=" + last.replace("=", ":")},
            "argument": {"path": "/header", "headers": {"Last-Event-ID": last}},
        }

        async with listening(app, **ask[way]) as second:
            await second.until(lambda it: len(numbers(it)) == 2)
            await say(manager, 5)
            await second.until(lambda it: len(numbers(it)) == 3)

    assert numbers(second) == [3, 4, 5]
    assert json.loads(second.events[0].data)["recovered"] is True


@pytest.mark.promise("websockets-149")
async def test_the_last_id_is_newer_than_the_address() -> None:
    """A browser repeats the address with which a stream began: what it says in the header counts."""
    manager = ConnectionManager(history=History())
    async with running(manager) as app:
        await say(manager, 1, 2, 3)
        head = str((await manager.room("lobby").history()).head)
        early = head.replace(":3", ":1")

        async with listening(app, query=f"cursor=lobby:{early}", headers={"Last-Event-ID": f"lobby={head}"}) as it:
            await say(manager, 4)
            await it.until(told)

    assert numbers(it) == [4]


@pytest.mark.promise("websockets-149")
async def test_a_stream_that_cannot_go_on_says_so() -> None:
    """After a history that is not there any more all that is kept is told, as something else than what was missed."""
    manager = ConnectionManager(history=History(size=2))
    async with running(manager) as app:
        await say(manager, 1, 2, 3)

        async with listening(app, headers={"Last-Event-ID": "lobby=another:1"}) as listener:
            await listener.until(lambda it: len(told(it)) == 2)

    resume = json.loads(listener.events[0].data)
    assert (resume["type"], resume["recovered"]) == ("resume", False)
    assert numbers(listener) == [2, 3]


@pytest.mark.promise("websockets-149")
async def test_a_stream_that_breaks_while_it_catches_up_loses_nothing() -> None:
    """Each event has its own ID, the first too: wherever the stream ends, the next begins behind what came."""
    manager = ConnectionManager(history=History())
    async with running(manager) as app:
        await say(manager, *range(1, 6))
        async with listening(app) as whole:
            await whole.until(lambda it: len(told(it)) == 5)

        rests = []
        for event in whole.events:
            async with listening(app, headers={"Last-Event-ID": event.id}) as rest:
                await say(manager, 0)
                await rest.until(lambda it: 0 in numbers(it))
            rests.append([number for number in numbers(rest) if number])

    assert rests == [[1, 2, 3, 4, 5], [2, 3, 4, 5], [3, 4, 5], [4, 5], [5], []]


@pytest.mark.promise("websockets-150")
async def test_several_rooms_are_one_stream() -> None:
    """The ID of each event tells the places in all rooms, so that a stream goes on in each of them where it was."""
    manager = ConnectionManager(history=History())
    query = "room=a%26b&room=news&room=a%26b"
    async with running(manager) as app:
        async with listening(app, query=query) as first:
            await first.until(lambda it: len(it.events) == 2)
            await say(manager, 1, room="a&b")
            await say(manager, 2, room="news")
            await first.until(lambda it: len(told(it)) == 2)
        await say(manager, 3, room="a&b")
        await say(manager, 4, room="news")

        async with listening(app, query=query, headers={"Last-Event-ID": first.source.id}) as second:
            await second.until(lambda it: len(told(it)) == 2)
            await manager.broadcast({"type": "said", "n": 5})
            await second.until(lambda it: len(told(it)) == 3)

    assert sorted(numbers(first)) == [1, 2]
    assert numbers(second) == [3, 4, 5]
    assert {message["room"] for message in told(first)} == {"a&b", "news"}
    assert first.source.id.count("=") == 2
    assert second.source.id.count("=") == 2


@pytest.mark.promise("websockets-151")
async def test_a_listener_who_hangs_up_leaves_nothing_behind() -> None:
    """The client's end is noticed at once, whatever is or is not sent."""
    manager = ConnectionManager(history=History())
    async with running(manager) as app, listening(app) as listener:
        await listener.until(lambda it: it.events)
        before = manager.counts

        listener.leave()
        await listener.end()

        after = manager.counts
    assert (before.connections, before.rooms) == (1, 1)
    assert (after.connections, after.rooms, after.users) == (0, 0, 0)
    assert manager.room("lobby").count() == 0


@pytest.mark.promise("websockets-152")
async def test_a_silent_stream_shows_that_it_is_alive() -> None:
    """Where nothing is sent a comment comes now and then, which no page hears of."""
    manager = ConnectionManager()
    app = FastAPI()

    @app.get("/events")
    async def events() -> EventStreamResponse:
        return manager.sse("lobby", heartbeat=0.001, retry=0.5)

    async with manager.lifespan(app), listening(app) as listener:
        await listener.until(lambda it: it.source.comments >= 3)

    assert listener.events == []
    assert listener.source.retry == 500


async def test_a_listener_who_reads_nothing_gets_no_comments_in_a_heap() -> None:
    """While something waits to be read, a comment would say nothing."""
    manager = ConnectionManager()
    app = FastAPI()

    @app.get("/events")
    async def events() -> EventStreamResponse:
        return manager.sse("lobby", heartbeat=0.001)

    async with manager.lifespan(app), listening(app) as slow, listening(app) as quick:
        await slow.until(lambda it: it.source.comments)
        slow.stall()
        before = slow.source.comments
        await say(manager, 1, 2)
        enough = quick.source.comments + 20
        await quick.until(lambda it: it.source.comments > enough)
        slow.resume()
        await slow.until(lambda it: numbers(it) == [1, 2])

    between = [line for line in slow.body.split(b"data:")[0].splitlines() if line == b":"]
    assert len(between) <= before + 3


async def test_the_head_of_a_stream_can_be_asked_for() -> None:
    """HEAD has the headers and ends; nobody listens."""
    manager = ConnectionManager()
    async with running(manager) as app, listening(app, method="HEAD") as listener:
        await listener.end()

    assert (listener.status, listener.ended, listener.body) == (200, True, b"")
    assert listener.headers["content-type"] == "text/event-stream; charset=utf-8"


@pytest.mark.promise("websockets-153")
@pytest.mark.parametrize("seed", range(20))
async def test_who_changes_between_socket_and_stream_misses_nothing(seed: int) -> None:
    """Both have the same cursors: whoever changes, while others publish, gets everything once and in order."""
    chance = random.Random(seed)
    manager = ConnectionManager(history=History(size=1000))
    heard: list[int] = []
    cursor = ""
    async with running(manager) as app:
        await say(manager, 0)
        publishing = asyncio.create_task(_publish(manager, chance.sample(range(1, 40), 39), chance))
        while len(heard) < 40:
            way = _by_socket if chance.random() < 0.5 else _by_stream
            cursor = await way(app, cursor, heard, chance.randrange(1, 8))
        await publishing
        order = [message["n"] for message in await _kept(manager)]

    assert heard == order
    assert sorted(heard) == list(range(40))


async def _kept(manager: ConnectionManager[Any]) -> list[dict[str, Any]]:
    return [json.loads(entry.frame.data) for entry in (await manager.room("lobby").history()).entries]


async def _publish(manager: ConnectionManager[Any], them: list[int], chance: random.Random) -> None:
    for number in them:
        await say(manager, number)
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)


async def _by_stream(app: FastAPI, cursor: str, heard: list[int], most: int) -> str:
    headers = {"Last-Event-ID": f"lobby={cursor}"} if cursor else {}
    async with listening(app, headers=headers) as listener:
        await listener.until(lambda it: told(it) or len(heard) == 40)
        for message in told(listener)[:most]:
            heard.append(message["n"])
            cursor = message["cursor"]
    return cursor


async def _by_socket(app: FastAPI, cursor: str, heard: list[int], most: int) -> str:
    said: asyncio.Queue[Any] = asyncio.Queue()
    sent: asyncio.Queue[Any] = asyncio.Queue()
    said.put_nowait({"type": "websocket.connect"})
    query = f"cursor=lobby:{cursor}".encode() if cursor else b""
    scope = {
        "type": "websocket",
        "path": "/ws",
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"test")],
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
        "state": {},
        "extensions": {},
    }
    serving = asyncio.create_task(app(scope, said.get, sent.put))
    count = 0
    async with asyncio.timeout(30):
        while count < most and len(heard) < 40:
            message = json.loads((await sent.get()).get("text", "{}"))
            if message.get("type") == "said":
                heard.append(message["n"])
                cursor = message["cursor"]
                count += 1
        said.put_nowait({"type": "websocket.disconnect", "code": 1001})
        await serving
    return cursor


@pytest.mark.promise("websockets-148")
async def test_the_stack_leaves_a_stream_alone() -> None:
    """Under the whole stack, and under compression, each event comes as it is sent."""
    manager = ConnectionManager(history=History())
    app = served(manager)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    install(app)
    async with manager.lifespan(app), listening(app, headers={"Accept-Encoding": "gzip"}) as listener:
        await listener.until(lambda it: it.events)
        await say(manager, 1)
        await listener.until(told)

    assert listener.headers["cache-control"] == "no-store"
    assert "content-encoding" not in listener.headers
    assert "x-request-id" in listener.headers
    assert numbers(listener) == [1]


@pytest.mark.parametrize(
    "options", [{"rooms": []}, {"rooms": "lobby", "heartbeat": 0}, {"rooms": "lobby", "retry": -1}], ids=str
)
def test_a_stream_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    """Without a room there is nothing to hear; without time between them comments would be all there is."""
    manager = ConnectionManager()

    with pytest.raises(ValueError, match=r"at least one room|above 0"):
        manager.sse(**options)


def test_a_stream_is_documented_as_one() -> None:
    """The description of the API says what comes."""
    document = served(ConnectionManager()).openapi()

    content = document["paths"]["/events"]["get"]["responses"]["200"]["content"]
    assert list(content) == ["text/event-stream"]
