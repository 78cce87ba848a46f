"""Replicas: who reads where, and what happens while one is down."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from brickwork.database import Database, ReadOnlySessionError
from brickwork.testing import ManualClock
from tests.database.conftest import Note
from tests.servers.postgres import PostgresServer


async def _named(path: Path) -> str:
    """Make an SQLite file that knows its name, and give its address."""
    url = f"sqlite:///{path}"
    db = Database(url)
    async with db.begin() as session:
        await session.execute(text("CREATE TABLE name (name TEXT)"))
        await session.execute(text("INSERT INTO name VALUES (:name)"), {"name": path.stem})
    await db.dispose()
    return url


async def _asked(db: Database, times: int = 1) -> list[str | None]:
    """Ask several readers, one after another, which file they read."""
    found = []
    for _ in range(times):
        async with db.begin(read_only=True) as reader:
            found.append(await reader.scalar(text("SELECT name FROM name")))
    return found


@pytest.fixture
def clock() -> ManualClock:
    """A clock that stands still until it is moved."""
    return ManualClock()


@pytest.fixture
async def files(tmp_path: Path) -> list[str]:
    """Addresses of a primary and two replicas."""
    return [await _named(tmp_path / f"{name}.db") for name in ("primary", "first", "last")]


@pytest.mark.promise("database-26")
async def test_readers_take_replicas_in_turn(files: list[str]) -> None:
    """Read-only sessions go round the replicas, all others to the primary."""
    db = Database(files[0], replicas=files[1:])

    found = await _asked(db, 4)
    async with db.begin() as session:
        written = await session.scalar(text("SELECT name FROM name"))
    with db.sync_begin(read_only=True) as reader:
        found.append(reader.scalar(text("SELECT name FROM name")))

    assert found == ["first", "last", "first", "last", "first"]
    assert written == "primary"
    await db.dispose()


@pytest.mark.promise("database-26")
async def test_a_reader_of_the_primary_asks_no_replica(files: list[str]) -> None:
    """`read_only="primary"` sees what was committed last, and refuses to write all the same."""
    db = Database(files[0], replicas=files[1:])

    async with db.begin(read_only="primary") as reader:
        found = await reader.scalar(text("SELECT name FROM name"))
        with pytest.raises(ReadOnlySessionError):
            await reader.execute(insert(Note).values(id=1))
    with db.sync_begin(read_only="primary") as sync_reader:
        found_in_sync = sync_reader.scalar(text("SELECT name FROM name"))

    assert (found, found_in_sync) == ("primary", "primary")
    await db.dispose()


@pytest.mark.promise("database-25")
async def test_text_that_writes_is_refused_on_a_replica(files: list[str], tmp_path: Path) -> None:
    """Also by the primary, while it stands in for one that is down."""
    for replica in (files[1], f"sqlite:///{tmp_path / 'gone' / 'a.db'}"):
        db = Database(files[0], replicas=[replica])
        async with db.begin(read_only=True) as reader:
            with pytest.raises(OperationalError, match="readonly"):
                await reader.execute(text("UPDATE name SET name = 'new'"))
        await db.dispose()


@pytest.mark.promise("database-26")
async def test_a_replica_may_be_an_engine(files: list[str]) -> None:
    """An engine that is given is used, and stays its owner's."""
    replica = create_async_engine(make_url(files[1]).set(drivername="sqlite+aiosqlite"))
    db = Database(files[0], replicas=[replica])

    found = await _asked(db)
    with db.sync_begin(read_only=True) as reader:
        found.append(reader.scalar(text("SELECT name FROM name")))

    assert found == ["first", "first"]
    await db.dispose()
    pool: Any = replica.pool
    assert pool.checkedin() == 1
    await replica.dispose()


@pytest.fixture
async def broken(files: list[str], tmp_path: Path, clock: ManualClock) -> AsyncIterator[Database]:
    """A database whose one replica is in a folder that is not there yet."""
    db = Database(files[0], replicas=[f"sqlite:///{tmp_path / 'later' / 'back.db'}"], clock=clock, replica_retry=10)
    yield db
    await db.dispose()


@pytest.mark.promise("database-27")
async def test_a_replica_that_is_down_is_not_noticed(broken: Database, caplog: pytest.LogCaptureFixture) -> None:
    """The primary answers instead, and one line of the log says so, without any secret."""
    with caplog.at_level(logging.WARNING, "brickwork.database"):
        found = await _asked(broken, 3)

    assert found == ["primary"] * 3
    assert len(caplog.records) == 1
    assert "back.db" in caplog.text


@pytest.mark.promise("database-27")
async def test_a_replica_that_is_down_is_left_alone_for_a_while(
    broken: Database, tmp_path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried again after `replica_retry` seconds, also by connections that lead to the primary by then."""
    before = await _asked(broken)
    (tmp_path / "later").mkdir()
    await _named(tmp_path / "later" / "back.db")
    clock.advance(9.9)
    soon = await _asked(broken, 2)
    clock.advance(0.1)
    with caplog.at_level(logging.INFO, "brickwork.database"):
        after = await _asked(broken, 2)

    assert (before, soon, after) == (["primary"], ["primary"] * 2, ["back"] * 2)
    assert "is back" in caplog.text


@pytest.mark.promise("database-27")
async def test_only_one_waits_for_a_replica_that_is_still_down(
    broken: Database, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """When the time has come, one connection tries the replica, and the others go on to the primary."""
    async with broken.begin(read_only=True) as one, broken.begin(read_only=True) as two:
        await one.execute(text("SELECT 1"))
        await two.execute(text("SELECT 1"))
    clock.advance(10)

    async with broken.begin(read_only=True) as one, broken.begin(read_only=True) as two:
        found = [await each.scalar(text("SELECT name FROM name")) for each in (one, two)]

    assert found == ["primary", "primary"]
    assert len(caplog.records) == 2


@pytest.mark.promise("database-27")
async def test_synchronous_readers_fall_back_too(broken: Database, tmp_path: Path, clock: ManualClock) -> None:
    """The same holds for synchronous sessions."""
    found = []
    for step in range(3):
        with broken.sync_begin(read_only=True) as reader:
            found.append(reader.scalar(text("SELECT name FROM name")))
        if step == 1:
            (tmp_path / "later").mkdir()
            await _named(tmp_path / "later" / "back.db")
            clock.advance(10)

    assert found == ["primary", "primary", "back"]


@pytest.mark.promise("database-27")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
async def test_a_replica_that_dies_costs_nobody_an_answer(
    postgres_url: str, private_postgres: PostgresServer, driver: str, clock: ManualClock
) -> None:
    """A server that is killed is found dead before it is asked; the primary answers, and later the replica again."""

    def address(url: str) -> str:
        return url.replace("postgresql:", f"postgresql+{driver}:")

    db = Database(address(postgres_url), replicas=[address(private_postgres.url)], clock=clock)
    asked = text("SELECT current_setting('port')")
    ports: list[str | None] = []

    async def ask() -> None:
        async with db.begin(read_only=True) as reader:
            ports.append(await reader.scalar(asked))

    await ask()
    private_postgres.kill()
    await ask()
    await ask()
    private_postgres.restart()
    clock.advance(10)
    await ask()
    await db.dispose()

    primary, replica = (str(make_url(url).port) for url in (postgres_url, private_postgres.url))
    assert ports == [replica, primary, primary, replica]


@pytest.mark.promise("database-27")
async def test_primary_and_replica_down_is_an_error() -> None:
    """Where nobody answers, the error of the primary comes through."""
    db = Database("postgresql://127.0.0.1:9/primary", replicas=["postgresql://127.0.0.1:9/replica"])

    with pytest.raises(OperationalError):
        await _asked(db)

    await db.dispose()
