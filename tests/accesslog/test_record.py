"""The record of a request: one each, with the same fields, whatever became of it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from brickwork.requestid import bind
from tests.accesslog.calls import Form, Records, alone, around, connection, get, scope, send

FIELDS = {
    "method", "path", "route", "query", "status", "duration", "first_byte", "sent_bytes", "client", "headers",
    "response_started", "disconnected", "close_code", "error", "request_id", "trace_id", "span_id",
}  # fmt: skip


class Stopwatch:
    """A clock that others push."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def time(self) -> float:
        """Give the seconds."""
        return self.seconds

    def monotonic(self) -> float:
        """Give the seconds."""
        return self.seconds


def application(clock: Stopwatch) -> FastAPI:
    """An application that answers in every way, and takes its time."""
    app = FastAPI()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            clock.seconds += 1
            yield b"12345"

    async def cut() -> AsyncIterator[bytes]:
        yield b"12345"
        raise ZeroDivisionError("the secret text")

    @app.get("/books/{book_id}")
    async def book(book_id: int, tasks: BackgroundTasks) -> str:
        clock.seconds += 0.25
        tasks.add_task(lambda: setattr(clock, "seconds", clock.seconds + 60))
        return "ok"

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(409)

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("the secret text")

    app.add_api_route("/stream", lambda: StreamingResponse(chunks()), response_model=None)
    app.add_api_route("/half", lambda: StreamingResponse(cut()), response_model=None)
    return app


@pytest.mark.promise("accesslog-1")
async def test_a_request_leaves_one_record(form: Form, records: Records) -> None:
    """With the documented fields, and a message for people."""
    clock = Stopwatch()

    await get(form(application(clock), clock=clock), "/books/7?page=2")

    fields = records.only
    assert fields.keys() >= FIELDS
    assert {name: fields[name] for name in ("method", "path", "route", "query", "status", "sent_bytes", "client")} == {
        "method": "GET", "path": "/books/7", "route": "/books/{book_id}", "query": "page=2", "status": 200,
        "sent_bytes": 4, "client": "192.0.2.7",
    }  # fmt: skip
    assert (fields["response_started"], fields["disconnected"], fields["error"]) == (True, False, None)
    assert records.all[0].getMessage() == "GET /books/7?page=2 200 in 250.0 ms"
    assert (records.all[0].name, records.all[0].levelname) == ("brickwork.accesslog", "INFO")


@pytest.mark.promise("accesslog-2")
async def test_the_time_ends_with_the_last_byte(form: Form, records: Records) -> None:
    """Background tasks do not count; the first byte has a time of its own."""
    clock = Stopwatch()

    await get(form(application(clock), clock=clock), "/books/7")

    assert records.only["duration"] == records.only["first_byte"] == 0.25


@pytest.mark.promise("accesslog-2")
async def test_a_stream_is_timed_and_counted_to_its_end(form: Form, records: Records) -> None:
    """All bytes, from the beginning to the last chunk."""
    clock = Stopwatch()

    await get(form(application(clock), clock=clock), "/stream")

    assert (records.only["duration"], records.only["first_byte"], records.only["sent_bytes"]) == (4.0, 0.0, 20)


@pytest.mark.promise("accesslog-1")
@pytest.mark.parametrize(
    ("path", "status", "route"),
    [
        ("/refused", 409, "/refused"),
        ("/nowhere", 404, None),
        ("/books/x", 422, "/books/{book_id}"),
        ("/broken", 500, "/broken"),
    ],
)
async def test_errors_leave_one_record(form: Form, records: Records, path: str, status: int, route: str | None) -> None:
    """With the status that the client got."""
    await get(form(application(Stopwatch())), path)

    assert (records.only["status"], records.only["route"]) == (status, route)


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
    assert (fields["status"], fields["response_started"], fields["error"]) == (499, False, "CancelledError")


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


@pytest.mark.promise("accesslog-5")
async def test_bound_values_are_on_the_record(form: Form, records: Records) -> None:
    """Also those that a dependency binds in a thread; none takes the place of a field."""
    app = FastAPI()

    def caller() -> None:
        bind(user="ada", path="/forged")

    @app.get("/", dependencies=[Depends(caller)])
    async def endpoint() -> None: ...

    await get(form(app))

    assert (records.only["user"], records.only["path"]) == ("ada", "/")


@pytest.mark.promise("accesslog-5")
@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}])
async def test_the_record_names_request_and_trace(form: Form, records: Records, headers: dict[str, str]) -> None:
    """The ID is the response's own; without a request-ID piece it is a hyphen."""
    answer = await get(form(application(Stopwatch())), "/refused", headers=headers)

    assert records.only["request_id"] == answer.headers.get("x-request-id", "-")
    assert records.only["trace_id"] == headers.get("traceparent", "00--")[3:-20].rstrip("-") or "-"


async def test_separate_middleware_share_one_request(records: Records) -> None:
    """The log inside and the ID outside, each added by itself, tell the same."""
    from brickwork.requestid import RequestIDMiddleware

    app = alone(application(Stopwatch()))
    app.add_middleware(RequestIDMiddleware)

    answer = await get(app, "/books/7")
    await get(app, "/broken")

    assert vars(records.all[0])["request_id"] == answer.headers["x-request-id"]
    assert [vars(each)["status"] for each in records.all] == [200, 500]
    assert vars(records.all[1])["duration"] >= 0


async def test_a_mounted_application_does_not_repeat_the_record(form: Form, records: Records) -> None:
    """One request, one record, also where the sub-application has a log of its own."""
    app, mounted = FastAPI(), FastAPI()
    mounted.add_api_route("/{leaf}", lambda: "ok")
    app.mount("/inner", alone(mounted))

    await get(form(app), "/inner/x")

    assert records.only["route"] == "/inner/{leaf}"


@pytest.mark.promise("accesslog-6")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.text(max_size=40), query=st.binary(max_size=60), header=st.binary(max_size=40))
async def test_nothing_a_client_sends_can_forge_a_line(
    records: Records, path: str, query: bytes, header: bytes
) -> None:
    """Path, query and headers are one line of visible characters in message and fields."""
    records.all.clear()
    app = alone(FastAPI(), headers={"user-agent"})

    await app(scope("/" + path, [(b"user-agent", header)], query), connection(), send)

    fields = records.only
    assert records.all[0].getMessage().isprintable()
    assert all(text.isprintable() for text in (fields["path"], fields["query"], *fields["headers"].values()))


@pytest.mark.promise("accesslog-6")
async def test_an_endless_path_is_cut(records: Records) -> None:
    """A line stays readable, and a log affordable."""
    await alone(FastAPI())(scope("/" + "x" * 50_000, [], b"y" * 50_000), connection(), send)

    assert len(records.all[0].getMessage()) < 4200
    assert records.only["path"].endswith("x…")
    assert records.only["query"].endswith("y…")


@pytest.mark.promise("accesslog-10")
async def test_nothing_is_built_for_a_silent_logger(
    form: Form, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disabled level costs one question."""
    built: list[str] = []
    factory = logging.getLogRecordFactory()

    def build(name: str, *given: Any, **named: Any) -> logging.LogRecord:
        built.append(name)
        return factory(name, *given, **named)

    logging.setLogRecordFactory(build)
    logging.getLogger("brickwork.accesslog").setLevel("WARNING")

    await get(form(application(Stopwatch())), "/books/7")
    logging.setLogRecordFactory(factory)

    assert "brickwork.accesslog" not in built


@pytest.mark.promise("accesslog-10")
async def test_a_handler_that_fails_fails_no_request(
    form: Form, records: Records, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client gets its answer; the failure is reported on stderr, as logging reports its own."""

    def fail(record: logging.LogRecord) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(records, "emit", fail)

    answer = await get(form(application(Stopwatch())), "/books/7")

    assert answer.text == '"ok"'
    assert "disk full" in capsys.readouterr().err


@pytest.mark.promise("accesslog-10")
async def test_the_body_is_left_alone(form: Form, records: Records) -> None:
    """The log reads nothing that the application does not read."""
    asked: list[str] = []

    async def ask() -> Any:
        asked.append("asked")
        return await body()

    body = connection()
    await form(application(Stopwatch()))(scope("/refused"), ask, send)

    assert records.only["status"] == 409
    assert asked == []
