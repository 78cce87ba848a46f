"""Pings: messages that are handled in the way that a test wants."""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel

from brickwork.websockets import MessageRouter


class Ping(BaseModel):
    """A message."""

    type: Literal["ping"] = "ping"
    number: int = 0


class Wait(BaseModel):
    """Another one."""

    type: Literal["wait"] = "wait"
    number: int = 0


def handled_by(handle: Callable[[Ping], object]) -> MessageRouter:
    """Have pings handled."""
    messages = MessageRouter()

    @messages.on
    async def ping(message: Ping) -> object:
        return handle(message)

    return messages


def failing_with(error: BaseException) -> MessageRouter:
    """Have pings fail, unless their number is 0."""

    def handle(message: Ping) -> object:
        if message.number:
            raise error
        return {"type": "pong"}

    return handled_by(handle)
