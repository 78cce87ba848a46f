"""Rooms: who comes in, who does not, and what is left of it."""

import asyncio
import gc
from typing import Any

import pytest
from starlette.websockets import WebSocket

from brickwork.websockets import (
    Connection,
    ConnectionClosedError,
    ConnectionLimits,
    Cursor,
    History,
    JoinDeniedError,
    JSONCodec,
    MemoryBackplane,
    Presence,
    TooManyRoomsError,
)
from brickwork.websockets._service.hub import Hub
from tests.websockets.hubs import MakeHub
from tests.websockets.lagging import LaggingBackplane
from tests.websockets.peers import Peer, connected, until

LOBBY = "room:lobby"


async def test_who_joins_gets_what_is_sent_to_the_room(make_hub: MakeHub) -> None:
    """A client hears a room from the moment it has joined, and only that room; without a history nothing else."""
    hub, peer = make_hub(), Peer()
    connection = await connected(hub, peer)
    await connection.join("lobby")

    await hub.publish(LOBBY, {"text": "hello"})
    await hub.publish("room:other", {"text": "not for you"})
    await hub.publish(LOBBY, {"text": "bye"})

    assert await peer.got(2) == [{"text": "hello"}, {"text": "bye"}]
    assert connection.rooms == {"lobby"}


@pytest.mark.promise("websockets-104")
@pytest.mark.parametrize("error", [None, ZeroDivisionError()])
async def test_a_room_is_left_where_the_block_ends(hub: Hub, error: Exception | None) -> None:
    """`async with connection.join(…)` is in the room for as long as the block runs, however it ends."""
    connection = await connected(hub, Peer())
    inside: frozenset[str] = frozenset()

    try:
        async with connection.join("lobby"):
            inside = connection.rooms
            if error is not None:
                raise error
    except ZeroDivisionError:
        pass

    assert (inside, connection.rooms) == (frozenset({"lobby"}), frozenset())
    assert hub.channels.count(LOBBY) == 0


async def test_a_room_that_is_left_is_silent(make_hub: MakeHub) -> None:
    """After leaving, nothing of the room comes any more; leaving again is harmless."""
    hub, peer = make_hub(), Peer()
    connection = await connected(hub, peer)
    await connection.join("lobby")
    await connection.join("other")
    await connection.leave("lobby")
    await connection.leave("lobby")

    await hub.publish(LOBBY, {"text": "gone"})
    await hub.publish("room:other", {"text": "here"})

    assert await peer.got(1) == [{"text": "here"}]


@pytest.mark.promise("websockets-105")
async def test_joining_twice_is_joining_once(make_hub: MakeHub) -> None:
    """A client in a room can join it again: it is told nothing again, and gets each message once."""
    hub, peer = make_hub(history=History()), Peer()
    connection = await connected(hub, peer)
    await connection.join("lobby")
    await connection.join("lobby", since=Cursor("elsewhere", 3))

    await hub.publish(LOBBY, {"text": "hello"})

    messages = await peer.got(2)
    assert [message.get("type", message.get("text")) for message in messages] == ["resume", "hello"]


async def test_what_a_connection_says_is_of_no_use_without_presence(hub: Hub) -> None:
    """Where no presence is kept, ``info`` is taken and forgotten."""
    connection = await connected(hub, Peer())
    await connection.join("lobby", info={"tab": 1})

    await connection.join("lobby", info={"tab": 2})

    assert connection.rooms == {"lobby"}


async def test_an_inner_block_does_not_end_an_outer_one(hub: Hub) -> None:
    """Only the block that joined a room leaves it."""
    connection = await connected(hub, Peer())

    async with connection.join("lobby"):
        async with connection.join("lobby"):
            pass
        between = connection.rooms

    assert (between, connection.rooms) == (frozenset({"lobby"}), frozenset())


async def test_a_join_that_nobody_awaits_is_warned_of(hub: Hub) -> None:
    """Whoever forgets to await a join hears of it from Python."""
    connection = await connected(hub, Peer())

    def forget() -> None:
        connection.join("lobby")
        gc.collect()

    with pytest.warns(RuntimeWarning, match="never awaited"):
        forget()

    assert connection.rooms == set()


@pytest.mark.promise("websockets-106")
async def test_a_guard_refuses(hub: Hub) -> None:
    """A guard whose pattern fits the room decides; refused, a client is not in the room and hears nothing of it."""

    def members_only(connection: Any, room: str) -> None:
        if connection.user_id != "ada":
            raise JoinDeniedError(f"{room} is for members.")

    hub.rooms.guards.append(("vip-*", members_only))
    ada, eve = await connected(hub, Peer(), "ada"), await connected(hub, Peer(), "eve")
    await ada.join("vip-1")
    await eve.join("lobby")

    with pytest.raises(JoinDeniedError, match="vip-1 is for members") as caught:
        await eve.join("vip-1")

    assert caught.value.status_code == 403
    assert (ada.rooms, eve.rooms) == (frozenset({"vip-1"}), frozenset({"lobby"}))
    assert hub.channels.count("room:vip-1") == 1


@pytest.mark.promise("websockets-106")
async def test_all_guards_that_fit_are_asked(hub: Hub) -> None:
    """Guards are asked in the order in which they were named; they may wait, and False is a refusal as well."""
    asked: list[str] = []

    async def first(connection: Any, room: str) -> None:
        await asyncio.sleep(0)
        asked.append("first")

    async def second(connection: Any, room: str) -> bool:
        asked.append("second")
        return False

    def third(connection: Any, room: str) -> None:
        asked.append("third")

    hub.rooms.guards += [("*", first), ("other", third), ("lob*", second), ("*", third)]
    connection = await connected(hub, Peer())

    with pytest.raises(JoinDeniedError):
        await connection.join("lobby")

    assert asked == ["first", "second"]
    assert connection.rooms == set()


async def test_who_was_admitted_is_not_asked_again(hub: Hub) -> None:
    """Where guards were asked before, as before a stream of events begins, a join does not ask them once more."""
    asked: list[str] = []

    def guard(connection: Any, room: str) -> None:
        asked.append(room)

    hub.rooms.guards.append(("*", guard))
    connection = await connected(hub, Peer())

    await hub.rooms.admit(connection, "lobby")
    await hub.rooms.join(connection, "lobby", admitted=True)

    assert asked == ["lobby"]
    assert connection.rooms == {"lobby"}


@pytest.mark.parametrize("room", ["", "x" * 257, "a\nb", "\ud800"])
async def test_a_room_without_a_name_is_refused(hub: Hub, room: str) -> None:
    """What no room is called cannot be joined; leaving it is harmless."""
    connection = await connected(hub, Peer())

    with pytest.raises(JoinDeniedError, match="1 to 256 characters"):
        await connection.join(room)

    await connection.leave(room)
    assert connection.rooms == set()


@pytest.mark.promise("websockets-107")
async def test_a_connection_is_in_so_many_rooms_at_most(make_memory_hub: MakeHub) -> None:
    """One room too many is refused with 429, also while other joins are under way; a room that is left makes place."""
    hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), limits=ConnectionLimits(rooms=3))
    connection = await connected(hub, Peer(), "ada")

    async def join(number: int) -> int:
        try:
            await connection.join(f"room {number}")
        except TooManyRoomsError as error:
            return error.status_code
        return 0

    answers = await asyncio.gather(*(join(number) for number in range(5)))

    assert answers == [0, 0, 0, 429, 429]
    await connection.leave("room 0")
    await connection.join("room 9")
    assert connection.rooms == {"room 1", "room 2", "room 9"}


@pytest.mark.promise("websockets-108")
async def test_a_closed_connection_joins_nothing(make_hub: MakeHub) -> None:
    """Joining after the socket was closed raises, and leaves no trace."""
    hub = make_hub(history=History(), presence=Presence())
    connection = await connected(hub, Peer())
    await connection.close()

    with pytest.raises(ConnectionClosedError):
        await connection.join("lobby")

    assert connection.rooms == set()
    assert hub.channels.count(LOBBY) == 0
    assert await hub.rooms.members("lobby") == []


async def test_a_room_that_is_left_while_it_is_joined_is_left(make_memory_hub: MakeHub) -> None:
    """Whoever leaves while another task still joins is out, at whatever point that was."""
    was_under_way = True
    for turns in range(40):
        hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), history=History(), presence=Presence())
        connection = await connected(hub, Peer())
        joining = asyncio.ensure_future(join(connection))
        for _ in range(turns):
            await asyncio.sleep(0)
        was_under_way = not joining.done()
        await connection.leave("lobby")
        await joining

        if turns > 0:
            assert connection.rooms == set(), turns
            assert hub.channels.count(LOBBY) == 0
            await settled(hub)
            assert await hub.rooms.members("lobby") == []
    assert not was_under_way


async def join(connection: Connection[Any]) -> None:
    """Join the lobby."""
    await connection.join("lobby")


async def joined_in_time(connection: Connection[Any], turns: int) -> bool:
    """Cancel a join after some turns of the event loop, unless it is done by then."""
    joining = asyncio.ensure_future(join(connection))
    for _ in range(turns):
        await asyncio.sleep(0)
    joining.cancel()
    await asyncio.wait([joining])
    return not joining.cancelled()


async def hears(hub: Hub, peer: Peer) -> bool:
    """Tell whether a client of ada's gets what is sent to the lobby."""
    await hub.publish(LOBBY, {"text": "hello"})
    await hub.publish("user:ada", {"text": "end"})
    await until(lambda: {"text": "end"} in peer.messages)
    return "hello" in [message.get("text") for message in peer.messages]


async def settled(hub: Hub) -> None:
    """Wait until nothing is left to do."""
    await hub.rooms.close()


@pytest.mark.promise("websockets-109")
@pytest.mark.parametrize("presence", [None, Presence()], ids=["", "presence"])
@pytest.mark.parametrize("history", [None, History()], ids=["", "history"])
async def test_a_join_that_is_cancelled_is_done_or_undone(
    make_memory_hub: MakeHub, history: History | None, presence: Presence | None
) -> None:
    """Cancelled at whatever point, a join leaves the client in the room entirely, or not at all."""
    outcomes = []
    for turns in range(60):
        hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), history=history, presence=presence)
        peer = Peer()
        connection = await connected(hub, peer, "ada")
        inside = await joined_in_time(connection, turns)
        await settled(hub)

        outcomes.append(inside)
        assert connection.rooms == ({"lobby"} if inside else set())
        assert hub.channels.count(LOBBY) == inside
        assert len(await hub.backplane.members(LOBBY)) == (inside and presence is not None)
        assert await hears(hub, peer) == inside
        if inside:
            break
    assert outcomes.index(True) > 4


@pytest.mark.promise("websockets-109")
async def test_a_socket_that_closes_while_it_joins_leaves_no_trace(make_memory_hub: MakeHub) -> None:
    """At whatever point of a join the socket closes, the join ends with an error and nothing is left."""
    outcomes = []
    for turns in range(60):
        hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), history=History(), presence=Presence())
        connection = await connected(hub, Peer(), "ada")
        joining = asyncio.ensure_future(join(connection))
        for _ in range(turns):
            await asyncio.sleep(0)
        connection.evict(1001)
        await asyncio.wait([joining])
        await settled(hub)

        assert connection.rooms == set()
        assert hub.channels.count(LOBBY) == 0
        assert await hub.backplane.members(LOBBY) == []
        outcomes.append(joining.exception())
        if outcomes[-1] is None:
            break
    assert len(outcomes) > 4
    assert all(isinstance(outcome, ConnectionClosedError) for outcome in outcomes[:-1])


async def test_joins_of_one_room_at_a_time_are_one(make_memory_hub: MakeHub) -> None:
    """Several tasks that join the same room do it once; if the first gives up, another one does it."""
    hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), history=History())
    peer = Peer()
    connection = await connected(hub, peer)
    tasks = [asyncio.ensure_future(join(connection)) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()

    await asyncio.wait(tasks)

    assert [task.cancelled() for task in tasks] == [True, False, False]
    assert connection.rooms == {"lobby"}
    assert [message["type"] for message in await peer.got(1)] == ["resume"]


@pytest.mark.promise("websockets-110")
async def test_rooms_that_nobody_is_in_leave_nothing(make_memory_hub: MakeHub) -> None:
    """Ten thousand rooms that were joined and left take no memory, and no subscription."""
    backplane = MemoryBackplane()
    hub = make_memory_hub(backplane, presence=Presence(announce=False))
    connection = await connected(hub, Peer(), "ada")
    tasks = asyncio.all_tasks()

    for number in range(10_000):
        async with connection.join(f"room {number}"):
            pass

    assert len(hub.channels) == 2
    assert hub.counters.rooms == 0
    await until(lambda: set(backplane._subscriptions) == {"all", "user:ada"})
    assert len(backplane._attendance) == 0
    assert hub.rooms._entering == {}
    await until(lambda: asyncio.all_tasks() == tasks)


@pytest.mark.promise("websockets-103")
async def test_a_connection_says_where_it_was(make_memory_hub: MakeHub) -> None:
    """Cursors of the handshake are read by room: as many as there may be rooms, and none that makes no sense."""
    hub = make_memory_hub(limits=ConnectionLimits(rooms=3))
    query = "cursor=a:b:epoch:7&cursor=bad&cursor=K%C3%BCche:epoch:8&cursor=late:epoch:9&x=1"
    scope = {"type": "websocket", "query_string": query.encode(), "headers": [], "path": "/"}
    peer = Peer()
    connection = Connection(
        hub=hub,
        websocket=WebSocket(scope, peer.receive, peer.send),
        send=peer.send,
        user=None,
        user_id=None,
        address=None,
        codec=JSONCodec(),
    )

    found = {room: connection.cursor(room) for room in ("a:b", "Küche", "bad", "late", "lobby")}

    assert found == {
        "a:b": Cursor("epoch", 7),
        "Küche": Cursor("epoch", 8),
        "bad": None,
        "late": None,
        "lobby": None,
    }
