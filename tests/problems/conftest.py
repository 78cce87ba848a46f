"""Apps that fail, and clients that see how."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.types import ASGIApp

from brickwork.problems import add_problem_handlers

ClientOf = Callable[[ASGIApp], AsyncClient]


@pytest.fixture
async def client_of() -> AsyncIterator[ClientOf]:
    """Makes a client of an app; it sees the answer to an unhandled error, and not the error."""
    async with AsyncExitStack() as stack:

        def make(app: ASGIApp) -> AsyncClient:
            transport = ASGITransport(app=app, raise_app_exceptions=False, client=("203.0.113.9", 4711))
            client = AsyncClient(transport=transport, base_url="http://test")
            stack.push_async_callback(client.aclose)
            return client

        yield make


def app_doing(work: Callable[[], Any], **options: Any) -> FastAPI:
    """An app whose one route does something."""
    app = FastAPI()
    add_problem_handlers(app, **options)

    @app.get("/")
    async def do() -> None:
        result = work()
        if isinstance(result, Awaitable):
            await result

    return app


def raising(error: BaseException) -> Callable[[], None]:
    """A function that raises."""

    def work() -> None:
        raise error

    return work
