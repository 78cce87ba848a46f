"""What databases make of a page by keyset: a range of an index, however deep the page."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Column, Index, Integer, MetaData, Table, Text, create_engine, event, insert, select, text
from sqlalchemy.orm import Session

from brickwork.listing import Sort, SortKey
from tests.listing.walking import END, read_page

ROWS = 3000
things = Table(
    "things",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("a", Integer, nullable=False),
    Column("b", Text),
    Index("by_a", "a", "id"),
    Index("by_b", "b", "id"),
)
Index("by_a_down_b", things.c.a.desc(), things.c.b, things.c.id)
ORDERS = ["a", "-a", "b", "-b", "-a,b", "id", "-id"]


@pytest.fixture(scope="module")
def sqlite() -> Iterator[Session]:
    """A table on SQLite."""
    engine = create_engine("sqlite://")
    with Session(engine) as session:
        _fill(session)
        yield session
    engine.dispose()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Session]:
    """The same on PostgreSQL."""
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"))
    with Session(engine) as session:
        _fill(session)
        yield session
    engine.dispose()


def _fill(session: Session) -> None:
    things.metadata.create_all(session.connection())
    rows = [{"id": at, "a": at // 7, "b": None if at % 9 == 0 else f"b{at % 500:03}"} for at in range(ROWS)]
    session.execute(insert(things), rows)
    session.commit()
    session.execute(text("ANALYZE"))


def _plans(session: Session, order: str, depth: int, *, backward: bool) -> list[str]:
    """Read the page at a depth, and give what the database planned for each of its queries."""
    connection = session.connection()
    sort = Sort(things.c.a, things.c.b, things.c.id, tie_breaker=SortKey(things.c.id, nullable=False))
    keys = [replace(key, nullable=key.name == "b") for key in sort.order(order.split(","))]
    before = read_page(connection, select(things), keys, END if backward else None, size=depth)
    executed: list[tuple[str, Any]] = []

    def watch(*arguments: Any) -> None:
        executed.append(arguments[2:4])

    event.listen(connection, "before_cursor_execute", watch)
    read_page(connection, select(things), keys, before.previous if backward else before.next, size=20)
    event.remove(connection, "before_cursor_execute", watch)
    how = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF)"
    plans = [connection.exec_driver_sql(f"{how} {sql}", parameters).all() for sql, parameters in executed]
    return ["\n".join(str(row) for row in plan) for plan in plans]


@pytest.mark.promise("listing-32")
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("depth", [10, ROWS // 2, ROWS - 30])
def test_sqlite_reads_a_range_of_the_index(sqlite: Session, depth: int, backward: bool) -> None:
    """It searches, sorts nothing, and scans nothing."""
    for plan in [plan for order in ORDERS for plan in _plans(sqlite, order, depth, backward=backward)]:
        assert "SEARCH things USING" in plan, plan
        assert "SCAN" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


@pytest.mark.promise("listing-32")
def test_postgresql_reads_a_range_of_the_index(postgres: Session) -> None:
    """The condition of the index holds the first key, and nothing is sorted."""
    # Of so few rows the planner would rather fetch and sort the last ones than walk to them.
    postgres.execute(text("SET enable_bitmapscan = off"))
    for order in ORDERS:
        for depth in (10, ROWS // 2, ROWS - 300):
            for backward in (False, True):
                for plan in _plans(postgres, order, depth, backward=backward):
                    assert "Index Cond" in plan, f"{order} {depth} {plan}"
                    assert "Sort" not in plan, f"{order} {depth} {plan}"
                    assert "Seq Scan" not in plan, f"{order} {depth} {plan}"
