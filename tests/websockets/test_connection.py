"""One client, from the handshake to the end of its socket."""

import asyncio
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from brickwork.websockets import ConnectionClosedError, Heartbeat, MemoryBackplane
from brickwork.websockets._service.hub import Hub
from tests.websockets.peers import PATIENCE, Peer, connected, until


class Said(BaseModel):
    """A message."""

    by: str = Field(alias="from")


async def test_a_connection_says_what_it_is(hub: Hub) -> None:
    """A connection has an ID of its own, and tells its user, its rooms and its state."""
    connection = await connected(hub, Peer(), "ada", rooms=("lobby", "b:c"))
    stranger = await connected(hub, Peer())

    assert UUID(connection.id).version == 7
    assert connection.rooms == {"lobby", "b:c"}
    assert stranger.rooms == set()
    assert repr(connection) == f"<Connection {connection.id} of ada, open>"
    assert connection.hub is hub
    assert (connection.closed, connection.close_code) == (False, None)
    await stranger.close(1001)
    assert repr(stranger) == f"<Connection {stranger.id} of a stranger, closed with 1001>"
    assert (stranger.closed, stranger.close_code) == (True, 1001)


async def test_messages_are_sent_in_their_form(hub: Hub) -> None:
    """Models are sent by their aliases, other values as JSON, texts and bytes as they are."""
    peer = Peer()
    connection = await connected(hub, peer)

    await connection.send(Said.model_validate({"from": "ada"}))
    await connection.send([1, None])
    await connection.send("as it is")
    await connection.send(b"\x00\xff")

    assert [message.get("text", message.get("bytes")) for message in peer.sent] == [
        '{"from":"ada"}',
        "[1,null]",
        "as it is",
        b"\x00\xff",
    ]
    assert connection.stats.sent == 4


async def test_what_cannot_be_sent_is_told_to_the_sender(hub: Hub) -> None:
    """A message without a JSON form is the sender's error, and the connection goes on."""
    peer = Peer()
    connection = await connected(hub, peer)

    with pytest.raises(ValueError, match="serialize"):
        await connection.send(object())
    await connection.send("a")

    assert peer.texts == ["a"]


async def test_statistics_tell_of_a_slow_client(hub: Hub) -> None:
    """What waits for a client is counted, in messages and bytes."""
    peer = Peer()
    connection = await connected(hub, peer)
    await connection.send("a")
    peer.stall()

    for text in ("b", "cc", "ddd"):
        await connection.send(text)
    stats = connection.stats

    assert (stats.sent, stats.queued, stats.queued_bytes, stats.dropped, stats.received) == (1, 2, 5, 0, 0)
    peer.resume()


async def test_closing_sends_what_was_sent_before(hub: Hub) -> None:
    """The close frame comes after all that was sent, and is sent when `close` returns."""
    peer = Peer()
    connection = await connected(hub, peer, rooms=("lobby",))
    await connection.send("a")
    peer.stall()
    await connection.send("b")
    await connection.send("c")

    closing = asyncio.create_task(connection.close(4000, "enough"))
    await asyncio.sleep(0)
    out_of_all = connection.closed, connection.rooms, hub.counts().connections
    peer.resume()
    await closing

    assert out_of_all == (True, frozenset(), 0)
    assert peer.texts == ["a", "b", "c"]
    assert peer.sent[-1] == {"type": "websocket.close", "code": 4000, "reason": "enough"}


@pytest.mark.promise("websockets-30")
async def test_closing_twice_is_harmless(hub: Hub) -> None:
    """A connection is closed once, with the first code; whoever closes it again waits for the same frame."""
    peer = Peer()
    connection = await connected(hub, peer)

    await asyncio.gather(connection.close(4000), connection.close(4001))
    connection.evict(1008)
    connection.departed(1001)
    hub.remove(connection)

    assert [message["code"] for message in peer.sent] == [4000]
    assert connection.close_code == 4000
    assert await connection.wait_closed() == 4000


@pytest.mark.promise("websockets-32")
async def test_nothing_is_possible_after_the_end(hub: Hub) -> None:
    """A closed connection can neither be sent to nor enter a channel, and is in none."""
    connection = await connected(hub, Peer(), "ada")
    await connection.close()

    with pytest.raises(ConnectionClosedError) as sending:
        await connection.send("a")
    with pytest.raises(ConnectionClosedError):
        await hub.enter(connection, "room:lobby")
    with pytest.raises(ConnectionClosedError):
        await hub.add(connection)

    assert sending.value.code == 1000
    assert len(hub.channels) == 0
    assert hub.counts().connections == hub.counts().users == 0


@pytest.mark.promise("websockets-46")
async def test_a_stalled_client_is_gone_at_once() -> None:
    """A client that reads nothing is out of everything when it is parted with, and its close frame given up."""
    hub = Hub(backplane=MemoryBackplane(), heartbeat=Heartbeat(close=0.01))
    peer = Peer()
    connection = await connected(hub, peer, "ada", rooms=("lobby",))
    await connection.send("a")
    peer.stall()
    await connection.send("b")
    await connection.send("c")

    connection.evict(1013, "too slow")
    at_once = connection.rooms, len(hub.channels), hub.counts().connections, connection.stats.queued
    async with asyncio.timeout(PATIENCE):
        await connection.wait_gone()
    await until(lambda: peer.sending == 0)
    await hub.close()

    assert at_once == (frozenset(), 0, 0, 0)
    assert await connection.wait_closed() == 1013
    assert peer.texts == ["a"]
    assert peer.closed_with is None


async def test_closing_a_stalled_client_gives_up() -> None:
    """`close` waits for no client longer than a close frame may take; what waited is given up."""
    hub = Hub(backplane=MemoryBackplane(), heartbeat=Heartbeat(close=0.01))
    peer = Peer()
    connection = await connected(hub, peer)
    await connection.send("a")
    peer.stall()
    await connection.send("b")

    async with asyncio.timeout(PATIENCE):
        await connection.close()
    await until(lambda: peer.sending == 0)
    await hub.close()

    assert peer.texts == ["a"]


async def test_a_client_that_left_gets_no_close_frame(hub: Hub) -> None:
    """Nothing is sent to a client that has closed the socket or is gone."""
    peers = [Peer(), Peer()]
    left, lost = [await connected(hub, peer) for peer in peers]
    peers[1].failure = OSError("gone")

    left.departed(1001)
    await left.wait_gone()
    with pytest.raises(ConnectionClosedError) as raised:
        await lost.send("a")
    await lost.wait_gone()

    assert (left.close_code, raised.value.code) == (1001, 1006)
    assert [peer.sent for peer in peers] == [[], []]


async def test_a_close_frame_that_fails_is_nobodys_error(hub: Hub) -> None:
    """A server that raises on the close frame is left to itself."""
    peer = Peer()
    connection = await connected(hub, peer)
    peer.failure = RuntimeError("already closed")

    await connection.close()

    assert connection.closed


async def test_a_long_reason_is_shortened(hub: Hub) -> None:
    """Of a reason as many characters are sent as fit into a close frame."""
    peer = Peer()
    connection = await connected(hub, peer)

    await connection.close(4000, "ä" * 100)

    assert peer.sent[-1]["reason"] == "ä" * 61


async def test_the_end_wakes_those_who_wait_for_it(hub: Hub) -> None:
    """`wait_closed` returns when the connection is closed; who gives up waiting closes nothing."""
    connection = await connected(hub, Peer())
    waiting, other = (asyncio.create_task(connection.wait_closed()) for _ in range(2))
    await asyncio.sleep(0)
    other.cancel()
    await asyncio.wait([other])
    unmoved = connection.closed, connection.closing.done()

    connection.evict(4401)

    assert unmoved == (False, False)
    assert await waiting == 4401
    assert connection.closing.result() == 4401
