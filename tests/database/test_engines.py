"""How engines are made of addresses, and what SQLite is told first."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool, StaticPool

from brickwork.database import Database
from tests.database.conftest import Note, Notes, kept, lent


@pytest.mark.promise("database-13")
@pytest.mark.parametrize(
    ("url", "driver", "sync_driver"),
    [
        ("postgresql://h/d", "postgresql+psycopg", "postgresql+psycopg"),
        ("postgres://h/d", "postgresql+psycopg", "postgresql+psycopg"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg", "postgresql+psycopg"),
        ("postgresql+psycopg_async://h/d", "postgresql+psycopg_async", "postgresql+psycopg"),
        ("sqlite:///a.db", "sqlite+aiosqlite", "sqlite"),
        ("sqlite+pysqlite:///a.db", "sqlite+aiosqlite", "sqlite+pysqlite"),
        ("sqlite+aiosqlite:///a.db", "sqlite+aiosqlite", "sqlite"),
        (URL.create("postgresql", host="h", database="d"), "postgresql+psycopg", "postgresql+psycopg"),
    ],
)
def test_a_driver_is_found_for_each_side(url: str | URL, driver: str, sync_driver: str) -> None:
    """One address serves asynchronous and synchronous sessions."""
    db = Database(url)

    assert (db.engine.url.drivername, db.sync_engine.url.drivername) == (driver, sync_driver)


@pytest.mark.promise("database-13")
def test_nothing_is_connected_before_it_is_used() -> None:
    """A database that is down does not keep an app from being imported."""
    db = Database("postgresql://nobody@127.0.0.1:9/none")

    for marker in (db.transaction, db.read_only, db.sync_transaction, db.sync_read_only):
        marker()

    pool = db.engine.pool
    assert isinstance(pool, AsyncAdaptedQueuePool)
    assert (pool.checkedin(), pool.checkedout()) == (0, 0)


@pytest.mark.promise("database-13")
def test_an_engine_is_made_once() -> None:
    """Whoever asks gets the same engine."""
    db = Database("sqlite:///a.db")

    assert db.engine is db.engine
    assert db.sync_engine is db.sync_engine


@pytest.mark.promise("database-14")
def test_the_pool_is_bounded_and_tried() -> None:
    """The defaults are those that are documented, and each option arrives."""
    db = Database("postgresql://h/d", pool_size=3, max_overflow=2, pool_timeout=1.5, pool_recycle=60, pre_ping=False)

    usual: Any = Database("postgresql+asyncpg://h/d").engine.pool
    pool: Any = db.engine.pool

    assert (usual.size(), usual._max_overflow, usual._timeout, usual._recycle, usual._pre_ping) == (
        10,
        5,
        5,
        1800,
        True,
    )
    assert (pool.size(), pool._max_overflow, pool._timeout, pool._recycle, pool._pre_ping) == (3, 2, 1.5, 60, False)


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({}, TypeError, "write either"),
        ({"url": "sqlite://", "engine": create_async_engine("sqlite+aiosqlite://")}, TypeError, "write either"),
        ({"engine": create_engine("sqlite://")}, TypeError, "sync_engine="),
        ({"sync_engine": create_async_engine("sqlite+aiosqlite://")}, TypeError, "engine="),
        ({"url": "example.db"}, ValueError, "no address"),
        ({"url": "postgresql://h:port/d"}, ValueError, "no address"),
        ({"url": "postgresq://h/d"}, ValueError, "no address"),
        ({"url": "sqlite://", "pool_size": 0}, ValueError, "pool_size"),
        ({"url": "sqlite://", "max_overflow": -1}, ValueError, "max_overflow"),
        ({"url": "sqlite://", "pool_timeout": 0}, ValueError, "pool_timeout"),
        ({"url": "sqlite://", "connect_timeout": float("nan")}, ValueError, "connect_timeout"),
        ({"url": "sqlite://", "replicas": "sqlite:///a.db"}, TypeError, "list"),
        ({"url": "postgresql://h/d", "replicas": ["sqlite:///a.db"]}, ValueError, "postgresql"),
        ({"url": "postgresql://h/d", "replicas": ["postgresql+asyncpg://h/d"]}, ValueError, "one driver"),
        ({"url": "sqlite://", "replicas": [create_async_engine("postgresql+psycopg://h/d")]}, ValueError, "one driver"),
    ],
)
@pytest.mark.promise("database-15")
def test_options_that_make_no_sense_are_refused(options: Any, error: type[Exception], said: str) -> None:
    """A mistake is found when it is written, and the message says what to write instead."""
    with pytest.raises(error, match=said):
        Database(**options)


@pytest.mark.promise("database-15")
def test_a_driver_for_the_other_side_is_refused_at_the_marker() -> None:
    """A synchronous driver serves synchronous sessions alone."""
    db = Database("postgresql+pg8000://h/d")

    with pytest.raises(ValueError, match="no asynchronous driver"):
        db.transaction()


@pytest.mark.promise("database-16")
@pytest.mark.parametrize("side", ["async", "sync"])
async def test_sqlite_is_set_up(file_db: Database, side: str) -> None:
    """Foreign keys are kept, readers and the writer do not wait for each other, and a lock is waited for."""
    asked = ("foreign_keys", "journal_mode", "synchronous", "busy_timeout")

    if side == "async":
        async with file_db.begin() as session:
            found = [await session.scalar(text(f"PRAGMA {each}")) for each in asked]
    else:
        with file_db.sync_begin() as session_:
            found = [session_.scalar(text(f"PRAGMA {each}")) for each in asked]

    assert found == [1, "wal", 1, 5000]


@pytest.mark.promise("database-16")
@pytest.mark.parametrize("driver", ["sqlite", "sqlite+pysqlite", "sqlite+aiosqlite"])
def test_patience_with_a_lock_is_the_same_by_every_name_of_the_driver(tmp_path: Path, driver: str) -> None:
    """However the address names it, `connect_timeout` counts."""
    db = Database(f"{driver}:///{tmp_path / 'a.db'}", connect_timeout=1.5)

    with db.sync_begin() as session:
        found = session.scalar(text("PRAGMA busy_timeout"))

    assert found == 1500
    db.sync_engine.dispose()


@pytest.mark.promise("database-16")
async def test_sqlite_undoes_savepoints_and_tables_too(file_db: Database) -> None:
    """A transaction begins with its first statement, whichever that is."""

    async def fail() -> None:
        async with file_db.begin() as session:
            await session.execute(text("CREATE TABLE other (id INT)"))
            async with file_db.begin(within=session):
                session.add(Note(id=1))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with file_db.begin() as session:
        tables = await session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'table'"))

    assert list(tables) == ["notes"]
    assert await kept(file_db) == []


@pytest.mark.promise("database-16")
async def test_sqlite_takes_no_transaction_back_into_the_pool(file_db: Database) -> None:
    """A connection that comes back in the middle of one is rolled back before the next caller gets it."""
    lent_once = file_db.sync_engine.raw_connection()
    driver: Any = lent_once.driver_connection
    driver.execute("BEGIN IMMEDIATE")

    lent_once.close()

    lent_again = file_db.sync_engine.raw_connection()
    assert (lent_again.driver_connection is driver, driver.in_transaction) == (True, False)
    lent_again.close()


@pytest.mark.promise("database-16")
async def test_sqlite_sees_one_state_in_a_transaction(file_db: Database) -> None:
    """What others commit meanwhile is not seen by a reader that has begun."""
    async with file_db.begin(read_only=True) as reader:
        before = await reader.scalar(text("SELECT count(*) FROM notes"))
        async with file_db.begin() as session:
            session.add(Note(id=1))
        after = await reader.scalar(text("SELECT count(*) FROM notes"))

    assert (before, after, await kept(file_db)) == (0, 0, [1])


@pytest.mark.promise("database-16")
async def test_sqlite_lets_writers_take_turns(file_db: Database) -> None:
    """Reading and then writing never fails half way because another wrote in between."""
    async with file_db.begin() as session:
        session.add(Note(id=1, text="0"))

    async def count_up() -> None:
        async with file_db.begin() as session:
            note = await session.get_one(Note, 1)
            note.text = str(int(note.text) + 1)

    await asyncio.gather(*(count_up() for _ in range(5)))

    async with file_db.begin(read_only=True) as reader:
        assert (await reader.get_one(Note, 1)).text == "5"


@pytest.mark.promise("database-16")
async def test_a_lock_that_is_not_let_go_of_is_an_operational_error(file_db: Database, tmp_path: Path) -> None:
    """Waiting ends after `connect_timeout`, with the error that SQLAlchemy gives everywhere."""
    impatient = Database(f"sqlite:///{tmp_path / 'notes.db'}", connect_timeout=0.05)

    async with file_db.begin() as session:
        session.add(Note(id=1))
        await session.flush()
        with pytest.raises(OperationalError, match="locked") as locked:
            async with impatient.begin() as late:
                await late.execute(text("SELECT 1"))
        with pytest.raises(OperationalError, match="locked"), impatient.sync_begin() as late_:
            late_.execute(text("SELECT 1"))

    await impatient.dispose()
    assert isinstance(locked.value.orig, sqlite3.OperationalError)


@pytest.mark.promise("database-17")
@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:a?mode=memory&uri=true"])
async def test_memory_is_one_database_for_all_sessions(url: str) -> None:
    """All sessions share its one connection, readers too."""
    db = Database(url)
    async with db.begin() as session:
        await (await session.connection()).run_sync(Notes.metadata.create_all)
        session.add(Note(id=1))

    async with db.begin() as first, db.begin(read_only=True) as last:
        found = [await each.scalar(text("SELECT count(*) FROM notes")) for each in (first, last)]

    assert isinstance(db.engine.pool, StaticPool)
    assert found == [1, 1]
    with pytest.raises(ValueError, match="belongs to one connection"):
        db.sync_transaction()
    await db.dispose()


@pytest.mark.promise("database-17")
async def test_memory_may_be_for_synchronous_sessions(tmp_path: Path) -> None:
    """Whichever side is asked for first has it."""
    db = Database("sqlite://")
    Notes.metadata.create_all(db.sync_engine)

    with db.sync_begin() as session:
        session.add(Note(id=1))
    with db.sync_begin(read_only=True) as reader:
        found = reader.get(Note, 1)

    assert found is not None
    with pytest.raises(ValueError, match="belongs to one connection"):
        db.transaction()
    await db.dispose()


@pytest.mark.promise("database-18")
async def test_an_engine_of_ones_own_is_used_as_it_is(tmp_path: Path) -> None:
    """Nothing is set up on it, and it is not disposed of."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'own.db'}")
    db = Database(engine=engine)

    async with db.lifespan(None), db.begin() as session, db.begin(read_only=True) as reader:
        foreign_keys = [await each.scalar(text("PRAGMA foreign_keys")) for each in (session, reader)]

    pool: Any = engine.pool
    assert db.engine is engine
    assert foreign_keys == [0, 0]
    assert pool.checkedin() == 2
    await engine.dispose()


@pytest.mark.promise("database-18")
async def test_the_other_side_is_made_of_the_engines_address(tmp_path: Path) -> None:
    """An engine of one kind serves both kinds of session."""
    own = create_engine(f"sqlite:///{tmp_path / 'own.db'}")
    Notes.metadata.create_all(own)
    db = Database(sync_engine=own)

    async with db.begin() as session:
        session.add(Note(id=1))
    with db.sync_begin() as session_:
        found = session_.get(Note, 1)

    assert db.sync_engine is own
    assert found is not None
    await db.dispose()
    own.dispose()


@pytest.mark.promise("database-19")
async def test_the_lifespan_closes_what_was_opened(tmp_path: Path) -> None:
    """At the end no connection is left, and the database can be used in the next app."""
    db = Database(f"sqlite:///{tmp_path / 'a.db'}")

    for _ in range(2):
        async with db.lifespan(None):
            async with db.begin() as session, db.begin(read_only=True) as reader:
                await session.execute(text("SELECT 1"))
                await reader.execute(text("SELECT 1"))
            with db.sync_begin() as session_:
                session_.execute(text("SELECT 1"))
            pools: list[Any] = [each.pool for each in db._connections._made]
            assert [pool.checkedin() for pool in pools] == [1, 1, 1, 0]
        assert [each.pool.checkedin() for each in db._connections._made] == [0, 0, 0, 0]  # type: ignore[attr-defined]


class OwnSync(Session):
    """A session with a word of its own."""

    word = "mine"


class Own(AsyncSession):
    """The same, asynchronous."""

    sync_session_class = OwnSync
    word = "mine"


@pytest.mark.promise("database-20")
async def test_sessions_may_be_of_ones_own_class(file_db: Database, tmp_path: Path) -> None:
    """`session_class` and its synchronous class are what sessions are."""
    db = Database(f"sqlite:///{tmp_path / 'notes.db'}", session_class=Own)

    async with db.begin() as session, db.begin(read_only=True) as reader:
        words = [session.word, session.sync_session.word, reader.sync_session.word]  # type: ignore[attr-defined]
    with db.sync_begin() as session_:
        words.append(session_.word)  # type: ignore[attr-defined]

    assert words == ["mine"] * 4
    await db.dispose()


@pytest.fixture
async def postgres(postgres_url: str) -> AsyncIterator[Database]:
    """A database on PostgreSQL."""
    db = Database(postgres_url)
    yield db
    await db.dispose()


@pytest.mark.promise("database-21")
async def test_ping_answers_while_the_database_does(db: Database) -> None:
    """A ping says nothing when all is well, and gives its connection back."""
    await db.ping()

    assert lent(db) == 0


@pytest.mark.promise("database-21")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_ping_raises_when_nobody_answers(driver: str) -> None:
    """A server that is not there is an error within the time limit."""
    db = Database(f"postgresql+{driver}://nobody@127.0.0.1:9/none")

    with pytest.raises((OperationalError, OSError)):
        await db.ping()


@pytest.mark.promise("database-21")
async def test_ping_does_not_wait_for_long(db: Database) -> None:
    """A pool without a free connection is no answer."""
    pool: Any = db.engine.pool
    pool._timeout = 30
    held = [await db.engine.connect() for _ in range(5)]

    with pytest.raises(TimeoutError):
        await db.ping(timeout=0.05)

    for each in held:
        await each.close()


@pytest.mark.promise("database-21")
async def test_ping_asks_a_database_that_is_only_synchronous(tmp_path: Path) -> None:
    """Where there are only synchronous sessions, their engine is asked, in a thread."""
    own = create_engine(f"sqlite:///{tmp_path / 'own.db'}")
    db = Database(sync_engine=own)

    await db.ping()

    assert db._connections._async_sessions is None
    own.dispose()
