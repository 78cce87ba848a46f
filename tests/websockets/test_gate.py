"""The gate that a client stands behind until it has been told what it missed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from brickwork.websockets import (
    Connection,
    ConnectionClosedError,
    ConnectionLimits,
    Cursor,
    MemoryBackplane,
    SlowConsumer,
)
from brickwork.websockets._rules.frames import Entry, Frame, frame
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.gate import Gate
from brickwork.websockets._service.hub import Hub
from tests.websockets.peers import Peer, connected, until

LOBBY = "room:lobby"
LIMITS = ConnectionLimits(queue=4, queue_bytes=2_000)


class Place:
    """A client that stands behind a gate in the lobby."""

    def __init__(self, hub: Hub, peer: Peer, connection: Connection[Any]) -> None:
        self.hub = hub
        self.peer = peer
        self.connection = connection
        self.gate = Gate(LOBBY, connection, hub.channels, LIMITS)

    def stands(self) -> object:
        """Give what stands in the channel for the client."""
        return self.hub.channels.recipient(LOBBY, self.connection.id)

    async def receive(self, *entries: Entry) -> None:
        """Have entries come, and wait until they are through."""
        for entry in entries:
            self.hub.receive(entry)
        await self.hub.channels.handed_over(LOBBY)

    def told(self) -> list[Any]:
        """Give the numbers that the client was told, and the other messages."""
        return [message.get("number", message) for message in self.peer.messages]


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """A client behind a gate, which stands in the channel."""
    hub = Hub(backplane=MemoryBackplane(), limits=LIMITS, slow_consumer=SlowConsumer.disconnect())
    peer = Peer()
    place = Place(hub, peer, await connected(hub, peer, "ada"))
    await hub.enter(place.connection, LOBBY, place.gate)
    yield place
    peer.resume()
    await hub.close()


def entry(number: int, *, stored: bool = True, epoch: str = "epoch", size: int = 0) -> Entry:
    """Make an entry that has a place in the history, or none."""
    message = {"number": number, **({"filling": "x" * size} if size else {})}
    return Entry(LOBBY, frame(message), cursor=Cursor(epoch, number) if stored else None)


async def test_what_comes_meanwhile_is_told_after_what_was_missed(place: Place) -> None:
    """Live messages wait for the replay, and what the replay held is not told again."""
    for number in (2, 3, 4):
        await place.receive(entry(number))

    await place.gate.replay([entry(1), entry(2), entry(3)], Cursor("epoch", 3))
    assert place.told() == [1, 2, 3]
    await place.gate.open()
    await place.receive(entry(5))

    assert place.told() == [1, 2, 3, 4, 5]
    assert place.stands() is place.connection.channels[LOBBY] is place.connection.outlet


@pytest.mark.promise("websockets-111")
async def test_what_comes_late_is_not_told_again(place: Place) -> None:
    """A message of the replay that arrives only after it is left out; the gate stands until that can be no more."""
    await place.gate.replay([entry(1), entry(2), entry(3)], Cursor("epoch", 3))
    await place.gate.open()

    for number in (1, 2):
        await place.receive(entry(number))
    await place.receive(entry(90, stored=False))
    assert place.stands() is place.gate
    await place.receive(entry(3))

    assert place.told() == [1, 2, 3, 90]
    assert place.stands() is place.connection.outlet


async def test_the_gate_steps_aside_for_what_is_new(place: Place) -> None:
    """The first message after the replay is told, and needs no gate any more."""
    await place.gate.replay([entry(1)], Cursor("epoch", 1))
    await place.gate.open()

    await place.receive(entry(2))

    assert place.told() == [1, 2]
    assert place.stands() is place.connection.outlet


async def test_another_history_is_new(place: Place) -> None:
    """A message of another history is none of the replay, whatever its number."""
    await place.gate.replay([entry(7)], Cursor("epoch", 7))
    await place.gate.open()

    await place.receive(entry(1, epoch="anew"))

    assert place.told() == [7, 1]
    assert place.stands() is place.connection.outlet


@pytest.mark.parametrize("head", [None, Cursor("epoch", 0)], ids=["no history", "nothing said"])
async def test_a_room_without_a_past_needs_no_gate(place: Place, head: Cursor | None) -> None:
    """Where nothing can have been missed, the gate steps aside as soon as it is open."""
    await place.gate.replay([], head)

    await place.gate.open()

    assert place.stands() is place.connection.outlet


@pytest.mark.promise("websockets-114")
@pytest.mark.parametrize(("stored", "size", "kept"), [(True, 0, 4), (False, 0, 4), (True, 600, 3)])
async def test_more_than_can_wait_is_told_as_a_loss(place: Place, stored: bool, size: int, kept: int) -> None:
    """When more comes than may wait, the client hears that it has lost something, and then what came after."""
    for number in range(1, kept + 3):
        await place.receive(entry(number, stored=stored, size=size))

    await place.gate.replay([], Cursor("epoch", 0))
    await place.gate.open()

    place_told = {"cursor": f"epoch:{kept + 1}"} if stored else {}
    loss = {"type": "resume", "recovered": False, "room": "lobby", **place_told}
    assert place.told() == [loss, kept + 2]


@pytest.mark.promise("websockets-114")
async def test_a_slow_client_is_told_everything_in_its_own_time(place: Place) -> None:
    """A replay that is longer than a client's queue waits for the client, and so does what comes meanwhile."""
    place.peer.stall()
    replay = [entry(number, size=600) for number in range(1, 21)]
    telling = asyncio.ensure_future(place.gate.replay(replay, Cursor("epoch", 20)))
    await until(lambda: place.connection.outlet.queued)
    await place.receive(entry(21))
    assert not telling.done()
    place.peer.resume()

    await telling
    await place.gate.open()

    await until(lambda: len(place.told()) == 21)
    assert place.told() == list(range(1, 22))
    assert not place.connection.closed


async def test_a_client_that_goes_meanwhile_ends_the_replay(place: Place) -> None:
    """Whoever waits for a client that goes hears of it."""
    place.peer.stall()
    telling = asyncio.ensure_future(place.gate.replay([entry(number) for number in range(1, 21)], None))
    await until(lambda: place.connection.outlet.queued)

    place.gate.evict(1001)

    with pytest.raises(ConnectionClosedError):
        await telling
    assert place.connection.close_code == 1001


class TextCodec(JSONCodec):
    """A codec that has no form for bytes."""

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Refuse bytes."""
        if entry.frame.kind == "bytes":
            raise ValueError("no bytes")
        return super().encode(entry)


@pytest.mark.usefixtures("expected_errors")
async def test_what_has_no_form_for_a_client_is_left_out() -> None:
    """A message that the client's codec cannot write is skipped; the others are told."""
    hub, peer = Hub(backplane=MemoryBackplane()), Peer()
    connection = await connected(hub, peer, codec=TextCodec())
    gate = Gate(LOBBY, connection, hub.channels, LIMITS)
    await hub.enter(connection, LOBBY, gate)
    unfit = Entry(LOBBY, Frame("bytes", b"\x00"), cursor=Cursor("epoch", 2))
    hub.receive(Entry(LOBBY, Frame("bytes", b"\x00"), cursor=Cursor("epoch", 4)))
    hub.receive(entry(5))
    await hub.channels.handed_over(LOBBY)

    await gate.replay([entry(1), unfit, entry(3)], Cursor("epoch", 3))
    await gate.open()

    assert [message["number"] for message in peer.messages] == [1, 3, 5]
    await hub.close()


async def test_a_gate_that_was_left_behind_changes_nothing(place: Place) -> None:
    """Whoever left the room and came again has another gate; the old one does not push it aside."""
    place.hub.leave(place.connection, LOBBY)
    newer = Gate(LOBBY, place.connection, place.hub.channels, LIMITS)
    await place.hub.enter(place.connection, LOBBY, newer)

    await place.gate.replay([], None)
    await place.gate.open()

    assert place.stands() is newer
    assert (newer.id, newer.user_id, newer.codec) == (place.connection.id, "ada", place.connection.codec)
