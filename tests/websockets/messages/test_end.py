"""How serving ends, and what becomes of those who are still at work."""

import asyncio

import pytest
from fastapi import HTTPException

from brickwork.websockets import (
    ConnectionClosedError,
    ConnectionLimits,
    MessageRouter,
)
from brickwork.websockets._service.connection import Connection
from tests.websockets.messages.client import PATIENCE, connected
from tests.websockets.messages.pings import Ping, Wait, failing_with, handled_by


@pytest.mark.promise("websockets-82")
async def test_what_was_said_before_leaving_is_handled() -> None:
    """Messages of a client that has closed its socket since are handled all the same."""
    seen = list[int]()

    async with connected(handled_by(lambda message: seen.append(message.number))) as client:
        for number in range(5):
            client.say({"type": "ping", "number": number, "id": number})

    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.promise("websockets-82")
async def test_who_was_thrown_out_is_handled_no_more() -> None:
    """After the socket was closed from this side, messages that wait are not handled; serving ends."""
    messages, seen = MessageRouter(), list[int]()

    @messages.on
    async def ping(message: Ping, connection: Connection[None]) -> dict[str, int]:
        seen.append(message.number)
        connection.evict(1008)
        return {"number": message.number}

    async with connected(messages) as client:
        for number in range(5):
            client.say({"type": "ping", "number": number})
        await client.served()

    assert seen == [0]


@pytest.mark.promise("websockets-82")
@pytest.mark.parametrize(
    "error", [ConnectionClosedError(1001), ExceptionGroup("", [ExceptionGroup("", [ConnectionClosedError(1001)])])]
)
async def test_a_handler_that_finds_the_socket_closed_ends_quietly(error: Exception) -> None:
    """A handler that cannot send any more, since the client has left, is no error."""
    messages = MessageRouter()

    @messages.on
    async def ping(message: Ping, connection: Connection[None]) -> None:
        await connection.wait_closed()
        raise error

    async with connected(messages) as client:
        client.say({"type": "ping", "id": 1})
        client.leave()
        await client.served()

    assert client.unheard == 0


@pytest.mark.promise("websockets-82")
@pytest.mark.parametrize("concurrent", [False, True])
async def test_handlers_that_go_on_are_cancelled(concurrent: bool) -> None:
    """When the socket has been closed for as long as the grace is, handlers are cancelled, and serving ends."""
    messages, begun, ended = MessageRouter(), asyncio.Event(), list[str]()

    @messages.on(concurrent=concurrent)
    async def wait(message: Wait) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async with connected(messages, grace=0) as client:
        client.say({"type": "wait"})
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
        client.leave()
        await client.served()

    assert ended == ["cancelled"]


@pytest.mark.promise("websockets-82")
async def test_cancellation_ends_everything() -> None:
    """Serving that is cancelled cancels the handlers that run, and leaves no task behind."""
    messages, begun, ended = MessageRouter(), asyncio.Semaphore(0), list[int]()

    @messages.on(concurrent=True)
    async def wait(message: Wait) -> None:
        begun.release()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(message.number)

    async with connected(messages) as client:
        for number in range(3):
            client.say({"type": "wait", "number": number})
            async with asyncio.timeout(PATIENCE):
                await begun.acquire()
        client.serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await client.served()
        seen = sorted(ended)
        client.serving = asyncio.ensure_future(asyncio.sleep(0))

    assert seen == [0, 1, 2]


async def test_serving_ends_at_once_where_the_socket_is_closed() -> None:
    """A connection that is closed already has nothing to be served."""
    async with connected() as client:
        client.connection.evict(1001)

        await client.connection.serve(MessageRouter())

    assert client.connection.closed


@pytest.mark.promise("websockets-83")
async def test_a_client_that_cannot_behave_is_shown_out() -> None:
    """More errors of its own than `ConnectionLimits.errors` close the socket with 1008; refusals do not count."""
    limits = ConnectionLimits(rate=None, errors=3)

    async with connected(failing_with(HTTPException(409)), limits=limits) as client:
        refused = [await client.ask({"type": "ping", "number": 1}) for _ in range(10)]
        blamed = [await client.ask("{") for _ in range(3)]
        client.say("{")
        last = await client.hear_raw()
        await client.served()

    assert {each["status"] for each in refused} == {409}
    assert {each["status"] for each in blamed} == {400}
    assert (last["type"], last["code"]) == ("websocket.close", 1008)
