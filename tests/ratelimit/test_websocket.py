"""``limiter.websocket``: how often sockets are opened, how many are open, and what they say."""

import json
from typing import Annotated, Any

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from brickwork import install
from brickwork.ratelimit import Budget, RateLimiter, WebSocketLimit
from tests.ratelimit.calls import served, statuses
from tests.ratelimit.engines import MovingStore


@pytest.fixture
def limiter() -> RateLimiter:
    """A limiter that counts in memory."""
    return RateLimiter()


def echo(app: FastAPI, path: str, limit: Any) -> None:
    """Add a socket that says what it hears."""

    @app.websocket(path)
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limit]) -> None:
        await socket.accept()
        async for text in limit.iter_text(socket):
            await socket.send_text(text)


async def converse(app: FastAPI, path: str, *frames: str | bytes) -> list[dict[str, Any]]:
    """Open a socket, say something, and leave; give what the app sent. The server knows no extension."""
    sent: list[dict[str, Any]] = []
    coming: list[dict[str, Any]] = [{"type": "websocket.connect"}]
    coming += [{"type": "websocket.receive", "text" if isinstance(frame, str) else "bytes": frame} for frame in frames]
    coming.append({"type": "websocket.disconnect", "code": 1000})

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": path, "headers": [], "query_string": b"", "client": ("127.0.0.1", 1)}
    await app(scope, receive, send)
    return sent


@pytest.mark.promise("ratelimit-48")
@pytest.mark.parametrize("installed", [True, False])
@pytest.mark.usefixtures("expected_errors")  # uvicorn takes its own denial for a handshake that was forgotten
def test_a_handshake_too_many_is_answered_429(limiter: RateLimiter, installed: bool) -> None:
    """A real server tells the client when to come back, before any socket is there."""
    app = FastAPI()
    if installed:
        install(app, rate_limit=limiter)
    echo(app, "/", limiter.websocket(connect="1/minute"))

    with served(app) as url:
        with connect(f"ws://{url}") as socket:
            socket.send("hello")
            assert socket.recv() == "hello"
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{url}")

    response = refused.value.response
    assert (response.status_code, response.headers["retry-after"]) == (429, "60")
    assert response.headers["ratelimit-policy"] == '"connect";q=1;w=60'


@pytest.mark.promise("ratelimit-48")
@pytest.mark.parametrize(("kind", "wait"), [("websocket", 60), ("depends", 60), ("concurrent", 1), ("budget", 60)])
async def test_where_a_server_cannot_answer_the_socket_is_closed(kind: str, wait: int) -> None:
    """Without the extension for responses a handshake is closed with 1008, and with 1013 where nobody can count."""
    store = MovingStore()
    limiter, app = RateLimiter(store=store, on_error="closed"), FastAPI()
    limit = {
        "websocket": limiter.websocket(connect="1/minute"),
        "depends": limiter.depends("1/minute"),
        "concurrent": limiter.concurrent(1, scope="all"),
        "budget": limiter.budget("1/minute"),
    }[kind]

    @app.websocket("/", dependencies=[limit])
    async def talk(socket: WebSocket, budget: Annotated[Budget, limiter.budget("1/minute")]) -> None:
        await budget.spend(1)
        # What is open at once is used up while another socket is open.
        sent.append(await converse(app, "/"))

    sent: list[list[dict[str, Any]]] = []
    await converse(app, "/")
    store.away = True
    sent.append(await converse(app, "/"))

    assert sent == [
        [{"type": "websocket.close", "code": 1008, "reason": f"Try again in {wait} s."}],
        [{"type": "websocket.close", "code": 1013, "reason": "Try again in 1 s."}],
    ]


@pytest.mark.promise("ratelimit-48")
async def test_open_sockets_are_counted_until_they_are_closed(limiter: RateLimiter) -> None:
    """Three may be open, and the fourth is refused; those that were closed, or whose endpoint failed, make room."""
    app, opened = FastAPI(), 0

    @app.websocket("/", dependencies=[limiter.websocket(open=3)])
    async def talk(socket: WebSocket) -> None:
        nonlocal opened
        opened += 1
        await socket.accept()
        await converse(app, "/")
        raise ZeroDivisionError

    for expected in (3, 6):
        with pytest.raises(ZeroDivisionError):
            await converse(app, "/")
        assert opened == expected


@pytest.mark.promise("ratelimit-48")
def test_a_message_too_many_closes_the_socket(limiter: RateLimiter) -> None:
    """What comes in is counted, what goes out is not; the client is told why the socket is closed."""
    app = FastAPI()

    @app.websocket("/")
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limiter.websocket(message="2/minute")]) -> None:
        await socket.accept()
        async for text in limit.iter_text(socket):
            for _ in range(3):
                await socket.send_text(text)

    with TestClient(app).websocket_connect("/") as socket:
        for text in ("a", "b", "c"):
            socket.send_text(text)
        heard = [socket.receive_text() for _ in range(6)]
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_text()

    assert heard == list("aaabbb")
    assert (closed.value.code, closed.value.reason) == (1008, "Try again in 60 s.")


@pytest.mark.promise("ratelimit-48")
async def test_a_message_too_many_can_be_dropped(limiter: RateLimiter) -> None:
    """The socket stays open, and what is too much is not heard."""
    app = FastAPI()
    limit = limiter.websocket(message="2/minute", on_excess="drop")

    @app.websocket("/")
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limit]) -> None:
        await socket.accept()
        async for data in limit.iter_bytes(socket):
            await socket.send_bytes(data)

    sent = await converse(app, "/", b"a", b"b", b"c", b"d")

    assert [message.get("bytes") for message in sent] == [None, b"a", b"b"]


@pytest.mark.promise("ratelimit-48")
@pytest.mark.parametrize("kind", ["json", "bytes"])
def test_a_message_too_many_can_be_answered(limiter: RateLimiter, kind: str) -> None:
    """The client hears of it in a message of the kind that it sent, and may go on."""
    app = FastAPI()
    limit = limiter.websocket(message="1/minute", on_excess="error")

    @app.websocket("/")
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limit]) -> None:
        await socket.accept()
        if kind == "json":
            async for value in limit.iter_json(socket):
                await socket.send_json(value)
        else:
            async for data in limit.iter_bytes(socket):
                await socket.send_bytes(data)

    with TestClient(app).websocket_connect("/") as socket:
        heard: list[Any] = []
        for _ in range(2):
            if kind == "json":
                socket.send_text('{"say": 1}')
                heard.append(socket.receive_json())
            else:
                socket.send_bytes(b'{"say": 1}')
                heard.append(json.loads(socket.receive_bytes()))

    assert heard[0] == {"say": 1}
    assert heard[1] == {
        "title": "Quota exceeded",
        "status": 429,
        "detail": "Try again in 60 s.",
        "violated-policies": ["message"],
        "retry_after": 60,
    }


@pytest.mark.promise("ratelimit-48")
def test_messages_can_be_counted_by_hand(limiter: RateLimiter) -> None:
    """Whoever reads the socket differently decides by the decision; without a limit all messages pass."""
    app = FastAPI()

    @app.websocket("/counted")
    async def counted(
        socket: WebSocket, limit: Annotated[WebSocketLimit, limiter.websocket(message="1/minute")]
    ) -> None:
        await socket.accept()
        await socket.send_json([(await limit.message()).allowed, (await limit.message()).allowed])

    @app.websocket("/free")
    async def free(socket: WebSocket, limit: Annotated[WebSocketLimit, limiter.websocket(connect="1/minute")]) -> None:
        await socket.accept()
        await socket.send_json([(await limit.message()).allowed, (await limit.message()).allowed])

    heard = {}
    for path in ("/counted", "/free"):
        with TestClient(app).websocket_connect(path) as socket:
            heard[path] = socket.receive_json()

    assert heard == {"/counted": [True, False], "/free": [True, True]}


@pytest.mark.parametrize(
    ("on_excess", "codes", "told"), [("close", [1013], []), ("drop", [], []), ("error", [], [503, 503])]
)
async def test_messages_that_nobody_can_count(on_excess: Any, codes: list[int], told: list[int]) -> None:
    """Where everything is closed, the client is to come back later, hears why, or is not heard."""
    store, heard = MovingStore(), []
    limiter, app = RateLimiter(store=store, on_error="closed"), FastAPI()
    limit = limiter.websocket(message="9/minute", on_excess=on_excess)

    @app.websocket("/")
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limit]) -> None:
        await socket.accept()
        store.away = True
        heard.extend([data async for data in limit.iter_bytes(socket)])

    sent = await converse(app, "/", b"a", b"b")

    assert [message["code"] for message in sent if message["type"] == "websocket.close"] == codes
    assert [json.loads(message["bytes"])["status"] for message in sent if message.get("bytes")] == told
    assert heard == []


def test_sockets_of_a_limiter_that_is_off_are_not_counted(limiter: RateLimiter) -> None:
    """Nothing is refused, and nothing is counted."""
    app = FastAPI()
    echo(app, "/", limiter.websocket(connect="1/hour", message="1/hour", open=1))
    limiter.enabled = False

    with TestClient(app).websocket_connect("/") as first, TestClient(app).websocket_connect("/") as second:
        for socket in (first, second, first, second):
            socket.send_text("hello")
            assert socket.receive_text() == "hello"


def test_tiers_may_let_sockets_be(limiter: RateLimiter) -> None:
    """A tier gives limits of sockets as it does of requests."""
    app = FastAPI()
    echo(app, "/", limiter.websocket(connect=lambda: None, message=lambda: "1/minute"))

    for _ in range(2):
        with TestClient(app).websocket_connect("/"):
            pass


@pytest.mark.parametrize("frame", ["text", b"bytes"])
async def test_what_nobody_reads_ends_the_socket(limiter: RateLimiter, frame: str | bytes) -> None:
    """Bytes where texts are read, or the other way round, close the socket with 1003 and are no error of the app."""
    app = FastAPI()

    @app.websocket("/")
    async def talk(socket: WebSocket, limit: Annotated[WebSocketLimit, limiter.websocket(message="9/minute")]) -> None:
        await socket.accept()
        messages = limit.iter_bytes(socket) if isinstance(frame, str) else limit.iter_text(socket)
        assert [message async for message in messages] == []

    sent = await converse(app, "/", frame)

    assert [(message["type"], message.get("code")) for message in sent] == [
        ("websocket.accept", None),
        ("websocket.close", 1003),
    ]


def test_it_belongs_on_sockets(limiter: RateLimiter) -> None:
    """On a request it is a mistake, and the error says what to use."""
    app = FastAPI()
    app.get("/", dependencies=[limiter.websocket(open=1)])(lambda: 1)

    with pytest.raises(RuntimeError, match="belongs on a socket"):
        statuses(TestClient(app), "/")


def test_nonsense_is_refused_when_it_is_written(limiter: RateLimiter) -> None:
    """No limit at all, and an excess that nobody knows what to do about."""
    with pytest.raises(ValueError, match="limits nothing"):
        limiter.websocket()
    with pytest.raises(ValueError, match='on_excess is "close", "drop" or "error"'):
        limiter.websocket(open=1, on_excess="ignore")  # type: ignore[arg-type]


def test_alike_is_one(limiter: RateLimiter) -> None:
    """Limits that were written alike are the same to FastAPI."""
    one, same, other = limiter.websocket(open=1), limiter.websocket(open=1), limiter.websocket(open=2)

    assert one.dependency == same.dependency != other.dependency
    assert len({one.dependency, same.dependency, limiter.depends("1/day").dependency}) == 2
