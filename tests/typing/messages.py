"""Typed messages as people write them; strict type checkers accept every line and know what each gives."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal, assert_type

from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field

from brickwork.websockets import Connection, ConnectionManager, MessageRouter


class User(BaseModel):
    """Somebody."""

    id: str


class Say(BaseModel):
    """What a client says."""

    type: Literal["say"] = "say"
    text: str


class Said(BaseModel):
    """What a room hears."""

    type: Literal["said"] = "said"
    user: str
    text: str


class Move(BaseModel):
    """What a client does."""

    kind: Literal["move"] = Field(default="move", alias="type")


class Where(BaseModel):
    """What a client is asked."""

    type: Literal["where"] = "where"


class Here(BaseModel):
    """What it answers."""

    x: int


async def user(token: str) -> User:
    """Find out who somebody is."""
    return User(id=token)


manager = ConnectionManager(authenticate=user)
messages, more = MessageRouter(), MessageRouter(discriminator="type")
messages.include(more)


@messages.on
async def say(message: Say, connection: Connection[User]) -> Said:
    """A coroutine function keeps its type."""
    await manager.room("lobby").send(message, exclude=connection)
    return Said(user=connection.user.id, text=message.text)


@messages.on(concurrent=True)
async def move(connection: Connection[User], message: Move) -> None:
    """An answer is what was asked for."""
    here = await connection.request(Where(), Here, timeout=1)
    assert_type(here, Here)
    assert_type(await connection.request({"type": "where"}, Here), Here)
    await connection.send({"x": here.x})


@more.on
def count(message: Where | Move) -> dict[str, int]:
    """A plain function keeps its type, too."""
    return {"x": 1}


assert_type(count(Where()), dict[str, int])
keeps: Callable[[Say, Connection[User]], Coroutine[Any, Any, Said]] = say

app = FastAPI()


@app.websocket("/ws")
async def ws(connection: Annotated[Connection[User], Depends(manager.connect)]) -> None:
    """Serving gives nothing."""
    await connection.serve(messages, grace=10)
    assert_type(connection.requests.ignored, int)


@app.get("/asyncapi.json")
def document() -> dict[str, Any]:
    """Describe the socket."""
    return messages.asyncapi(title="Chat", version="1", address="/ws", sends=[Said])
