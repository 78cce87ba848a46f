"""Attacks on what an error may tell."""

import json
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient
from starlette.responses import StreamingResponse

from brickwork.problems import add_problem_handlers
from tests.problems.conftest import ClientOf


class LeakyError(Exception):
    """An error that knows too much."""


def leaky(app_debug: bool = False, **options: Any) -> FastAPI:
    """An app that fails with a secret."""
    app = FastAPI(debug=app_debug)
    add_problem_handlers(app, **options)

    @app.get("/")
    async def fail() -> None:
        local_secret = "postgresql://ada:local-secret@db"  # noqa: F841 - in the frame on purpose
        raise LeakyError("text-secret SELECT * FROM users")

    @app.get("/model", response_model=int)
    async def model() -> str:
        return "value-secret"

    @app.get("/streamed")
    async def streamed() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"begun"
            raise LeakyError("text-secret")

        return StreamingResponse(parts())

    return app


TELLING = ("secret", "SELECT", "LeakyError", "Traceback", ".py", "line ", "fastapi", "starlette", "brickwork", "value")


@pytest.mark.promise("problems-12")
@pytest.mark.parametrize("app_debug", [False, True])
@pytest.mark.parametrize("path", ["/", "/model"])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
async def test_an_unhandled_error_tells_nothing(
    client_of: ClientOf, app_debug: bool, path: str, accept: str, expected_errors: list[logging.LogRecord]
) -> None:
    """Not in JSON, not on the page, and not where FastAPI's debug mode would print variables."""
    answer = await client_of(leaky(app_debug)).get(path, headers={"accept": accept})

    assert answer.status_code == 500
    text = answer.text.partition("</style>")[2] or answer.text
    assert not [word for word in TELLING if word in text]


@pytest.mark.promise("problems-12")
@pytest.mark.parametrize("app_debug", [False, True])
def test_an_unhandled_error_reaches_the_server(app_debug: bool) -> None:
    """Server, error trackers and the test client see it as it was raised; the app's own setting stays."""
    app = leaky(app_debug)

    with pytest.raises(LeakyError) as caught:
        TestClient(app).get("/")

    assert app.debug is app_debug
    assert caught.value.__notes__[0].startswith("Problem instance: urn:uuid:")


@pytest.mark.promise("problems-12")
def test_an_error_in_a_stream_reaches_the_server() -> None:
    """After the response began nothing is added, and the error is raised as it is."""
    with pytest.raises(LeakyError):
        TestClient(leaky()).get("/streamed")


@pytest.mark.promise("problems-12")
async def test_a_response_its_model_refuses_is_logged_by_field(
    client_of: ClientOf, expected_errors: list[logging.LogRecord]
) -> None:
    """One record names route, field and kind of error, without the value."""
    await client_of(leaky()).get("/model")

    [record] = expected_errors
    assert record.getMessage() == "GET /model returned what its model refuses: response (int_parsing)"


@pytest.mark.promise("problems-13")
@pytest.mark.parametrize(
    ("client", "host", "headers", "shown"),
    [
        ("127.0.0.1", "localhost:8000", {}, True),
        ("::1", "[::1]:8000", {}, True),
        ("127.0.0.1", "127.0.0.1", {}, True),
        ("127.0.0.1", "evil.example", {}, False),
        ("127.0.0.1", "localhost.evil.example", {}, False),
        ("127.0.0.1", "localhost", {"x-forwarded-for": "127.0.0.1"}, False),
        ("127.0.0.1", "localhost", {"Forwarded": "for=127.0.0.1"}, False),
        ("127.0.0.1", "localhost", {"via": "1.1 proxy"}, False),
        ("127.0.0.1", "localhost", {"X-Forwarded-Proto": "https"}, False),
        ("127.0.0.1", "localhost", {"CF-Ray": "1"}, False),
        ("127.0.0.1", "localhost:80@evil.example", {}, False),
        ("127.0.0.1", "[::1].evil.example", {}, False),
        ("203.0.113.9", "localhost", {}, False),
        ("testclient", "localhost", {}, False),
    ],
)
async def test_debug_shows_a_traceback_to_this_machine_only(
    client: str, host: str, headers: dict[str, str], shown: bool
) -> None:
    """A proxy, a foreign address or a foreign name, as in DNS rebinding, gets the bare document."""
    transport = ASGITransport(app=leaky(debug=True), raise_app_exceptions=False, client=(client, 4711))

    async with AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.get("/", headers={"host": host, **headers})

    assert ("traceback" in answer.json()) is shown
    assert ("text-secret" in answer.text) is shown
    assert "local-secret@" not in answer.text.replace('local_secret = \\"postgresql://ada:local-secret@db', "")


@pytest.mark.promise("problems-13")
@pytest.mark.parametrize("more", [{"client": None}, {"http_version": "1.0"}, {"headers": []}])
async def test_debug_shows_nothing_to_a_client_it_cannot_place(more: dict[str, Any]) -> None:
    """A Unix socket, HTTP/1.0 as proxies speak it by default, a request without a host."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "GET", "path": "/", "query_string": b"", "http_version": "1.1",
        "client": ("127.0.0.1", 1), "headers": [(b"host", b"localhost")],
    }  # fmt: skip
    with pytest.raises(LeakyError):
        await leaky(debug=True)({**scope, **more}, receive, send)

    assert "traceback" not in json.loads(sent[1]["body"])


@pytest.mark.promise("problems-13")
async def test_debug_is_off_unless_asked_for() -> None:
    """Neither the app's own debug mode nor a local client is enough."""
    transport = ASGITransport(app=leaky(app_debug=True), raise_app_exceptions=False, client=("127.0.0.1", 1))

    async with AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.get("/")

    assert answer.json().keys() == {"type", "title", "status", "instance"}


@pytest.mark.promise("problems-22")
@pytest.mark.parametrize("broken", ["translate", "render"])
async def test_a_hook_that_fails_leaves_a_minimal_document(
    client_of: ClientOf, broken: str, expected_errors: list[logging.LogRecord]
) -> None:
    """The status and the headers stay, nothing of the failure goes out, and one record tells of it."""

    def fail(*_: Any) -> Any:
        raise KeyError("hook-secret")

    app = FastAPI()
    options: dict[str, Any] = {broken: fail}
    add_problem_handlers(app, **options)

    answer = await client_of(app).put("/openapi.json", headers={"accept-language": "de"})

    assert answer.json().keys() == {"type", "title", "status", "instance"}
    assert (answer.status_code, answer.json()["status"]) == (405, 405)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert [record.name for record in expected_errors] == ["brickwork.problems"]
    assert "hook-secret" not in answer.text


@pytest.mark.promise("problems-12")
async def test_nothing_is_rendered_for_a_response_that_began(client_of: ClientOf) -> None:
    """Where a middleware of ours has answered an error, the outermost handler does not answer it again."""
    from brickwork.requestid import RequestIDMiddleware

    app = leaky()
    app.add_middleware(RequestIDMiddleware)

    with pytest.raises(LeakyError) as caught:
        TestClient(app).get("/streamed")

    assert not hasattr(caught.value, "__notes__")
