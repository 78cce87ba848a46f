"""`install`: the right order whatever the order of calls, one answer for every error, nonsense refused early."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import Body, FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send

from brickwork import Problem, install
from brickwork.requestid import request_id
from brickwork.testing import assert_problem, open_client

ORIGIN = "https://shop.example"


class OddError(Exception):
    """An error that nobody handles."""


def shop(**options: Any) -> FastAPI:
    """An app under the stack, with endpoints that go well and badly."""
    app = FastAPI()

    @app.get("/ok")
    async def ok() -> dict[str, str | None]:
        return {"id": request_id()}

    @app.get("/boom")
    async def boom() -> None:
        raise OddError("the password is hunter2")

    @app.get("/late")
    async def late() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            raise OddError

        return StreamingResponse(chunks())

    @app.post("/echo")
    async def echo(item: Annotated[dict[str, int], Body()]) -> dict[str, int]:
        return item

    install(app, **options)
    return app


class Recorder:
    """Pure ASGI middleware that notes that it was passed."""

    def __init__(self, app: ASGIApp, *, name: str, seen: list[str]) -> None:
        self.app, self.name, self.seen = app, name, seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.seen.append(self.name if request_id() else f"{self.name} without id")
        await self.app(scope, receive, send)


@pytest.mark.promise("stack-1")
async def test_every_answer_has_id_and_security_headers() -> None:
    """Success, 404, 405, 422, refused host, preflight and 413 alike."""
    app = shop(trusted_hosts=["testserver"], cors=[ORIGIN], body_limit=100)

    async with open_client(app, raise_errors=False) as client:
        answers = [
            await client.get("/ok"),
            await client.get("/nowhere"),
            await client.put("/ok"),
            await client.post("/echo", json={"a": "b"}),
            await client.get("/ok", headers={"host": "evil.example"}),
            await client.options("/ok", headers={"origin": ORIGIN, "access-control-request-method": "GET"}),
            await client.options(
                "/ok", headers={"origin": "https://e.example", "access-control-request-method": "GET"}
            ),
            await client.post("/echo", json={"a": 10**200}),
            await client.get("/boom"),
        ]

    assert [answer.status_code for answer in answers] == [200, 404, 405, 422, 400, 200, 400, 413, 500]
    for answer in answers:
        assert len(answer.headers.get_list("x-request-id")) == 1
        assert answer.headers["x-content-type-options"] == "nosniff"
        if answer.status_code >= 400:
            assert_problem(answer, answer.status_code, request_id=answer.headers["x-request-id"])


@pytest.mark.promise("stack-2")
async def test_unhandled_error_is_a_problem_with_cors_and_tells_nothing() -> None:
    """A 500 carries id, CORS and security headers, and not a word of the error."""
    async with open_client(shop(cors=[ORIGIN]), raise_errors=False) as client:
        answer = await client.get("/boom", headers={"origin": ORIGIN})

    document = assert_problem(answer, 500, title="Internal Server Error")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "hunter2" not in answer.text
    assert "OddError" not in answer.text
    assert document["request_id"] == answer.headers["x-request-id"]


@pytest.mark.promise("stack-3")
async def test_unhandled_error_reaches_the_server_once() -> None:
    """The server, an error tracker and the test client still see the error itself."""
    reached: list[Exception] = []
    app = shop()

    async def server(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except OddError as error:
            reached.append(error)

    async with open_client(server) as client:
        answer = await client.get("/boom")

    assert answer.status_code == 500
    assert len(reached) == 1
    with pytest.raises(OddError):
        TestClient(app).get("/boom")


@pytest.mark.promise("stack-3")
async def test_own_handler_for_exception_answers_and_runs_once() -> None:
    """A handler for `Exception` that the application registered gives the body, with all headers."""
    calls: list[str] = []
    app = shop(problems=False)

    @app.exception_handler(Exception)
    def handle(request: Request, error: Exception) -> JSONResponse:
        calls.append(type(error).__name__)
        return JSONResponse({"oops": True}, 500)

    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/boom")

    assert answer.json() == {"oops": True}
    assert answer.headers["x-request-id"]
    assert calls == ["OddError"]


async def test_without_any_handler_the_boundary_answers_a_problem() -> None:
    """With `problems=False` an unhandled error is still answered inside, as a plain problem."""
    async with open_client(shop(problems=False), raise_errors=False) as client:
        answer = await client.get("/boom")

    assert_problem(answer, 500)


@pytest.mark.promise("stack-4")
async def test_error_after_the_response_began_adds_nothing() -> None:
    """Half a stream stays half a stream; the error goes to the server."""
    app = shop()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {"type": "http", "method": "GET", "path": "/late", "raw_path": b"/late", "query_string": b"",
             "root_path": "", "headers": [], "http_version": "1.1", "scheme": "http",
             "asgi": {"version": "3.0", "spec_version": "2.4"}}  # fmt: skip
    with pytest.raises(OddError):
        await app(scope, receive, send)

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b"first"


class TeapotError(Problem, status=418, slug="teapot"):
    """Raised by middleware."""


@pytest.mark.promise("stack-5")
async def test_problem_raised_by_middleware_is_answered_and_settled() -> None:
    """What an exception handler would answer inside the app is answered in middleware too, and is no error."""
    app = shop()

    class Refuse:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            raise TeapotError("Short and stout.")

    app.add_middleware(Refuse)
    async with open_client(app) as client:
        answer = await client.get("/ok")

    assert_problem(answer, 418, slug="teapot", detail="Short and stout.")
    assert answer.headers["x-request-id"]


@pytest.mark.promise("stack-7")
@pytest.mark.parametrize("late", [False, True], ids=["before install", "after install"])
async def test_cors_middleware_of_the_app_stands_outside_the_boundary(*, late: bool) -> None:
    """Starlette's CORSMiddleware, added before or after, keeps its rules and covers the 500."""
    app = FastAPI()

    @app.get("/boom")
    async def boom() -> None:
        raise OddError

    if late:
        install(app)
    app.add_middleware(CORSMiddleware, allow_origins=[ORIGIN], allow_credentials=True)
    if not late:
        install(app)
    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/boom", headers={"origin": ORIGIN})

    assert_problem(answer, 500)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["x-request-id"]


@pytest.mark.promise("stack-7")
async def test_own_middleware_keeps_its_place_inside() -> None:
    """Middleware of the application runs in the order it was added, inside the stack, outermost= outside of it."""
    seen: list[str] = []
    app = FastAPI()
    app.add_middleware(Recorder, name="first", seen=seen)
    install(app, outermost=[Middleware(Recorder, name="outermost", seen=seen)])
    app.add_middleware(Recorder, name="second", seen=seen)

    async with open_client(app) as client:
        await client.get("/")

    assert seen == ["outermost without id", "second", "first"]


async def test_trusted_host_middleware_of_the_app_is_taken_in() -> None:
    """Starlette's TrustedHostMiddleware answers a problem with an id, and keeps its www redirect."""
    app = shop()
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=["www.shop.example", "testserver"])

    async with open_client(app) as client:
        refused = await client.get("/ok", headers={"host": "evil.example"})
        moved = await client.get("/ok", headers={"host": "shop.example"})

    assert_problem(refused, 400, slug="untrusted-host")
    assert moved.headers["location"] == "http://www.shop.example/ok"


@pytest.mark.promise("stack-10")
async def test_mounted_application_repeats_nothing() -> None:
    """A mounted application with a stack of its own adds no second id, header or log record."""
    inner = shop()
    app = FastAPI()
    app.mount("/inner", inner)
    install(app)

    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/inner/ok")
        failed = await client.get("/inner/boom")

    assert answer.json() == {"id": answer.headers["x-request-id"]}
    assert len(answer.headers.get_list("x-request-id")) == 1
    assert len(answer.headers.get_list("x-frame-options")) == 1
    assert_problem(failed, 500)


@pytest.mark.promise("stack-11")
async def test_two_apps_do_not_touch() -> None:
    """Each app has its own header, limit and error form."""
    one, two = shop(request_id={"header": "X-One"}, body_limit=5), shop(request_id={"header": "X-Two"})

    async with open_client(one) as first, open_client(two) as second:
        small, large = await first.post("/echo", json={"a": 1}), await second.post("/echo", json={"a": 1})

    assert (small.status_code, large.status_code) == (413, 200)
    assert "x-one" in small.headers
    assert "x-one" not in large.headers


@pytest.mark.promise("stack-12")
@pytest.mark.parametrize("late", [False, True], ids=["instrumented first", "instrumented last"])
async def test_opentelemetry_contrib_keeps_working(*, late: bool) -> None:
    """Spans are produced and our headers are there, whichever came first."""
    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    app = FastAPI()
    if late:
        install(app)
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider)
    if not late:
        install(app)

    async with open_client(app) as client:
        answer = await client.get("/")
    FastAPIInstrumentor.uninstrument_app(app)

    assert spans.get_finished_spans()
    assert answer.headers["x-request-id"]


async def test_process_time_is_an_option() -> None:
    """X-Process-Time tells seconds, and only where it was asked for."""
    async with open_client(shop(process_time=True)) as timed, open_client(shop()) as plain:
        with_time, without = await timed.get("/ok"), await plain.get("/ok")

    assert 0 < float(with_time.headers["x-process-time"]) < 10
    assert "x-process-time" not in without.headers


async def test_everything_can_be_turned_off() -> None:
    """With every piece off, the answer is FastAPI's own."""
    app = shop(request_id=False, access_log=False, headers=False, problems=False, body_limit=False)

    async with open_client(app) as client:
        answer = await client.get("/nowhere")

    assert answer.json() == {"detail": "Not Found"}
    assert set(answer.headers) == {"content-length", "content-type"}


@pytest.mark.promise("stack-6")
@pytest.mark.parametrize("begun", [False, True], ids=["before the response", "after it began"])
async def test_a_cancelled_request_is_told_to_come_back(*, begun: bool) -> None:
    """A server that shuts down cancels what runs: 503 with Retry-After and all headers, unless the answer has begun."""
    app, sent, reached = FastAPI(), [], asyncio.Event()

    @app.get("/slow")
    async def slow() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"first"
            reached.set()
            await asyncio.Event().wait()

        if begun:
            return StreamingResponse(chunks())
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    install(app)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/slow", "raw_path": b"/slow", "query_string": b"",
             "root_path": "", "headers": [], "http_version": "1.1", "scheme": "http",
             "asgi": {"version": "3.0", "spec_version": "2.4"}}  # fmt: skip
    task = asyncio.create_task(app(scope, asyncio.Event().wait, send))  # type: ignore[arg-type]
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    headers = dict(sent[0]["headers"])
    assert sent[0]["status"] == (200 if begun else 503)
    assert (b"retry-after" in headers) is not begun
    assert b"x-request-id" in headers
    assert len(sent) == 2


async def test_a_cancellation_stays_one_when_nobody_takes_the_answer() -> None:
    """A client that has left cannot turn a cancellation into another error, which `asyncio.timeout` would not know."""
    app, reached = FastAPI(), asyncio.Event()

    @app.get("/slow")
    async def slow() -> None:
        reached.set()
        await asyncio.Event().wait()

    install(app)

    async def send(_message: Any) -> None:
        raise OSError("the client has left")

    scope = {"type": "http", "method": "GET", "path": "/slow", "raw_path": b"/slow", "query_string": b"",
             "root_path": "", "headers": [], "http_version": "1.1", "scheme": "http",
             "asgi": {"version": "3.0"}}  # fmt: skip
    task = asyncio.create_task(app(scope, asyncio.Event().wait, send))  # type: ignore[arg-type]
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
