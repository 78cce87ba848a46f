"""Coming back to a room: everything once, in order, or a word that something is missing."""

import asyncio
from random import Random
from typing import Any

import pytest

from brickwork.websockets import Cursor, History, MemoryBackplane
from brickwork.websockets._service.hub import Hub
from tests.websockets.hubs import MakeHub
from tests.websockets.lagging import LaggingBackplane
from tests.websockets.peers import Peer, connected

LOBBY = "room:lobby"


async def say(hub: Hub, *numbers: int) -> list[Cursor | None]:
    """Send numbers to the lobby."""
    return [(await hub.publish(LOBBY, {"number": number})).cursor for number in numbers]


async def joined(hub: Hub, since: Cursor | None, messages: int) -> list[Any]:
    """Bring a client into the lobby, and give what it is told."""
    peer = Peer()
    connection = await connected(hub, peer)
    await connection.join("lobby", since=since)
    return await peer.got(messages)


def numbers(messages: list[Any]) -> list[int]:
    """Give the numbers among messages."""
    return [message["number"] for message in messages if "number" in message]


@pytest.mark.promise("websockets-111")
async def test_who_comes_back_gets_what_it_missed(make_hub: MakeHub) -> None:
    """A client that resumes is told that nothing is missing, then what it missed, then what comes."""
    here, there = make_hub(history=History()), make_hub(history=History())
    cursors = await say(there, 1, 2, 3)
    peer = Peer()
    connection = await connected(here, peer)

    await connection.join("lobby", since=cursors[0])
    last = (await say(there, 4))[0]

    messages = await peer.got(4)
    resume = {"type": "resume", "recovered": True, "replayed": 2}
    assert messages[0] == {"room": "lobby", "cursor": str(cursors[0]), **resume}
    assert [(message["room"], message["cursor"], message["number"]) for message in messages[1:]] == [
        ("lobby", str(cursor), number) for number, cursor in ((2, cursors[1]), (3, cursors[2]), (4, last))
    ]


async def test_who_missed_nothing_is_told_so(make_hub: MakeHub) -> None:
    """A client that is up to date is told where the room stands, and nothing else."""
    hub = make_hub(history=History())
    cursor = (await say(hub, 1, 2))[-1]

    messages = await joined(hub, cursor, 1)

    resume = {"type": "resume", "recovered": True, "replayed": 0}
    assert messages == [{"room": "lobby", "cursor": str(cursor), **resume}]


@pytest.mark.promise("websockets-112")
@pytest.mark.parametrize("since", ["nothing", "too old", "elsewhere", "ahead"])
async def test_who_missed_something_is_told_so(make_hub: MakeHub, since: str) -> None:
    """A client that comes for the first time, too late or from another history is told so, and all that is kept."""
    hub = make_hub(history=History(size=3))
    first = (await say(hub, 1, 2, 3, 4, 5))[0]
    assert first is not None
    cursors = {
        "nothing": None,
        "too old": first,
        "elsewhere": Cursor("elsewhere", 4),
        "ahead": Cursor(first.epoch, 6),
    }

    messages = await joined(hub, cursors[since], 4)

    resume = {"type": "resume", "recovered": False, "replayed": 3}
    assert messages[0] == {"room": "lobby", "cursor": f"{first.epoch}:2", **resume}
    assert numbers(messages) == [3, 4, 5]


async def test_who_comes_before_the_first_message_can_resume(make_hub: MakeHub) -> None:
    """A room where nothing was said yet gives a cursor as well."""
    hub = make_hub(history=History())
    cursor = Cursor.parse((await joined(hub, None, 1))[0]["cursor"])
    await say(hub, 1, 2)

    messages = await joined(hub, cursor, 3)

    assert messages[0]["recovered"]
    assert numbers(messages) == [1, 2]


async def test_a_resume_that_breaks_off_is_resumed_where_it_broke_off(make_hub: MakeHub) -> None:
    """The cursor that a client has after each message leads to exactly what follows."""
    hub = make_hub(history=History())
    first = (await say(hub, 1, 2, 3, 4))[0]

    for message in await joined(hub, first, 4):
        again = await joined(hub, Cursor.parse(message["cursor"]), 1)
        assert again[0]["recovered"]
        assert numbers(again) == list(range(message.get("number", 1) + 1, 5))


async def test_what_was_not_for_a_user_is_not_replayed(make_hub: MakeHub) -> None:
    """Whoever was left out when a message was sent is left out when it is replayed."""
    hub = make_hub(history=History())
    peer = Peer()
    connection = await connected(hub, peer, "ada")
    await hub.publish(LOBBY, {"number": 1}, exclude_users=["ada"])
    await hub.publish(LOBBY, {"number": 2}, exclude=[connection.id])
    await say(hub, 3)

    await connection.join("lobby")

    assert numbers(await peer.got(2)) == [3]


@pytest.mark.promise("websockets-113")
async def test_a_live_client_hears_of_a_loss(make_hub: MakeHub) -> None:
    """When messages are gone for good, all who are in the room are told so, and where it stands."""
    hub, peer = make_hub(history=History()), Peer()
    connection = await connected(hub, peer)
    await connection.join("lobby")
    await say(hub, 1)
    await peer.got(2)

    hub.lost(LOBBY, Cursor("anew", 7))

    assert (await peer.got(3))[2] == {"room": "lobby", "cursor": "anew:7", "type": "resume", "recovered": False}


@pytest.mark.promise("websockets-111")
@pytest.mark.timeout(300)
async def test_a_resume_races_with_messages(make_memory_hub: MakeHub) -> None:
    """In a thousand interleavings of messages and coming back, each message arrives exactly once, in order."""
    for seed in range(1_000):
        shared = MemoryBackplane()
        random = Random(seed)
        hubs = [make_memory_hub(LaggingBackplane(shared, random), history=History()) for _ in range(2)]
        await race(hubs, random)
        for hub in hubs:
            await hub.close()


@pytest.mark.promise("websockets-111")
async def test_a_resume_races_with_messages_over_a_backplane(make_hub: MakeHub) -> None:
    """The same holds over every backplane."""
    hubs = [make_hub(history=History()) for _ in range(2)]
    for seed in range(50):
        await race(hubs, Random(seed))


MESSAGES = 12


async def race(hubs: list[Hub], random: Random) -> None:
    """Have a client come and go on two processes while messages are sent on both."""
    visitor = Visitor(f"race {random.random()}", random)
    await visitor.visit(hubs[0])
    talking = [asyncio.ensure_future(talk(hub, visitor.room, random)) for hub in hubs]

    while not all(task.done() for task in talking):
        await visitor.visit(random.choice(hubs))
    await visitor.visit(hubs[0], until=2 * MESSAGES)

    assert visitor.heard == list(range(1, 2 * MESSAGES + 1))


async def talk(hub: Hub, room: str, random: Random) -> None:
    """Send messages, now and then; each has its place in the history as its number."""
    for _ in range(MESSAGES):
        await hub.publish(f"room:{room}", {"said": True})
        for _ in range(random.randint(0, 3)):
            await asyncio.sleep(0)


class Visitor:
    """A client that comes and goes, and notes the places in the room's history of what it hears."""

    def __init__(self, room: str, random: Random) -> None:
        self.room = room
        self.heard: list[int] = []
        self._random = random
        self._cursor: Cursor | None = None

    async def visit(self, hub: Hub, *, until: int = 0) -> None:
        """Be in the room for a while, or until so much is heard."""
        peer = Peer()
        connection = await connected(hub, peer)
        await connection.join(self.room, since=self._cursor)
        assert peer.messages[0]["recovered"] is (self._cursor is not None)
        if until:
            await peer.got(1 + until - len(self.heard))
        for _ in range(self._random.randint(0, 8)):
            await asyncio.sleep(0)
        connection.evict(1001)
        for message in peer.messages[1:]:
            assert message["said"]
            self.heard.append(int(message["cursor"].rpartition(":")[2]))
        self._cursor = Cursor.parse(peer.messages[-1]["cursor"])
