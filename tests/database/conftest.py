"""Databases on every driver, with one small table, and what happens to them in its order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from sqlalchemy import ForeignKey, event, make_url
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from starlette.types import ASGIApp, Message

from brickwork.database import Database
from brickwork.problems import add_problem_handlers
from tests.database.models import Base, DataclassBase
from tests.servers import postgres
from tests.servers.plugin import SharedServer

ClientOf = Callable[[ASGIApp], AsyncClient]


class Notes(DeclarativeBase):
    pass


class Note(Notes):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(default="")
    # Looked at only when the transaction is committed.
    answers: Mapped[int | None] = mapped_column(ForeignKey("notes.id", deferrable=True, initially="DEFERRED"))


@pytest.fixture(scope="session")
def shared_postgres(postgres_server: SharedServer) -> Iterator[str]:
    """Address of the one PostgreSQL database of this folder: to make one for each test takes longer than most tests."""
    database = postgres.create_database(postgres_server.url)
    yield database
    postgres.drop_database(postgres_server.url, database)


@pytest.fixture
def postgres_url(shared_postgres: str) -> str:
    """Address of an empty PostgreSQL database, to which nobody else is connected."""
    with psycopg.connect(shared_postgres, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    return shared_postgres


@pytest.fixture(params=["aiosqlite", "asyncpg", "psycopg"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, once for each driver."""
    if request.param == "aiosqlite":
        return f"sqlite:///{tmp_path / 'notes.db'}"
    url = make_url(request.getfixturevalue("postgres_url"))
    return url.set(drivername=f"postgresql+{request.param}").render_as_string(hide_password=False)


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    """A database with an empty table of notes, on each driver."""
    db = Database(database_url, pool_size=5, max_overflow=0, pool_timeout=0.2)
    async with db.engine.begin() as connection:
        await connection.run_sync(Notes.metadata.create_all)
    yield db
    await db.dispose()


@pytest.fixture
async def file_db(tmp_path: Path) -> AsyncIterator[Database]:
    """A database in an SQLite file, with an empty table of notes."""
    db = Database(f"sqlite:///{tmp_path / 'notes.db'}", pool_size=5, max_overflow=0, pool_timeout=0.2)
    async with db.engine.begin() as connection:
        await connection.run_sync(Notes.metadata.create_all)
    yield db
    await db.dispose()


@pytest.fixture(params=["sqlite3", "psycopg"])
def sync_db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with an empty table of notes for synchronous sessions, on each driver."""
    psycopg = request.param == "psycopg"
    url = request.getfixturevalue("postgres_url") if psycopg else f"sqlite:///{tmp_path / 'notes.db'}"
    db = Database(url, pool_size=5, max_overflow=0, pool_timeout=0.2)
    Notes.metadata.create_all(db.sync_engine)
    yield db
    db.sync_engine.dispose()
    for engine in db._connections._made:
        engine.dispose() if not hasattr(engine, "sync_engine") else None


@pytest.fixture
async def library(database_url: str) -> AsyncIterator[Database]:
    """A database with the empty tables of a library, on each driver."""
    db = Database(database_url, pool_size=5, max_overflow=0)
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        await connection.run_sync(DataclassBase.metadata.create_all)
    yield db
    await db.dispose()


@pytest.fixture
async def session(library: Database) -> AsyncIterator[AsyncSession]:
    """A session in the library; what it writes is for the test alone."""
    async with library.begin() as session:
        yield session
        await session.rollback()


@pytest.fixture
def sync_session(sync_db: Database) -> Iterator[Session]:
    """A synchronous session in the library."""
    Base.metadata.create_all(sync_db.sync_engine)
    with sync_db.sync_begin() as session:
        yield session


@pytest.fixture
async def client_of() -> AsyncIterator[ClientOf]:
    """Makes a client of an app; it sees the answer to an unhandled error, and not the error."""
    async with AsyncExitStack() as stack:

        def make(app: ASGIApp) -> AsyncClient:
            transport = ASGITransport(app=app, raise_app_exceptions=False)
            client = AsyncClient(transport=transport, base_url="http://test")
            stack.push_async_callback(client.aclose)
            return client

        yield make


def app_with_problems() -> FastAPI:
    """An app that answers errors as most do."""
    app = FastAPI()
    add_problem_handlers(app)
    return app


async def kept(db: Database) -> list[int]:
    """Give the notes that others see."""
    async with db.engine.connect() as connection:
        return list(await connection.scalars(Note.__table__.select().order_by(Note.id)))


def lent(db: Database) -> int:
    """Count the connections that are out of the pools."""
    sessions = db._connections.asynchronous
    pools = {engine.sync_engine.pool for engine in (sessions.engine, *sessions._readers)}
    return sum(pool.checkedout() for pool in pools)  # type: ignore[attr-defined]


class Course:
    """Writes down what happens, in its order: to the connections of a database, and on the wire.

    Args:
        db: The database to watch.
    """

    def __init__(self, db: Database) -> None:
        self.steps: list[str] = []
        engine = db.engine.sync_engine
        event.listen(engine, "commit", lambda _: self.steps.append("commit"))
        event.listen(engine, "rollback", lambda _: self.steps.append("rollback"))
        event.listen(engine, "checkout", lambda *_: self.steps.append("lent"))
        event.listen(engine, "checkin", lambda *_: self.steps.append("back"))

    async def of(self, app: ASGIApp, path: str, method: str = "POST", body: list[Message] | None = None) -> list[str]:
        """Call the app, and give what happened; after a ``body`` of its own the client leaves."""
        self.steps.clear()
        messages = iter(body or [{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            if message := next(messages, None):
                return message
            if body is None:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.steps.append(str(message["status"]))
            elif not message.get("more_body"):
                self.steps.append("sent")

        try:
            await app(scope_of(path, method), receive, send)
        except Exception as error:  # noqa: BLE001 - what a server would see
            self.steps.append(type(error).__name__)
        return self.steps


def scope_of(path: str, method: str = "POST") -> dict[str, Any]:
    """Give the scope of a request, as a server would."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"test"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 4711),
        "server": ("test", 80),
        "state": {},
    }
