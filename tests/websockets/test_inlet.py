"""What a client sends, as the application gets it."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from brickwork.testing import ManualClock
from brickwork.websockets import ConnectionLimits
from tests.websockets.inlets import PATIENCE, Client, Connecting


@pytest.fixture
async def connect(clock: ManualClock) -> AsyncIterator[Connecting]:
    """Connects clients."""
    connecting = Connecting(clock)
    yield connecting
    connecting.part()


# --- reading


@pytest.mark.promise("websockets-55")
async def test_messages_come_in_order_and_end_with_the_socket(connect: Connecting) -> None:
    """Iteration gives texts and bytes as they were sent, those from before the close too, and then ends."""
    client = await connect()
    client.say("one", b"two", "")
    client.leave()
    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    messages = [message async for message in client.inlet]

    assert messages == ["one", b"two", ""]
    assert client.ends == [("departed", 1001)]
    assert client.inlet.received == 3


@pytest.mark.promise("websockets-54")
async def test_a_client_that_leaves_is_missed_by_who_asks_for_nothing(connect: Connecting) -> None:
    """The end is heard of at once, with the client's code, though nobody reads; 1005 where it named none."""
    named, unnamed = await connect(), await connect()

    named.leave(4000)
    unnamed.leave(None)
    await asyncio.wait_for(named.ended.wait(), PATIENCE)
    await asyncio.wait_for(unnamed.ended.wait(), PATIENCE)

    assert named.ends == [("departed", 4000)]
    assert unnamed.ends == [("departed", 1005)]


async def test_everybody_who_waits_is_woken_by_the_end(connect: Connecting) -> None:
    """Several that wait for a message all learn that there will be none."""
    client = await connect()
    waiting = [asyncio.ensure_future(anext(client.inlet, None)) for _ in range(3)]
    await client.read()

    client.leave()

    assert await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE) == [None, None, None]


async def test_a_message_is_taken_by_one(connect: Connecting) -> None:
    """Where several wait, each message goes to one of them, and the others go on waiting."""
    client = await connect()
    waiting = [asyncio.ensure_future(anext(client.inlet, None)) for _ in range(3)]
    await client.read()

    client.say("a", "b", "c")

    assert sorted(await asyncio.wait_for(asyncio.gather(*waiting), PATIENCE), key=str) == ["a", "b", "c"]


@pytest.mark.parametrize("steps", [("say", "cancel"), ("cancel", "say")], ids=" ".join)
async def test_one_who_stops_waiting_takes_nothing_along(connect: Connecting, steps: tuple[str, str]) -> None:
    """A message that comes while its reader is cancelled is there for the next one."""
    client = await connect()
    waiting = asyncio.ensure_future(anext(client.inlet, None))
    await client.read()
    for step in steps:
        if step == "say":
            client.say("still here")
        else:
            waiting.cancel()
    await asyncio.wait([waiting])

    assert await client.taken(1) == ["still here"]
    assert waiting.cancelled()


@pytest.mark.promise("websockets-55")
async def test_what_a_client_said_before_it_was_closed_counts_no_longer(connect: Connecting) -> None:
    """After a close from this side nothing is given, neither what waits nor what comes."""
    client = await connect()
    client.say("before")
    await client.read()
    client.evict(1008)
    client.say("after")
    await client.read()

    assert await client.taken(1) == [None]
    assert client.ends == [("evicted", 1008)]


@pytest.mark.promise("websockets-58")
async def test_the_end_is_told_once(connect: Connecting) -> None:
    """A socket that this side closed is not left by its client as well."""
    client = await connect()
    await client.read()

    client.evict(4401)
    client.leave(4401)
    await client.read()
    client.inlet.stop()

    assert client.ends == [("evicted", 4401)]


async def test_an_inlet_that_never_began_can_be_closed(clock: ManualClock) -> None:
    """A connection that ends before it is read from leaves nothing to wait for."""
    client = Client(clock, ConnectionLimits(), idle=None, patience=PATIENCE)

    client.inlet.stop()

    assert await client.taken(1) == [None]


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), OSError()])
async def test_a_server_that_lost_the_client_may_raise(connect: Connecting, error: OSError) -> None:
    """What some servers raise for a client that is gone is a client that is gone, with 1006."""
    client = await connect()

    client.sent.put_nowait({"raises": error})
    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    assert client.ends == [("departed", 1006)]


async def test_a_server_that_cannot_be_read_from_is_an_error(
    connect: Connecting, expected_errors: list[logging.LogRecord]
) -> None:
    """What nobody expected is logged with the connection's ID, and ends it with 1006 rather than silently."""
    client = await connect()

    client.sent.put_nowait({"type": "websocket.surprise"})
    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    assert client.ends == [("departed", 1006)]
    assert [record.getMessage() for record in expected_errors] == ["connection of-a-test cannot be read from"]


# --- the inbox


@pytest.mark.promise("websockets-56")
async def test_a_full_inbox_stops_reading_until_there_is_room(connect: Connecting) -> None:
    """With the inbox full no more is read, and when there is room reading goes on, with nothing lost."""
    client = await connect(ConnectionLimits(inbox=3, rate=None))
    client.say("first")
    begun = await client.taken(1)
    client.say(*(str(number) for number in range(10)))
    await client.read()
    unread = client.sent.qsize()

    messages = await client.taken(10)

    assert unread == 6  # three wait, and a fourth is on its way in
    assert begun + messages == ["first", *(str(number) for number in range(10))]
    assert client.inlet.dropped == 0


async def test_a_client_whose_messages_wait_is_not_silent(connect: Connecting, clock: ManualClock) -> None:
    """While reading has stopped, nobody can say that the client is silent."""
    client = await connect(ConnectionLimits(inbox=1, rate=None), idle=60)
    client.say("one", "two")
    await client.read()
    clock.advance(1_000)
    client.inlet.liveness.check()

    messages = await client.taken(2)

    assert messages == ["one", "two"]
    assert client.ends == []


async def test_a_full_inbox_does_not_outlive_its_connection(connect: Connecting) -> None:
    """A reader that waits for room ends with the connection, and what it held is given to nobody."""
    client = await connect(ConnectionLimits(inbox=1, rate=None))
    client.say("one", "two")
    await client.read()

    client.evict(1008)
    await client.read()

    assert await client.taken(1) == [None]


@pytest.mark.promise("websockets-57")
async def test_an_endpoint_that_only_sends_keeps_its_talkative_clients(connect: Connecting) -> None:
    """Where nobody has ever asked for messages, those that do not fit are dropped, so that the end can be seen."""
    client = await connect(ConnectionLimits(inbox=2, rate=None), patience=0.01)
    client.say(*(str(number) for number in range(5)))
    client.leave()
    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    messages = [message async for message in client.inlet]

    assert messages == ["0", "1"]
    assert client.inlet.dropped == 3
    assert client.ends == [("departed", 1001)]


async def test_whoever_asked_once_is_waited_for(connect: Connecting, caplog: pytest.LogCaptureFixture) -> None:
    """A handler that takes its time loses nothing: patience is for those that never asked."""
    client = await connect(ConnectionLimits(inbox=1, rate=None), patience=0.0)
    client.say("one")
    begun = await client.taken(1)
    client.say("two", "three", "four")
    await asyncio.wait_for(_timers_gone(), PATIENCE)

    assert begun + await client.taken(3) == ["one", "two", "three", "four"]
    assert "nobody asks" not in caplog.text


async def _timers_gone() -> None:
    """Wait until what is due now has been done."""
    for _ in range(5):
        done = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0, done.set_result, None)
        await done


@pytest.mark.promise("websockets-57")
async def test_who_looks_at_the_first_message_alone_asks_for_no_others(connect: Connecting) -> None:
    """A first message that authenticates is no promise to read the rest."""
    client = await connect(ConnectionLimits(inbox=1, rate=None), patience=0.01)
    client.say("token")
    first = await asyncio.wait_for(client.inlet.first(), PATIENCE)
    client.say("one", "two", "three")
    client.leave()

    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    assert first == "token"
    assert client.inlet.dropped == 2
