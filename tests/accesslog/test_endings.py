"""The record of what did not go well: errors, clients that leave, requests that are given up, sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.accesslog.calls import Form, Records, Stopwatch, application, around, connection, get, scope, send


@pytest.mark.promise("accesslog-3")
async def test_an_unhandled_error_is_named(form: Form, records: Records) -> None:
    """By its type and never by its text; around a whole application, it was answered before we hear of it."""
    await get(form(application(Stopwatch())), "/broken")

    assert records.only["error"] == (None if form is around else "ZeroDivisionError")
    assert "the secret text" not in str(records.only)


@pytest.mark.promise("accesslog-3")
async def test_an_error_after_the_start_is_told(form: Form, records: Records) -> None:
    """The status is what the client got, and the record says that the response was not finished."""
    with suppress(ZeroDivisionError):
        await form(application(Stopwatch()))(scope("/half"), connection(), send)

    fields = records.only
    assert (fields["status"], fields["response_started"], fields["error"]) == (200, True, "ZeroDivisionError")


@pytest.mark.promise("accesslog-3")
async def test_a_client_that_leaves_is_told(form: Form, records: Records) -> None:
    """Its status is 499, whether or not the response had begun."""
    app = FastAPI()

    @app.get("/")
    async def stream() -> Response:
        async def chunks() -> AsyncIterator[bytes]:
            while True:
                yield b"1"
                await asyncio.sleep(0)

        return StreamingResponse(chunks())

    await form(app)(scope(), connection(leaves=True), send)

    fields = records.only
    assert (fields["status"], fields["disconnected"], fields["response_started"]) == (499, True, True)


@pytest.mark.promise("accesslog-3")
async def test_a_client_that_leaves_within_its_body_is_told(form: Form, records: Records) -> None:
    """An endpoint that reads the body meets the end of the connection."""
    app = FastAPI()

    @app.get("/")
    async def read(request: Request) -> None:
        await request.body()

    async def leave() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    with suppress(ClientDisconnect):
        await form(app)(scope(), leave, send)

    assert (records.only["status"], records.only["disconnected"]) == (499, True)


async def test_a_server_that_reports_the_end_when_it_sends_is_understood(form: Form, records: Records) -> None:
    """A newer server raises when it sends to a client that has left."""
    app = FastAPI()

    @app.get("/")
    async def stream() -> Response:
        return StreamingResponse(iter([b"1", b"2"]))

    async def broken_pipe(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.body":
            raise OSError

    with suppress(ClientDisconnect, RuntimeError):
        await form(app)(scope() | {"asgi": {"version": "3.0", "spec_version": "2.4"}}, connection(), broken_pipe)

    assert (records.only["status"], records.only["disconnected"]) == (499, True)


async def test_what_a_server_says_after_the_end_counts_for_nothing(form: Form, records: Records) -> None:
    """A client that hangs up after the last byte has not left early."""
    app = FastAPI()

    @app.get("/")
    async def late(request: Request) -> Response:
        async def listen() -> None:
            while (await request.receive())["type"] != "http.disconnect":
                pass

        return PlainTextResponse("ok", background=BackgroundTask(listen))

    await form(app)(scope(), connection(leaves=True), send)

    assert (records.only["status"], records.only["disconnected"]) == (200, False)


@pytest.mark.promise("accesslog-3")
async def test_a_cancelled_request_is_told(form: Form, records: Records) -> None:
    """A request that the server gives up leaves its record too."""
    app, waiting = FastAPI(), asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(form(app)(scope(), connection(), send))
    await waiting.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    fields = records.only
    assert fields["error"] == "CancelledError"
    # The stack has told the client to come back.
    assert fields["status"] == (503 if fields["response_started"] else 499)


@pytest.mark.promise("accesslog-4")
def test_a_socket_leaves_one_record(form: Form, records: Records) -> None:
    """When it is closed, with the code, by whichever side."""
    app = FastAPI()

    @app.websocket("/ours/{name}")
    async def ours(websocket: WebSocket, name: str) -> None:
        await websocket.accept()
        await websocket.close(4001)

    @app.websocket("/theirs")
    async def theirs(websocket: WebSocket) -> None:
        await websocket.accept()
        with suppress(WebSocketDisconnect):
            await websocket.receive_text()

    client = TestClient(form(app))
    with client.websocket_connect("/ours/x?token=1"):
        pass
    with client.websocket_connect("/theirs") as socket:
        socket.close(4002)

    seen = [(vars(each)["route"], vars(each)["status"], vars(each)["close_code"]) for each in records.all]
    assert seen == [("/ours/{name}", 101, 4001), ("/theirs", 101, 4002)]
    assert vars(records.all[0])["method"] == "WEBSOCKET"
    assert records.all[0].getMessage().startswith("WEBSOCKET /ours/x?token=*** 101 in")


@pytest.mark.promise("accesslog-4")
def test_a_refused_socket_leaves_one_record(form: Form, records: Records) -> None:
    """With the status that the client gets."""
    app = FastAPI()

    @app.websocket("/closed")
    async def closed(websocket: WebSocket) -> None:
        await websocket.close()

    @app.websocket("/denied")
    async def denied(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", 401))

    client = TestClient(form(app))
    for path in ("/closed", "/denied"):
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
            pass

    assert [vars(each)["status"] for each in records.all] == [403, 401]


@pytest.mark.promise("accesslog-4")
async def test_a_socket_that_nobody_answered_leaves_one_record(form: Form, records: Records) -> None:
    """With the 500 that servers give to a handshake that the application neither accepts nor closes."""
    app = FastAPI()

    @app.websocket("/silent")
    async def silent(_websocket: WebSocket) -> None: ...

    await form(app)({**scope("/silent"), "type": "websocket", "subprotocols": []}, connection(), send)

    assert [vars(each)["status"] for each in records.all] == [500]
