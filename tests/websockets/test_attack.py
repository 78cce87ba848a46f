"""What was found by trying to break it, and holds since."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any
from uuid import uuid4

import pytest
from fastapi import Depends, FastAPI
from fastapi import WebSocketException as FastAPIWebSocketException
from fastapi.testclient import TestClient
from redis.asyncio import Redis
from starlette.exceptions import WebSocketException
from starlette.websockets import WebSocketDisconnect

from brickwork.testing import ManualClock
from brickwork.websockets import (
    CloseCode,
    Connection,
    ConnectionClosedError,
    ConnectionLimits,
    ConnectionManager,
    Heartbeat,
    History,
    SlowConsumer,
)
from brickwork.websockets._rules.frames import Entry, Frame
from brickwork.websockets._service.hub import Hub
from brickwork.websockets._service.messages.replies import Replies
from brickwork.websockets.memory import MemoryBackplane
from brickwork.websockets.memory.histories import Histories
from brickwork.websockets.redis import RedisBackplane
from tests.websockets.inlets import Client, Connecting
from tests.websockets.peers import Peer, connected, until

# --- threads and event loops


def _app(manager: ConnectionManager[None]) -> FastAPI:
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async for message in connection:
            await manager.broadcast(message)

    return app


def test_a_thread_with_a_loop_of_its_own_takes_no_sockets_away() -> None:
    """Who sends by ``asyncio.run`` from a plain ``def`` is told what to write, and all sockets are still heard."""
    manager = ConnectionManager()
    app = _app(manager)

    @app.post("/say")
    def say() -> None:
        asyncio.run(_broadcast(manager))

    with TestClient(app) as client, client.websocket_connect("/ws") as socket:
        with pytest.raises(RuntimeError, match="from_thread"):
            client.post("/say")
        socket.send_text("still here?")
        heard = socket.receive_text()

    assert heard == "still here?"


async def _broadcast(manager: ConnectionManager[None]) -> None:
    await manager.broadcast("hello")


def test_sockets_with_a_loop_each_are_an_error() -> None:
    """A test that opens two sockets without the client's context is told how, and does not wait for ever."""
    client = TestClient(_app(ConnectionManager()))

    with client.websocket_connect("/ws") as first:
        with pytest.raises(RuntimeError, match="with TestClient"), client.websocket_connect("/ws"):
            pass
        first.send_text("still here?")
        heard = [first.receive_text()]
    with client.websocket_connect("/ws") as second:
        second.send_text("one after the other is well")
        heard.append(second.receive_text())

    assert heard == ["still here?", "one after the other is well"]


async def test_a_connection_is_sent_to_from_its_own_loop_alone(hub: Hub) -> None:
    """A handler that runs in a thread, and sends by ``asyncio.run``, is told what to write."""
    peer = Peer()
    connection = await connected(hub, peer)

    with pytest.raises(RuntimeError, match="from_thread"):
        await asyncio.to_thread(lambda: asyncio.run(connection.send("hello")))

    assert peer.texts == []


# --- clients that are gone


async def test_who_waits_for_the_end_sees_it_though_the_client_said_too_much() -> None:
    """An endpoint that takes a message, and then only waits, has its client's end behind whatever came in between."""
    client = await Connecting(ManualClock())(ConnectionLimits(inbox=1), patience=0.001)
    client.say(*map(str, range(10)))
    first = await client.taken(1)
    client.leave()
    await client.read()
    ends = list(client.ends)

    client.inlet.rest()
    await until(lambda: client.ends)

    assert first == ["0"]
    assert ends == []
    assert client.ends == [("departed", 1001)]


async def test_waiting_for_the_end_needs_no_messages(hub: Hub) -> None:
    """``wait_closed`` has the inlet know that nobody asks for messages."""
    peer = Peer()
    connection = await connected(hub, peer)
    connection.inlet = Client(ManualClock(), ConnectionLimits(), idle=None, patience=1).inlet
    connection.inlet._asked = True
    waiting = asyncio.create_task(connection.wait_closed())
    await asyncio.sleep(0)

    asked = connection.inlet._asked
    connection.evict(CloseCode.NORMAL)

    assert not asked
    assert await waiting == CloseCode.NORMAL


async def test_a_connection_that_was_replaced_before_it_began_keeps_no_timer() -> None:
    """What is closed before it is read from has no deadline, which would hold it until then."""
    client = Client(ManualClock(), ConnectionLimits(), idle=3_600, patience=1)
    client.inlet.stop()

    client.inlet.start(first_message=True)

    assert client.inlet.liveness._timer is None
    assert client.inlet._reader is None


# --- origins


@pytest.mark.parametrize("origin", ["https://*.app.example", "https://*", "https://user@app.example"])
def test_an_origin_that_no_page_has_is_refused_at_once(origin: str) -> None:
    """Wildcards and names of users are in no ``Origin`` header, and would let nobody in."""
    with pytest.raises(ValueError, match="no wildcards"):
        ConnectionManager(origins=[origin])


# --- options


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Heartbeat(idle=0), "idle=0 ends"),
        (lambda: Heartbeat(first_message=0), "first_message=0 ends"),
        (lambda: Heartbeat(stall=-1), "stall=-1 ends"),
        (lambda: Heartbeat(close=0), "close=0 ends"),
        (lambda: ConnectionLimits(excess="drop"), "refuse"),  # type: ignore[arg-type]
        (lambda: SlowConsumer("drop"), "no policy"),  # type: ignore[arg-type]
    ],
    ids=["idle", "first", "stall", "close", "excess", "policy"],
)
def test_an_option_that_makes_no_sense_is_refused_at_once(make: Callable[[], object], said: str) -> None:
    """Nothing is taken for *off* that would part with every client, and no word that nobody knows."""
    with pytest.raises(ValueError, match=said):
        make()


# --- memory


async def test_rooms_that_clients_only_name_take_a_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of rooms to which nothing was sent, only so many are known; those that were written to are not forgotten."""
    monkeypatch.setattr("brickwork.websockets.memory.histories._MOST_EMPTY", 100)
    histories = Histories(History(size=10, ttl=60))
    kept = histories.append(Entry("room:kept", Frame("text", b"hello")), 0.0)
    first = histories.read("room:first", None, None, 0.0).head

    for number in range(1_000):
        histories.read(f"room:{number}", None, None, 0.0)

    assert len(histories) == 101
    assert histories.read("room:kept", kept, None, 1.0).recovered
    assert not histories.read("room:first", first, None, 1.0).recovered
    histories.sweep(61.0, 1_000)
    assert (len(histories), len(histories._empty)) == (0, 0)


def test_a_reply_that_is_kept_twice_counts_once() -> None:
    """A message that is handled for so long that it is forgotten and comes again takes no place of others' replies."""
    replies = Replies(most=10, most_bytes=100)
    for _ in range(50):
        replies.begin("slow")
        replies.keep("slow", Frame("json", b"x" * 40))

    replies.begin("other")
    replies.keep("other", Frame("json", b"x" * 40))

    assert replies.of("slow") is not None
    assert replies.of("other") is not None


# --- close codes


@pytest.mark.parametrize("code", [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 70_000])
async def test_a_code_that_closes_nothing_is_refused(hub: Hub, code: int) -> None:
    """With a code that no frame can carry the server would break off without a word; the caller hears of it instead."""
    peer = Peer()
    connection = await connected(hub, peer, "ada", rooms=("lobby",))
    manager = ConnectionManager()
    attempts: list[Callable[[], Any]] = [
        lambda: connection.close(code),
        lambda: manager.room("lobby").close(code),
        lambda: manager.user("ada").kick(code),
    ]

    for attempt in attempts:
        with pytest.raises(ValueError, match=f"{code} is no code"):
            await attempt()
    with pytest.raises(ValueError, match=f"{code} is no code"):
        SlowConsumer.disconnect(code)

    assert not connection.closed


@pytest.mark.parametrize("code", [*CloseCode, 1002, 3000, 4999])
async def test_a_code_that_closes_is_taken(code: int) -> None:
    """All codes that a frame can carry, and mean something, are sent."""
    hub, peer = Hub(backplane=MemoryBackplane()), Peer()
    connection = await connected(hub, peer)

    await connection.close(code)

    assert peer.closed_with == code
    with pytest.raises(ConnectionClosedError):
        await connection.send("too late")
    await hub.close()


@pytest.mark.parametrize(
    "data", [b'{"code":1005,"reason":""}', b'{"code":Infinity,"reason":""}', b'{"code":1e400}', b"["]
)
async def test_what_a_process_says_of_closing_is_not_taken_on_trust(hub: Hub, data: bytes) -> None:
    """A code that closes nothing, from another process, closes the socket all the same, and stops no other message."""
    leaving, staying = Peer(), Peer()
    await connected(hub, leaving, rooms=("lobby",))
    connection = await connected(hub, staying)

    hub.receive(Entry("room:lobby", Frame("json", data), control="close"))
    await until(lambda: leaving.closed_with)
    await connection.join("lobby")
    await hub.publish("room:lobby", "still here?")

    assert leaving.closed_with == CloseCode.NORMAL
    assert staying.texts == ["still here?"]


@pytest.mark.parametrize("kind", [FastAPIWebSocketException, WebSocketException], ids=["fastapi", "starlette"])
def test_an_endpoint_closes_with_the_code_of_its_exception(kind: type[WebSocketException]) -> None:
    """FastAPI's exception and Starlette's, which is not of its kind, both say how the socket is closed."""
    manager = ConnectionManager()
    app = FastAPI()

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        raise kind(4000, "said so")

    with (
        TestClient(app) as client,
        client.websocket_connect("/ws") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert (closed.value.code, closed.value.reason) == (4000, "said so")


# --- cursors


async def test_a_cursor_of_long_ago_costs_no_more_than_another(redis_url: str) -> None:
    """A client that says it was in a busy room a million million messages ago is told that it missed something."""
    async with Redis.from_url(redis_url) as redis:
        prefix = uuid4().hex
        backplane = RedisBackplane(redis, prefix=prefix)
        hub = Hub(backplane=backplane, history=History())
        first = (await hub.publish("room:lobby", "hello")).cursor
        assert first is not None
        await redis.hset(f"{prefix}:{{room:lobby}}:meta", "offset", 10**12)
        await hub.publish("room:lobby", "hello again")

        read = await backplane.read("room:lobby", first)

        assert [each.frame.data for each in read.entries] == [b"hello again"]
        assert not read.recovered
        await hub.close()
