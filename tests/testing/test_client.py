"""The client that calls an app in process."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import httpx2
import pytest
from fastapi import FastAPI, Request
from starlette.types import Receive, Scope, Send

from brickwork.testing import open_client


class NotReadyError(Exception):
    """What an app raises in these tests."""


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, str]]:
    """Keep a note of when the app starts and ends."""
    app.state.events = ["started"]
    yield {"greeting": "hello"}
    app.state.events.append("stopped")


@pytest.fixture
def app() -> FastAPI:
    """An app that tells what its lifespan left, and who calls."""
    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def read(request: Request) -> list[str]:
        assert request.client is not None
        return [request.state.greeting, request.client.host, str(request.base_url)]

    @app.get("/broken")
    async def fail() -> None:
        raise NotReadyError

    return app


@pytest.mark.promise("testing-1")
async def test_the_client_calls_the_app_that_the_test_names(client: httpx2.AsyncClient) -> None:
    """The fixture `client` serves the fixture `app`, with the state that its lifespan gave."""
    response = await client.get("/")

    assert response.json() == ["hello", "127.0.0.1", "http://testserver/"]


@pytest.mark.promise("testing-1")
async def test_the_lifespan_surrounds_the_calls(app: FastAPI) -> None:
    """The app is started before the first call, and stopped when the client closes."""
    async with open_client(app):
        started = app.state.events.copy()

    assert started == ["started"]
    assert app.state.events == ["started", "stopped"]


@pytest.mark.promise("testing-1")
async def test_the_app_is_stopped_when_the_test_fails(app: FastAPI) -> None:
    """An error in the test does not keep the app from closing what it opened."""
    with pytest.raises(NotReadyError):
        async with open_client(app):
            raise NotReadyError

    assert app.state.events == ["started", "stopped"]


async def test_one_request_cannot_change_the_state_of_the_next(app: FastAPI) -> None:
    """What a request writes to its state is gone with it."""

    @app.get("/renamed")
    async def rename(request: Request) -> None:
        request.state.greeting = "goodbye"

    async with open_client(app) as client:
        await client.get("/renamed")
        response = await client.get("/")

    assert response.json()[0] == "hello"


async def test_where_calls_come_from_can_be_said(app: FastAPI) -> None:
    """The address and the base URL are the test's to choose."""
    async with open_client(app, base_url="https://shop.example", address=("203.0.113.9", 4711)) as client:
        response = await client.get("/")

    assert response.json() == ["hello", "203.0.113.9", "https://shop.example/"]


@pytest.mark.promise("testing-2")
async def test_an_error_of_the_app_is_raised_in_the_test(client: httpx2.AsyncClient) -> None:
    """What no handler answered shows up with its own traceback."""
    with pytest.raises(NotReadyError):
        await client.get("/broken")


@pytest.mark.promise("testing-2")
async def test_the_answer_to_an_error_can_be_asked_for(app: FastAPI) -> None:
    """With errors not raised, the test sees what a client sees."""
    async with open_client(app, raise_errors=False) as client:
        response = await client.get("/broken")

    assert response.status_code == 500


@pytest.mark.promise("testing-3")
async def test_an_app_that_cannot_start_says_why() -> None:
    """The lifespan's own error reaches the test."""

    @asynccontextmanager
    async def failing(app: FastAPI) -> AsyncIterator[None]:
        raise NotReadyError
        yield

    with pytest.raises(NotReadyError):
        async with open_client(FastAPI(lifespan=failing)):
            pytest.fail("the app was not started")


@pytest.mark.promise("testing-3")
async def test_an_app_that_only_says_it_cannot_start() -> None:
    """Words without an exception are raised too."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="no database"):
        async with open_client(app):
            pytest.fail("the app was not started")


@pytest.mark.promise("testing-3")
async def test_an_app_that_cannot_stop_says_why() -> None:
    """An error after the last call is not lost."""

    @asynccontextmanager
    async def failing(app: FastAPI) -> AsyncIterator[None]:
        yield
        raise NotReadyError

    with pytest.raises(NotReadyError):
        async with open_client(FastAPI(lifespan=failing)):
            pass


async def test_an_app_without_a_lifespan_is_served() -> None:
    """As with a real server, an app that does not know the lifespan protocol works."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    async with open_client(app) as client:
        response = await client.get("/")

    assert response.status_code == 204


async def test_httpx_serves_where_httpx2_is_missing(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """The older package of the same names is good enough."""
    monkeypatch.setitem(sys.modules, "httpx2", None)

    async with open_client(app) as client:
        response = await client.get("/")

    assert isinstance(response, httpx.Response)
    assert response.status_code == 200


async def test_a_missing_client_package_is_named(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either package the error says what to install."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    monkeypatch.setitem(sys.modules, "httpx", None)

    with pytest.raises(ImportError, match="pip install httpx2"):
        async with open_client(app):
            pytest.fail("there is no client")
