"""Messages reach their handlers, in order, and replies the client."""

import asyncio
import logging
import threading
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from brickwork.websockets import (
    MessageRouter,
)
from tests.websockets.messages.client import PATIENCE, connected
from tests.websockets.messages.pings import Ping, Wait, handled_by


class Pong(BaseModel):
    type: Literal["pong"] = "pong"
    number: int


@dataclass
class Noted:
    number: int


# --- replies


@pytest.mark.promise("websockets-78")
@pytest.mark.parametrize(
    ("returned", "reply"),
    [
        (Pong(number=1), {"re": "a", "type": "pong", "number": 1}),
        ({"number": 1}, {"re": "a", "number": 1}),
        (Noted(1), {"re": "a", "number": 1}),
        ({}, {"re": "a"}),
        (None, {"type": "ack", "re": "a"}),
    ],
)
async def test_a_reply_names_the_message(returned: object, reply: dict[str, Any]) -> None:
    """What a handler returns goes back with the ID of the message; where it returns nothing, so does an ack."""
    async with connected(handled_by(lambda _: returned)) as client:
        heard = await client.ask({"type": "ping", "id": "a"})

    assert heard == reply


@pytest.mark.promise("websockets-78")
async def test_who_does_not_number_messages_gets_replies_without_number() -> None:
    """A message without an ID is answered with what the handler returns, and not at all where that is nothing."""
    async with connected(handled_by(lambda message: Pong(number=2) if message.number else None)) as client:
        client.say({"type": "ping"})
        heard = await client.ask({"type": "ping", "number": 1})

    assert heard == {"type": "pong", "number": 2}
    assert client.unheard == 0


@pytest.mark.parametrize("returned", ["text", b"bytes", [1], 5, object()])
async def test_what_cannot_be_a_reply_is_the_applications_fault(
    returned: object, expected_errors: list[logging.LogRecord]
) -> None:
    """A reply has members; anything else is a 500 for the client, and a record for the log."""
    async with connected(handled_by(lambda _: returned)) as client:
        heard = await client.ask({"type": "ping", "id": 7})

    assert heard == {"type": "error", "status": 500, "title": "Internal Server Error", "re": 7}
    assert len(expected_errors) == 1


# --- order


@pytest.mark.promise("websockets-79")
async def test_messages_are_handled_in_their_order() -> None:
    """A message waits until the one before it is handled, whatever that takes."""
    messages, go, seen = MessageRouter(), asyncio.Event(), list[int]()

    @messages.on
    async def wait(message: Wait) -> None:
        await go.wait()
        seen.append(message.number)

    @messages.on
    async def ping(message: Ping) -> None:
        seen.append(message.number)

    async with connected(messages) as client:
        client.say({"type": "wait", "number": 1, "id": 1})
        client.say({"type": "ping", "number": 2, "id": 2})
        client.say("not JSON")
        refused = client.unheard
        go.set()
        heard = [await client.hear() for _ in range(3)]

    assert refused == 0
    assert seen == [1, 2]
    assert [each.get("re") for each in heard] == [1, 2, None]


@pytest.mark.promise("websockets-79")
async def test_concurrent_handlers_let_others_pass() -> None:
    """A handler that is registered as concurrent holds up none after it."""
    messages, go = MessageRouter(), asyncio.Event()

    @messages.on(concurrent=True)
    async def wait(message: Wait) -> None:
        await go.wait()

    @messages.on
    async def ping(message: Ping) -> None:
        go.set()

    async with connected(messages) as client:
        client.say({"type": "wait", "id": 1})
        client.say({"type": "ping", "id": 2})
        heard = {(await client.hear())["re"] for _ in range(2)}

    assert heard == {1, 2}


@pytest.mark.promise("websockets-79")
async def test_concurrent_handlers_are_bounded() -> None:
    """Of one connection, 16 concurrent handlers run at a time; the next message waits until one of them is done."""
    messages, begun, go, running, most = MessageRouter(), asyncio.Semaphore(0), asyncio.Semaphore(0), 0, 0

    @messages.on(concurrent=True)
    async def wait(message: Wait) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        begun.release()
        await go.acquire()
        running -= 1

    async with connected(messages) as client:
        for number in range(40):
            client.say({"type": "wait", "id": number})
        async with asyncio.timeout(PATIENCE):
            for _ in range(16):
                await begun.acquire()
        for _ in range(40):
            go.release()
            await client.hear()

    assert most == 16


async def test_sync_handlers_run_in_a_thread() -> None:
    """A handler that is no coroutine function does not stand in the way of the event loop."""
    messages = MessageRouter()

    @messages.on
    def ping(message: Ping) -> Pong:
        return Pong(number=threading.get_ident())

    async with connected(messages) as client:
        heard = await client.ask({"type": "ping"})

    assert heard["number"] != threading.get_ident()
