from fastapi import (
    FastAPI,
    WebSocket,
    WebSocketDisconnect,
)
from pydantic import BaseModel

app = FastAPI()


class Notification(BaseModel):
    title: str
    text: str


class NotificationManager:
    def __init__(self):
        self.users = {}

    async def connect(self, user_id, websocket):
        await websocket.accept()
        self.users.setdefault(user_id, []).append(
            websocket
        )

    def disconnect(self, user_id, websocket):
        self.users[user_id].remove(websocket)

    async def notify(self, user_id, notification):
        sockets = self.users.get(user_id, [])
        for websocket in sockets:
            await websocket.send_json(
                notification.model_dump()
            )
        return len(sockets)


manager = NotificationManager()


@app.websocket("/ws/{user_id}")
async def listen(websocket: WebSocket, user_id: str):
    await manager.connect(user_id, websocket)
    try:
        while True:
            await websocket.receive_text()
    except WebSocketDisconnect:
        manager.disconnect(user_id, websocket)


@app.post("/notify/{user_id}")
async def notify(
    user_id: str, notification: Notification
):
    sent = await manager.notify(user_id, notification)
    return {"sent": sent}
