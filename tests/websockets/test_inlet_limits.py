"""How much a client may send, and what it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from brickwork.testing import ManualClock
from brickwork.websockets import ConnectionLimits
from brickwork.websockets._rules.frames import frame
from tests.websockets.inlets import PATIENCE, Connecting


@pytest.fixture
async def connect(clock: ManualClock) -> AsyncIterator[Connecting]:
    """Connects clients."""
    connecting = Connecting(clock)
    yield connecting
    connecting.part()


# --- answers


async def test_an_answer_is_found_behind_a_full_inbox(connect: Connecting) -> None:
    """A handler that waits for the client's answer gets it, though its inbox is full and it reads nothing itself."""
    client = await connect(ConnectionLimits(inbox=1, rate=None))
    client.say("one")
    begun = await client.taken(1)
    client.say("two", "three")
    await client.read()
    answers: list[str | bytes] = []

    def take(message: str | bytes) -> bool:
        answers.append(message)
        return message == "answer"

    client.inlet.expect(take)
    client.say("four", "answer")
    await client.read()
    client.inlet.expect(None)

    assert begun == ["one"]
    assert answers == ["four", "answer"]
    assert [error["status"] for error in client.errors] == [429, 429]
    assert await client.taken(1) == ["two"]


async def test_an_answer_that_ends_the_connection_is_no_message(connect: Connecting) -> None:
    """Whoever looks for an answer may close the socket over what it finds, and nobody gets that as a message."""
    client = await connect()

    def take(message: str | bytes) -> bool:
        client.evict(1008)
        return False

    client.inlet.expect(take)
    client.say("nonsense")
    await client.read()

    assert await client.taken(1) == [None]


# --- limits


@pytest.mark.promise("websockets-59")
@pytest.mark.parametrize(
    ("message", "fits"),
    [
        ("x" * 12, True),
        ("x" * 13, False),
        (b"x" * 12, True),
        (b"x" * 13, False),
        ("ü" * 6, True),
        ("ü" * 6 + "x", False),
        ("ü" * 3, True),
        ("\U0001f642" * 3, True),
        ("\U0001f642" * 3 + "x", False),
        ("\ud800" * 4, True),
        ("\ud800" * 5, False),
    ],
    ids=lambda value: ascii(value)[:40],
)
async def test_a_message_that_is_too_long_closes_the_socket(
    connect: Connecting, message: str | bytes, fits: bool
) -> None:
    """More bytes than the limit, of a text those of UTF-8, close with 1009 and are given to nobody."""
    client = await connect(ConnectionLimits(message=12, rate=None))

    client.say(message)
    client.leave()
    messages = [message async for message in client.inlet]

    assert messages == ([message] if fits else [])
    assert client.ends == [("departed", 1001) if fits else ("evicted", 1009)]


@pytest.mark.promise("websockets-60")
async def test_a_message_above_the_rate_is_dropped_and_answered(connect: Connecting, clock: ManualClock) -> None:
    """The client learns when to go on; what it sends then is let through."""
    client = await connect(ConnectionLimits(rate="2/s burst 3"))
    client.say("1", "2", "3", "too soon")
    await client.read()
    clock.advance(0.5)
    client.say("4")

    messages = await client.taken(4)

    assert messages == ["1", "2", "3", "4"]
    assert client.inlet.dropped == 1
    assert client.errors == [
        {
            "type": "error",
            "status": 429,
            "title": "Too many messages",
            "detail": "The message was dropped. Wait 0.5 s before the next one.",
            "retry_after": 0.5,
        }
    ]


@pytest.mark.promise("websockets-61")
@pytest.mark.promise("websockets-62")
async def test_a_flood_ends_the_connection(connect: Connecting) -> None:
    """A client that goes on above the rate is told so often as it may make errors, and is closed with 1008."""
    client = await connect(ConnectionLimits(rate="1/s", errors=3))

    client.say(*["flood"] * 1_000)
    await asyncio.wait_for(client.ended.wait(), PATIENCE)

    assert client.ends == [("evicted", 1008)]
    assert len(client.errors) == 3
    assert client.inlet.received == client.counters.received == 5
    assert client.counters.errors == 3
    assert client.sent.qsize() == 995


@pytest.mark.promise("websockets-61")
async def test_errors_of_all_kinds_are_counted_together(connect: Connecting, clock: ManualClock) -> None:
    """Whoever finds a fault in what the client sends, one more than the limit within a minute ends it."""
    client = await connect(ConnectionLimits(errors=2, rate=None))
    client.inlet.blame({"status": 400, "title": "Not JSON"})
    client.inlet.blame(frame({"type": "error", "status": 422}))
    clock.advance(30)
    client.inlet.blame({"status": 404})
    before = list(client.ends)

    client.inlet.blame({"status": 400})

    assert before == []
    assert client.ends == [("evicted", 1008)]
    assert [error["status"] for error in client.errors] == [400, 422, 404]
    assert {error["type"] for error in client.errors} == {"error"}
