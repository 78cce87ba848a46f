from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel

from brickwork.websockets import (
    Connection,
    ConnectionManager,
)

app = FastAPI()


class Notification(BaseModel):
    title: str
    text: str


def user(user_id: str) -> str:
    return (
        user_id  # the guide believes; put auth.user here
    )


manager = ConnectionManager(authenticate=user)
Socket = Annotated[
    Connection[str], Depends(manager.connect)
]


@app.websocket("/ws/{user_id}")
async def listen(connection: Socket):
    await connection.wait_closed()


@app.post("/notify/{user_id}")
async def notify(
    user_id: str, notification: Notification
):
    sent = await manager.user(user_id).send(notification)
    return {"sent": sent.reached}
