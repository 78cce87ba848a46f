"""`db.testing()`: tests that leave nothing behind."""

from pathlib import Path
from typing import Annotated

import pytest
from fastapi import FastAPI
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database, ReadOnlySessionError
from tests.database.conftest import ClientOf, Note, Notes, app_with_problems, kept, lent


def counting_app(db: Database) -> FastAPI:
    """An app that adds notes, counts them, and fails after adding one."""
    app = app_with_problems()

    @app.post("/{number}")
    async def add(number: int, session: Annotated[AsyncSession, db.transaction()]) -> None:
        session.add(Note(id=number))
        await session.flush()
        if number > 9:
            raise ZeroDivisionError

    @app.get("/")
    async def count(reader: Annotated[AsyncSession, db.read_only()]) -> int:
        return await reader.scalar(select(func.count(Note.id))) or 0

    return app


@pytest.mark.promise("database-29")
async def test_what_a_test_does_is_rolled_back(db: Database, client_of: ClientOf) -> None:
    """Requests, jobs, readers and the test see each other's commits, and nobody else does."""
    client = client_of(counting_app(db))

    async with db.testing() as session:
        session.add(Note(id=1))
        await session.commit()
        await client.post("/2")
        async with db.begin() as job:
            job.add(Note(id=3))
        counted = (await client.get("/")).json()
        seen = await session.scalar(select(func.count(Note.id)))

    assert (counted, seen) == (3, 3)
    assert (await kept(db), lent(db)) == ([], 0)


@pytest.mark.promise("database-29")
async def test_a_request_that_fails_is_undone_alone(
    db: Database, client_of: ClientOf, expected_errors: list[object]
) -> None:
    """A rollback of the app costs its own request, as it would in production."""
    client = client_of(counting_app(db))

    async with db.testing() as session:
        statuses = [(await client.post(path)).status_code for path in ("/1", "/10", "/1", "/2")]
        found = list(await session.scalars(select(Note.id).order_by(Note.id)))

    assert (statuses, found) == ([200, 500, 409, 200], [1, 2])


@pytest.mark.promise("database-29")
async def test_readers_still_only_read(db: Database) -> None:
    """What a reader is refused in production, it is refused in a test."""

    async def write() -> None:
        async with db.begin(read_only=True) as reader:
            reader.add(Note(id=1))

    async with db.testing():
        with pytest.raises(ReadOnlySessionError):
            await write()


@pytest.mark.promise("database-29")
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///{folder}/notes.db"])
async def test_an_app_that_ends_leaves_the_connection_to_the_test(url: str, tmp_path: Path) -> None:
    """Its lifespan closes nothing meanwhile; a database in memory has but the one connection."""
    db = Database(url.format(folder=tmp_path))
    async with db.engine.begin() as connection:
        await connection.run_sync(Notes.metadata.create_all)

    async with db.testing() as session:
        async with db.lifespan(None), db.begin() as job:
            job.add(Note(id=1))
        found = await session.scalar(select(func.count(Note.id)))

    assert (found, await kept(db)) == (1, [])
    await db.dispose()


@pytest.mark.promise("database-29")
async def test_afterwards_everything_is_as_before(db: Database) -> None:
    """Also when the test fails, sessions are back on connections of their own."""

    async def fail() -> None:
        async with db.testing() as session:
            session.add(Note(id=1))
            await session.commit()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.begin() as job:
        job.add(Note(id=2))

    assert (await kept(db), lent(db)) == ([2], 0)


@pytest.mark.promise("database-29")
async def test_what_would_not_take_part_is_refused(file_db: Database) -> None:
    """Neither a second time nor a synchronous session, which would keep its work."""
    async with file_db.testing():
        with pytest.raises(RuntimeError, match=r"db\.testing\(\) is in use"):
            await file_db.testing().__aenter__()
        with pytest.raises(RuntimeError, match="synchronous session"):
            file_db.sync_begin()
