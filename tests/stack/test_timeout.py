"""Time-outs: what is late is answered for, what has begun is left alone."""

import asyncio
import gc
import inspect
import threading
import time
import weakref
from collections.abc import AsyncIterator
from typing import Annotated

import anyio.to_thread
import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, Request, WebSocket
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from brickwork._core.scope import TIME_LIMIT
from brickwork.stack import TimeoutMiddleware, TimeoutOptions, time_limit
from brickwork.testing import assert_problem, open_client
from tests.stack.late import SHORT, Exchange, limited


@pytest.mark.promise("stack-24")
async def test_a_late_coroutine_is_answered_504() -> None:
    """The caller gets a problem on time, and the endpoint is cancelled once and cleans up in peace."""
    app, _ = limited()
    seen: list[str] = []

    async def session() -> AsyncIterator[str]:
        try:
            yield "session"
        finally:
            await asyncio.sleep(0.01)
            seen.append("session returned")

    @app.get("/late")
    async def late(_: Annotated[str, Depends(session)]) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise
        finally:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")

    began = time.monotonic()
    async with open_client(app) as client:
        answer = await client.get("/late")

    assert_problem(answer, 504, slug="timeout")
    assert seen == ["cancelled", "cleaned up", "session returned"]
    assert time.monotonic() - began < SHORT + 5  # not the sixty seconds that the endpoint takes


@pytest.mark.promise("stack-24")
async def test_the_answer_does_not_wait_for_the_cleaning_up() -> None:
    """The 504 leaves soon after the deadline, however long the endpoint tidies."""
    app, _ = limited()
    tidy = asyncio.Event()

    @app.get("/late")
    async def late() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await tidy.wait()

    exchange = Exchange(app, "/late")
    await exchange.answered.wait()
    running = not exchange.task.done()
    tidy.set()
    await exchange.task

    assert running
    assert exchange.statuses == [504]
    assert SHORT <= exchange.answered_after < SHORT + 5


@pytest.mark.promise("stack-25")
async def test_late_threads_keep_their_places() -> None:
    """`def` endpoints are answered for on time, and never run on more threads than there are places."""
    app, built = limited()
    go, counting = threading.Event(), threading.Lock()
    running = most = 0

    @app.get("/late")
    def late() -> str:
        nonlocal running, most
        with counting:
            running += 1
            most = max(most, running)
        go.wait(10)
        with counting:
            running -= 1
        return "too late"

    anyio.to_thread.current_default_thread_limiter().total_tokens = 3
    exchanges = [Exchange(app, "/late") for _ in range(8)]
    for exchange in exchanges:
        await exchange.answered.wait()
    running_then, abandoned = running, built[0].abandoned
    go.set()
    await asyncio.gather(*(exchange.task for exchange in exchanges))

    assert all(exchange.statuses == [504] for exchange in exchanges)
    assert all(exchange.answered_after < SHORT + 5 for exchange in exchanges)
    assert (running_then, most) == (3, 3)
    assert 3 <= abandoned <= 8
    assert built[0].abandoned == 0


@pytest.mark.promise("stack-25")
async def test_a_late_thread_is_counted_and_cleaned_up_after() -> None:
    """The gauge goes up and down again, and dependencies clean up in peace after the thread."""
    changes: list[int] = []
    app, _ = limited(on_abandoned=changes.append)
    go, seen = threading.Event(), list[str]()

    async def session() -> AsyncIterator[None]:
        try:
            yield
        finally:
            await asyncio.sleep(0.03)
            seen.append("session returned")

    @app.get("/late", dependencies=[Depends(session)])
    def late() -> str:
        go.wait(10)
        seen.append("thread done")
        return "too late"

    exchange = Exchange(app, "/late")
    await exchange.answered.wait()
    changes_then = list(changes)
    go.set()
    await exchange.task

    assert changes_then == [1]
    assert changes == [1, -1]
    assert seen == ["thread done", "session returned"]
    assert exchange.statuses == [504]


@pytest.mark.promise("stack-25")
async def test_a_coroutine_that_waits_for_a_thread_is_cancelled_after_it() -> None:
    """A thread inside a coroutine is waited for as well, and the coroutine ends behind it."""
    app, built = limited()
    go, seen = threading.Event(), list[str]()

    @app.get("/late")
    async def late() -> None:
        try:
            await anyio.to_thread.run_sync(go.wait, 10)
            seen.append("thread done")
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.02)
            seen.append("cleaned up")

    exchange = Exchange(app, "/late")
    await exchange.answered.wait()
    abandoned = built[0].abandoned
    go.set()
    await exchange.task

    assert exchange.statuses == [504]
    assert abandoned == 1
    assert seen == ["thread done", "cleaned up"]


@pytest.mark.promise("stack-26")
async def test_what_has_begun_is_never_cut() -> None:
    """A stream and a background task take as long as they need."""
    app, _ = limited()
    seen: list[str] = []

    async def chunks() -> AsyncIterator[bytes]:
        yield b"begun, "
        await asyncio.sleep(SHORT * 3)
        yield b"ended"

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(chunks())

    async def job() -> None:
        await asyncio.sleep(SHORT * 3)
        seen.append("job done")

    @app.get("/job")
    async def start_job(tasks: BackgroundTasks) -> str:
        tasks.add_task(job)
        return "started"

    async with open_client(app) as client:
        streamed = await client.get("/stream")
        started = await client.get("/job")

    assert streamed.text == "begun, ended"
    assert started.status_code == 200
    assert seen == ["job done"]


@pytest.mark.promise("stack-26")
def test_sockets_are_not_watched() -> None:
    """A socket stays open beyond the time-out, and a limit on its route does nothing."""
    app, _ = limited()

    @app.websocket("/ws", dependencies=[time_limit(SHORT)])
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await asyncio.sleep(SHORT * 3)
        await websocket.send_text("still here")
        await websocket.close()

    with TestClient(app) as client, client.websocket_connect("/ws") as websocket:
        assert websocket.receive_text() == "still here"


@pytest.mark.promise("stack-27")
async def test_an_endpoint_that_ignores_its_cancellation_sends_nothing() -> None:
    """Only one response leaves, whatever the endpoint does after the deadline."""
    app, _ = limited()

    @app.get("/stubborn")
    async def stubborn() -> StreamingResponse:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
        return StreamingResponse(iter([b"too", b"late"]))

    exchange = Exchange(app, "/stubborn")
    await exchange.task

    assert exchange.statuses == [504]
    assert b"".join(message.get("body", b"") for message in exchange.sent).count(b"late") == 0


@pytest.mark.promise("stack-27")
async def test_an_endpoint_that_ends_with_its_time_is_not_cancelled() -> None:
    """A response in the very moment of the deadline is late, and nothing behind it is disturbed."""
    app, _ = limited()
    seen: list[str] = []

    async def session() -> AsyncIterator[None]:
        try:
            yield
        except asyncio.CancelledError:
            seen.append("disturbed")
            raise
        seen.append("session returned")

    @app.get("/", dependencies=[Depends(session)])
    async def last_moment(request: Request) -> str:
        ready = asyncio.get_running_loop().create_future()
        deadline = request.state._state[TIME_LIMIT]

        def at_once() -> None:
            ready.set_result(None)
            deadline._expire()

        asyncio.get_running_loop().call_soon(at_once)
        await ready
        return "just too late"

    exchange = Exchange(app, "/")
    await exchange.task

    assert exchange.statuses == [504]
    assert seen == ["session returned"]


@pytest.mark.promise("stack-27")
async def test_a_late_refusal_is_dropped() -> None:
    """A problem raised after the deadline is one more late answer."""
    app, _ = limited()
    go = threading.Event()

    @app.get("/late")
    def late() -> None:
        go.wait(10)
        raise HTTPException(409)

    exchange = Exchange(app, "/late")
    await exchange.answered.wait()
    go.set()
    await exchange.task

    assert exchange.statuses == [504]


@pytest.mark.promise("stack-28")
@pytest.mark.parametrize(("version", "expected"), [("1.1", b"close"), ("2", None)])
async def test_no_later_request_suffers(version: str, expected: bytes | None) -> None:
    """Servers drop the connection on an error, so none is to stand behind it; HTTP/2 knows no such header."""
    app, _ = limited()

    @app.get("/late")
    async def late() -> None:
        await asyncio.sleep(60)

    exchange = Exchange(app, "/late", http_version=version)
    await exchange.task

    assert dict(exchange.sent[0]["headers"]).get(b"connection") == expected


@pytest.mark.promise("stack-28")
async def test_a_late_error_reaches_the_server() -> None:
    """An error that comes out of a given-up endpoint goes on to the server, once."""
    app, built = limited()

    @app.get("/late")
    async def late() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("while cleaning up")

    exchange = Exchange(app, "/late")
    with pytest.raises(ValueError, match="while cleaning up"):
        await exchange.task

    assert exchange.statuses == [504]
    assert built[0].abandoned == 0


@pytest.mark.parametrize(("allowed", "statuses"), [(60, []), (SHORT, [504])])
@pytest.mark.parametrize("cancel_after", [0, SHORT * 2])
async def test_a_server_that_gives_up_is_not_held_back(
    allowed: float, statuses: list[int], cancel_after: float
) -> None:
    """A cancellation from outside goes through as it came, before the deadline and after it."""
    app, _ = limited(allowed)
    begun, tidy = asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def wait() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await tidy.wait()

    exchange = Exchange(app, "/")
    await begun.wait()
    await asyncio.sleep(cancel_after)
    exchange.task.cancel()
    await asyncio.sleep(SHORT * 2)
    tidy.set()

    with pytest.raises(asyncio.CancelledError):
        await exchange.task
    assert exchange.statuses == statuses


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_time_out_is_a_positive_number(seconds: float) -> None:
    """Nonsense is refused where it is written."""
    with pytest.raises(ValueError, match="above 0"):
        TimeoutMiddleware(FastAPI(), timeout=seconds)
    with pytest.raises(ValueError, match="or None for no time-out"):
        time_limit(seconds)


def test_options_match_the_middleware() -> None:
    """`TimeoutOptions` names every option, and equal limits are one dependency."""
    parameters = inspect.signature(TimeoutMiddleware).parameters

    assert {*TimeoutOptions.__annotations__} == {*parameters} - {"app"}
    assert time_limit(3) == time_limit(3)


class Witness:
    """Hangs on a request, to tell when the request is forgotten."""


async def test_nothing_of_a_request_waits_for_the_collector() -> None:
    """The deadline and the scope do not hold each other once the request has ended."""
    app, _ = limited(60)

    kept: list[weakref.ref[Witness]] = []

    @app.get("/")
    async def quick(request: Request) -> None:
        request.state.witness = Witness()
        kept.append(weakref.ref(request.state.witness))

    gc.disable()
    try:
        await Exchange(app, "/").task

        assert kept[0]() is None
    finally:
        gc.enable()
