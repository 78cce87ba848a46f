"""The ID from wherever it is asked for."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Any

import anyio
import anyio.to_thread
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from brickwork._core.context import current
from brickwork.requestid import RequestIDMiddleware, bind, carry, request_context, request_id
from tests.requestid.calls import Form, alone, client, get, installed

Seen = dict[str, str | None]


class OurError(Exception):
    """An error with a handler."""


def application(seen: Seen) -> FastAPI:
    """An application that notes the ID in every corner."""
    app = FastAPI()

    async def coroutine() -> AsyncIterator[None]:
        seen["async before"] = request_id()
        yield
        seen["async after"] = request_id()

    def function() -> Iterator[None]:
        seen["def before"] = request_id()
        yield
        seen["def after"] = request_id()

    def note(place: str) -> None:
        seen[place] = request_id()

    async def note_async(place: str) -> None:
        seen[place] = request_id()

    @app.get("/async", dependencies=[Depends(coroutine), Depends(function)])
    async def endpoint(tasks: BackgroundTasks) -> None:
        note("endpoint")
        tasks.add_task(note, "background def")
        tasks.add_task(note_async, "background async")
        await asyncio.create_task(note_async("task"))
        await anyio.to_thread.run_sync(note, "anyio thread")
        await asyncio.to_thread(note, "asyncio thread")
        await asyncio.get_running_loop().run_in_executor(None, carry(note), "executor")

    @app.get("/def")
    def blocking() -> None:
        note("def endpoint")
        thread = threading.Thread(target=carry(note), args=("own thread",))
        thread.start()
        thread.join()

    return app


@pytest.mark.promise("requestid-10")
async def test_the_id_is_everywhere(form: Form) -> None:
    """Endpoints, both sides of dependencies, background tasks, tasks and threads see the request's ID."""
    seen: Seen = {}
    app = form(application(seen))

    first = await get(app, "/async")
    second = await get(app, "/def")

    assert len(seen) == 13
    assert {seen.pop("def endpoint"), seen.pop("own thread")} == {second.headers["x-request-id"]}
    assert set(seen.values()) == {first.headers["x-request-id"]}


@pytest.mark.promise("requestid-10")
@pytest.mark.parametrize("kind", [OurError, Exception])
async def test_exception_handlers_know_the_id(form: Form, kind: type[Exception]) -> None:
    """Also the handler for Exception, which runs when the request has left all middleware."""
    app, seen = FastAPI(), list[str | None]()

    @app.get("/")
    async def fail() -> None:
        seen.append(request_id())
        raise OurError

    @app.exception_handler(kind)
    async def handle(request: Request, error: Exception) -> Response:
        seen.append(request_id())
        return PlainTextResponse("handled", 500)

    answer = await get(form(app))

    assert answer.text == "handled"
    assert seen[0] is not None
    assert set(seen) == {seen[0]}


@pytest.mark.promise("requestid-10")
async def test_a_plain_function_asks_with_its_request(form: Form) -> None:
    """A handler for Exception that is no coroutine runs in a thread: the request tells it the ID."""
    app = FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise OurError(request_id())

    @app.exception_handler(Exception)
    def handle(request: Request, error: Exception) -> Response:
        return JSONResponse([request_id(request), error.args[0]], 500)

    answer = await get(form(app))

    assert answer.json()[0] == answer.json()[1] is not None


def test_without_a_request_there_is_no_id() -> None:
    """Shared code may ask and bind outside of requests too."""
    bind(user=1)

    assert request_id() is None
    assert request_context() is None
    assert request_id(Request({"type": "http"})) is None


@pytest.mark.promise("requestid-11")
async def test_two_hundred_requests_do_not_mix(form: Form) -> None:
    """Interleaved requests see their own ID at every step, and the caller sees none of them."""
    app = FastAPI()

    @app.get("/{number}")
    async def steps(number: int) -> list[Any]:
        bind(number=number)
        found: list[Any] = []
        for _ in range(5):
            context = request_context()
            found.append([request_id(), context and context.values])
            await asyncio.sleep(0)
        return found

    asgi, answers = form(app), dict[int, Any]()
    async with client(asgi) as opened, anyio.create_task_group() as group:

        async def call(number: int) -> None:
            answers[number] = await opened.get(f"/{number}")
            assert current() is None

        for number in range(200):
            group.start_soon(call, number)

    ids = {answer.headers["x-request-id"] for answer in answers.values()}
    assert len(ids) == 200
    for number, answer in answers.items():
        assert answer.json() == [[answer.headers["x-request-id"], {"number": number}]] * 5


@pytest.mark.promise("requestid-11")
async def test_the_caller_keeps_its_own_context(form: Form) -> None:
    """After an in-process call, also one that fails, the outer context is as before."""
    app = FastAPI()

    @app.get("/")
    async def fail() -> None:
        raise OurError

    await get(form(app))

    assert current() is None


async def test_every_step_of_a_stream_knows_the_id(form: Form) -> None:
    """A generator sees the ID whenever it is asked for more."""
    app = FastAPI()

    async def steps() -> AsyncIterator[str]:
        for _ in range(3):
            yield f"{request_id()}\n"

    @app.get("/")
    async def stream() -> Response:
        return StreamingResponse(steps())

    answer = await get(form(app))

    assert answer.text.split() == [answer.headers["x-request-id"]] * 3


@pytest.mark.promise("requestid-12")
async def test_a_mounted_application_has_the_same_id(form: Form) -> None:
    """A sub-application with the middleware of its own neither replaces nor repeats the ID."""
    app, mounted = FastAPI(), FastAPI()

    @mounted.get("/")
    async def seen() -> str | None:
        return request_id()

    app.mount("/inner", alone(mounted, header="X-Inner-ID"))

    answer = await get(form(app), "/inner/")

    assert answer.headers.get_list("x-request-id") == [answer.json()]
    assert "x-inner-id" not in answer.headers


async def test_two_applications_do_not_touch() -> None:
    """Each has its own options, and a request of one that calls the other has two IDs."""
    outer, inner = FastAPI(), FastAPI()

    @inner.get("/")
    async def answer() -> str | None:
        return request_id()

    @outer.get("/")
    async def ask() -> list[str | None]:
        before = request_id()
        return [before, (await get(one)).json(), request_id()]

    one, other = alone(inner, header="X-Inner-ID"), installed(outer)

    before, asked, after = (await get(other)).json()

    assert before == after
    assert asked not in (before, None)


def socket_application() -> FastAPI:
    """An application with sockets that are accepted, refused, and refused with a response."""
    app = FastAPI()

    async def refuse() -> None:
        raise OurError

    @app.websocket("/accepted")
    async def accepted(websocket: WebSocket) -> None:
        await websocket.accept(headers=[(b"x-request-id", b"the-endpoints-own")])
        await websocket.send_json([request_id(), request_id(websocket)])
        await websocket.close()

    @app.websocket("/denied")
    async def denied(websocket: WebSocket) -> None:
        await websocket.send_denial_response(PlainTextResponse("no", 403))

    @app.websocket("/broken")
    async def broken(websocket: WebSocket, _: Annotated[None, Depends(refuse)]) -> None:
        """Never reached."""

    return app


@pytest.mark.promise("requestid-13")
def test_a_socket_has_an_id(form: Form) -> None:
    """It is in the headers of the acceptance, once, and in the handler."""
    with TestClient(form(socket_application())).websocket_connect("/accepted") as socket:
        seen = socket.receive_json()

    sent: Any = socket.extra_headers
    headers = [value.decode() for name, value in sent if name == b"x-request-id"]
    assert headers == [seen[0]]
    assert seen[0] == seen[1]


@pytest.mark.promise("requestid-13")
def test_a_denied_socket_has_an_id(form: Form) -> None:
    """The denial is a response, and carries the ID as any other."""
    opened = TestClient(form(socket_application())).websocket_connect("/denied")

    with pytest.raises(WebSocketDenialResponse) as refused, opened:
        pass

    assert len(refused.value.headers.get_list("x-request-id")) == 1


@pytest.mark.promise("requestid-7")
def test_a_socket_with_an_invalid_id_is_refused(form: Form) -> None:
    """The refusal is a denial response with a problem."""
    test_client = TestClient(form(socket_application(), trust="always", on_invalid="reject"))
    opened = test_client.websocket_connect("/accepted", headers={"X-Request-ID": "no id"})

    with pytest.raises(WebSocketDenialResponse) as refused, opened:
        pass

    assert refused.value.status_code == 400
    assert refused.value.json()["title"] == "Invalid request ID"


@pytest.mark.promise("requestid-7")
async def test_a_server_without_denials_gets_a_close() -> None:
    """Where a server knows no denial responses, the socket is closed, never answered like a request."""
    app, sent = RequestIDMiddleware(FastAPI(), trust="always", on_invalid="reject"), list[Any]()

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    await app({"type": "websocket", "path": "/", "headers": [(b"x-request-id", b"no id")]}, receive, send)

    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_socket_that_breaks_reaches_the_server(form: Form) -> None:
    """An error before the acceptance is the server's to report."""
    opened = TestClient(form(socket_application())).websocket_connect("/broken")

    with pytest.raises((OurError, WebSocketDisconnect)), opened:
        pass


async def test_other_scopes_pass() -> None:
    """The lifespan is none of our business."""
    seen: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    await RequestIDMiddleware(app)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]

    assert seen == [({"type": "lifespan"}, None, None)]
