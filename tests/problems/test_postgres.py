"""A real PostgreSQL behind the app, with both drivers."""

from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from brickwork.problems import add_problem_handlers
from tests.problems.conftest import ClientOf, app_doing

TABLES = (
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE TABLE authors (id int PRIMARY KEY, name text NOT NULL UNIQUE, age int)",
    "ALTER TABLE authors ADD CONSTRAINT ck_secret CHECK (age < 200)",
    "CREATE TABLE books (id int PRIMARY KEY, author int REFERENCES authors (id))",
    "CREATE TABLE stays (room int, during int4range, EXCLUDE USING gist (room WITH =, during WITH &&))",
    "INSERT INTO authors VALUES (1, 'Ada', 36)",
    "INSERT INTO stays VALUES (1, '[1,5]')",
)
VIOLATIONS = {
    "unique": "INSERT INTO authors VALUES (2, 'Ada', 1)",
    "foreign-key": "INSERT INTO books VALUES (1, 99)",
    "not-null": "INSERT INTO authors VALUES (2, NULL, 1)",
    "check": "INSERT INTO authors VALUES (2, 'Bob', 999)",
    "exclusion": "INSERT INTO stays VALUES (1, '[3,7]')",
}


@pytest.fixture(params=["asyncpg", "psycopg"])
async def engine(request: pytest.FixtureRequest, postgres_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database with the tables above."""
    engine = create_async_engine(make_url(postgres_url).set(drivername=f"postgresql+{request.param}"))
    async with engine.begin() as connection:
        for statement in TABLES:
            await connection.execute(text(statement))
    yield engine
    await engine.dispose()


def app_executing(engine: AsyncEngine) -> FastAPI:
    """An app that executes what it is sent."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.get("/")
    async def execute(statement: str) -> None:
        async with engine.begin() as connection:
            await connection.execute(text(statement))

    return app


@pytest.mark.promise("problems-15")
@pytest.mark.promise("problems-23")
async def test_a_constraint_on_postgresql_is_a_conflict(client_of: ClientOf, engine: AsyncEngine) -> None:
    """409 with the kind of constraint, and nothing of statement, table or values."""
    client = client_of(app_executing(engine))

    answers = {kind: await client.get("/", params={"statement": each}) for kind, each in VIOLATIONS.items()}

    assert {kind: (answer.status_code, answer.json()["constraint"]) for kind, answer in answers.items()} == {
        kind: (409, kind) for kind in VIOLATIONS
    }
    for answer in answers.values():
        assert not any(secret in answer.text for secret in ("INSERT", "authors", "Ada", "ck_secret", "Key (", "DETAIL"))


@pytest.mark.promise("problems-24")
async def test_a_value_that_does_not_fit_is_422(client_of: ClientOf, engine: AsyncEngine) -> None:
    """What the server refuses to store is the client's to change; a division by zero is not."""
    client = client_of(app_executing(engine))

    too_large = await client.get("/", params={"statement": "UPDATE authors SET age = 98765432109876"})
    divided = await client.get("/", params={"statement": "SELECT 1 / 0"})

    document = too_large.json()
    assert (too_large.status_code, divided.status_code) == (422, 500)
    assert (document["type"], document["errors"][0]["code"]) == ("urn:problem-type:validation-error", "unstorable")
    assert not any(secret in too_large.text for secret in ("UPDATE", "authors", "age", "9876", "22003"))


@pytest.mark.promise("problems-24")
async def test_a_value_of_the_wrong_type_is_a_fault(client_of: ClientOf, postgres_url: str) -> None:
    """What asyncpg refuses before it is sent may be the client's value, or a mistake in the program."""
    engine = create_async_engine(make_url(postgres_url).set(drivername="postgresql+asyncpg"))

    async def pass_on(value: object) -> int:
        async def work() -> None:
            async with engine.connect() as connection:
                await connection.execute(text("SELECT CAST(:value AS int)"), {"value": value})

        return (await client_of(app_doing(work)).get("/")).status_code

    statuses = [await pass_on(2**40), await pass_on("1")]
    await engine.dispose()

    assert statuses == [422, 500]


@pytest.mark.promise("problems-24")
async def test_a_connection_that_is_ended_is_503(client_of: ClientOf, engine: AsyncEngine) -> None:
    """Work that the server breaks off may be tried again; a wrong statement may not."""
    client = client_of(app_executing(engine))

    ended = await client.get("/", params={"statement": "SELECT pg_terminate_backend(pg_backend_pid())"})
    wrong = await client.get("/", params={"statement": "SELECT * FROM no_such_table"})

    assert (ended.status_code, ended.headers["retry-after"], wrong.status_code) == (503, "5", 500)


@pytest.mark.promise("problems-24")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_server_that_is_not_there_is_503(client_of: ClientOf, driver: str) -> None:
    """A refused connection is no fault of the application."""
    engine = create_async_engine(f"postgresql+{driver}://user:secret@127.0.0.1:9/none")

    answer = await client_of(app_executing(engine)).get("/", params={"statement": "SELECT 1"})

    assert answer.status_code == 503
    assert "secret" not in answer.text
    await engine.dispose()
