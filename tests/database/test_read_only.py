"""Sessions that only read."""

from typing import Annotated

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from brickwork.database import Database, ReadOnlySessionError
from tests.database.conftest import ClientOf, Note, kept, lent


@pytest.fixture
async def noted(db: Database) -> Database:
    """A database with one note."""
    async with db.begin() as session:
        session.add(Note(id=1, text="old"))
    return db


STATEMENTS = {
    "insert": insert(Note).values(id=2, text=""),
    "update": update(Note).values(text="new"),
    "delete": delete(Note),
}


@pytest.mark.promise("database-25")
@pytest.mark.parametrize("statement", STATEMENTS)
async def test_statements_that_write_are_refused(noted: Database, statement: str) -> None:
    """The program is told before the database is asked."""
    async with noted.begin(read_only=True) as reader:
        with pytest.raises(ReadOnlySessionError, match="only reads"):
            await reader.execute(STATEMENTS[statement])

    assert await kept(noted) == [1]


@pytest.mark.promise("database-25")
@pytest.mark.parametrize("how", ["add", "change", "delete"])
async def test_changes_of_objects_are_refused(noted: Database, how: str) -> None:
    """A changed object is an error when the session ends, and never silently dropped."""

    async def change() -> None:
        async with noted.begin(read_only=True) as reader:
            note = await reader.get_one(Note, 1)
            if how == "add":
                reader.add(Note(id=2))
            elif how == "change":
                note.text = "new"
            else:
                await reader.delete(note)

    with pytest.raises(ReadOnlySessionError):
        await change()

    assert (await kept(noted), lent(noted)) == ([1], 0)


@pytest.mark.promise("database-25")
async def test_text_that_writes_is_refused_by_the_database(noted: Database, client_of: ClientOf) -> None:
    """What we cannot read, the connection refuses; and it writes again for the next one who may."""
    async with noted.begin(read_only=True) as reader:
        assert await reader.scalar(text("SELECT text FROM notes")) == "old"

    async def write() -> None:
        async with noted.begin(read_only=True) as reader:
            await reader.execute(text("UPDATE notes SET text = 'new'"))

    for _ in range(2):
        with pytest.raises(DBAPIError):
            await write()
    async with noted.begin() as session:
        await session.execute(text("UPDATE notes SET text = 'new'"))

    async with noted.begin(read_only=True) as reader:
        assert await reader.scalar(text("SELECT text FROM notes")) == "new"


@pytest.mark.promise("database-25")
async def test_setting_what_is_there_already_is_no_change(noted: Database) -> None:
    """An attribute that was assigned its own value writes nothing, and is no mistake."""
    async with noted.begin(read_only=True) as reader:
        note = await reader.get_one(Note, 1)
        note.text = "old"

    assert lent(noted) == 0


@pytest.mark.promise("database-25")
async def test_reading_takes_no_lock_on_sqlite(file_db: Database, client_of: ClientOf) -> None:
    """A reader answers while a writer is at work."""
    app = FastAPI()

    @app.get("/")
    async def read(reader: Annotated[AsyncSession, file_db.read_only()]) -> int | None:
        found: int | None = await reader.scalar(text("SELECT count(*) FROM notes"))
        return found

    async with file_db.begin() as session:
        session.add(Note(id=1))
        await session.flush()
        answer = await client_of(app).get("/")

    assert answer.json() == 0


@pytest.mark.promise("database-25")
@pytest.mark.parametrize("statement", STATEMENTS)
def test_synchronous_readers_refuse_too(sync_db: Database, statement: str) -> None:
    """The same holds for synchronous sessions."""

    def add() -> None:
        with sync_db.sync_begin(read_only=True) as reader:
            reader.add(Note(id=1))

    def execute(statement: object) -> None:
        with sync_db.sync_begin(read_only=True) as reader:
            reader.execute(statement)  # type: ignore[call-overload]

    with pytest.raises(ReadOnlySessionError):
        add()
    with pytest.raises(ReadOnlySessionError):
        execute(STATEMENTS[statement])
    with pytest.raises(DBAPIError):
        execute(text("INSERT INTO notes (id, text) VALUES (1, '')"))

    with sync_db.sync_begin() as session:
        assert isinstance(session, Session)
        assert session.get(Note, 1) is None
