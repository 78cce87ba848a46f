"""Rooms against a model of them: users, tabs, messages, comings and goings in any order."""

from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from brickwork.websockets import Connection, Cursor, History, MemoryBackplane, Presence
from brickwork.websockets._service.hub import Hub
from tests.websockets.hubs import MakeHub
from tests.websockets.peers import Peer, connected

ROOMS = ["lobby", "kitchen", "a:b"]
USERS = ["ada", "eve", "joan", None]
KEPT = 4

Told = tuple[Any, ...]


@dataclass(eq=False)
class Tab:
    """A connection, and what its client should have been told."""

    hub: Hub
    connection: Connection[str | None]
    peer: Peer
    member: str
    rooms: set[str] = field(default_factory=set)
    told: list[Told] = field(default_factory=list)


class Model:
    """What should be so, and what is, step by step."""

    def __init__(self, hubs: list[Hub], random: Random) -> None:
        self.hubs = hubs
        self.random = random
        self.tabs: list[Tab] = []
        self.said: dict[str, list[tuple[int, Tab | None]]] = {room: [] for room in ROOMS}
        self.epochs: dict[str, str] = {}
        self.count = 0

    def there(self, room: str) -> list[Tab]:
        """Give the tabs that are in a room."""
        return [tab for tab in self.tabs if room in tab.rooms]

    def members(self, room: str) -> set[str]:
        """Give the members of a room."""
        return {tab.member for tab in self.there(room)}

    async def step(self) -> None:
        """Have something happen."""
        room = self.random.choice(ROOMS)
        what = self.random.choice(
            [self.connect, self.join, self.join, self.join, self.leave, self.send, self.send, self.go]
        )
        await what(room)

    async def connect(self, room: str) -> None:
        """Have a user open a tab."""
        if len(self.tabs) < 8:
            hub, peer, user = self.random.choice(self.hubs), Peer(), self.random.choice(USERS)
            connection = await connected(hub, peer, user)
            self.tabs.append(Tab(hub, connection, peer, user or connection.id))

    async def join(self, room: str) -> None:
        """Have a tab join, perhaps with a cursor of before."""
        if not self.tabs:
            return
        tab = self.random.choice(self.tabs)
        total = len(self.said[room])
        since = self.random.choice([None, *range(total + 2)])
        cursor = Cursor(self.epochs.get(room, "never"), since) if since is not None else None
        if room not in tab.rooms:
            if tab.member not in self.members(room):
                self.tell(room, ("joined", room, tab.member))
            tab.rooms.add(room)
            missed = total - since if since is not None and room in self.epochs else -1
            recovered = 0 <= missed <= KEPT
            replayed = self.said[room][total - missed :] if recovered else self.said[room][-KEPT:]
            tab.told.append(("resume", room, recovered))
            tab.told += [("said", room, number) for number, without in replayed if without is not tab]
            tab.told.append(("members", room, frozenset(self.members(room))))

        await tab.connection.join(room, since=cursor)

        head = (await tab.hub.backplane.read(f"room:{room}", None)).head
        assert head is not None
        assert self.epochs.setdefault(room, head.epoch) == head.epoch

    async def leave(self, room: str) -> None:
        """Have a tab leave, whether it is there or not."""
        if self.tabs:
            tab = self.random.choice(self.tabs)
            await tab.connection.leave(room)
            self.left(tab, room)

    async def go(self, room: str) -> None:
        """Have a tab close."""
        if self.tabs:
            tab = self.tabs.pop(self.random.randrange(len(self.tabs)))
            tab.connection.evict(1001)
            await tab.hub.rooms.close()
            for each in ROOMS:
                self.left(tab, each)

    def left(self, tab: Tab, room: str) -> None:
        """Note that a tab is not in a room any more."""
        if room in tab.rooms:
            tab.rooms.discard(room)
            if tab.member not in self.members(room):
                self.tell(room, ("left", room, tab.member))

    async def send(self, room: str) -> None:
        """Have somebody say something, to all or all but one."""
        self.count += 1
        some = self.there(room)
        without = self.random.choice([*some, None])
        exclude = [without.connection.id] if without is not None else []
        delivery = await self.random.choice(self.hubs).publish(f"room:{room}", {"number": self.count}, exclude=exclude)
        self.said[room].append((self.count, without))
        assert delivery.cursor is not None
        assert delivery.cursor.offset == len(self.said[room])
        self.epochs[room] = delivery.cursor.epoch
        for tab in some:
            if tab is not without:
                tab.told.append(("said", room, self.count))

    def tell(self, room: str, told: Told) -> None:
        """Note that all in a room are told something."""
        for tab in self.there(room):
            tab.told.append(told)

    async def check(self) -> None:
        """Compare what is with what should be."""
        for tab in self.tabs:
            assert tab.connection.rooms == tab.rooms
            messages = await tab.peer.got(len(tab.told))
            assert by_room(read(message) for message in messages) == by_room(tab.told)
        for room in ROOMS:
            for hub in self.hubs:
                assert {each.user for each in await hub.rooms.members(room)} == self.members(room)
                assert hub.channels.count(f"room:{room}") == sum(tab.hub is hub for tab in self.there(room))


def by_room(told: Any) -> dict[str, list[Told]]:
    """Sort what was told by rooms: there is no order between them."""
    sorted_: dict[str, list[Told]] = {}
    for each in told:
        sorted_.setdefault(each[1], []).append(each)
    return sorted_


def read(message: Any) -> Told:
    """Give the short form of what a client was told."""
    room = message["room"]
    match message:
        case {"type": "resume", "recovered": recovered}:
            return "resume", room, recovered
        case {"number": number}:
            return "said", room, number
        case {"members": members}:
            return "members", room, frozenset(member["user"] for member in members)
        case {"joined": [joined]}:
            return "joined", room, joined["user"]
    [left] = message["left"]
    return "left", room, left["user"]


async def compare(hubs: list[Hub], seed: int, steps: int) -> None:
    """Let things happen, and look after each."""
    for hub in hubs:
        await hub.open()
    model = Model(hubs, Random(seed))
    for _ in range(steps):
        await model.step()
        await model.check()


@pytest.mark.promise("websockets-118")
@pytest.mark.parametrize("seed", range(40))
async def test_rooms_are_as_their_model(make_memory_hub: MakeHub, seed: int) -> None:
    """Whatever clients do on two processes, each is told exactly what it should be, in order."""
    backplane = MemoryBackplane()
    hubs = [make_memory_hub(backplane, history=History(size=KEPT), presence=Presence()) for _ in range(2)]

    await compare(hubs, seed, 60)


@pytest.mark.promise("websockets-118")
@pytest.mark.parametrize("seed", range(3))
async def test_rooms_are_as_their_model_over_a_backplane(make_hub: MakeHub, seed: int) -> None:
    """The same holds over every backplane."""
    hubs = [make_hub(history=History(size=KEPT), presence=Presence()) for _ in range(2)]

    await compare(hubs, seed, 60)
