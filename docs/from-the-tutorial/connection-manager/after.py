from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.websockets import (
    Connection,
    ConnectionManager,
)

app = FastAPI()
manager = ConnectionManager()
Socket = Annotated[
    Connection[None], Depends(manager.connect)
]


@app.websocket("/ws/{name}")
async def chat(connection: Socket, name: str):
    async for text in connection:
        await connection.send(f"You said {text}")
        await manager.broadcast(f"{name}: {text}")
    await manager.broadcast(f"{name} has left")
