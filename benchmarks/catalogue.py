"""The app that lists books from SQLite: one table, one file for each app, and a session as guides write it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Engine, Index, String, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ROWS = 10_000
SIZE = 50


class Base(DeclarativeBase):
    """The tables of this benchmark."""


class Genre(StrEnum):
    """What kind of book it is."""

    NOVEL = "novel"
    POETRY = "poetry"
    ESSAY = "essay"


class Book(Base):
    """A row with a column of every usual kind; ten books share each `added_at`."""

    __tablename__ = "book"
    __table_args__ = (Index("book_by_age", "added_at", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(64))
    author: Mapped[str | None] = mapped_column(String(64))
    genre: Mapped[str] = mapped_column(String(16))
    copies: Mapped[int]
    price: Mapped[float]
    listed: Mapped[bool]
    added_at: Mapped[datetime]


class BookOut(BaseModel):
    """What a caller sees of a book."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    title: str
    author: str | None
    genre: Genre
    copies: int
    price: float
    listed: bool
    added_at: datetime


# One statement fills the table, in SQLite's words.
FILL = """
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < :rows)
    INSERT INTO book (id, title, author, genre, copies, price, listed, added_at)
    SELECT n, printf('book %06d', n), CASE WHEN n % 7 THEN printf('author %d', n) END,
           CASE n % 3 WHEN 0 THEN 'novel' WHEN 1 THEN 'poetry' ELSE 'essay' END, n % 100, (n % 977) / 7.0, n % 2,
           strftime('%Y-%m-%d %H:%M:%S.000000', '2026-01-01', printf('+%d seconds', n / 10))
    FROM number
"""


def fill(path: Path, rows: int = ROWS) -> None:
    """Make a file with its table and rows, and the folder around it where it is missing."""
    path.parent.mkdir(exist_ok=True)
    engine = create_engine(f"sqlite:///{path}")
    set_up(engine)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        connection.execute(text(FILL), {"rows": rows})
        connection.execute(text("ANALYZE"))
    engine.dispose()


def set_up(engine: Engine) -> None:
    """Give each connection the settings that our `Database` gives, so that no case has a quicker file than another."""

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for setting in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"):
            cursor.execute(f"PRAGMA {setting}")
            cursor.fetchall()
        cursor.close()


def make_catalogue() -> FastAPI:
    """Make an app with a file of its own, which is there from its start to its end.

    Its state holds the file's `path`, `sessions`, and a list `closing` of what to await at the end.
    """
    app = FastAPI(lifespan=_lifespan)
    app.state.path = Path(gettempdir(), f"brickwork-benchmark-{uuid4().hex}", "books.sqlite")
    app.state.closing = []
    return app


def url_of(app: FastAPI) -> str:
    """Give the address of an app's file."""
    return f"sqlite+aiosqlite:///{app.state.path}"


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    await asyncio.to_thread(fill, app.state.path)
    engine = create_async_engine(url_of(app))
    set_up(engine.sync_engine)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    try:
        yield
    finally:
        for close in (*app.state.closing, engine.dispose):
            await close()
        shutil.rmtree(app.state.path.parent)


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """Open a session for a request, as guides show it."""
    async with request.app.state.sessions() as session:
        yield session


Session = Annotated[AsyncSession, Depends(open_session)]


def rows(body: bytes) -> list[dict[str, object]]:
    """Give the rows of an answer, whatever it calls them, with the fields of `BookOut` alone."""
    answer = json.loads(body)
    listed = answer if isinstance(answer, list) else next(answer[name] for name in ("items", "data") if name in answer)
    return [{name: row[name] for name in BookOut.model_fields} for row in listed]


def counted(body: bytes) -> tuple[object, list[dict[str, object]]]:
    """Give the total that an answer tells, whatever it calls it, and its rows."""
    answer = json.loads(body)
    told = answer.get("pagination", answer)
    return next(told[name] for name in ("total", "total_count") if name in told), rows(body)
