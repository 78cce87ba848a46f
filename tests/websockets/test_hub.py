"""What joins the connections of a process."""

from typing import Any

import pytest

from brickwork.websockets import (
    ConnectionLimits,
    Cursor,
    Event,
    Member,
    MemoryBackplane,
    Presence,
    SlowConsumer,
)
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets._service.hub import Hub
from tests.websockets.peers import Peer, connected, until

# --- what is sent


async def test_a_room_is_sent_to(hub: Hub) -> None:
    """A message reaches those in its room, and the sender hears how many they are."""
    peers = [Peer() for _ in range(3)]
    for peer in peers[:2]:
        await connected(hub, peer, rooms=("lobby",))
    await connected(hub, peers[2])

    delivery = await hub.publish("room:lobby", {"a": 1})
    nobody = await hub.publish("room:empty", {"a": 2})

    assert delivery == (2, None)
    assert nobody == (0, None)
    assert [peer.messages for peer in peers] == [[{"a": 1}], [{"a": 1}], []]


@pytest.mark.promise("websockets-38")
async def test_a_user_is_sent_to_wherever_connected(hub: Hub) -> None:
    """A message to a user reaches all of that user's connections, and no others."""
    peers = [Peer() for _ in range(4)]
    for peer, user in zip(peers, ["ada", "ada", "grace", None], strict=True):
        await connected(hub, peer, user)

    delivery = await hub.publish("user:ada", "for ada")
    to_all = await hub.publish("all", "for all")

    assert (delivery.reached, to_all.reached) == (2, 4)
    assert [peer.texts for peer in peers] == [["for ada", "for all"]] * 2 + [["for all"]] * 2


@pytest.mark.promise("websockets-39")
async def test_connections_and_users_can_be_left_out(hub: Hub) -> None:
    """Whoever is left out gets nothing, and is not counted; whoever is not there cannot be left out."""
    peers = [Peer() for _ in range(5)]
    connections = [
        await connected(hub, peer, user, rooms=("lobby",) if peer is not peers[4] else ())
        for peer, user in zip(peers, ["ada", "ada", "grace", None, "ada"], strict=True)
    ]

    by_user = await hub.publish("room:lobby", "1", exclude_users=["ada", "nobody"])
    by_id = await hub.publish("room:lobby", "2", exclude=[connections[3].id, connections[4].id, "nobody"])
    by_both = await hub.publish("room:lobby", "3", exclude=[connections[0].id], exclude_users=["ada"])

    assert (by_user.reached, by_id.reached, by_both.reached) == (2, 3, 2)
    assert [peer.texts for peer in peers] == [["2"], ["2"], ["1", "2", "3"], ["1", "3"], []]


@pytest.mark.promise("websockets-40")
async def test_a_sender_is_heard_in_order(hub: Hub) -> None:
    """One sender's messages arrive in their order, at a slow client as at others."""
    peers = [Peer() for _ in range(200)]
    for peer in peers:
        await connected(hub, peer, rooms=("lobby",))
    await hub.publish("room:lobby", "first")
    peers[7].stall()

    for number in range(50):
        await hub.publish("room:lobby", str(number))
    others = [peer.texts for number, peer in enumerate(peers) if number != 7]
    peers[7].resume()
    await until(lambda: len(peers[7].texts) == 51)

    expected = ["first", *(str(number) for number in range(50))]
    assert all(texts == expected for texts in others)
    assert peers[7].texts == expected


@pytest.mark.promise("websockets-42")
async def test_a_stalled_client_delays_nobody() -> None:
    """While one client reads nothing, all others get all as it is sent, and little waits for that one."""
    hub = Hub(
        backplane=MemoryBackplane(),
        slow_consumer=SlowConsumer.drop_oldest(),
        limits=ConnectionLimits(queue_bytes=100_000),
    )
    peers = [Peer() for _ in range(20)]
    connections = [await connected(hub, peer, rooms=("lobby",)) for peer in peers]
    await hub.publish("room:lobby", "first")
    peers[0].stall()
    message = "x" * 16_384

    for number in range(100):
        await hub.publish("room:lobby", message)
        assert all(len(peer.texts) == number + 2 for peer in peers[1:])

    assert connections[0].stats.queued_bytes <= 100_000
    assert connections[0].stats.dropped == 99 - connections[0].stats.queued
    assert hub.counts().dropped["drop_oldest"] == connections[0].stats.dropped
    await hub.close()


async def test_a_user_can_be_parted_with(hub: Hub) -> None:
    """All connections of a user are closed, after what they were sent before; nobody else's are."""
    peers = [Peer() for _ in range(3)]
    connections = [await connected(hub, peer, user) for peer, user in zip(peers, ["ada", "ada", None], strict=True)]
    await hub.publish("user:ada", "goodbye")

    await hub.evict("user:ada", 4403, "banned")
    for connection in connections[:2]:
        await connection.wait_gone()

    assert [connection.close_code for connection in connections] == [4403, 4403, None]
    assert [peer.texts for peer in peers] == [["goodbye"]] * 2 + [[]]
    assert [peer.closed_with for peer in peers] == [4403, 4403, None]


async def test_a_room_can_be_parted_with(hub: Hub) -> None:
    """All connections in a room are closed."""
    peers = [Peer() for _ in range(2)]
    inside = await connected(hub, peers[0], rooms=("lobby",))
    outside = await connected(hub, peers[1])

    await hub.evict("room:lobby", 1000, control="close")

    assert (inside.closed, outside.closed) == (True, False)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"code": "x", "reason": ""}', b'{"code": null, "reason": ""}'])
async def test_a_strange_control_entry_closes_normally(hub: Hub, data: bytes) -> None:
    """A control entry that another version wrote parts with the client all the same."""
    connection = await connected(hub, Peer(), rooms=("lobby",))

    hub.receive(Entry("room:lobby", frame(b"")._replace(data=data), control="close"))

    assert connection.close_code == 1000


# --- what is told


@pytest.mark.promise("websockets-36")
@pytest.mark.parametrize("way", ["close", "evict", "departed", "failure", "hub"])
async def test_each_event_is_told_once(way: str) -> None:
    """However a connection ends, its opening, joining, leaving and closing are each told once."""
    events: list[Event] = []
    hub = Hub(backplane=MemoryBackplane(), on_event=events.append)
    peer = Peer()
    connection = await connected(hub, peer, "ada")
    await connection.join("lobby")

    match way:
        case "close":
            await connection.close()
        case "evict":
            connection.evict(1008)
        case "departed":
            connection.departed(1001)
        case "failure":
            peer.failure = OSError("gone")
            await hub.publish("room:lobby", "a")
    await hub.close()

    assert [(event.kind, event.room) for event in events] == [
        ("opened", None),
        ("joined", "lobby"),
        ("left", "lobby"),
        ("closed", None),
    ]
    assert {(event.connection, event.user) for event in events} == {(connection.id, "ada")}
    assert events[-1].code == connection.close_code


async def test_a_hook_that_fails_harms_nobody(expected_errors: list[Any]) -> None:
    """What `on_event` raises is logged, and everything goes on."""

    def fail(event: Event) -> None:
        raise RuntimeError("no")

    hub = Hub(backplane=MemoryBackplane(), on_event=fail)
    peer = Peer()

    await connected(hub, peer, "ada", rooms=("lobby",))
    await hub.publish("room:lobby", "a")
    await hub.close()

    assert peer.texts == ["a"]
    assert len(expected_errors) == 4


@pytest.mark.promise("websockets-52")
async def test_everything_is_counted(hub: Hub) -> None:
    """Connections, users, rooms, messages and their time are counted as they come and go."""
    peers = [Peer() for _ in range(3)]
    connections = [
        await connected(hub, peer, user, rooms=("lobby", user or "-"))
        for peer, user in zip(peers, ["ada", "ada", None], strict=True)
    ]
    await hub.publish("room:lobby", "a")
    await connections[0].send("b")
    during = hub.counts()

    for connection in connections:
        connection.evict(1000)
    after = hub.counts()

    assert (during.connections, during.users, during.rooms) == (3, 1, 3)
    assert (during.sent, during.fan_outs, during.errors, during.gaps) == (4, 1, 0, 0)
    assert during.fan_out_seconds > 0
    assert (after.connections, after.users, after.rooms, after.sent) == (0, 0, 0, 4)
    assert (after.largest_queue, after.backplane) == (0, "ready")


async def test_a_room_hears_of_what_is_lost() -> None:
    """When messages are gone for good, those in the room are told where it stands, and the gap is counted."""
    events: list[Event] = []
    hub = Hub(backplane=MemoryBackplane(), on_event=events.append)
    peer = Peer()
    await connected(hub, peer, rooms=("lobby",))

    hub.lost("room:lobby", Cursor("e", 7))
    hub.lost("user:ada", None)

    assert peer.messages == [{"room": "lobby", "cursor": "e:7", "type": "resume", "recovered": False}]
    assert hub.counts().gaps == 2
    assert [event.room for event in events if event.kind == "gap"] == ["lobby", "user:ada"]
    await hub.close()


async def test_a_room_hears_who_has_gone_with_a_process() -> None:
    """Members who left without a word are told to the room."""
    hub = Hub(backplane=MemoryBackplane(), presence=Presence())
    peer = Peer()
    await connected(hub, peer, rooms=("lobby",))

    hub.departed("room:lobby", [Member("grace")])

    told = await peer.got(2)
    assert told[1] == {"type": "presence", "room": "lobby", "left": [{"user": "grace", "info": []}]}
    await hub.close()


async def test_the_state_of_the_backplane_is_told_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    """Each change of the backplane's state is told and logged once."""
    events: list[Event] = []
    hub = Hub(backplane=MemoryBackplane(), on_event=events.append)

    for state in ("degraded", "degraded", "ready", "ready"):
        hub.turned(state)

    assert [event.state for event in events] == ["degraded", "ready"]
    assert len(caplog.records) == 2
    assert hub.counts().backplane == "ready"
