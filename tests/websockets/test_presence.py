"""Presence: who is in a room, and what the others hear of it."""

import asyncio
from typing import Any

import pytest

from brickwork.websockets import Connection, Event, History, Member, MemoryBackplane, Presence
from brickwork.websockets._service.hub import Hub
from tests.websockets.hubs import MakeHub
from tests.websockets.lagging import LaggingBackplane
from tests.websockets.peers import Peer, connected, until

LOBBY = "room:lobby"


async def join(
    hub: Hub, user_id: str | None, info: dict[str, Any] | None = None
) -> tuple[Connection[str | None], Peer]:
    """Bring a new client of a user into the lobby."""
    peer = Peer()
    connection = await connected(hub, peer, user_id)
    await connection.join("lobby", info=info)
    return connection, peer


def told(**what: list[Any]) -> dict[str, Any]:
    """Make the frame that tells of members."""
    return {"type": "presence", "room": "lobby", **what}


def member(user: str, *info: object) -> dict[str, Any]:
    """Make what is told of a member."""
    return {"user": user, "info": list(info)}


@pytest.mark.promise("websockets-115")
async def test_who_comes_is_told_who_is_there(make_hub: MakeHub) -> None:
    """Who joins is told all members, itself included; the others are told who came and who left."""
    here, there = make_hub(presence=Presence()), make_hub(presence=Presence())
    _, of_ada = await join(here, "ada", {"name": "Ada"})
    grace, of_grace = await join(there, "grace", {"name": "Grace"})

    await grace.leave("lobby")

    ada, came = member("ada", {"name": "Ada"}), member("grace", {"name": "Grace"})
    messages = await of_ada.got(3)
    assert messages == [told(members=[ada]), told(joined=[came]), told(left=[member("grace")])]
    first = (await of_grace.got(1))[0]
    assert sorted(first["members"], key=lambda each: str(each["user"])) == [ada, came]
    assert len(of_grace.messages) == 1


@pytest.mark.promise("websockets-115")
async def test_two_tabs_are_one_member(make_hub: MakeHub) -> None:
    """Several connections of a user are one member, and only the first and the last are announced."""
    here, there = make_hub(presence=Presence()), make_hub(presence=Presence())
    _, of_eve = await join(here, "eve")
    first, _ = await join(here, "ada", {"tab": 1})
    second, _ = await join(there, "ada", {"tab": 2})
    lists = [await hub.rooms.members("lobby") for hub in (here, there)]
    await first.leave("lobby")
    await second.leave("lobby")

    messages = await of_eve.got(3)

    assert messages[1:] == [told(joined=[member("ada", {"tab": 1})]), told(left=[member("ada")])]
    for members in lists:
        found = {each.user: sorted(map(str, each.info)) for each in members}
        assert found == {"eve": ["{}"], "ada": ["{'tab': 1}", "{'tab': 2}"]}


@pytest.mark.promise("websockets-116")
@pytest.mark.parametrize("how", ["closed", "evicted", "left the block"])
async def test_whoever_goes_is_announced_once(make_hub: MakeHub, how: str) -> None:
    """However a connection ends, the others are told once, and no list holds it any more."""
    hub = make_hub(presence=Presence())
    _, of_eve = await join(hub, "eve")
    connection = await connected(hub, Peer(), "ada")

    async with connection.join("lobby"):
        if how == "closed":
            await connection.close()
        elif how == "evicted":
            connection.evict(1013)

    messages = await of_eve.got(3)
    await hub.rooms.close()
    assert messages[1:] == [told(joined=[member("ada", {})]), told(left=[member("ada")])]
    assert [each.user for each in await hub.rooms.members("lobby")] == ["eve"]
    assert len(of_eve.messages) == 3


@pytest.mark.promise("websockets-116")
async def test_whoever_a_process_takes_along_is_announced(make_hub: MakeHub) -> None:
    """When a process ends in peace, the others hear that its members left before it is gone."""
    here, there = make_hub(presence=Presence()), make_hub(presence=Presence())
    _, of_eve = await join(there, "eve")
    await join(here, "ada")
    await join(here, "ada")

    await here.close()

    assert (await of_eve.got(3))[2] == told(left=[member("ada")])
    assert [each.user for each in await there.rooms.members("lobby")] == ["eve"]


async def test_a_stranger_is_a_member_by_its_connection(make_hub: MakeHub) -> None:
    """Who has no user ID is known by the ID of the connection."""
    hub = make_hub(presence=Presence())
    connection, peer = await join(hub, None)

    assert await peer.got(1) == [told(members=[member(connection.id, {})])]


async def test_nobody_is_told_where_presence_is_not_announced(make_hub: MakeHub) -> None:
    """Without announcements members are known, and clients are told nothing."""
    hub = make_hub(presence=Presence(announce=False))
    ada, of_ada = await join(hub, "ada")
    _, of_eve = await join(hub, "eve")
    await ada.leave("lobby")
    hub.departed(LOBBY, [Member("grace")])

    await hub.publish(LOBBY, {"text": "end"})

    assert await of_eve.got(1) == [{"text": "end"}]
    assert of_ada.messages == []
    assert await hub.rooms.members("lobby") == [Member("eve", ({},))]


async def test_without_presence_members_are_those_of_the_process(make_hub: MakeHub) -> None:
    """Where no presence is kept, the members of this process are listed, each once."""
    here, there = make_hub(), make_hub()
    await join(here, "ada")
    await join(here, "ada", {"what it says": "is not kept"})
    stranger, _ = await join(here, None)
    await join(there, "eve")

    members = await here.rooms.members("lobby")

    assert members == [Member("ada"), Member(stranger.id)]


@pytest.mark.promise("websockets-117")
async def test_who_left_without_a_word_is_announced(make_hub: MakeHub) -> None:
    """When a process is gone, the room is told of those who went with it, in all processes."""
    here, there = make_hub(presence=Presence()), make_hub(presence=Presence())
    _, of_ada = await join(here, "ada")
    _, of_eve = await join(there, "eve")
    await of_ada.got(2)

    here.departed(LOBBY, [Member("grace"), Member("joan")])

    frame = told(left=[member("grace"), member("joan")])
    assert (await of_ada.got(3))[2] == frame
    assert (await of_eve.got(2))[1] == frame


async def test_history_comes_before_members(make_hub: MakeHub) -> None:
    """Who joins is told first what was said, then who is there, then what comes; presence is no part of the history."""
    hub = make_hub(history=History(), presence=Presence())
    await hub.publish(LOBBY, {"text": "before"})
    await join(hub, "eve")
    _, peer = await join(hub, "ada")

    await hub.publish(LOBBY, {"text": "after"})

    messages = await peer.got(4)
    assert [message.get("type") or message["text"] for message in messages] == ["resume", "before", "presence", "after"]
    assert [each.cursor and each.cursor.offset for each in (await hub.backplane.read(LOBBY, None)).entries] == [1, 2]


async def test_joining_again_says_something_else(make_hub: MakeHub) -> None:
    """A connection that joins a room where it is changes what it says of itself, and nobody is told."""
    hub = make_hub(presence=Presence())
    connection, peer = await join(hub, "ada", {"state": "here"})

    await connection.join("lobby", info={"state": "away"})
    await connection.join("lobby")

    assert await hub.rooms.members("lobby") == [Member("ada", ({"state": "away"},))]
    await hub.publish(LOBBY, {"text": "end"})
    assert len(await peer.got(2)) == 2


async def test_what_a_connection_says_is_copied(make_memory_hub: MakeHub) -> None:
    """What is said of a connection is what it was when it joined, in its JSON form."""
    hub = make_memory_hub(presence=Presence())
    info: dict[str, Any] = {"tags": {"a"}, "pair": (1, 2)}
    await join(hub, "ada", info)

    info["tags"].add("b")

    assert await hub.rooms.members("lobby") == [Member("ada", ({"tags": ["a"], "pair": [1, 2]},))]


@pytest.mark.parametrize("presence", [None, Presence()])
async def test_what_has_no_json_form_is_refused(make_memory_hub: MakeHub, presence: Presence | None) -> None:
    """Something that cannot be told is an error of whoever says it, and leaves no trace."""
    hub = make_memory_hub(presence=presence)
    connection = await connected(hub, Peer())

    with pytest.raises(ValueError, match="serialize"):
        await connection.join("lobby", info={"what": object()})

    assert connection.rooms == frozenset()


@pytest.mark.promise("websockets-109")
async def test_a_member_who_comes_and_goes_quickly_is_known_as_it_is(make_memory_hub: MakeHub) -> None:
    """However quickly a connection joins and leaves again, in the end it is known whether it is there."""
    for turns in range(12):
        hub = make_memory_hub(LaggingBackplane(MemoryBackplane()), presence=Presence())
        _, of_eve = await join(hub, "eve")
        ada = await connected(hub, Peer(), "ada")
        for _ in range(3):
            joining = asyncio.ensure_future(come(ada))
            for _ in range(turns):
                await asyncio.sleep(0)
            joining.cancel()
            await asyncio.wait([joining])
            await ada.leave("lobby")
        await ada.join("lobby")

        assert {each.user for each in await hub.rooms.members("lobby")} == {"eve", "ada"}
        await ada.leave("lobby")
        assert {each.user for each in await hub.rooms.members("lobby")} == {"eve"}
        await hub.publish(LOBBY, {"text": "end"})
        await heard_the_end(of_eve)
        assert balance(of_eve.messages) == {"ada": 0}


async def heard_the_end(peer: Peer) -> None:
    """Wait until a client has got the last message."""
    await until(lambda: {"text": "end"} in peer.messages)


async def come(connection: Connection[Any]) -> None:
    """Join the lobby."""
    await connection.join("lobby")


def balance(messages: list[Any]) -> dict[str, int]:
    """Count who joined and has not left; nobody is ever there less than not, or more than once."""
    there: dict[str, int] = {}
    for message in messages:
        for each in message.get("joined", []):
            there[each["user"]] = there.get(each["user"], 0) + 1
        for each in message.get("left", []):
            there[each["user"]] = there.get(each["user"], 0) - 1
        assert set(there.values()) <= {0, 1}
    return there


@pytest.mark.usefixtures("expected_errors")
async def test_a_backplane_that_fails_leaves_nobody_waiting(make_memory_hub: MakeHub) -> None:
    """Where a backplane raises, which none of ours does, the error is logged, and who joined is in the room."""

    class Failing(MemoryBackplane):
        """A backplane that knows nobody."""

        async def join(self, *args: Any, **options: Any) -> Any:
            """Fail."""
            raise OSError("away")

    hub = make_memory_hub(Failing(), presence=Presence())

    connection, peer = await join(hub, "ada")

    assert await peer.got(1) == [told(members=[])]
    assert connection.rooms == {"lobby"}
    await connection.leave("lobby")
    assert hub.rooms._attendances is not None
    assert hub.rooms._attendances._notes == {}


async def test_hooks_hear_of_rooms_once() -> None:
    """``joined`` and ``left`` are told once for each room that a connection was in, and not for one that it was not."""
    events: list[Event] = []
    hub = Hub(backplane=LaggingBackplane(MemoryBackplane()), presence=Presence(), on_event=events.append)
    ada, eve = await connected(hub, Peer(), "ada"), await connected(hub, Peer(), "eve")
    await ada.join("lobby")
    await ada.join("lobby")
    await ada.leave("lobby")
    await ada.join("kitchen")
    giving_up = asyncio.ensure_future(come(eve))
    await asyncio.sleep(0)
    giving_up.cancel()
    await asyncio.wait([giving_up])
    ada.evict(1001)

    await hub.close()

    told = [(event.kind, event.user, event.room) for event in events if event.room is not None]
    assert told == [
        ("joined", "ada", "lobby"),
        ("left", "ada", "lobby"),
        ("joined", "ada", "kitchen"),
        ("left", "ada", "kitchen"),
    ]
