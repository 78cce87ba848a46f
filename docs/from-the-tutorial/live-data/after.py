import asyncio
from contextlib import asynccontextmanager
from itertools import count
from typing import Annotated

from fastapi import Depends, FastAPI

from brickwork.websockets import (
    Connection,
    ConnectionManager,
    SlowConsumer,
)

ticks = count()
manager = ConnectionManager(
    slow_consumer=SlowConsumer.drop_oldest()
)
Socket = Annotated[
    Connection[None], Depends(manager.connect)
]


def read_sensor():
    return {"tick": next(ticks), "celsius": 21.5}


async def publish():
    while True:
        await manager.room("sensor").send(read_sensor())
        await asyncio.sleep(0.1)


@asynccontextmanager
async def lifespan(app):
    async with asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(publish())
        yield
        publishing.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws/live-data")
async def live_data(connection: Socket):
    await connection.join("sensor")
    await connection.wait_closed()
