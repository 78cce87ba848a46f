"""The app that every case serves: a few routes that do next to nothing, so that what is around them shows."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

CHUNKS = 1000
CHUNK = b"x" * 64

# Building a record counts, writing it does not: a line costs the same 10 µs whoever writes it.
access = logging.getLogger("benchmarks.access")
access.setLevel(logging.INFO)
access.addHandler(logging.NullHandler())
access.propagate = False


class Order(BaseModel):
    """The body of a call that can be refused."""

    book: int
    copies: Annotated[int, Field(ge=1)]


def make_shop(shelves: int = 0) -> FastAPI:
    """Make the app, with as many other routes in front of those that are called."""
    app = FastAPI()
    for number in range(shelves):
        app.add_api_route(f"/shelves/{number}/books/{{book}}", _book)

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"ping": "pong"}

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        return StreamingResponse(_chunks(), media_type="text/plain")

    @app.post("/orders")
    async def order(order: Order) -> Order:
        return order

    @app.get("/sold-out")
    async def sold_out() -> None:
        raise HTTPException(409, "Sold out.")

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("broken")

    return app


def make_app() -> FastAPI:
    """Make an app without routes, that closes what it has opened: what was put into ``app.state.closing``."""
    app = FastAPI(lifespan=_lifespan)
    app.state.closing = []
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    for close in app.state.closing:
        await close()


async def _chunks() -> AsyncIterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK


async def _book(book: int) -> int:
    return book
