"""Sessions on an empty catalogue: SQLite and PostgreSQL, asynchronous and synchronous."""

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy import URL, StaticPool, create_engine, make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

from tests.listing.models import Base


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
    return make_url(request.getfixturevalue("postgres_url")).set(drivername=driver)


def _pool(url: URL) -> dict[str, type[StaticPool]]:
    return {"poolclass": StaticPool} if url.get_backend_name() == "sqlite" else {}
