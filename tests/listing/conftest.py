"""Sessions on an empty catalogue: SQLite and PostgreSQL, asynchronous and synchronous."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL, Engine, NullPool, StaticPool, create_engine, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tests.listing.models import Base
from tests.servers import postgres
from tests.servers.plugin import SharedServer


@pytest.fixture(scope="session")
def catalogue(postgres_server: SharedServer) -> Iterator[Engine]:
    """The tables in PostgreSQL; making them takes longer than most tests, so they are made once."""
    database = postgres.create_database(postgres_server.url)
    engine = create_engine(make_url(database).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    Base.metadata.create_all(engine)
    yield engine
    postgres.drop_database(postgres_server.url, database)


@pytest.fixture(params=["sqlite+aiosqlite", "postgresql+asyncpg", "postgresql+psycopg"])
def database_url(request: pytest.FixtureRequest) -> URL:
    """Address of an empty database, once for each asynchronous driver."""
    return _url(request, request.param)


@pytest.fixture(params=["sqlite", "postgresql+psycopg"])
def sync_database_url(request: pytest.FixtureRequest) -> URL:
    """Address of an empty database, once for each synchronous driver."""
    return _url(request, request.param)


@pytest.fixture
async def session(database_url: URL) -> AsyncIterator[AsyncSession]:
    """A session on the empty tables of the catalogue; every test runs on each database."""
    engine = create_async_engine(database_url, **_pool(database_url))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()


@pytest.fixture
def sync_session(sync_database_url: URL) -> Iterator[Session]:
    """The same, synchronous."""
    engine = create_engine(sync_database_url, **_pool(sync_database_url))
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


@pytest.fixture
def sqlite_session() -> Iterator[Session]:
    """A synchronous session on SQLite alone, for properties that need many rows and no server."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine, expire_on_commit=False) as session:
        yield session
    engine.dispose()


def _url(request: pytest.FixtureRequest, driver: str) -> URL:
    if driver.startswith("sqlite"):
        return URL.create(driver)
    engine: Engine = request.getfixturevalue("catalogue")
    with engine.begin() as connection:
        tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
        connection.execute(text(f"TRUNCATE {tables} RESTART IDENTITY"))
    return engine.url.set(drivername=driver)


def _pool(url: URL) -> dict[str, type[StaticPool]]:
    return {"poolclass": StaticPool} if url.get_backend_name() == "sqlite" else {}
