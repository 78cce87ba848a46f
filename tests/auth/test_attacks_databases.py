"""Attacks by a database that refuses, or takes transactions back: 503 and another try, and never a 500."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
import pytest
from asyncpg.exceptions import TooManyConnectionsError  # type: ignore[import-untyped]
from psycopg import sql
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from brickwork.auth import Auth, AuthUnavailableError
from brickwork.auth.sqlalchemy import SQLAlchemyTokenStore, SQLAlchemyUserStore
from tests.auth.records import NOW
from tests.auth.site import HASHER, PASSWORD, SECRET, bearer, open_site
from tests.auth.sql import TABLES, Base, Person
from tests.servers.plugin import SharedServer


@pytest.mark.promise("auth-176")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_database_that_takes_no_connection_is_503(
    driver: str, postgres_url: str, postgres_server: SharedServer
) -> None:
    """As while it starts, or is full: each driver has an error of its own for it. Afterwards all goes on."""
    url = make_url(postgres_url)
    engine = create_async_engine(url.set(drivername=f"postgresql+{driver}"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine)
    users = SQLAlchemyUserStore(sessions, Person)
    await users.create({"login": "ada", "password_hash": await HASHER.hash(PASSWORD)})
    async with open_site(tokens=SQLAlchemyTokenStore(sessions, TABLES)) as site:
        auth = Auth(users, secret=SECRET, hasher=HASHER, tokens=SQLAlchemyTokenStore(sessions, TABLES))
        site.app.include_router(auth.router(), prefix="/sql")
        login = {"login": "ada", "password": PASSWORD}
        tokens = (await site.client.post("/sql/login", json=login)).json()

        async def statuses() -> list[int]:
            answers = [
                await site.client.get("/sql/me", headers=bearer(tokens["access_token"])),
                await site.client.post("/sql/login", json=login),
                await site.client.post("/sql/refresh", json={"refresh_token": tokens["refresh_token"]}),
            ]
            return [answer.status_code for answer in answers]

        _allow_connections(postgres_server.url, str(url.database), allowed=False)
        refused = [await statuses() for _ in range(2)]
        _allow_connections(postgres_server.url, str(url.database), allowed=True)
        accepted = await statuses()
    await engine.dispose()

    assert (refused, accepted) == ([[503] * 3] * 2, [200] * 3)


def _allow_connections(server: str, database: str, *, allowed: bool) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(statement.format(sql.Identifier(database), sql.Literal(allowed)))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database])


class _Failing:
    """Opens no session."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[AsyncSession]:
        raise self._error
        yield  # makes it a generator


@pytest.mark.promise("auth-176")
@pytest.mark.parametrize(
    ("error", "expected"),
    [(TooManyConnectionsError("sorry"), AuthUnavailableError), (ZeroDivisionError(), ZeroDivisionError)],
)
async def test_what_asyncpg_says_while_it_connects_is_understood(error: Exception, expected: type[Exception]) -> None:
    """SQLAlchemy has not always translated it; a mistake of the application stays one."""
    store = SQLAlchemyTokenStore(_Failing(error), TABLES)

    with pytest.raises(expected):
        await store.get("0" * 32, now=NOW)


@pytest.mark.promise("auth-34")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("level", ["REPEATABLE READ", "SERIALIZABLE"])
async def test_transactions_that_are_taken_back_make_no_second_branch(
    driver: str, level: str, auth_postgres: str
) -> None:
    """Where the database refuses one of two changes at once, the answer is 503; all who succeed have one successor."""
    url = make_url(auth_postgres).set(drivername=f"postgresql+{driver}")
    engine = create_async_engine(url, isolation_level=level, pool_size=10)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    tokens = SQLAlchemyTokenStore(async_sessionmaker(engine), TABLES)
    async with open_site(tokens=tokens) as site:
        await site.add()
        token = (await site.tokens())["refresh_token"]

        answers = await asyncio.gather(*(site.refresh(token) for _ in range(30)))

        again = await site.refresh(token)
    await engine.dispose()

    assert {answer.status_code for answer in answers} <= {200, 503}
    assert again.status_code == 200
    assert len({each.json()["refresh_token"] for each in [*answers, again] if each.status_code == 200}) == 1
