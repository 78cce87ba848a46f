"""Requests that are broken off: by whoever runs them, by a time limit, by the client."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from anyio import CancelScope
from fastapi import FastAPI, Request
from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from brickwork.database import Database
from brickwork.database.sqlalchemy.engines import set_up
from tests.database.conftest import Course, Note, kept, lent


async def write(session: AsyncSession) -> None:
    """Write a note, as an endpoint would."""
    session.add(Note(id=1))
    await session.flush()


Break = Callable[[asyncio.Task[None], asyncio.Timeout, CancelScope], object]

BREAKS: dict[str, Break] = {
    "cancelled": lambda task, _limit, _scope: task.cancel(),
    "cancelled twice": lambda task, _limit, _scope: (task.cancel(), asyncio.get_running_loop().call_soon(task.cancel)),
    "timed out": lambda _task, limit, _scope: limit.reschedule(0),
    "scope cancelled": lambda _task, _limit, scope: scope.cancel(),
}


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("where", ["endpoint", "job"])
@pytest.mark.parametrize("how", BREAKS)
async def test_work_that_is_broken_off_is_rolled_back(db: Database, how: str, where: str) -> None:
    """Whoever breaks it off, the work is undone and the connection is back."""
    app = FastAPI()
    begun = asyncio.Event()

    @app.post("/")
    async def endpoint(session: Annotated[AsyncSession, db.transaction()]) -> None:
        await write(session)
        begun.set()
        await asyncio.Event().wait()

    async def job() -> None:
        async with db.begin() as session:
            await endpoint(session)

    scope, limit = CancelScope(), asyncio.timeout(None)

    async def limited() -> None:
        with scope:
            async with limit:
                await (job() if where == "job" else Course(db).of(app, "/"))

    task = asyncio.create_task(limited())
    await begun.wait()
    BREAKS[how](task, limit, scope)
    await asyncio.wait([task])
    await _all_done()

    assert (await kept(db), lent(db)) == ([], 0)
    if how.startswith("cancelled"):
        assert task.cancelled()


async def _all_done() -> None:
    """Wait for what goes on after the task that started it, such as a rollback that was cancelled twice."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    running = [task for task in others if "TestRunner" not in repr(task.get_coro())]
    await asyncio.gather(*running)


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_statements_that_are_broken_off_cost_no_connection(postgres_url: str, driver: str) -> None:
    """A pool that saw them still lends all that it has."""
    db = Database(postgres_url.replace("postgresql:", f"postgresql+{driver}:"), pool_size=2, max_overflow=0)

    async def wait() -> None:
        async with asyncio.timeout(0.2), db.begin() as session:
            await session.execute(text("SELECT pg_sleep(30)"))

    for _ in range(4):
        with pytest.raises(TimeoutError):
            await wait()
    async with db.begin() as first, db.begin() as second:
        answers = [await each.scalar(text("SELECT 1")) for each in (first, second)]
    await db.dispose()

    assert answers == [1, 1]


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_connection_that_nobody_waits_for_any_more_is_closed(postgres_url: str, driver: str) -> None:
    """Whoever is cancelled while a new connection is set up leaves none behind on the server."""
    db = Database(make_url(postgres_url).set(drivername=f"postgresql+{driver}"), pool_size=1, max_overflow=0)
    opened: list[Any] = []

    def leave(_connection: object, record: ConnectionPoolEntry) -> None:
        opened.append(record.driver_connection)
        cast("asyncio.Task[object]", asyncio.current_task()).cancel()

    event.listen(db.engine.sync_engine, "connect", leave, insert=True)
    await asyncio.gather(db.ping(), return_exceptions=True)
    event.remove(db.engine.sync_engine, "connect", leave)
    await db.ping()

    assert [each.is_closed() if driver == "asyncpg" else each.closed for each in opened] == [True]
    await db.dispose()


@pytest.mark.promise("database-9")
async def test_a_wait_for_the_lock_that_is_broken_off_costs_no_connection(file_db: Database, tmp_path: Path) -> None:
    """SQLite may begin for somebody who has gone; the next one finds no transaction that is not its own."""
    waiting = Database(f"sqlite:///{tmp_path / 'notes.db'}", pool_size=2, max_overflow=0, connect_timeout=0.5)

    async def job(number: int) -> None:
        async with waiting.begin() as session:
            session.add(Note(id=number))

    async with file_db.begin() as session:
        session.add(Note(id=1))
        await session.flush()
        for _ in range(4):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(job(2), 0.05)
    for number in (3, 4, 5):
        await job(number)

    assert (await kept(file_db), lent(waiting)) == ([1, 3, 4, 5], 0)
    await waiting.dispose()


async def leave_amid_statement(db: Database) -> object:
    """Write, and be cancelled while a statement runs in the driver's thread; give the error, which holds its cursor."""
    loop, left = asyncio.get_running_loop(), threading.Event()

    async def job() -> None:
        task = asyncio.current_task()
        assert task is not None

        def leave() -> int:
            loop.call_soon_threadsafe(task.cancel)
            loop.call_soon_threadsafe(left.set)
            return int(left.wait(5))

        async with db.begin() as session:
            await session.execute(text("INSERT INTO written VALUES (1)"))
            raw = await (await session.connection()).get_raw_connection()
            await cast("Any", raw.driver_connection).create_function("leave", 0, leave)
            await session.execute(text("SELECT leave()"))

    [error] = await asyncio.gather(asyncio.create_task(job()), return_exceptions=True)
    return error


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("place", ["file", "memory"])
async def test_a_statement_that_is_broken_off_leaves_neither_lock_nor_loss(tmp_path: Path, place: str) -> None:
    """Others write at once; and a database in memory keeps its one connection, which all its rows are in."""
    db = Database("sqlite://" if place == "memory" else f"sqlite:///{tmp_path / 'a.db'}", connect_timeout=0.5)
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE written (id)"))

    error = await leave_amid_statement(db)
    async with db.begin() as session:
        await session.execute(text("INSERT INTO written VALUES (2)"))
        found = (await session.scalars(text("SELECT id FROM written"))).all()

    assert isinstance(error, asyncio.CancelledError)
    assert found == [2]
    await db.dispose()


@pytest.mark.promise("database-9")
async def test_a_beginning_that_is_broken_off_does_not_empty_the_memory() -> None:
    """Neither does a cancellation before the first statement."""
    db = Database("sqlite://")
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE written (id)"))

    async def job() -> None:
        async with db.begin() as session:
            asyncio.get_running_loop().call_soon(task.cancel)
            await session.connection()

    task = asyncio.create_task(job())
    await asyncio.wait([task])
    async with db.begin() as session:
        found = (await session.scalars(text("SELECT id FROM written"))).all()

    assert task.cancelled()
    assert found == []
    await db.dispose()


def engine_of(connection: type[sqlite3.Connection], url: str) -> Engine:
    """Make a synchronous engine whose driver's connections are of a class."""
    options: dict[str, Any] = {"poolclass": StaticPool} if url == "sqlite://" else {}
    engine = create_engine(url, connect_args={"factory": connection, "check_same_thread": False}, **options)
    set_up(engine)
    return engine


def ask(db: Database) -> object:
    """Use the database in a transaction."""
    with db.sync_begin() as session:
        return session.scalar(text("SELECT 1"))


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("place", ["file", "memory"])
def test_a_beginning_that_is_interrupted_costs_no_connection(tmp_path: Path, place: str) -> None:
    """The same for synchronous sessions."""
    pressed: list[object] = []

    class Interrupted(sqlite3.Connection):
        """A connection whose user presses Ctrl-C the first time that a transaction begins."""

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            cursor = super().execute(*arguments)
            if arguments[0].startswith("BEGIN") and not pressed:
                pressed.append(arguments)
                raise KeyboardInterrupt
            return cursor

    engine = engine_of(Interrupted, "sqlite://" if place == "memory" else f"sqlite:///{tmp_path / 'a.db'}")
    db = Database(sync_engine=engine)

    with pytest.raises(KeyboardInterrupt):
        ask(db)

    assert ask(db) == 1
    engine.dispose()


@pytest.mark.promise("database-17")
def test_another_may_begin_in_memory_first() -> None:
    """Who comes second takes part in the one transaction that there is."""

    class Overtaken(sqlite3.Connection):
        """A connection on which another session begins just before."""

        def execute(self, *arguments: Any) -> sqlite3.Cursor:
            if arguments[0].startswith("BEGIN"):
                super().execute("BEGIN")
            return super().execute(*arguments)

    engine = engine_of(Overtaken, "sqlite://")

    found = ask(Database(sync_engine=engine))

    assert found == 1
    engine.dispose()


@pytest.mark.promise("database-17")
async def test_many_sessions_share_a_database_in_memory() -> None:
    """Sessions at once neither fail nor lose what they wrote."""
    db = Database("sqlite://")
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE written (id)"))

    async def job(number: int) -> None:
        async with db.begin() as session:
            await session.execute(text("INSERT INTO written VALUES (:number)"), {"number": number})

    await asyncio.gather(*map(job, range(50)))
    async with db.begin() as session:
        found = (await session.scalars(text("SELECT id FROM written"))).all()

    assert sorted(found) == list(range(50))
    await db.dispose()


@pytest.mark.promise("database-9")
async def test_a_client_that_leaves_while_it_is_read_rolls_back(db: Database) -> None:
    """A body that breaks off raises in the endpoint, and undoes what was done before."""
    app = FastAPI()

    @app.post("/")
    async def work(session: Annotated[AsyncSession, db.transaction()], request: Request) -> None:
        await write(session)
        async for _ in request.stream():
            pass

    steps = await Course(db).of(app, "/", body=[{"type": "http.request", "body": b"a", "more_body": True}])

    assert steps[:3] == ["lent", "rollback", "back"]
    assert steps[-1] == "ClientDisconnect"
    assert await kept(db) == []
