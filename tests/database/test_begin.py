"""Sessions outside of endpoints: jobs, sockets, and savepoints in any session."""

from typing import Annotated

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database
from tests.database.conftest import Course, Note, kept, lent


class JobFailedError(Exception):
    """What a job may raise."""


@pytest.mark.promise("database-22")
async def test_a_block_that_ends_well_is_committed(db: Database) -> None:
    """At the end of the block the work is kept, the connection is back, and the session is closed for good."""
    async with db.begin() as session:
        session.add(Note(id=1))

    assert (await kept(db), lent(db)) == ([1], 0)
    with pytest.raises(InvalidRequestError, match="closed"):
        await session.get(Note, 1)


@pytest.mark.promise("database-22")
async def test_a_block_that_raises_is_rolled_back(db: Database) -> None:
    """What was raised comes out of the block, and nothing is kept."""

    async def job() -> None:
        async with db.begin() as session:
            session.add(Note(id=1))
            await session.flush()
            raise JobFailedError

    with pytest.raises(JobFailedError):
        await job()

    assert (await kept(db), lent(db)) == ([], 0)


@pytest.mark.promise("database-23")
async def test_a_savepoint_undoes_its_part_alone(db: Database) -> None:
    """An error inside `begin(within=session)` costs what was done in it, and the session goes on."""

    async def fail(session: AsyncSession) -> None:
        async with db.begin(within=session) as same:
            same.add(Note(id=2))
            await same.flush()
            same.add(Note(id=1))

    async with db.begin() as session:
        session.add(Note(id=1))
        with pytest.raises(IntegrityError):
            await fail(session)
        async with db.begin(within=session):
            session.add(Note(id=3))

    assert await kept(db) == [1, 3]


@pytest.mark.promise("database-23")
async def test_a_savepoint_is_as_its_session_is(file_db: Database) -> None:
    """Asking for one that only reads is refused."""
    async with file_db.begin() as session:
        with pytest.raises(ValueError, match="exclude each other"):
            file_db.begin(within=session, read_only=True)


@pytest.mark.promise("database-22")
async def test_what_was_committed_by_hand_is_kept(db: Database) -> None:
    """A job may commit in steps; an error costs the step in progress."""

    async def job() -> None:
        async with db.begin() as session:
            session.add(Note(id=1))
            await session.commit()
            session.add(Note(id=2))
            raise JobFailedError

    with pytest.raises(JobFailedError):
        await job()

    assert await kept(db) == [1]


@pytest.mark.promise("database-24")
async def test_a_socket_holds_no_connection_between_messages(file_db: Database) -> None:
    """Each message has a transaction of its own; the socket that waits has none."""
    app = FastAPI(lifespan=file_db.lifespan)
    held: list[int] = []

    @app.websocket("/")
    async def talk(socket: WebSocket) -> None:
        await socket.accept()
        while (number := await socket.receive_json()) >= 0:
            async with file_db.begin() as session:
                session.add(Note(id=number))
            held.append(lent(file_db))
            await socket.send_json(number)

    with TestClient(app) as client, client.websocket_connect("/") as socket:
        for number in (1, 2):
            socket.send_json(number)
            socket.receive_json()
        socket.send_json(-1)

    assert (await kept(file_db), held) == ([1, 2], [0, 0])


@pytest.mark.promise("database-24")
async def test_a_session_of_a_socket_is_committed_when_it_ends(file_db: Database) -> None:
    """The marker works on sockets too; its transaction lasts as long as the handler."""
    app = FastAPI(lifespan=file_db.lifespan)
    course = Course(file_db)

    @app.websocket("/")
    async def talk(socket: WebSocket, session: Annotated[AsyncSession, file_db.transaction()]) -> None:
        await socket.accept()
        session.add(Note(id=1))
        await session.flush()
        await socket.send_json([*course.steps])

    with TestClient(app) as client, client.websocket_connect("/") as socket:
        before = socket.receive_json()

    assert (before, course.steps) == (["lent"], ["lent", "commit", "back"])
