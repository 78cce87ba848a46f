"""The app that the browser talks to: `python -m tests.browser.app DESCRIPTOR REDIS_URL IMPLEMENTATION`."""

import socket
import sys
from typing import Annotated, Literal

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel
from redis.asyncio import Redis

from brickwork.websockets import (
    Connection,
    ConnectionManager,
    EventStreamResponse,
    History,
    MessageRouter,
    bearer_subprotocol,
)
from brickwork.websockets.redis import RedisBackplane

# Nothing is allowed that the client does not need.
POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; require-trusted-types-for 'script'"
)
PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title>
<script type="module" src="/page.js"></script>
"""
SCRIPT = """\
import { connect } from "/brickwork.js";

globalThis.open = (url, options) => {
  const told = { messages: [], states: [] };
  const socket = connect(url, options);
  socket.on("*", (message) => told.messages.push(message));
  socket.onState((state) => told.states.push(state));
  globalThis.told = told;
  globalThis.socket = socket;
};
globalThis.ready = true;
"""


class Whoami(BaseModel):
    """Asks whose the connection is."""

    type: Literal["whoami"] = "whoami"


class You(BaseModel):
    """Tells it."""

    type: Literal["you"] = "you"
    name: str | None


class Fail(BaseModel):
    """Asks for something that goes wrong."""

    type: Literal["fail"] = "fail"


class Ask(BaseModel):
    """Has the server ask the client."""

    type: Literal["ask"] = "ask"


class Question(BaseModel):
    """What the server asks."""

    type: Literal["question"] = "question"


class Answer(BaseModel):
    """What the client answers."""

    answer: int


class Answered(BaseModel):
    """Tells what the client has answered."""

    type: Literal["answered"] = "answered"
    answer: int


class Ignore(BaseModel):
    """Is answered too late."""

    type: Literal["ignore"] = "ignore"


messages = MessageRouter()


@messages.on
async def whoami(message: Whoami, connection: Connection[str | None]) -> You:
    """Tell the user's name."""
    return You(name=connection.user)


@messages.on
async def fail(message: Fail, connection: Connection[str | None]) -> None:
    """Go wrong as an app does."""
    raise HTTPException(409, "This was done already.")


@messages.on(concurrent=True)
async def ask(message: Ask, connection: Connection[str | None]) -> Answered:
    """Ask the client."""
    answer = await connection.request(Question(), Answer, timeout=60)
    return Answered(answer=answer.answer)


@messages.on(concurrent=True)
async def ignore(message: Ignore, connection: Connection[str | None]) -> None:
    """Answer when nobody waits any more."""
    await connection.wait_closed()


async def named(token: Annotated[str | None, Depends(bearer_subprotocol)]) -> str | None:
    """Believe whoever says a name."""
    return token


def listeners(manager: ConnectionManager[str | None]) -> APIRouter:
    """What the page listens to."""
    router = APIRouter()

    @router.websocket("/ws")
    async def ws(connection: Annotated[Connection[str | None], Depends(manager.connect)]) -> None:
        await connection.join("lobby", since=connection.cursor("lobby"))
        await connection.serve(messages)

    @router.get("/events")
    async def events() -> EventStreamResponse:
        return manager.sse("lobby", heartbeat=0.2)

    return router


def orders(manager: ConnectionManager[str | None]) -> APIRouter:
    """What the test has the server do."""
    router = APIRouter()
    room = manager.room("lobby")

    @router.post("/ready")
    async def ready() -> None: ...

    @router.post("/say/{number}")
    async def say(number: int) -> None:
        await room.send({"type": "said", "n": number})

    @router.post("/say/{number}/{once}")
    async def say_once(number: int, once: str) -> None:
        await room.send({"type": "said", "n": number, "once": once})

    @router.post("/plain")
    async def plain() -> None:
        await room.send("one\ntwo")
        await room.send(b"\x00\x01\xff")

    @router.post("/close/{code}")
    async def close(code: int, reason: str = "") -> None:
        await room.close(code, reason)

    @router.post("/drain")
    async def drain() -> None:
        await manager.drain(30, retry_after=(0.5, 0.5))

    return router


def pages() -> APIRouter:
    """What the browser shows, under a strict policy."""
    router = APIRouter()

    @router.get("/")
    async def page() -> Response:
        return Response(PAGE, media_type="text/html", headers={"Content-Security-Policy": POLICY})

    @router.get("/page.js")
    async def script() -> Response:
        return Response(SCRIPT, media_type="text/javascript")

    return router


def build(redis: Redis) -> FastAPI:
    """Give the app."""
    manager = ConnectionManager(authenticate=named, history=History(), backplane=RedisBackplane(redis, deadline=10))
    app = FastAPI(lifespan=manager.lifespan)
    for router in (manager.client_router(), listeners(manager), orders(manager), pages()):
        app.include_router(router)
    return app


def main(descriptor: str, redis_url: str, implementation: str) -> None:
    """Serve it, on a socket that listens already."""
    listener = socket.socket(fileno=int(descriptor))
    app = build(Redis.from_url(redis_url))
    config = uvicorn.Config(
        app,
        ws="none" if implementation == "none" else "websockets-sansio",
        log_level="error",
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
