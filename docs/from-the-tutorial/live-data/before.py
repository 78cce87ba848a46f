import asyncio
from itertools import count

from fastapi import (
    FastAPI,
    WebSocket,
    WebSocketDisconnect,
)

app = FastAPI()
ticks = count()


def read_sensor():
    return {"tick": next(ticks), "celsius": 21.5}


@app.websocket("/ws/live-data")
async def live_data(websocket: WebSocket):
    await websocket.accept()
    try:
        while True:
            await websocket.send_json(read_sensor())
            await asyncio.sleep(0.1)
    except WebSocketDisconnect:
        pass
