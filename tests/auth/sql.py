"""Databases with the tables of users, sessions, keys and attempts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from brickwork.auth.sqlalchemy import AuthEmail, AuthTables, AuthUser, Sessions
from brickwork.database import Database, UUIDKey
from tests.servers import postgres
from tests.servers.plugin import SharedServer

DRIVERS = ("aiosqlite", "asyncpg", "psycopg", "sessionmaker")


class Base(DeclarativeBase):
    pass


class Person(AuthUser, AuthEmail, UUIDKey, Base):
    __tablename__ = "person"


TABLES = AuthTables(Base.metadata)


@pytest.fixture(scope="session")
def auth_postgres(postgres_server: SharedServer) -> Iterator[str]:
    """Address of a PostgreSQL database for the stores: to make one for each test takes longer than most tests."""
    database = postgres.create_database(postgres_server.url)
    yield database
    postgres.drop_database(postgres_server.url, database)


async def _make_tables(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        if connection.dialect.name == "postgresql":
            names = ", ".join(table.name for table in Base.metadata.sorted_tables)
            await connection.execute(text(f"TRUNCATE {names}"))


@asynccontextmanager
async def open_sessions(driver: str, request: pytest.FixtureRequest) -> AsyncIterator[Sessions]:
    """Give what opens sessions on empty tables: a `Database` of ours, or SQLAlchemy's own maker of sessions."""
    folder: Path = request.getfixturevalue("tmp_path")
    if driver == "sessionmaker":
        engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'auth.db'}")
        await _make_tables(engine)
        yield async_sessionmaker(engine)
        await engine.dispose()
        return
    file = f"sqlite:///{folder / 'auth.db'}"
    url = make_url(file if driver == "aiosqlite" else request.getfixturevalue("auth_postgres"))
    database = Database(url.set(drivername=f"{url.get_backend_name()}+{driver}"))
    await _make_tables(database.engine)
    yield database
    await database.dispose()
