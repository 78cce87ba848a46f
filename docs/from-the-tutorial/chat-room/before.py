from collections import defaultdict

from fastapi import (
    FastAPI,
    WebSocket,
    WebSocketDisconnect,
)

app = FastAPI()


class ChatRoom:
    def __init__(self):
        self.members = {}
        self.history = []

    async def join(self, name, websocket):
        await websocket.accept()
        for message in self.history:
            await websocket.send_json(message)
        self.members[name] = websocket

    async def leave(self, name):
        del self.members[name]
        await self.say({"type": "left", "user": name})

    async def say(self, message):
        self.history.append(message)
        self.history = self.history[-100:]
        for websocket in self.members.values():
            await websocket.send_json(message)


rooms = defaultdict(ChatRoom)


@app.websocket("/rooms/{room_id}/{name}")
async def chat(
    websocket: WebSocket, room_id: str, name: str
):
    room = rooms[room_id]
    await room.join(name, websocket)
    try:
        while True:
            data = await websocket.receive_json()
            await room.say(
                {
                    "type": "said",
                    "user": name,
                    "text": data["text"],
                }
            )
    except WebSocketDisconnect:
        await room.leave(name)
