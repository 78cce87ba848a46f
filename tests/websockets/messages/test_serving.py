"""Messages reach their handlers, and replies the client."""

from typing import Literal

from pydantic import BaseModel

from brickwork.websockets import MessageRouter
from tests.websockets.messages.client import connected


class Ping(BaseModel):
    type: Literal["ping"] = "ping"
    number: int = 0


class Pong(BaseModel):
    type: Literal["pong"] = "pong"
    number: int


async def test_a_reply_names_the_message() -> None:
    """What a handler returns goes back, with the ID of the message that it answers."""
    messages = MessageRouter()

    @messages.on
    async def ping(message: Ping) -> Pong:
        return Pong(number=message.number + 1)

    async with connected(messages) as client:
        heard = await client.ask({"type": "ping", "number": 1, "id": "a"})

    assert heard == {"re": "a", "type": "pong", "number": 2}
