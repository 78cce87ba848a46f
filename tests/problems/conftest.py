"""Clients for the apps of these tests."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.types import ASGIApp

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
