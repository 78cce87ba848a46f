"""Walks through tables that change meanwhile, and through random tables in random orders."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, DateTime, Engine, create_engine, delete, insert, select, update
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from brickwork.listing import Sort, SortKey
from brickwork.listing._rules.cursors import Position
from brickwork.listing.sqlalchemy.sort import OrderKey
from tests.listing.walking import END, ordered, read_page, walk


class Base(DeclarativeBase):
    """The base of this table alone."""


class Row(Base):
    """Columns whose values repeat, and are missing."""

    __tablename__ = "walked"

    id: Mapped[int] = mapped_column(primary_key=True)
    a: Mapped[int | None]
    b: Mapped[int]
    text: Mapped[str | None]
    moment: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


NAMES = ("a", "b", "text", "moment", "id")
ZONES = (UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-11)))
MOMENTS = [datetime(2026, 1, 1, 12, 0, 0, at, zone).astimezone(UTC) for at in (0, 1) for zone in ZONES]
TEXTS = [None, "", "a", "A", "b", "ä", "z\n"]

values = st.fixed_dictionaries(
    {
        "a": st.sampled_from([None, -1, 0, 1]),
        "b": st.integers(0, 2),
        "text": st.sampled_from(TEXTS),
        "moment": st.none() | st.sampled_from(MOMENTS),
    }
)
orders = st.permutations(NAMES).flatmap(
    lambda names: st.lists(st.booleans(), max_size=4).map(
        lambda signs: [f"-{name}" if down else name for name, down in zip(names, signs, strict=False)]
    )
)
places = st.tuples(*[st.sampled_from(["first", "last", None])] * 4)


class Walk(RuleBasedStateMachine):
    """Somebody pages through a table, there and back, while somebody else changes it.

    Attributes:
        engine: Where the table is.
    """

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(self.engine)
        self.session.execute(delete(Row))
        self.next_id = 0
        self.keys: tuple[OrderKey, ...] = ()
        self.position: Position | None = None
        self.seen: list[int] = []
        self.changed: set[int] = set()
        self.due: set[int] = set()
        self.ended = 0

    @initialize(terms=orders, nulls=places, rows=st.lists(values, max_size=12))
    def begin(self, terms: list[str], nulls: tuple[Any, ...], rows: list[dict[str, Any]]) -> None:
        """Fill the table, and choose an order."""
        keys = [SortKey(getattr(Row, name), nulls=place) for name, place in zip(NAMES, nulls, strict=False)]
        self.keys = Sort(*keys, Row.id).order(terms, Row)
        for each in rows:
            self._insert(each)
        self._start(None)

    @rule(row=values)
    def insert(self, row: dict[str, Any]) -> None:
        """Add a row; the walk may meet it, or not."""
        self.changed.add(self._insert(row))

    @precondition(lambda self: self.next_id)
    @rule(row=values, pick=st.integers(0, 99))
    def update(self, row: dict[str, Any], pick: int) -> None:
        """Move a row elsewhere."""
        self.session.execute(update(Row).where(Row.id == pick % self.next_id).values(**row))
        self.changed.add(pick % self.next_id)

    @precondition(lambda self: self.next_id)
    @rule(pick=st.integers(0, 99))
    def remove(self, pick: int) -> None:
        """Delete a row, perhaps that of the cursor."""
        self.session.execute(delete(Row).where(Row.id == pick % self.next_id))
        self.changed.add(pick % self.next_id)

    @rule(size=st.integers(1, 4))
    def read(self, size: int) -> None:
        """Read the next page; after the last one, check the walk and turn round."""
        backward = self.position is not None and self.position.backward
        page = read_page(self.session, select(Row.id), self.keys, self.position, size=size)
        rows = list(page.rows)
        self.seen = [*rows, *self.seen] if backward else [*self.seen, *rows]
        self.position = page.previous if backward else page.next
        if self.position is None:
            self._finish()
            self._start(None if backward else END)

    @invariant()
    def no_row_twice(self) -> None:
        """What did not change was met once at most, and in its order."""
        steady = [each for each in self.seen if each not in self.changed]
        assert len(steady) == len(set(steady))

    def teardown(self) -> None:
        """End the walk that is under way, so that it is checked, and leave nothing behind."""
        ended = self.ended
        while self.keys and self.ended == ended:
            self.read(3)
        self.session.close()

    def _insert(self, row: dict[str, Any]) -> int:
        self.session.execute(insert(Row).values(id=self.next_id, **row))
        self.next_id += 1
        return self.next_id - 1

    def _start(self, position: Position | None) -> None:
        self.position, self.seen, self.changed = position, [], set()
        self.due = set(self.session.scalars(select(Row.id)))

    def _finish(self) -> None:
        self.ended += 1
        everything = ordered(self.session, select(Row.id), self.keys)
        steady = self.due - self.changed
        assert [each for each in self.seen if each in steady] == [each for each in everything if each in steady]


def _run(engine: Engine, examples: int, steps: int) -> None:
    Base.metadata.create_all(engine)
    machine = type("WalkThere", (Walk,), {"engine": engine})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    options = settings(max_examples=examples, stateful_step_count=steps, suppress_health_check=checks, database=None)
    run_state_machine_as_test(machine, settings=options)
    engine.dispose()


@pytest.mark.promise("listing-21")
def test_walks_on_sqlite_survive_changes() -> None:
    """No row that stays is skipped or repeated, whatever happens to the others."""
    _run(create_engine("sqlite://", poolclass=StaticPool), examples=40, steps=25)


@pytest.mark.promise("listing-21")
def test_walks_on_postgresql_survive_changes(postgres_url: str) -> None:
    """Nor on PostgreSQL."""
    _run(create_engine(postgres_url.replace("://", "+psycopg://")), examples=15, steps=20)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.promise("listing-21")
def test_long_walks_survive_changes(postgres_url: str) -> None:
    """Many more of them."""
    _run(create_engine("sqlite://", poolclass=StaticPool), examples=200, steps=50)
    _run(create_engine(postgres_url.replace("://", "+psycopg://")), examples=60, steps=40)


def _tables(count: int) -> Iterator[tuple[list[dict[str, Any]], tuple[OrderKey, ...], int]]:
    """Make random tables, and an order and a size of pages for each."""
    chance = random.Random(20260101)
    for _ in range(count):
        rows = [
            {
                "id": at,
                "a": chance.choice([None, -1, 0, 1, 2]),
                "b": chance.randint(0, 2),
                "text": chance.choice(TEXTS),
                "moment": chance.choice([None, *MOMENTS]),
            }
            for at in chance.sample(range(1000), chance.randint(0, 40))
        ]
        places: list[Any] = [chance.choice(["first", "last", None]) for _ in NAMES]
        sort = Sort(*(SortKey(getattr(Row, name), nulls=place) for name, place in zip(NAMES, places, strict=True)))
        terms = [chance.choice(["", "-"]) + name for name in chance.sample(NAMES, chance.randint(0, 4))]
        yield rows, sort.order(terms, Row), chance.randint(1, 12)


def _check(session: Session, rows: list[dict[str, Any]], keys: tuple[OrderKey, ...], size: int) -> None:
    session.execute(delete(Row))
    if rows:
        session.execute(insert(Row), rows)
    everything = ordered(session, select(Row.id), keys)

    assert walk(session, select(Row.id), keys, size=size) == everything
    assert walk(session, select(Row.id), keys, END, size=size) == everything


def _check_on(connection: Connection, rows: list[dict[str, Any]], keys: tuple[OrderKey, ...], size: int) -> None:
    _check(Session(connection), rows, keys, size)


@pytest.mark.promise("listing-19")
@pytest.mark.promise("listing-20")
def test_random_tables_are_walked_in_random_orders_on_sqlite() -> None:
    """The pages put together are what one query with the same ORDER BY gives."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for rows, keys, size in _tables(60):
            _check(session, rows, keys, size)
    engine.dispose()


@pytest.mark.promise("listing-19")
@pytest.mark.promise("listing-20")
async def test_random_tables_are_walked_in_random_orders_on_postgresql(postgres_url: str) -> None:
    """By asyncpg, and by psycopg."""
    for driver in ("asyncpg", "psycopg"):
        engine = create_async_engine(postgres_url.replace("://", f"+{driver}://"))
        async with engine.connect() as connection:
            await connection.run_sync(Base.metadata.create_all)
            for table in _tables(12):
                await connection.run_sync(_check_on, *table)
        await engine.dispose()
