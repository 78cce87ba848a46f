"""The ID on log lines: of the standard library, structlog and loguru, and of uvicorn."""

import io
import json
import logging
from logging.handlers import BufferingHandler, QueueHandler, QueueListener
from queue import SimpleQueue
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from loguru import logger as loguru
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider

from brickwork.requestid import RequestIDFilter, add_request_id, bind, loguru_patcher, request_id
from tests.requestid.calls import Form, alone, get

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACED = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-01"}
LINE = "%(request_id)s %(trace_id)s %(span_id)s %(message)s"


def application(log: Any) -> FastAPI:
    """An application that logs one line, and gives its ID."""
    app = FastAPI()

    @app.get("/")
    async def endpoint() -> str | None:
        bind(user="ada")
        log("hello")
        return request_id()

    return app


@pytest.fixture
def stream() -> io.StringIO:
    """Where lines go."""
    return io.StringIO()


def logger_with(handler: logging.Handler) -> logging.Logger:
    """Give a logger of its own with one handler."""
    logger = logging.Logger("test")  # noqa: LOG001 - no other test shall know it
    logger.addHandler(handler)
    return logger


@pytest.mark.promise("requestid-14")
@pytest.mark.parametrize("place", ["handler", "logger"])
async def test_a_filter_fills_in_records(form: Form, stream: io.StringIO, place: str) -> None:
    """On a handler or on a logger: each record has request, trace and span; outside a request they are hyphens."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE))
    logger = logger_with(handler)
    (handler if place == "handler" else logger).addFilter(RequestIDFilter())

    answer = await get(form(application(logger.info)), headers=TRACED)
    logger.info("outside")

    inside, outside = stream.getvalue().splitlines()
    assert inside.split()[:2] == [answer.json(), TRACE_ID]
    assert len(inside.split()[2]) == 16
    assert outside == "- - - outside"


@pytest.mark.promise("requestid-14")
async def test_a_queue_carries_the_fields(form: Form, stream: io.StringIO) -> None:
    """A record that another thread writes has the ID of the request in which it was made."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE + " %(user)s"))
    handler.addFilter(RequestIDFilter())
    records: SimpleQueue[Any] = SimpleQueue()
    queued, listener = QueueHandler(records), QueueListener(records, handler)
    queued.addFilter(RequestIDFilter())
    listener.start()

    answer = await get(form(application(logger_with(queued).info)))
    listener.stop()

    assert stream.getvalue() == f"{answer.json()} - - hello ada\n"


async def test_bound_values_are_attributes(form: Form) -> None:
    """What was bound is on the record, and never in the place of something that the record has."""
    handler = BufferingHandler(100)
    handler.addFilter(RequestIDFilter())
    logger = logger_with(handler)

    await get(form(application(lambda text: logger.info(text, extra={"user": "grace"}))))
    await get(form(application(logger.info)))

    assert [record.__dict__["user"] for record in handler.buffer] == ["grace", "ada"]


@pytest.mark.parametrize("name", ["name", "message", "levelname", "args", "request_id", "trace_id"])
def test_names_of_the_record_cannot_be_bound(name: str) -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match=f"under another name, as my_{name}="):
        bind(**{name: 1})


@pytest.mark.promise("requestid-16")
async def test_structlog_has_the_same_keys(form: Form, stream: io.StringIO) -> None:
    """A processor puts them on each event; what the event has stays."""
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[add_request_id, structlog.processors.JSONRenderer()]
    )

    answer = await get(form(application(log.info)), headers=TRACED)
    log.info("outside", trace_id="own")

    inside, outside = map(json.loads, stream.getvalue().splitlines())
    assert inside | {"span_id": ""} == {
        "event": "hello", "request_id": answer.json(), "trace_id": TRACE_ID, "span_id": "", "user": "ada"
    }  # fmt: skip
    assert outside == {"event": "outside", "request_id": "-", "trace_id": "own", "span_id": "-"}


@pytest.mark.promise("requestid-16")
async def test_loguru_has_the_same_keys(form: Form, stream: io.StringIO) -> None:
    """A patcher puts them into the record's extra."""
    line = "{extra[request_id]} {extra[trace_id]} {message} {extra}"
    log = loguru.patch(loguru_patcher)
    sink = loguru.add(stream, format=line)

    answer = await get(form(application(log.info)), headers=TRACED)
    log.info("outside")
    loguru.remove(sink)

    inside, outside = stream.getvalue().splitlines()
    assert inside.startswith(f"{answer.json()} {TRACE_ID} hello")
    assert "'user': 'ada'" in inside
    assert outside.startswith("- - outside")


class FailedError(Exception):
    """An error that leaves the application."""


@pytest.mark.promise("requestid-14")
@pytest.mark.parametrize("library", ["logging", "structlog", "loguru"])
async def test_a_late_report_of_an_error_names_the_request(form: Form, stream: io.StringIO, library: str) -> None:
    """A server reports an error when the request is over; the line still has its ID and its bound values."""
    app = FastAPI()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RequestIDFilter())
    handler.setFormatter(logging.Formatter("%(request_id)s %(user)s"))
    sink = loguru.add(stream, format="{extra[request_id]} {extra[user]}", backtrace=False, diagnose=False)
    log = structlog.wrap_logger(
        structlog.PrintLogger(stream), processors=[add_request_id, structlog.processors.JSONRenderer()]
    )
    ids: list[str | None] = []

    @app.get("/")
    async def fail() -> None:
        bind(user="ada")
        ids.append(request_id())
        raise FailedError

    async def server(*call: Any) -> None:
        try:
            await form(app)(*call)
        except FailedError as error:
            if library == "logging":
                logger_with(handler).warning("failed", exc_info=error)
            elif library == "structlog":
                log.warning("failed", exc_info=error)
            else:
                loguru.patch(loguru_patcher).opt(exception=error).warning("failed")

    await get(server)
    loguru.remove(sink)

    assert str(ids[0]) in stream.getvalue()
    assert "ada" in stream.getvalue()


async def test_the_trace_is_opentelemetrys(form: Form, stream: io.StringIO) -> None:
    """Where a span is recorded, log lines name it."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE))
    handler.addFilter(RequestIDFilter())
    tracer = TracerProvider().get_tracer("test")
    logger = logger_with(handler)

    def log(text: str) -> None:
        with tracer.start_as_current_span("work") as span:
            logger.info("%032x", span.get_span_context().trace_id)

    await get(form(application(log)), headers=TRACED)

    _, trace_id, _, message = stream.getvalue().split()
    assert trace_id == message


@pytest.mark.promise("requestid-17")
async def test_native_telemetry_names_the_same_trace(stream: io.StringIO) -> None:
    """With FastAPI's own telemetry on, log lines and its span agree, and there is one server span."""
    exported: list[Any] = []
    app = FastAPI(telemetry={"tracer_provider": _recording(exported), "metrics": False, "logs": False})
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(LINE))
    handler.addFilter(RequestIDFilter())
    logger = logger_with(handler)

    @app.get("/")
    async def endpoint() -> None:
        logger.info("hello")

    await get(alone(app), headers=TRACED)

    servers = [span for span in exported if span.kind.name == "SERVER"]
    assert [f"{span.context.trace_id:032x}" for span in servers] == [TRACE_ID]
    assert stream.getvalue().split()[1] == TRACE_ID


def _recording(exported: list[Any]) -> TracerProvider:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

    class Recorder(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            exported.extend(spans)
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(Recorder()))
    return provider


@pytest.mark.promise("requestid-17")
@pytest.mark.parametrize("first", [True, False])
async def test_instrumentation_and_ids_live_together(form: Form, first: bool) -> None:
    """OpenTelemetry's own instrumentation, put on before or after, keeps its span, and the response its ID."""
    exported: list[Any] = []
    app, provider = FastAPI(telemetry={"tracing": False, "metrics": False, "logs": False}), _recording(exported)

    @app.get("/")
    async def endpoint() -> str | None:
        return request_id()

    if first:
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    asgi = form(app)
    if not first:
        FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    answer = await get(asgi, headers=TRACED)

    assert answer.headers["x-request-id"] == answer.json()
    assert [f"{span.context.trace_id:032x}" for span in exported if span.kind.name == "SERVER"] == [TRACE_ID]
