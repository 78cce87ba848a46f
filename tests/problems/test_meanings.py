"""What the errors of HTTP clients, limiters and task groups mean to a client."""

import asyncio
import logging
from typing import Any

import httpx
import httpx2
import pytest
from fastapi import FastAPI, HTTPException, Request
from slowapi import Limiter
from slowapi.util import get_remote_address
from starlette.requests import ClientDisconnect

from brickwork.problems import add_problem_handlers
from brickwork.problems._service import Meanings
from tests.problems.conftest import ClientOf, app_doing, raising


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize("client", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ConnectError", 502),
        ("ReadError", 502),
        ("RemoteProtocolError", 502),
        ("ReadTimeout", 504),
        ("ConnectTimeout", 504),
        ("PoolTimeout", 503),
        ("UnsupportedProtocol", None),
        ("LocalProtocolError", None),
    ],
)
def test_an_upstream_that_fails(client: Any, name: str, status: int | None) -> None:
    """Failure is 502, slowness 504, a pool that is spent 503; a call made wrongly is a fault of the application."""
    meant = Meanings({})(getattr(client, name)("https://user:secret@upstream.internal"))

    assert (meant.status_code if meant else None) == status


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize("client", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_an_upstreams_refusal_is_502_and_stays_with_us(
    client_of: ClientOf, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """`raise_for_status` tells the client nothing of the upstream's answer; the log tells all."""
    request = client.Request("GET", "https://upstream.internal/secret")
    response = client.Response(403, text="secret", request=request)

    answer = await client_of(app_doing(response.raise_for_status)).get("/")

    assert answer.status_code == 502
    assert "secret" not in answer.text
    [record] = [each for each in caplog.records if each.name == "brickwork.problems"]
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "HTTPStatusError is answered with 502")
    assert record.exc_info is not None


async def forever(request: httpx2.Request) -> httpx2.Response:
    """An upstream that never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def call_in_time() -> None:
    """Call it, and give up."""
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(forever)) as client, asyncio.timeout(0.01):
        await client.get("http://upstream.internal")


async def wait_in_time() -> None:
    """Wait for something of one's own, and give up."""
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize(("work", "status"), [(call_in_time, 504), (wait_in_time, 500)])
async def test_a_time_out_is_504_only_around_a_call(client_of: ClientOf, work: Any, status: int) -> None:
    """A deadline of one's own around an upstream call is 504; around a lock or queue it is a fault."""
    answer = await client_of(app_doing(work)).get("/")

    assert answer.status_code == status


# --- limits, groups, clients that leave


async def test_slowapis_refusal_says_when_to_come_back(client_of: ClientOf) -> None:
    """429 with the limit and `Retry-After`."""
    app = FastAPI()
    limiter = Limiter(key_func=get_remote_address)
    app.state.limiter = limiter
    add_problem_handlers(app)

    @app.get("/")
    @limiter.limit("1/minute")
    async def limited(request: Request) -> None: ...

    client = client_of(app)
    await client.get("/")
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.json()["detail"] == "The limit is 1 per 1 minute."


@pytest.mark.promise("problems-26")
@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([HTTPException(409)], 409),
        ([ExceptionGroup("inner", [HTTPException(409)]), HTTPException(409)], 409),
        ([HTTPException(409), ValueError()], 500),
        ([ValueError()], 500),
    ],
)
async def test_a_group_of_one_kind_is_one_error(client_of: ClientOf, errors: list[Exception], status: int) -> None:
    """What a task group gathers is answered like its only kind of error, or as unhandled."""
    answer = await client_of(app_doing(raising(ExceptionGroup("tasks", errors)))).get("/")

    assert answer.status_code == status


@pytest.mark.promise("problems-7")
async def test_nobody_answers_a_client_that_left(client_of: ClientOf) -> None:
    """A disconnect while the body is read has no body in its answer, in the endpoint or before it."""
    answer = await client_of(app_doing(raising(ClientDisconnect()))).get("/")

    assert (answer.status_code, answer.content) == (499, b"")


@pytest.mark.promise("problems-7")
async def test_nobody_answers_a_client_that_left_before_the_endpoint() -> None:
    """FastAPI calls it an unreadable body; its cause tells."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def take(numbers: list[int]) -> None: ...

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "http_version": "1.1"}
    await app(scope, receive, send)

    assert (sent[0]["status"], sent[1]["body"]) == (499, b"")


async def test_another_failure_while_reading_the_body_stays_400(client_of: ClientOf) -> None:
    """What FastAPI could not read for another reason keeps FastAPI's answer, as a problem."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def take(numbers: list[int]) -> None: ...

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        async def receive_nothing() -> Any:
            raise OSError("secret")

        await app(scope, receive_nothing, send)

    answer = await client_of(broken).post("/", json=[])

    assert (answer.status_code, answer.json()["detail"]) == (400, "There was an error parsing the body")
