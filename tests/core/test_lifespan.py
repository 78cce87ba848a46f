"""`combine_lifespans`: several lifespans as one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI, Request

from brickwork import combine_lifespans
from brickwork.testing import open_client


async def test_lifespans_are_entered_in_order_and_left_in_reverse() -> None:
    """The first is the outermost, as in nested `async with`; their states are joined."""
    seen: list[str] = []

    @asynccontextmanager
    async def one(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        seen.append("one starts")
        yield {"a": 1, "b": 1}
        seen.append("one stops")

    @asynccontextmanager
    async def two(app: FastAPI) -> AsyncIterator[dict[str, int]]:
        seen.append("two starts")
        yield {"b": 2}
        seen.append("two stops")

    @asynccontextmanager
    async def three(app: FastAPI) -> AsyncIterator[None]:
        yield

    app = FastAPI(lifespan=combine_lifespans(one, two, three))

    @app.get("/")
    async def state(request: Request) -> list[int]:
        return [request.state.a, request.state.b]

    async with open_client(app) as client:
        answer = await client.get("/")

    assert answer.json() == [1, 2]
    assert seen == ["one starts", "two starts", "two stops", "one stops"]


async def test_what_was_started_is_stopped_where_a_later_one_fails() -> None:
    """A lifespan that cannot start does not leave the ones before it running."""
    seen: list[str] = []

    @asynccontextmanager
    async def one(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            seen.append("one stops")

    @asynccontextmanager
    async def two(app: FastAPI) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    with pytest.raises(OSError, match="no database"):
        async with combine_lifespans(one, two)(FastAPI()):
            pass

    assert seen == ["one stops"]
