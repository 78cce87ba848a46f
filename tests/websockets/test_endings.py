"""Whatever ends an endpoint: what the client hears, what the log says, and that nothing is left."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from fastapi import Depends, HTTPException, WebSocketException
from starlette.websockets import WebSocketDisconnect

from brickwork import Problem
from brickwork.problems import add_problem_handlers
from brickwork.testing import ManualClock, open_socket
from brickwork.websockets import Connection, ConnectionClosedError, ConnectionManager, Event
from tests.websockets.apps import PATIENCE, Endpoint, assert_empty, by_header, echo, serve, until


class ClosedShopError(Problem, status=409, slug="closed-shop"):
    """The shop is closed."""


class SoldOutError(Exception):
    """Nothing is left: an error of the app's own."""


class BackSoonError(Problem, status=503, slug="back-soon"):
    """What it means to a client."""


def raising(error: BaseException) -> Endpoint:
    """Make an endpoint that reads one message, and fails."""

    async def endpoint(connection: Connection[Any]) -> None:
        await connection.join("lobby")
        await anext(aiter(connection))
        raise error

    return endpoint


@pytest.mark.promise("websockets-13")
async def test_an_endpoint_that_returns_closes_its_socket() -> None:
    """A socket whose endpoint has returned is closed with 1000, after what was sent."""
    events: list[Event] = []
    manager = ConnectionManager(on_event=events.append)

    async def endpoint(connection: Connection[Any]) -> None:
        await connection.join("lobby")
        await connection.send("bye")

    async with open_socket(serve(manager, endpoint), "/ws") as socket:
        code = await socket.closed(timeout=PATIENCE)
        said = socket.unread()

    assert (code, said) == (1000, ["bye"])
    assert [event.kind for event in events] == ["opened", "joined", "left", "closed"]
    assert_empty(manager)


@pytest.mark.promise("websockets-14")
async def test_an_endpoint_that_fails_harms_nobody_else(expected_errors: list[logging.LogRecord]) -> None:
    """An error closes its own socket with 1011 and writes one record, with the connection's ID; others go on."""
    manager = ConnectionManager()
    ids: list[str] = []

    async def endpoint(connection: Connection[Any]) -> None:
        async for message in connection:
            if message == "fail":
                ids.append(connection.id)
                raise ZeroDivisionError("a secret of the app")
            await connection.send(message)

    app = serve(manager, endpoint)
    async with open_socket(app, "/ws") as other, open_socket(app, "/ws") as socket:
        await socket.send("fail")
        code = await socket.closed(timeout=PATIENCE)
        await other.send("hello")
        said = await other.receive(timeout=PATIENCE)

    assert (code, socket.close_reason, said) == (1011, "", "hello")
    assert [record.levelname for record in expected_errors] == ["ERROR"]
    assert ids[0] in expected_errors[0].getMessage()
    assert expected_errors[0].exc_info is not None
    assert_empty(manager)


@pytest.mark.promise("websockets-15")
@pytest.mark.parametrize(
    ("error", "code", "title"),
    [
        (HTTPException(404, "No such room."), 1008, "Not Found"),
        (HTTPException(500, "Oh."), 1011, "Internal Server Error"),
        (HTTPException(503, {"what": "everything"}), 1013, "Service Unavailable"),
        (ClosedShopError("Come tomorrow."), 1008, "Closed shop"),
    ],
)
async def test_errors_with_an_answer_are_told_as_messages(
    error: HTTPException, code: int, title: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What would be a response before the socket is open, is a message and a close code once it is."""
    manager = ConnectionManager()
    app = serve(manager, raising(error))
    add_problem_handlers(app)

    async with open_socket(app, "/ws") as socket:
        await socket.send("go")
        told = await socket.receive("error", timeout=PATIENCE)
        closed = await socket.closed(timeout=PATIENCE)

    assert (closed, told["status"], told["title"]) == (code, error.status_code, title)
    assert socket.close_reason == (error.detail if isinstance(error.detail, str) else "")
    assert caplog.records == []
    assert_empty(manager)


async def test_errors_that_mean_something_are_logged_where_it_is_ours(expected_errors: list[logging.LogRecord]) -> None:
    """An error that the app's handlers would answer with a 5xx is told like that, and logged."""
    manager = ConnectionManager()
    app = serve(manager, raising(SoldOutError()))
    add_problem_handlers(app, map={SoldOutError: BackSoonError})

    async with open_socket(app, "/ws") as socket:
        await socket.send("go")
        told = await socket.receive("error", timeout=PATIENCE)
        closed = await socket.closed(timeout=PATIENCE)

    assert (closed, told["status"]) == (1013, 503)
    assert [record.levelname for record in expected_errors] == ["ERROR"]


async def test_the_endpoint_can_choose_the_close_code() -> None:
    """``WebSocketException`` closes the socket with its own code and reason."""
    manager = ConnectionManager()

    async with open_socket(serve(manager, raising(WebSocketException(4000, "done"))), "/ws") as socket:
        await socket.send("go")
        code = await socket.closed(timeout=PATIENCE)

    assert (code, socket.close_reason) == (4000, "done")


@pytest.mark.parametrize(("reason", "told"), [("ä" * 100, "ä" * 61), ("\ud800", "?")])
async def test_a_reason_is_cut_to_what_a_close_frame_holds(reason: str, told: str) -> None:
    """However long a reason is, and whatever it holds, the close frame goes out."""
    manager = ConnectionManager()

    async with open_socket(serve(manager, raising(WebSocketException(4000, reason))), "/ws") as socket:
        await socket.send("go")
        code = await socket.closed(timeout=PATIENCE)

    assert (code, socket.close_reason) == (4000, told)


@pytest.mark.promise("websockets-16")
@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("raw", [False, True])
async def test_a_closed_socket_ends_the_endpoint_without_an_error(
    *, grouped: bool, raw: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What a closed socket raises is a normal end, in a task group too."""
    manager = ConnectionManager()
    begun = asyncio.Event()
    ended: list[type[BaseException]] = []

    async def endpoint(connection: Connection[Any]) -> None:
        begun.set()
        await connection.wait_closed()
        try:
            await (connection.websocket.receive() if raw else connection.send("too late"))
        except Exception as error:
            ended.append(type(error))
            if grouped:
                raise ExceptionGroup("several", [error, WebSocketDisconnect(1001)]) from None
            raise

    async with open_socket(serve(manager, endpoint), "/ws"):
        await begun.wait()

    assert len(ended) == 1
    assert caplog.records == []
    assert_empty(manager)


async def test_the_end_of_another_connection_is_an_error_of_ones_own(expected_errors: list[logging.LogRecord]) -> None:
    """An endpoint that fails to send to somebody else's closed socket is told so as of any other error."""
    manager = ConnectionManager()

    async with open_socket(serve(manager, raising(ConnectionClosedError(1001))), "/ws") as socket:
        await socket.send("go")
        code = await socket.closed(timeout=PATIENCE)

    assert (code, len(expected_errors)) == (1011, 1)


async def test_errors_after_the_end_are_logged(expected_errors: list[logging.LogRecord]) -> None:
    """What goes wrong when the client has gone is logged, though nobody can be told."""
    manager = ConnectionManager()
    begun = asyncio.Event()

    async def endpoint(connection: Connection[Any]) -> None:
        begun.set()
        await connection.wait_closed()
        raise ZeroDivisionError

    async with open_socket(serve(manager, endpoint), "/ws"):
        await begun.wait()

    assert [record.levelname for record in expected_errors] == ["ERROR"]
    assert_empty(manager)


@pytest.mark.promise("websockets-13")
async def test_a_cancelled_endpoint_leaves_nothing() -> None:
    """Where the server cancels the endpoint, it ends at once, and nothing of the connection is left."""
    events: list[Event] = []
    manager = ConnectionManager(on_event=events.append)
    tasks: list[asyncio.Task[Any] | None] = []

    async def endpoint(connection: Connection[Any]) -> None:
        await connection.join("lobby")
        tasks.append(asyncio.current_task())
        await echo(connection)

    async def cancel() -> None:
        async with open_socket(serve(manager, endpoint), "/ws"):
            await until(lambda: tasks)
            assert tasks[0] is not None
            tasks[0].cancel()

    with pytest.raises(asyncio.CancelledError):
        await cancel()

    assert [event.kind for event in events] == ["opened", "joined", "left", "closed"]
    assert_empty(manager)


@pytest.mark.promise("websockets-13")
async def test_no_task_is_left() -> None:
    """After any number of connections, there are as many tasks as before."""
    manager = ConnectionManager()
    app = serve(manager)
    before = len(asyncio.all_tasks())

    for _ in range(20):
        async with open_socket(app, "/ws") as socket:
            await socket.send("hello")
            await socket.receive(timeout=PATIENCE)
    await until(lambda: len(asyncio.all_tasks()) <= before)

    assert_empty(manager)


@pytest.mark.promise("websockets-13")
async def test_dependencies_that_come_later_end_it_too() -> None:
    """What a dependency raises after the socket is open closes it, and is never sent as a response."""
    manager = ConnectionManager()

    async def later(connection: Annotated[Any, Depends(manager.connect)]) -> None:
        raise HTTPException(404, "No such room.")

    async with open_socket(serve(manager, dependencies=[Depends(later)]), "/ws") as socket:
        code = await socket.closed(timeout=PATIENCE)

    assert code == 1008
    assert_empty(manager)


@pytest.mark.promise("websockets-17")
async def test_a_user_stays_until_the_token_ends(clock: ManualClock) -> None:
    """A socket is closed with 4401 at the instant that ``expires`` gives."""
    end = datetime.fromtimestamp(clock.time() + 60, UTC)
    manager = ConnectionManager(authenticate=by_header, expires=lambda _: end, clock=clock)
    seen: list[Connection[Any]] = []

    async def endpoint(connection: Connection[Any]) -> None:
        seen.append(connection)
        await echo(connection)

    async with open_socket(serve(manager, endpoint), "/ws", headers={"Authorization": "ada"}) as socket:
        await until(lambda: seen)
        clock.advance(61)
        seen[0].inlet.liveness.check()
        code = await socket.closed(timeout=PATIENCE)

    assert code == 4401


async def test_who_has_expired_is_not_let_in_for_long(clock: ManualClock) -> None:
    """A user whose time is over already never reaches the endpoint."""
    end = datetime.fromtimestamp(clock.time() - 1, UTC)
    manager = ConnectionManager(authenticate=by_header, expires=lambda _: end, clock=clock)
    seen: list[Connection[Any]] = []

    async def endpoint(connection: Connection[Any]) -> None:
        seen.append(connection)

    async with open_socket(serve(manager, endpoint), "/ws", headers={"Authorization": "ada"}) as socket:
        code = await socket.closed(timeout=PATIENCE)

    assert (code, seen) == (4401, [])
    assert_empty(manager)


async def test_a_client_that_leaves_during_the_handshake_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    """A handshake whose client has gone when it is answered ends without a word."""
    manager = ConnectionManager()
    caplog.set_level(logging.WARNING)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        raise OSError

    scope = {"type": "websocket", "path": "/ws", "headers": [], "query_string": b"", "extensions": {}}
    await serve(manager)(scope, receive, send)

    assert caplog.records == []
    assert_empty(manager)


async def test_what_cannot_begin_is_closed(expected_errors: list[logging.LogRecord]) -> None:
    """Where something fails before the endpoint begins, the socket is closed with 1011."""

    class BrokenError(Exception):
        pass

    def fail(user: object) -> datetime:
        raise BrokenError

    manager = ConnectionManager(authenticate=lambda: "ada", expires=fail)

    async with open_socket(serve(manager), "/ws") as socket:
        code = await socket.closed(timeout=PATIENCE)

    assert (code, len(expected_errors)) == (1011, 1)
    assert_empty(manager)
