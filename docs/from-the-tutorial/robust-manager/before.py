import asyncio
import json
import time
from contextlib import asynccontextmanager

from fastapi import (
    FastAPI,
    WebSocket,
    WebSocketDisconnect,
)


class RobustConnectionManager:
    def __init__(self):
        self.connections = {}
        self.last_seen = {}

    async def connect(self, user_id, websocket):
        if old := self.connections.get(user_id):
            await old.close()
        await websocket.accept()
        self.connections[user_id] = websocket
        self.last_seen[user_id] = time.time()

    async def disconnect(self, user_id, websocket):
        if self.connections.get(user_id) is websocket:
            del self.connections[user_id]
            del self.last_seen[user_id]

    async def broadcast(self, message):
        for user_id, each in list(
            self.connections.items()
        ):
            try:
                await each.send_json(message)
            except Exception:
                await self.disconnect(user_id, each)

    async def heartbeat(self):
        while True:
            await asyncio.sleep(30)
            for user_id, seen in list(
                self.last_seen.items()
            ):
                if time.time() - seen > 60:
                    websocket = self.connections[user_id]
                    await websocket.close()
                    await self.disconnect(
                        user_id, websocket
                    )


manager = RobustConnectionManager()


@asynccontextmanager
async def lifespan(app):
    task = asyncio.create_task(manager.heartbeat())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.websocket("/ws/{user_id}")
async def chat(websocket: WebSocket, user_id: str):
    await manager.connect(user_id, websocket)
    try:
        while True:
            text = await websocket.receive_text()
            manager.last_seen[user_id] = time.time()
            try:
                data = json.loads(text)
                if data["type"] == "ping":
                    await websocket.send_json(
                        {"type": "pong"}
                    )
                elif data["type"] == "say":
                    await manager.broadcast(
                        {
                            "type": "said",
                            "user": user_id,
                            "text": data["text"],
                        }
                    )
                else:
                    await websocket.send_json(
                        {"type": "error"}
                    )
            except (ValueError, KeyError):
                await websocket.send_json(
                    {"type": "error"}
                )
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        await manager.disconnect(user_id, websocket)
