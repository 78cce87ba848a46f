"""Errors of WebSockets: before they are accepted, and after."""

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, HTTPException, Query, WebSocket, WebSocketException
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from brickwork.problems import add_problem_handlers
from brickwork.requestid import RequestIDMiddleware

ERRORS: dict[str, Exception] = {
    "policy": WebSocketException(1008, "Not you."),
    "own": WebSocketException(4429, "Slow down."),
    "odd": WebSocketException(4000),
    "unauthorized": HTTPException(401, "Log in.", headers={"WWW-Authenticate": "Bearer"}),
    "large": HTTPException(413),
    "busy": HTTPException(503),
    "broken": HTTPException(502),
    "long": WebSocketException(1008, "ä" * 100),
    "surrogate": WebSocketException(1008, "a\ud800b"),
    "boom": RuntimeError("secret"),
}


def app_with_sockets() -> FastAPI:
    """Sockets that fail before and after they are accepted."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.websocket("/before/{name}")
    async def before(socket: WebSocket, name: str) -> None:
        raise ERRORS[name]

    @app.websocket("/after/{name}")
    async def after(socket: WebSocket, name: str) -> None:
        await socket.accept()
        raise ERRORS[name]

    @app.websocket("/invalid")
    async def invalid(socket: WebSocket, size: Annotated[int, Query()]) -> None: ...

    @app.websocket("/gone")
    async def gone(socket: WebSocket) -> None:
        await socket.accept()
        await socket.close(1000)
        raise HTTPException(409)

    return app


@pytest.mark.promise("problems-30")
@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        ("/before/policy", 403, "Not you."),
        ("/before/own", 429, "Slow down."),
        ("/before/odd", 403, None),
        ("/before/unauthorized", 401, "Log in."),
        ("/invalid?size=x", 422, "1 error in the request."),
    ],
)
def test_before_it_is_accepted_an_error_is_an_answer(path: str, status: int, detail: str | None) -> None:
    """The handshake is refused with the status that fits, and a problem document."""
    with pytest.raises(WebSocketDenialResponse) as refused, TestClient(app_with_sockets()).websocket_connect(path):
        pass

    answer = refused.value
    assert answer.status_code == answer.json()["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("detail") == detail


@pytest.mark.promise("problems-30")
async def test_a_server_without_such_answers_closes() -> None:
    """Where the server cannot send an answer, it is told to close, which refuses the handshake."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/before/policy", "headers": [], "query_string": b"", "extensions": {}}
    await app_with_sockets()(scope, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "Not you."}]


@pytest.mark.promise("problems-30")
@pytest.mark.parametrize(
    ("name", "code", "reason"),
    [
        ("policy", 1008, "Not you."),
        ("own", 4429, "Slow down."),
        ("unauthorized", 1008, "Log in."),
        ("large", 1009, "Request Entity Too Large"),
        ("busy", 1013, "Service Unavailable"),
        ("broken", 1011, "Bad Gateway"),
        ("long", 1008, "ä" * 61),
        ("surrogate", 1008, "a?b"),
    ],
)
def test_after_it_is_accepted_an_error_closes(name: str, code: int, reason: str) -> None:
    """The close frame says why, in the bytes that it has."""
    with (
        TestClient(app_with_sockets()).websocket_connect(f"/after/{name}") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert closed.value.code == code
    assert closed.value.reason == reason or name == "large"
    assert len(closed.value.reason.encode()) <= 123


@pytest.mark.promise("problems-30")
def test_an_invalid_parameter_after_the_fact_names_it() -> None:
    """Where only a close frame is left, it says which parameter is wrong."""
    from fastapi.exceptions import WebSocketRequestValidationError

    app = FastAPI()
    add_problem_handlers(app)

    @app.websocket("/")
    async def late(socket: WebSocket) -> None:
        await socket.accept()
        raise WebSocketRequestValidationError(
            [{"loc": ("query", "size"), "type": "int_parsing", "msg": "Input should be a valid integer", "input": "x"}]
        )

    with TestClient(app).websocket_connect("/") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()

    assert (closed.value.code, closed.value.reason) == (1008, "size: Input should be a valid integer")


def test_a_socket_that_is_closed_already_is_left_alone() -> None:
    """Nothing is sent after the close."""
    with (
        TestClient(app_with_sockets()).websocket_connect("/gone") as socket,
        pytest.raises(WebSocketDisconnect) as closed,
    ):
        socket.receive_text()

    assert closed.value.code == 1000


def test_an_error_outside_of_the_route_knows_that_the_socket_is_open() -> None:
    """With a request context, an error that a middleware raises after the accept closes the socket too."""
    app = FastAPI()
    add_problem_handlers(app)
    app.add_middleware(RequestIDMiddleware)

    async def raw(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        raise HTTPException(409, "Taken.")

    app.mount("/raw", raw)

    with TestClient(app).websocket_connect("/raw/") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_text()

    assert (closed.value.code, closed.value.reason) == (1008, "Taken.")


def test_an_unhandled_error_of_a_socket_reaches_the_server() -> None:
    """It means nothing to the client, so the server decides."""
    with pytest.raises(RuntimeError, match="secret"), TestClient(app_with_sockets()).websocket_connect("/before/boom"):
        pass
