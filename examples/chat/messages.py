"""What clients say, and what they are told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, StringConstraints

RoomName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]


class Say(BaseModel):
    """Somebody says something; with the same key once more, where no answer came."""

    type: Literal["say"] = "say"
    key: UUID
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]


class Typing(BaseModel):
    """Somebody is about to."""

    type: Literal["typing"] = "typing"


class Said(BaseModel):
    """Somebody said something."""

    model_config = ConfigDict(from_attributes=True)

    type: Literal["said"] = "said"
    number: int
    key: UUID
    author: str
    text: str
    created_at: datetime


class IsTyping(BaseModel):
    """Somebody is about to say something."""

    type: Literal["is_typing"] = "is_typing"
    author: str


class RoomOpened(BaseModel):
    """There is a room more."""

    type: Literal["room_opened"] = "room_opened"
    name: RoomName
