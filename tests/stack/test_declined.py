"""The error boundary and handlers that do not answer: what they give back gets the last answer there is."""

import asyncio
import threading
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from brickwork import install
from brickwork.testing import assert_problem, open_client


@pytest.mark.parametrize("error", [ConnectionError("db.internal"), ExceptionGroup("two", [OSError(), OSError()])])
async def test_an_error_that_its_handler_gives_back_is_a_whole_500(error: Exception) -> None:
    """A handler may find that an error is not its own: the client still gets a whole answer."""
    app = FastAPI()

    @app.get("/")
    async def broken() -> None:
        raise error

    install(app)

    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/")

    assert_problem(answer, 500, request_id=answer.headers["x-request-id"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "db.internal" not in answer.text


async def test_a_given_back_error_reaches_the_server_once() -> None:
    """The error that came out is the one that was raised."""
    app = FastAPI()
    error = ConnectionError("db.internal")

    @app.get("/")
    async def broken() -> None:
        raise error

    install(app)

    async with open_client(app) as client:
        with pytest.raises(ConnectionError) as caught:
            await client.get("/")

    assert caught.value is error


async def test_a_handler_that_fails_is_heard_of() -> None:
    """A handler's own mistake is answered by a whole 500, and reaches the server with the error it was to answer."""
    app = FastAPI()

    @app.exception_handler(Exception)
    async def clumsy(_request: Request, _error: Exception) -> Response:
        raise LookupError("the handler's own")

    @app.get("/")
    async def broken() -> None:
        raise ValueError("the endpoint's")

    install(app)

    async with open_client(app, raise_errors=False) as quiet, open_client(app) as client:
        answer = await quiet.get("/")
        with pytest.raises(LookupError) as caught:
            await client.get("/")

    assert_problem(answer, 500, request_id=answer.headers["x-request-id"])
    assert "own" not in answer.text
    assert isinstance(caught.value.__context__, ValueError)


class Sorry:
    """A handler that is an object."""

    async def __call__(self, _request: Request, _error: Exception) -> Response:
        """Answer in the loop's own thread."""
        return JSONResponse({"sorry": threading.current_thread() is threading.main_thread()}, 500)


def sorry(_request: Request, _error: Exception) -> Response:
    """Answer in another thread."""
    return JSONResponse({"sorry": threading.current_thread() is not threading.main_thread()}, 500)


@pytest.mark.parametrize("handler", [sorry, Sorry(), partial(Sorry.__call__, Sorry())])
async def test_any_callable_may_be_the_handler(handler: Any) -> None:
    """A handler for every error that is no coroutine runs in a thread, and each answer has ID and headers."""
    app = FastAPI(exception_handlers={Exception: handler})

    @app.get("/")
    async def broken() -> None:
        raise ValueError("the endpoint's")

    install(app)

    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/")

    assert (answer.status_code, answer.json()) == (500, {"sorry": True})
    assert "x-request-id" in answer.headers


async def test_an_unhandled_error_of_a_socket_is_left_to_a_server_without_denials() -> None:
    """Where all that could be said is a refusal, nothing is: the server answers its own fault with 500."""
    app = FastAPI()
    sent: list[Message] = []

    @app.websocket("/")
    async def broken(_socket: WebSocket) -> None:
        raise ValueError("the endpoint's")

    install(app)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "raw_path": b"/", "query_string": b"", "headers": [], "scheme": "ws"}
    with pytest.raises(ValueError, match="the endpoint's"):
        await app(scope, receive, send)

    assert sent == []


@pytest.mark.promise("stack-2")
@pytest.mark.parametrize("problems", [True, False])
async def test_debug_shows_no_stranger_the_source(*, problems: bool) -> None:
    """`FastAPI(debug=True)` changes nothing of the answer to an unhandled error."""
    app = FastAPI(debug=True)

    @app.get("/")
    async def broken() -> None:
        raise ValueError("the password is hunter2")

    install(app, problems=problems)

    async with open_client(app, raise_errors=False) as client:
        answer = await client.get("/", headers={"accept": "text/html"})

    assert answer.status_code == 500
    assert "x-request-id" in answer.headers
    assert "hunter2" not in answer.text


class Refusing:
    """A middleware that lets nobody in."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, _scope: Scope, _receive: Receive, _send: Send) -> None:
        """Refuse."""
        raise HTTPException(409)


@pytest.mark.promise("stack-5")
@pytest.mark.parametrize("handlers", [{}, {409: sorry}])
async def test_a_refusal_of_middleware_is_settled_with_and_without_a_handler(handlers: dict[Any, Any]) -> None:
    """A handler for its status answers it, or nobody's but the stack's own answer goes out: nothing is raised."""
    app = FastAPI()
    app.exception_handlers = handlers
    app.add_middleware(Refusing)
    install(app, problems=False)

    async with open_client(app) as client:
        answer = await client.get("/")

    assert answer.status_code == (500 if handlers else 409)
    assert "x-request-id" in answer.headers


async def test_nothing_is_said_to_a_socket_whose_task_is_cancelled() -> None:
    """A server that gives up on a socket closes it itself."""
    app, reached = FastAPI(), asyncio.Event()
    sent: list[Message] = []

    @app.websocket("/")
    async def waits(_socket: WebSocket) -> None:
        reached.set()
        await asyncio.Event().wait()

    install(app)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "websocket", "path": "/", "raw_path": b"/", "query_string": b"", "headers": [], "scheme": "ws"}
    call: Any = app(scope, receive, send)
    task = asyncio.create_task(call)
    await reached.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent == []
