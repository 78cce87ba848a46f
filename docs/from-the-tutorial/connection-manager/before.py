from fastapi import (
    FastAPI,
    WebSocket,
    WebSocketDisconnect,
)

app = FastAPI()


class ConnectionManager:
    def __init__(self):
        self.active_connections = []

    async def connect(self, websocket):
        await websocket.accept()
        self.active_connections.append(websocket)

    def disconnect(self, websocket):
        self.active_connections.remove(websocket)

    async def send_personal_message(
        self, text, websocket
    ):
        await websocket.send_text(text)

    async def broadcast(self, text):
        for connection in self.active_connections:
            await connection.send_text(text)


manager = ConnectionManager()


@app.websocket("/ws/{name}")
async def chat(websocket: WebSocket, name: str):
    await manager.connect(websocket)
    try:
        while True:
            text = await websocket.receive_text()
            await manager.send_personal_message(
                f"You said {text}", websocket
            )
            await manager.broadcast(f"{name}: {text}")
    except WebSocketDisconnect:
        manager.disconnect(websocket)
        await manager.broadcast(f"{name} has left")
