"""What becomes of a database that cannot be asked, and of what it refuses."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.exc import OperationalError, StatementError
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from brickwork.auth import AuthUnavailableError
from brickwork.auth.sqlalchemy import SQLAlchemyTokenStore, SQLAlchemyUserStore
from brickwork.database import Database
from tests.auth.records import NOW
from tests.auth.sql import TABLES, Base, Person


@pytest.mark.promise("auth-176")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_database_that_cannot_be_reached_lets_nobody_in(driver: str) -> None:
    """Every question ends in 503, and none in an answer."""
    db = Database(f"postgresql+{driver}://ada:secret@127.0.0.1:1/nowhere", connect_timeout=1)
    users, tokens = SQLAlchemyUserStore(db, Person), SQLAlchemyTokenStore(db, TABLES)

    for asked in (
        users.get(str(UUID(int=1))),
        users.find("ada"),
        users.create({"login": "ada"}),
        tokens.check("session", "token", now=NOW),
        tokens.spend("once", now=NOW, until=NOW + 1),
    ):
        with pytest.raises(AuthUnavailableError) as refused:
            await asked
        assert "secret" not in str(refused.value)

    await db.dispose()


@pytest.mark.promise("auth-92")
async def test_the_log_says_that_the_database_cannot_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    """A warning names the store and the kind of error, and nothing of what was asked."""
    db = Database("postgresql+psycopg://ada:secret@127.0.0.1:1/nowhere", connect_timeout=1)
    with pytest.raises(AuthUnavailableError):
        await SQLAlchemyUserStore(db, Person).find("ada")
    await db.dispose()

    warned = [record.getMessage() for record in caplog.records if record.name == "brickwork.auth"]

    assert warned == ["the database cannot be asked: OperationalError"]


@pytest.mark.parametrize("fields", [{"roles": [object()]}, {"active": b"no"}, {"login": None}])
async def test_what_the_database_refuses_is_not_in_the_error(fields: dict[str, Any], tmp_path: Path) -> None:
    """Whoever logs the error of a mistake logs no hash with it, though the engine were one that shows everything."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'auth.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    users = SQLAlchemyUserStore(async_sessionmaker(engine), Person)

    with pytest.raises(StatementError) as refused:
        await users.create({"login": "ada", "password_hash": "$argon2id$a-hash", **fields})
    await engine.dispose()

    assert "a-hash" not in str(refused.value)


async def test_a_missing_table_is_the_programmers_business(tmp_path: Path) -> None:
    """On PostgreSQL and SQLite alike a forgotten migration is told apart from an outage where the driver does."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}")
    users = SQLAlchemyUserStore(async_sessionmaker(engine), Person)

    with pytest.raises(OperationalError, match="no such table"):
        await users.find("ada")

    await engine.dispose()
