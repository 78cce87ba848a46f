from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from brickwork.websockets import (
    Connection,
    ConnectionLimits,
    ConnectionManager,
    Heartbeat,
    MessageRouter,
)

app = FastAPI()


def user(user_id: str) -> str:
    return (
        user_id  # the guide believes; put auth.user here
    )


manager = ConnectionManager(
    authenticate=user,
    limits=ConnectionLimits(per_user=1, excess="replace"),
    heartbeat=Heartbeat(idle=60),
)
messages = MessageRouter()
Socket = Annotated[
    Connection[str], Depends(manager.connect)
]


class Ping(BaseModel):
    type: Literal["ping"]


class Pong(BaseModel):
    type: Literal["pong"] = "pong"


class Say(BaseModel):
    type: Literal["say"]
    text: str


class Said(BaseModel):
    type: Literal["said"] = "said"
    user: str
    text: str


@messages.on
async def ping(
    message: Ping, connection: Connection[str]
) -> Pong:
    return Pong()


@messages.on
async def say(
    message: Say, connection: Connection[str]
) -> None:
    await manager.broadcast(
        Said(user=connection.user, text=message.text)
    )


@app.websocket("/ws/{user_id}")
async def chat(connection: Socket):
    await connection.serve(messages)
