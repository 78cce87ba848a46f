"""The chat: people, rooms and what was said over HTTP, all that is new over sockets, and the page."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from secrets import token_hex
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Query
from redis.asyncio import Redis
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork import Problem, combine_lifespans, install
from brickwork.auth import Auth
from brickwork.auth.sqlalchemy import SQLAlchemyTokenStore, SQLAlchemyUserStore
from brickwork.database import Database
from brickwork.problems import raises
from brickwork.websockets import ConnectionsMiddleware
from brickwork.websockets.redis import RedisBackplane

from .live import Live
from .messages import RoomName, RoomOpened, Said
from .pages import add_pages, page_headers
from .rooms import AUTH_TABLES, Base, Post, Posts, User, add_room, room_names


class RoomTakenError(Problem, status=409, slug="room-taken", title="Room taken"):
    """There is a room of this name."""


class Chat:
    """What the parts of one chat share.

    Args:
        database_url: Where people, rooms and posts are kept.
        secret: What tokens are signed with, 32 bytes or more; the same for all processes, and after a restart.
        redis_url: What joins the processes; one alone needs none.
    """

    def __init__(self, database_url: str, *, secret: str, redis_url: str | None) -> None:
        self.db = Database(database_url)
        self.auth = Auth(
            SQLAlchemyUserStore(self.db, User),
            secret=secret,
            tokens=SQLAlchemyTokenStore(self.db, AUTH_TABLES),
            transports=("cookie",),
            issuer="chat",
        )
        self._redis = Redis.from_url(redis_url) if redis_url else None
        self.live = Live(self.db, self.auth, backplane=RedisBackplane(self._redis) if self._redis else None)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncGenerator[None]:
        """Make the tables and the lobby at the first start, and close what was opened."""
        async with combine_lifespans(self.db.lifespan, self.live.manager.lifespan)(app):
            try:
                await self._open()
            except DBAPIError:  # a process that started at the same time was faster
                await self._open()
            yield
        if self._redis is not None:
            await self._redis.aclose()

    async def _open(self) -> None:
        async with self.db.begin() as session:
            await (await session.connection()).run_sync(Base.metadata.create_all)
            await add_room(session, "lobby")


def room_router(chat: Chat) -> APIRouter:
    """Give the routes of rooms, for people who are logged in."""
    router = APIRouter(dependencies=[Depends(chat.auth.user)], tags=["rooms"])
    reader = chat.db.read_only()

    @router.get("/rooms")
    async def list_rooms(session: Annotated[AsyncSession, reader]) -> Sequence[str]:
        """List all rooms."""
        return await room_names(session)

    @router.put("/rooms/{room}", status_code=201, responses=raises(RoomTakenError))
    async def open_room(room: RoomName) -> None:
        """Open a room, and tell everybody."""
        async with chat.db.begin() as session:
            if not await add_room(session, room):
                raise RoomTakenError("There is a room of this name.")
        await chat.live.manager.broadcast(RoomOpened(name=room))

    @router.get("/rooms/{room}/posts", response_model=list[Said])
    async def list_posts(
        room: RoomName,
        session: Annotated[AsyncSession, reader],
        before: Annotated[int | None, Query(ge=1, lt=2**31)] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 50,
    ) -> Sequence[Post]:
        """List the latest posts of a room, or the latest before one of them; oldest first."""
        return await Posts(session).latest(room, before=before, limit=limit)

    return router


def create_app(
    *,
    database_url: str = "sqlite:///chat.db",
    secret: str | None = None,
    redis_url: str | None = None,
) -> FastAPI:
    """Build the chat.

    Args:
        database_url: Where people, rooms and posts are kept.
        secret: What tokens are signed with, 32 bytes or more. Without one it is made here, and everybody has to log in
            again after a restart.
        redis_url: What joins several processes. One alone needs none.
    """
    chat = Chat(database_url, secret=secret or token_hex(32), redis_url=redis_url)
    app = FastAPI(title="The chat", version="1.0.0", lifespan=chat.lifespan)
    app.state.chat = chat
    app.include_router(chat.auth.router(), prefix="/auth")
    app.include_router(room_router(chat))
    app.include_router(chat.live.router())
    app.include_router(chat.live.manager.client_router())
    add_pages(app)
    app.add_middleware(ConnectionsMiddleware)
    install(app, headers=page_headers(), body_limit=65_536)
    return app


def from_environment() -> FastAPI:
    """Build the chat as `python -m examples.chat` wants it, in as many processes as it wants."""
    return create_app(
        database_url=os.environ["CHAT_DATABASE"],
        secret=os.environ["CHAT_SECRET"],
        redis_url=os.environ.get("REDIS_URL"),
    )
