"""What goes wrong in one handler is told as far as it may be, and stays there."""

import asyncio
import logging
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, WebSocketException

from brickwork import Problem
from brickwork.problems import add_problem_handlers
from brickwork.websockets import (
    ConnectionClosedError,
    InvalidReplyError,
    RequestTimeoutError,
)
from tests.websockets.messages.client import connected
from tests.websockets.messages.pings import failing_with

SECRET = "the-password-of-the-database"


class SoldOutError(Problem, status=409, slug="sold-out", title="Sold out"):
    left: int


class TakenError(Exception):
    """The application's own."""


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


@pytest.mark.promise("websockets-80")
@pytest.mark.parametrize(("error", "told"), MEANT)
async def test_an_error_that_means_something_is_told(error: Exception, told: dict[str, Any]) -> None:
    """Status, title, detail and members of a problem go to the client, and the connection goes on."""
    async with connected(failing_with(error)) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": "a"})
        after = await client.ask({"type": "ping"})

    assert told.items() <= heard.items()
    assert (heard["type"], heard["re"]) == ("error", "a")
    assert heard.keys() <= {*told, "type", "re", "title"}
    assert after == {"type": "pong"}


@pytest.mark.promise("websockets-80")
@pytest.mark.parametrize(("status", "level"), [(409, logging.DEBUG), (503, logging.WARNING)])
async def test_errors_of_the_application_mean_what_its_handlers_say(
    status: int, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    """What the app's problem handlers make of its own errors holds for sockets too."""
    app = FastAPI()
    add_problem_handlers(app, map={TakenError: lambda _: HTTPException(status, "Choose another.")})
    caplog.set_level(logging.DEBUG, "brickwork.websockets")

    async with connected(failing_with(TakenError(SECRET)), app=app) as client:
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
    async with connected(failing_with(UnspeakableError())) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": 1})

    assert heard == {"type": "error", "status": 418, "title": "I'm a Teapot", "re": 1}
    assert [each.message for each in expected_errors] == [
        "could not tell a client of UnspeakableError, so it hears of its status alone"
    ]


@pytest.mark.promise("websockets-81")
@pytest.mark.parametrize("error", [RuntimeError(SECRET), TimeoutError(SECRET), ConnectionClosedError(1000)])
async def test_any_other_error_tells_nothing(error: Exception, expected_errors: list[logging.LogRecord]) -> None:
    """Of a fault the client hears 500 and no more; one record has the traceback and the connection's ID."""
    async with connected(failing_with(error)) as client:
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
    async with connected(failing_with(asyncio.CancelledError())) as client:
        heard = await client.ask({"type": "ping", "number": 1})
        after = await client.ask({"type": "ping"})

    assert (heard["status"], after) == (500, {"type": "pong"})
    assert len(expected_errors) == 1


async def test_a_handler_may_close_the_socket_with_a_code() -> None:
    """A WebSocketException closes the socket as it says."""
    async with connected(failing_with(WebSocketException(4403, "Go away."))) as client:
        client.say({"type": "ping", "number": 1})
        heard = await client.hear_raw()
        await client.served()

    assert heard == {"type": "websocket.close", "code": 4403, "reason": "Go away."}
