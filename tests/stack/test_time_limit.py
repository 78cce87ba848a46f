"""Time limits of routes, routers and mounted apps."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

from brickwork.stack import time_limit
from brickwork.testing import open_client
from tests.stack.late import SHORT, Exchange, limited


@pytest.mark.promise("stack-29")
@pytest.mark.parametrize(
    ("path", "status"), [("/longer", 200), ("/none", 200), ("/shorter", 504), ("/router/own", 200), ("/router", 504)]
)
async def test_a_route_has_a_limit_of_its_own(path: str, status: int) -> None:
    """A route's limit counts before its router's, and that before the app's; None is none."""
    app, _ = limited(SHORT * 2)
    router = APIRouter()

    async def slow() -> str:
        await asyncio.sleep(SHORT * 4)
        return "done"

    app.get("/longer", dependencies=[time_limit(60)])(slow)
    app.get("/none", dependencies=[time_limit(None)])(slow)
    app.get("/shorter", dependencies=[time_limit(SHORT / 5)])(slow)
    router.get("/own", dependencies=[time_limit(60)])(slow)
    router.get("")(slow)
    app.include_router(router, prefix="/router", dependencies=[time_limit(SHORT)])

    async with open_client(app) as client:
        answer = await client.get(path)

    assert answer.status_code == status


@pytest.mark.promise("stack-29")
@pytest.mark.parametrize("prefix", ["", "/included"])
async def test_a_limit_counts_while_the_body_comes_in(prefix: str) -> None:
    """A slow upload has the time of its route, although dependencies run only after it."""
    app, _ = limited()
    router = APIRouter()

    @router.post("/upload", dependencies=[time_limit(None)])
    async def upload(request: Request, document: dict[str, int]) -> dict[str, int]:
        return document

    app.include_router(router, prefix=prefix)
    exchange = Exchange(app, f"{prefix}/upload", "POST")
    exchange.body.put_nowait({"type": "http.request", "body": b'{"a":', "more_body": True})
    await asyncio.sleep(SHORT * 2)
    exchange.body.put_nowait({"type": "http.request", "body": b" 1}", "more_body": False})
    await exchange.task

    assert exchange.statuses == [200]


@pytest.mark.promise("stack-29")
async def test_a_mounted_app_has_the_last_word() -> None:
    """Its own time-out takes the place of its parent's, and one answer leaves."""
    outer, _ = limited(SHORT)
    inner, _ = limited(60)

    @inner.get("/slow")
    async def slow() -> str:
        await asyncio.sleep(SHORT * 3)
        return "done"

    outer.mount("/inner", inner)
    async with open_client(outer) as client:
        answer = await client.get("/inner/slow")

    assert answer.status_code == 200


async def test_a_limit_without_the_middleware_does_nothing() -> None:
    """A router with limits works in an app without time-outs."""
    app = FastAPI()
    app.get("/", dependencies=[time_limit(1)])(lambda: "fine")

    async with open_client(app) as client:
        answer = await client.get("/")

    assert answer.json() == "fine"


async def test_a_limit_that_comes_too_late_changes_nothing() -> None:
    """Once the response has begun there is nothing left to limit."""
    app, _ = limited()

    @app.get("/")
    async def stream(request: Request) -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            yield b"one"
            limit = time_limit(SHORT / 5).dependency
            assert limit is not None
            await limit(request)
            await asyncio.sleep(SHORT)
            yield b"two"

        return StreamingResponse(chunks())

    async with open_client(app) as client:
        answer = await client.get("/")

    assert answer.text == "onetwo"
