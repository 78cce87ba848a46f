"""The live side of the chat: who is in a room, what is said there, and who is about to say something."""

from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends

from brickwork.auth import Auth, Claims
from brickwork.database import Database
from brickwork.websockets import (
    Backplane,
    Connection,
    ConnectionManager,
    History,
    JoinDeniedError,
    MessageRouter,
    Presence,
)

from .messages import IsTyping, RoomName, Said, Say, Typing
from .rooms import Posts, Room, User


class Caller(NamedTuple):
    """Somebody who is logged in.

    Attributes:
        until: When the token ends. The page has a fresh one by then, and comes back with it.
    """

    login: str
    until: datetime


class Live:
    """The sockets of one chat.

    Args:
        db: Where rooms and posts are kept.
        auth: Knows the people.
        backplane: Joins the processes of the chat; not needed for one.
    """

    def __init__(self, db: Database, auth: Auth[User], *, backplane: Backplane | None = None) -> None:
        def caller(
            user: Annotated[User, Depends(auth.user)], claims: Annotated[Claims, Depends(auth.claims)]
        ) -> Caller:
            return Caller(user.login, claims.expires_at)

        self._db = db
        self.manager = ConnectionManager(
            authenticate=caller,
            identify=lambda caller: caller.login,
            expires=lambda caller: caller.until,
            backplane=backplane,
            history=History(size=500, ttl=3600),
            presence=Presence(),
        )
        self.manager.authorize("*")(self.must_exist)
        self.messages = MessageRouter()
        self.messages.on(self.say)
        self.messages.on(self.typing)

    async def must_exist(self, connection: Connection[Caller], room: str) -> None:
        """Let people into rooms that there are, so that nobody fills the memory with others."""
        async with self._db.begin(read_only=True) as session:
            if await session.get(Room, room) is None:
                raise JoinDeniedError("There is no such room.")

    async def say(self, message: Say, connection: Connection[Caller]) -> None:
        room, author = connection.data["room"], connection.user.login
        async with self._db.begin() as session:
            said = Said.model_validate(await Posts(session).keep(room, author, message.key, message.text))
        # A client that was not answered sends it again. It is told again, then, and known by its number.
        await self.manager.room(room).send(said)

    async def typing(self, message: Typing, connection: Connection[Caller]) -> None:
        author = connection.user.login
        await self.manager.room(connection.data["room"]).send(
            IsTyping(author=author), exclude_users=[author], store=False
        )

    def router(self) -> APIRouter:
        """Give the route of the sockets."""
        router = APIRouter()

        @router.websocket("/rooms/{room}/live")
        async def live(
            room: RoomName, connection: Annotated[Connection[Caller], Depends(self.manager.connect)]
        ) -> None:
            connection.data["room"] = room
            async with connection.join(room, since=connection.cursor(room)):
                await connection.serve(self.messages)

        return router
