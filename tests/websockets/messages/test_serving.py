"""Messages reach their handlers, and replies the client; what goes wrong in one handler stays there."""

import asyncio
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from fastapi import FastAPI, HTTPException, WebSocketException
from pydantic import BaseModel

from brickwork import Problem
from brickwork.problems import add_problem_handlers
from brickwork.websockets import (
    ConnectionClosedError,
    ConnectionLimits,
    InvalidReplyError,
    MessageRouter,
    RequestTimeoutError,
)
from brickwork.websockets._service.connection import Connection
from tests.websockets.messages.client import PATIENCE, connected

SECRET = "the-password-of-the-database"


class Ping(BaseModel):
    type: Literal["ping"] = "ping"
    number: int = 0


class Wait(BaseModel):
    type: Literal["wait"] = "wait"
    number: int = 0


class Pong(BaseModel):
    type: Literal["pong"] = "pong"
    number: int


@dataclass
class Noted:
    number: int


class SoldOutError(Problem, status=409, slug="sold-out", title="Sold out"):
    left: int


class TakenError(Exception):
    """The application's own."""


def _router(handle: Callable[[Ping], object]) -> MessageRouter:
    """Have pings handled."""
    messages = MessageRouter()

    @messages.on
    async def ping(message: Ping) -> object:
        return handle(message)

    return messages


def _raising(error: BaseException) -> MessageRouter:
    """Have pings fail, unless their number is 0."""

    def handle(message: Ping) -> object:
        if message.number:
            raise error
        return {"type": "pong"}

    return _router(handle)


# --- replies


@pytest.mark.promise("websockets-M5")
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
    async with connected(_router(lambda _: returned)) as client:
        heard = await client.ask({"type": "ping", "id": "a"})

    assert heard == reply


@pytest.mark.promise("websockets-M5")
async def test_who_does_not_number_messages_gets_replies_without_number() -> None:
    """A message without an ID is answered with what the handler returns, and not at all where that is nothing."""
    async with connected(_router(lambda message: Pong(number=2) if message.number else None)) as client:
        client.say({"type": "ping"})
        heard = await client.ask({"type": "ping", "number": 1})

    assert heard == {"type": "pong", "number": 2}
    assert client.unheard == 0


@pytest.mark.parametrize("returned", ["text", b"bytes", [1], 5, object()])
async def test_what_cannot_be_a_reply_is_the_applications_fault(
    returned: object, expected_errors: list[logging.LogRecord]
) -> None:
    """A reply has members; anything else is a 500 for the client, and a record for the log."""
    async with connected(_router(lambda _: returned)) as client:
        heard = await client.ask({"type": "ping", "id": 7})

    assert heard == {"type": "error", "status": 500, "title": "Internal Server Error", "re": 7}
    assert len(expected_errors) == 1


# --- order


@pytest.mark.promise("websockets-M6")
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


@pytest.mark.promise("websockets-M6")
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


@pytest.mark.promise("websockets-M6")
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


# --- errors


MEANT: list[tuple[Exception, dict[str, Any]]] = [
    (
        SoldOutError("None left.", left=0),
        {"status": 409, "title": "Sold out", "detail": "None left.", "left": 0, "problem": "urn:problem-type:sold-out"},
    ),
    (HTTPException(404, "No such room."), {"status": 404, "title": "Not Found", "detail": "No such room."}),
    (HTTPException(429, headers={"Retry-After": "3"}), {"status": 429, "retry_after": 3}),
    (HTTPException(503, headers={"Retry-After": "Wed"}), {"status": 503}),
    (HTTPException(400, {"detail": "No.", "field": 1}), {"status": 400, "detail": "No.", "field": 1}),
    (RequestTimeoutError(), {"status": 408, "detail": "A question to the client was not answered in time."}),
    (InvalidReplyError(), {"status": 422, "detail": "A question to the client was not answered as it should be."}),
]


@pytest.mark.promise("websockets-M7")
@pytest.mark.parametrize(("error", "told"), MEANT)
async def test_an_error_that_means_something_is_told(error: Exception, told: dict[str, Any]) -> None:
    """Status, title, detail and members of a problem go to the client, and the connection goes on."""
    async with connected(_raising(error)) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": "a"})
        after = await client.ask({"type": "ping"})

    assert told.items() <= heard.items()
    assert (heard["type"], heard["re"]) == ("error", "a")
    assert heard.keys() <= {*told, "type", "re", "title"}
    assert after == {"type": "pong"}


@pytest.mark.promise("websockets-M7")
@pytest.mark.parametrize(("status", "level"), [(409, logging.DEBUG), (503, logging.WARNING)])
async def test_errors_of_the_application_mean_what_its_handlers_say(
    status: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What the app's problem handlers make of its own errors holds for sockets too."""
    app = FastAPI()
    add_problem_handlers(app, map={TakenError: lambda _: HTTPException(status, "Choose another.")})
    caplog.set_level(logging.DEBUG, "brickwork.websockets")

    async with connected(_raising(TakenError(SECRET)), app=app) as client:
        heard = await client.ask({"type": "ping", "number": 1})

    assert (heard["status"], heard["detail"]) == (status, "Choose another.")
    assert [(each.levelno, each.message) for each in caplog.records] == [
        (level, f"TakenError is answered with {status}")
    ]


class UnspeakableError(Problem, status=418, slug="unspeakable"):
    """An error that cannot be told."""

    def members(self) -> dict[str, object]:
        """Fail."""
        raise RuntimeError(SECRET)


async def test_an_error_that_cannot_be_told_is_told_by_its_status(expected_errors: list[logging.LogRecord]) -> None:
    """Where a problem document cannot be made, the client hears of the status, and the log of the rest."""
    async with connected(_raising(UnspeakableError())) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": 1})

    assert heard == {"type": "error", "status": 418, "title": "I'm a Teapot", "re": 1}
    assert [each.message for each in expected_errors] == [
        "could not tell a client of UnspeakableError, so it hears of its status alone"
    ]


@pytest.mark.promise("websockets-M8")
@pytest.mark.parametrize("error", [RuntimeError(SECRET), TimeoutError(SECRET), ConnectionClosedError(1000)])
async def test_any_other_error_tells_nothing(error: Exception, expected_errors: list[logging.LogRecord]) -> None:
    """Of a fault the client hears 500 and no more; one record has the traceback and the connection's ID."""
    async with connected(_raising(error)) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": "a"})
        after = await client.ask({"type": "ping"})

    assert heard == {"type": "error", "status": 500, "title": "Internal Server Error", "re": "a"}
    assert after == {"type": "pong"}
    [record] = expected_errors
    assert record.message == f"the handler ping failed, on connection {client.connection.id}"
    assert record.exc_info
    assert record.exc_info[1] is error


async def test_what_a_handler_awaits_may_be_cancelled(expected_errors: list[logging.LogRecord]) -> None:
    """A handler whose own task was cancelled has failed; the connection goes on."""
    async with connected(_raising(asyncio.CancelledError())) as client:
        heard = await client.ask({"type": "ping", "number": 1})
        after = await client.ask({"type": "ping"})

    assert (heard["status"], after) == (500, {"type": "pong"})
    assert len(expected_errors) == 1


async def test_a_handler_may_close_the_socket_with_a_code() -> None:
    """A WebSocketException closes the socket as it says."""
    async with connected(_raising(WebSocketException(4403, "Go away."))) as client:
        client.say({"type": "ping", "number": 1})
        heard = await client.hear_raw()
        await client.served()

    assert heard == {"type": "websocket.close", "code": 4403, "reason": "Go away."}


# --- the end


@pytest.mark.promise("websockets-M9")
async def test_what_was_said_before_leaving_is_handled() -> None:
    """Messages of a client that has closed its socket since are handled all the same."""
    seen = list[int]()

    async with connected(_router(lambda message: seen.append(message.number))) as client:
        for number in range(5):
            client.say({"type": "ping", "number": number, "id": number})

    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.promise("websockets-M9")
async def test_who_was_thrown_out_is_handled_no_more() -> None:
    """After the socket was closed from this side, messages that wait are not handled; serving ends."""
    messages, seen = MessageRouter(), list[int]()

    @messages.on
    async def ping(message: Ping, connection: Connection[None]) -> Pong:
        seen.append(message.number)
        connection.evict(1008)
        return Pong(number=message.number)

    async with connected(messages) as client:
        for number in range(5):
            client.say({"type": "ping", "number": number})
        await client.served()

    assert seen == [0]


@pytest.mark.promise("websockets-M9")
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


@pytest.mark.promise("websockets-M9")
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


@pytest.mark.promise("websockets-M9")
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


@pytest.mark.promise("websockets-M10")
async def test_a_client_that_cannot_behave_is_shown_out() -> None:
    """More errors of its own than `ConnectionLimits.errors` close the socket with 1008; refusals do not count."""
    limits = ConnectionLimits(rate=None, errors=3)

    async with connected(_raising(HTTPException(409)), limits=limits) as client:
        refused = [await client.ask({"type": "ping", "number": 1}) for _ in range(10)]
        blamed = [await client.ask("{") for _ in range(3)]
        client.say("{")
        last = await client.hear_raw()
        await client.served()

    assert {each["status"] for each in refused} == {409}
    assert {each["status"] for each in blamed} == {400}
    assert (last["type"], last["code"]) == ("websocket.close", 1008)
