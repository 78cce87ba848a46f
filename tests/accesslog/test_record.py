"""The record of a request: one each, with the same fields, whatever became of it."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from fastapi import Depends, FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brickwork.requestid import bind
from tests.accesslog.calls import Form, Records, Stopwatch, alone, application, connection, get, scope, send

FIELDS = {
    "method", "path", "route", "query", "status", "duration", "first_byte", "sent_bytes", "client", "headers",
    "response_started", "disconnected", "close_code", "error", "request_id", "trace_id", "span_id",
}  # fmt: skip


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


@pytest.mark.promise("accesslog-6")
async def test_a_method_is_no_more_trusted_than_a_path(records: Records) -> None:
    """Over HTTP/2 it is any text at all, and of any length."""
    await alone(FastAPI())({**scope(), "method": "GET\nforged" + "x" * 50_000}, connection(), send)

    assert records.all[0].getMessage().isprintable()
    assert len(records.all[0].getMessage()) < 2200
    assert records.only["method"].startswith("GET\\nforged")


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


async def test_a_record_is_made_as_logging_makes_them(records: Records) -> None:
    """Where nobody replaced the record factory, each record has its own time, thread and task."""
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    app = alone(application(Stopwatch()))

    for name in ("first", "second"):
        await asyncio.create_task(get(app, "/books/7"), name=name)
    await asyncio.to_thread(asyncio.run, get(app, "/books/7"))
    logging.setLogRecordFactory(factory)

    usual = vars(logging.makeLogRecord({})).keys()
    assert all(usual <= vars(record).keys() for record in records.all)
    assert [record.created for record in records.all] == sorted({record.created for record in records.all})
    assert [record.threadName for record in records.all[:2]] == [threading.current_thread().name] * 2
    assert records.all[2].thread != records.all[0].thread
    if "taskName" in usual:
        assert [vars(record)["taskName"] for record in records.all[:2]] == ["first", "second"]
