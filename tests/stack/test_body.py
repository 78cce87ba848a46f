"""The body limit: 413 as a problem on every path, decided by the bytes that come."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Body, FastAPI, Request, UploadFile
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from brickwork import install
from brickwork.testing import assert_problem, open_client

LIMIT = 100


def uploads(**options: Any) -> FastAPI:
    """An app that reads bodies in every way there is."""
    app = FastAPI()
    app.state.calls = []

    @app.post("/json")
    async def read_json(item: Annotated[Any, Body()]) -> int:
        app.state.calls.append("json")
        return len(item)

    @app.post("/stream")
    async def read_stream(request: Request) -> int:
        return sum([len(chunk) async for chunk in request.stream()])

    @app.post("/ignore")
    async def ignore() -> str:
        app.state.calls.append("ignore")
        return "done"

    @app.post("/file")
    async def read_file(file: UploadFile) -> int:
        return len(await file.read())

    @app.post("/large", max_body_size=1000)
    async def read_large(request: Request) -> int:
        return len(await request.body())

    @app.post("/small", max_body_size=10)
    async def read_small(request: Request) -> int:
        return len(await request.body())

    install(app, **{"body_limit": LIMIT, **options})
    return app


async def chunks(size: int, count: int) -> AsyncIterator[bytes]:
    """A body without a declared length."""
    for _ in range(count):
        yield b"x" * size


@pytest.mark.promise("stack-15")
@pytest.mark.parametrize("path", ["/json", "/stream", "/ignore", "/file", "/large", "/small"])
async def test_declared_length_over_every_limit_is_refused_before_anything_is_read(path: str) -> None:
    """A Content-Length that no route takes is 413 at once: the endpoint is not called, the connection closes."""
    app = uploads()

    async with open_client(app) as client:
        answer = await client.post(path, content=b"x" * 2000)

    document = assert_problem(answer, 413, slug="content-too-large", request_id=answer.headers["x-request-id"])
    assert document["limit"] == 1000
    assert answer.headers["connection"] == "close"
    assert app.state.calls == []


@pytest.mark.promise("stack-15")
@pytest.mark.parametrize("path", ["/json", "/stream", "/ignore", "/file", "/small"])
async def test_declared_length_over_the_routes_limit_is_refused(path: str) -> None:
    """A Content-Length over this route's limit, but not over every route's, is 413 as well."""
    async with open_client(uploads()) as client:
        answer = await client.post(path, content=b"x" * 500)

    assert_problem(answer, 413, slug="content-too-large")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.promise("stack-16")
@pytest.mark.parametrize("path", ["/stream", "/small", "/large"])
async def test_counted_bytes_over_the_limit_are_refused(path: str) -> None:
    """A chunked body is refused as soon as it crosses the limit, however the endpoint reads."""
    async with open_client(uploads()) as client:
        answer = await client.post(path, content=chunks(60, 20))

    assert_problem(answer, 413, slug="content-too-large", request_id=answer.headers["x-request-id"])


@pytest.mark.promise("stack-16")
async def test_reading_stops_where_the_limit_is_crossed() -> None:
    """At most one chunk past the limit is ever taken from the client."""
    taken = []

    async def body() -> AsyncIterator[bytes]:
        async for chunk in chunks(60, 20):
            taken.append(chunk)
            yield chunk

    async with open_client(uploads()) as client:
        answer = await client.post("/stream", content=body())

    assert answer.status_code == 413
    assert len(taken) == 2


@pytest.mark.promise("stack-16")
async def test_declared_length_that_lies_does_not_help() -> None:
    """A short Content-Length before a long body is no way around: the bytes are counted."""
    async with open_client(uploads()) as client:
        answer = await client.post("/stream", content=chunks(60, 20), headers={"content-length": "5"})

    assert_problem(answer, 413)


@pytest.mark.promise("stack-17")
async def test_exactly_the_limit_passes() -> None:
    """The limit itself is allowed, declared and chunked."""
    async with open_client(uploads()) as client:
        declared = await client.post("/stream", content=b"x" * LIMIT)
        chunked = await client.post("/stream", content=chunks(50, 2))

    assert (declared.json(), chunked.json()) == (LIMIT, LIMIT)


@pytest.mark.promise("stack-17")
async def test_limit_zero_allows_the_empty_body_only() -> None:
    """With limit 0 a request without a body is served, one byte is too much."""
    async with open_client(uploads(body_limit=0)) as client:
        empty, one = await client.post("/stream"), await client.post("/stream", content=b"x")

    assert (empty.status_code, one.status_code) == (200, 413)


@pytest.mark.promise("stack-17")
async def test_a_routes_own_limit_wins_up_and_down() -> None:
    """max_body_size of a route raises or lowers the stack's limit."""
    async with open_client(uploads()) as client:
        large = await client.post("/large", content=b"x" * 1000)
        too_large = await client.post("/large", content=chunks(501, 2))
        small = await client.post("/small", content=b"x" * 10)
        too_small = await client.post("/small", content=b"x" * 11)

    assert [answer.status_code for answer in (large, too_large, small, too_small)] == [200, 413, 200, 413]


@pytest.mark.promise("stack-17")
@pytest.mark.parametrize("outer", [None, 1000])
async def test_a_routes_own_limit_leaves_requests_without_a_body_alone(outer: int | None) -> None:
    """A GET of a route with a limit of its own is answered, also where the stack is part of a mounted application."""
    inner = FastAPI()

    @inner.get("/page", max_body_size=10)
    async def page() -> str:
        return "here"

    install(inner, body_limit=LIMIT)
    app = FastAPI(max_body_size=outer)
    app.mount("/inner", inner)

    async with open_client(app) as client:
        answer = await client.get("/inner/page")

    assert (answer.status_code, answer.json()) == (200, "here")


@pytest.mark.promise("stack-17")
async def test_limits_of_routers_and_mounts_are_known() -> None:
    """A larger limit on an included router or a mounted app is not cut by the early refusal."""
    app, mounted, router = FastAPI(), FastAPI(max_body_size=5000), APIRouter()

    @mounted.post("/")
    @router.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    app.include_router(router, prefix="/router", max_body_size=3000)
    app.mount("/mount", mounted)
    install(app, body_limit=LIMIT)

    async with open_client(app) as client:
        answers = [await client.post(path, content=b"x" * 2500) for path in ("/router/", "/mount/")]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.promise("stack-17")
async def test_a_mounted_stack_has_its_own_limit() -> None:
    """An application with a stack of its own lowers or raises the limit for what is mounted there."""
    app, mounted = FastAPI(), uploads(body_limit=20)
    app.mount("/inner", mounted)
    install(app, body_limit=LIMIT)

    async with open_client(app) as client:
        fits = await client.post("/inner/stream", content=b"x" * 20)
        over = await client.post("/inner/stream", content=chunks(11, 2))

    assert fits.json() == 20
    assert_problem(over, 413)


@pytest.mark.parametrize(
    "values",
    [[b"-1"], [b"+5"], [b"1_0"], [b" 5"], [b"5, 5"], [b""], [b"0x5"], [b"9" * 5000], ["٣".encode()], [b"5", b"6"]],
)
@pytest.mark.promise("stack-18")
async def test_content_length_that_is_no_number_is_refused(values: list[bytes]) -> None:
    """Whatever the server let through, a length that is not one whole number is 400."""
    app, sent = uploads(), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"12345", "more_body": False}

    headers = [(b"host", b"a"), *((b"content-length", value) for value in values)]
    scope = {"type": "http", "method": "POST", "path": "/stream", "raw_path": b"/stream", "query_string": b"",
             "root_path": "", "headers": headers, "http_version": "1.1", "scheme": "http",
             "asgi": {"version": "3.0"}}  # fmt: skip
    await app(scope, receive, send)

    assert sent[0]["status"] == 400
    assert b"bad-content-length" in sent[1]["body"]


@pytest.mark.promise("stack-19")
async def test_limit_of_the_app_itself_is_taken_over() -> None:
    """FastAPI(max_body_size=…) keeps its meaning; its 413 gets id, headers and a problem body."""
    app = FastAPI(max_body_size=10)

    @app.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    install(app)
    async with open_client(app) as client:
        declared, chunked = await client.post("/", content=b"x" * 11), await client.post("/", content=chunks(6, 2))

    assert_problem(declared, 413, request_id=declared.headers["x-request-id"])
    assert_problem(chunked, 413, request_id=chunked.headers["x-request-id"])
    assert app.max_body_size == 10


@pytest.mark.promise("stack-19")
@pytest.mark.filterwarnings("ignore::brickwork.stack.SlowMiddlewareWarning")
async def test_body_read_by_middleware_is_limited_too() -> None:
    """Also a middleware that reads the body outside the exception handlers ends in the same 413."""
    app = uploads()

    class Reader(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            await request.body()
            response: Response = await call_next(request)
            return response

    app.add_middleware(Reader)
    async with open_client(app) as client:
        answer = await client.post("/stream", content=chunks(60, 3))

    assert_problem(answer, 413)


@pytest.mark.parametrize(("length", "status"), [(b"99999", 413), (b"+5", 400)])
async def test_http2_is_not_told_to_close(length: bytes, status: int) -> None:
    """HTTP/2 forbids the Connection header, so it is not sent there."""
    app, sent = uploads(), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/stream", "raw_path": b"/stream", "query_string": b"",
             "root_path": "", "headers": [(b"content-length", length)], "http_version": "2", "scheme": "https",
             "asgi": {"version": "3.0"}}  # fmt: skip
    await app(scope, receive, send)

    assert sent[0]["status"] == status
    assert b"connection" not in dict(sent[0]["headers"])


async def test_a_scope_without_a_version_is_http_1() -> None:
    """A server that does not tell the version gets its requests served."""
    app, sent = uploads(), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    scope = {"type": "http", "method": "POST", "path": "/stream", "raw_path": b"/stream", "query_string": b"",
             "root_path": "", "headers": [(b"content-length", b"99999")], "scheme": "http",
             "asgi": {"version": "3.0"}}  # fmt: skip
    await app(scope, receive, send)

    assert sent[0]["status"] == 413
    assert dict(sent[0]["headers"])[b"connection"] == b"close"


async def test_a_client_that_leaves_is_not_counted() -> None:
    """A disconnect in the middle of a body reaches the endpoint as what it is."""
    app, left, messages = uploads(), [], iter([{"type": "http.request", "body": b"x", "more_body": True}])

    @app.post("/leave")
    async def leave(request: Request) -> None:
        try:
            await request.body()
        except ClientDisconnect:
            left.append("client")
            raise

    async def receive() -> Any:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: Any) -> None:
        assert message["type"].startswith("http.response")

    scope = {"type": "http", "method": "POST", "path": "/leave", "raw_path": b"/leave", "query_string": b"",
             "root_path": "", "headers": [(b"transfer-encoding", b"chunked")], "http_version": "1.1", "scheme": "http",
             "asgi": {"version": "3.0"}}  # fmt: skip
    await app(scope, receive, send)

    assert left == ["client"]
