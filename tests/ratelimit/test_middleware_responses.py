"""The middleware and the response: nothing is held up, nothing is sent twice, and what does not count is given back."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Response, WebSocket
from fastapi.responses import FileResponse, StreamingResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.types import Message, Scope
from starlette.websockets import WebSocketDisconnect

from brickwork.ratelimit import Charge, MemoryRateStore, RateLimiter, RateLimitMiddleware, ResponseInfo, Rule
from brickwork.testing import open_client

GET: Scope = {
    "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "root_path": "", "query_string": b"",
    "scheme": "http", "headers": [], "client": ("192.0.2.1", 1), "server": ("test", 80),
}  # fmt: skip


class SlowStore(MemoryRateStore):
    """A store that takes its time to take something back: until the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.let = asyncio.Event()
        self.refunded = asyncio.Event()

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Wait, and take back."""
        self.asked.set()
        await self.let.wait()
        await super().refund(charges, age=age)
        self.refunded.set()


def failed(response: ResponseInfo) -> bool:
    """Count what was not let in."""
    return response.status_code == 401


def app_of(limiter: RateLimiter) -> FastAPI:
    """An app behind a limiter's default."""
    app = FastAPI()
    app.add_middleware(RateLimitMiddleware, limiter=limiter)
    return app


async def nothing() -> Message:
    """Receive what never comes: no endpoint here reads a body, and no caller leaves."""
    await asyncio.Event().wait()
    raise AssertionError


async def lost(message: Message) -> None:
    """Send to nobody."""


@pytest.fixture
def various(tmp_path: Path) -> FastAPI:
    """An app with responses of many kinds."""
    app = app_of(RateLimiter(default="100/minute"))
    (tmp_path / "file.txt").write_text("file")
    app.state.done = []

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for part in (b"a", b"b", b"c"):
                yield part

        return StreamingResponse(parts())

    @app.get("/events", response_class=EventSourceResponse)
    async def events() -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(data="said")

    @app.api_route("/file", methods=["GET", "HEAD"])
    async def file() -> FileResponse:
        return FileResponse(tmp_path / "file.txt")

    @app.get("/unchanged")
    async def unchanged(tasks: BackgroundTasks) -> Response:
        tasks.add_task(app.state.done.append, "done")
        return Response(status_code=304)

    return app


@pytest.mark.promise("ratelimit-56")
async def test_every_kind_of_response_begins_once(various: FastAPI) -> None:
    """Streams, events, files, HEAD and 304 pass as they are, with the headers of the limit on their one beginning."""
    begun: list[Message] = []

    async def watched(scope: Scope, receive: Any, send: Any) -> None:
        async def note(message: Message) -> None:
            begun.extend([message] if message["type"] == "http.response.start" else [])
            await send(message)

        await various(scope, receive, note)

    async with open_client(watched) as client:
        answers = [await client.get(path) for path in ("/stream", "/events", "/file", "/unchanged")]
        answers.append(await client.head("/file"))

    assert [answer.text for answer in answers] == ["abc", 'data: "said"\n\n', "file", "", ""]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 304, 200]
    assert [answer.headers["ratelimit"] for answer in answers] == [f'"default";r={r};t=60' for r in range(99, 94, -1)]
    assert len(begun) == 5
    assert various.state.done == ["done"]


@pytest.mark.promise("ratelimit-56")
async def test_first_byte_is_not_held_up() -> None:
    """The first part of a stream is out before the second is made."""
    first_is_out = asyncio.Event()
    app = app_of(RateLimiter(default="9/minute"))

    @app.get("/")
    async def stream() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await first_is_out.wait()
            yield b"second"

        return StreamingResponse(parts())

    bodies: list[bytes] = []

    async def send(message: Message) -> None:
        if message.get("body"):
            bodies.append(message["body"])
            first_is_out.set()

    await app({**GET}, nothing, send)

    assert bodies == [b"first", b"second"]


@pytest.mark.promise("ratelimit-45")
async def test_only_what_fails_counts() -> None:
    """Where ``count_when`` says no, nothing was counted, be it the default's or a route's."""
    limiter = RateLimiter(default=Rule("1/minute", count_when=failed))
    app = app_of(limiter)
    limits = [limiter.depends("2/minute", count_when=failed)]

    @app.get("/{status}")
    @app.get("/own/{status}", dependencies=limits)
    async def login(status: int) -> Response:
        return Response(status_code=status)

    async with open_client(app) as client:
        good = [(await client.get(path)).status_code for path in ("/200", "/200", "/own/200", "/own/200", "/own/200")]
        bad = [(await client.get(path)).status_code for path in ("/401", "/401", "/own/401", "/own/401", "/own/200")]

    assert good == [200] * 5
    assert bad == [401, 429, 401, 401, 429]


@pytest.mark.promise("ratelimit-45")
async def test_giving_back_holds_nobody_up() -> None:
    """The response is out before a store has taken back what does not count."""
    store = SlowStore()
    app = app_of(RateLimiter(default=Rule("1/minute", count_when=failed), store=store))
    app.add_api_route("/", lambda: "in")
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    served = asyncio.create_task(app({**GET}, nothing, send))
    await store.asked.wait()
    ended = [message["type"] for message in sent if not message.get("more_body")]
    store.let.set()
    await served

    assert ended[-1] == "http.response.body"
    assert store.refunded.is_set()


@pytest.mark.promise("ratelimit-45")
async def test_giving_back_outlives_the_request() -> None:
    """A caller who leaves, or a server that cancels, does not keep a store from taking back what does not count."""
    store = SlowStore()
    app = app_of(RateLimiter(default=Rule("1/minute", count_when=failed), store=store))
    begun = asyncio.Event()

    @app.get("/")
    async def endless() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(parts())

    async def send(message: Message) -> None:
        begun.set()

    served = asyncio.create_task(app({**GET}, nothing, send))
    await begun.wait()
    served.cancel()
    with pytest.raises(asyncio.CancelledError):
        await served
    store.let.set()
    await asyncio.wait_for(store.refunded.wait(), 10)

    assert served.cancelled()


async def test_whoever_leaves_before_the_answer_has_spent() -> None:
    """A caller who does not wait for the answer gets nothing back: trying and leaving is no way around a limit."""
    store = MemoryRateStore()
    app = app_of(RateLimiter(default=Rule("1/minute", count_when=failed), store=store))
    asked = asyncio.Event()

    @app.get("/slow")
    async def slow() -> None:
        asked.set()
        await asyncio.Event().wait()

    app.add_api_route("/", lambda: "in")
    served = asyncio.create_task(app({**GET, "path": "/slow"}, nothing, lost))
    await asked.wait()
    served.cancel()
    with pytest.raises(asyncio.CancelledError):
        await served

    async with open_client(app, address=("192.0.2.1", 1)) as client:
        answer = await client.get("/")

    assert answer.status_code == 429


async def test_error_counts_as_500() -> None:
    """An error that nobody handles is a 500 to ``count_when``, though the answer is made further out."""
    seen: list[int] = []

    def note(response: ResponseInfo) -> bool:
        seen.append(response.status_code)
        return False

    store = SlowStore()
    store.let.set()
    app = app_of(RateLimiter(default=Rule("1/minute", count_when=note), store=store))

    @app.get("/")
    async def broken() -> None:
        raise ZeroDivisionError

    async with open_client(app, raise_errors=False) as client:
        first = await client.get("/")
        await store.refunded.wait()
        second = await client.get("/")

    assert [first.status_code, second.status_code] == [500, 500]
    assert seen == [500, 500]


async def test_condition_that_fails(expected_errors: list[Any]) -> None:
    """Where ``count_when`` itself fails, the request counts, and the log says so."""

    def broken(response: ResponseInfo) -> bool:
        raise ZeroDivisionError

    app = app_of(RateLimiter(default=Rule("1/minute", count_when=broken)))
    app.add_api_route("/", lambda: "in")

    async with open_client(app) as client:
        answers = [(await client.get("/")).status_code for _ in range(2)]

    assert answers == [200, 429]
    assert "count_when" in expected_errors[0].getMessage()


def sockets(limiter: RateLimiter) -> FastAPI:
    """An app with sockets that accept, and that do not."""
    app = app_of(limiter)

    @app.websocket("/ws")
    async def accept(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    @app.websocket("/closed")
    async def close(socket: WebSocket) -> None:
        await socket.close()

    @app.websocket("/denied")
    async def deny(socket: WebSocket) -> None:
        raise HTTPException(401)

    return app


@pytest.mark.promise("ratelimit-49")
def test_handshake_is_denied() -> None:
    """A socket too many is refused with the same problem, headers and all, before it is accepted."""
    with TestClient(sockets(RateLimiter(default="1/minute fixed"))) as client:
        with client.websocket_connect("/ws") as socket:
            hello = socket.receive_text()
        with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect("/ws"):
            pass

    assert hello == "hello"
    assert denied.value.status_code == 429
    assert denied.value.headers["content-type"] == "application/problem+json"
    assert denied.value.headers["ratelimit-policy"] == '"default";q=1;w=60'
    assert int(denied.value.headers["retry-after"]) <= 60


@pytest.mark.promise("ratelimit-49")
@pytest.mark.parametrize(("client", "code"), [(("192.0.2.1", 1), 1008), (None, 1013)])
async def test_handshake_is_closed(client: tuple[str, int] | None, code: int) -> None:
    """Where the server cannot send a response, a socket too many is closed; 1013 where coming back will do."""
    app = sockets(RateLimiter(default="1/minute", on_error="closed"))
    scope = {**GET, "type": "websocket", "path": "/ws", "client": client, "subprotocols": []}
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    for _ in range(2):
        sent.clear()
        await app({**scope}, receive, send)

    assert sent == [{"type": "websocket.close", "code": code, "reason": "rate limit"}]


def test_sockets_that_do_not_count() -> None:
    """A handshake is 101 to ``count_when`` where it was accepted, 403 where it was closed, else what denied it."""
    seen: list[int] = []

    def note(response: ResponseInfo) -> bool:
        seen.append(response.status_code)
        return False

    with TestClient(sockets(RateLimiter(default=Rule("1/minute", count_when=note)))) as client:
        with client.websocket_connect("/ws"):
            pass
        for path in ("/closed", "/denied"):
            with pytest.raises(WebSocketDisconnect), client.websocket_connect(path):
                pass

    assert seen == [101, 403, 401]


async def test_what_comes_before_and_after_the_beginning() -> None:
    """Messages ahead of the response pass untouched, and an error in the midst of it changes nothing any more."""
    seen: list[int] = []
    sent: list[Message] = []
    hint: Message = {"type": "http.response.early_hint", "links": []}

    def note(response: ResponseInfo) -> bool:
        seen.append(response.status_code)
        return True

    async def app(scope: Scope, receive: Any, send: Any) -> None:
        await send(hint)
        await send({"type": "http.response.start", "status": 200})
        raise ZeroDivisionError

    async def send(message: Message) -> None:
        sent.append(message)

    middleware = RateLimitMiddleware(app, limiter=RateLimiter(default=Rule("1/minute", count_when=note)))
    with pytest.raises(ZeroDivisionError):
        await middleware({**GET}, nothing, send)
    await asyncio.sleep(0)

    assert sent[0] is hint
    assert [name for name, _ in sent[1]["headers"]] == [b"ratelimit-policy", b"ratelimit"]
    assert seen == [200]
