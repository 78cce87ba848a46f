"""Rooms, and what was said in them, in tables: what a restart must not forget."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork.auth.sqlalchemy import AuthTables, AuthUser
from brickwork.database import Repository, Timestamps, UUIDKey


class Base(DeclarativeBase):
    pass


AUTH_TABLES = AuthTables(Base.metadata)


class User(AuthUser, UUIDKey, Timestamps, Base):
    __tablename__ = "account"  # USER is a word of SQL


class Room(Timestamps, Base):
    __tablename__ = "room"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)


class Post(Timestamps, Base):
    """What somebody said.

    Attributes:
        key: Made up by the client, which sends the same again when it does not know whether the first one arrived.
    """

    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("author", "key"),)

    number: Mapped[int] = mapped_column(primary_key=True)
    room: Mapped[str] = mapped_column(ForeignKey("room.name"), index=True)
    author: Mapped[str] = mapped_column(String(320))
    key: Mapped[UUID]
    text: Mapped[str] = mapped_column(String(2000))


class Posts(Repository[Post], model=Post):
    async def keep(self, room: str, author: str, key: UUID, text: str) -> Post:
        """Keep what was said; what comes a second time is the same post."""
        data = {"room": room, "author": author, "key": key, "text": text}
        return await self.upsert(data, on=[Post.author, Post.key])

    async def latest(self, room: str, *, before: int | None, limit: int) -> Sequence[Post]:
        """Give the latest posts of a room, or the latest before one of them; oldest first."""
        query = select(Post).where(Post.room == room).order_by(Post.number.desc()).limit(limit)
        if before is not None:
            query = query.where(Post.number < before)
        return (await self.session.scalars(query)).all()[::-1]


async def room_names(session: AsyncSession) -> Sequence[str]:
    return (await session.scalars(select(Room.name).order_by(Room.name))).all()


async def add_room(session: AsyncSession, name: str) -> bool:
    """Add a room, and tell whether there was none of the name."""
    try:
        async with session.begin_nested():
            session.add(Room(name=name))
    except IntegrityError:
        return False
    return True
