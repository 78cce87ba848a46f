from typing import Annotated, Literal

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from brickwork.websockets import (
    Connection,
    ConnectionManager,
    History,
    MessageRouter,
)

app = FastAPI()


def user(name: str) -> str:
    return name  # the guide believes; put auth.user here


manager = ConnectionManager(
    authenticate=user, history=History(size=100)
)
messages = MessageRouter()
Socket = Annotated[
    Connection[str], Depends(manager.connect)
]


class Say(BaseModel):
    type: Literal["say"]
    text: str


class Said(BaseModel):
    type: Literal["said"] = "said"
    user: str
    text: str


class Left(BaseModel):
    type: Literal["left"] = "left"
    user: str


@messages.on
async def say(
    message: Say, connection: Connection[str]
) -> None:
    said = Said(user=connection.user, text=message.text)
    for room in connection.rooms:
        await manager.room(room).send(said)


@app.websocket("/rooms/{room}/{name}")
async def chat(connection: Socket, room: str):
    cursor = connection.cursor(room)
    async with connection.join(room, since=cursor):
        await connection.serve(messages)
    await manager.room(room).send(
        Left(user=connection.user)
    )
