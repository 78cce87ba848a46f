"""What a test reads a page with, and the statements that this takes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session

from brickwork.listing import Total
from brickwork.listing._rules.slices import OffsetRows
from brickwork.listing.sqlalchemy.reading import (
    AsyncSource,
    Plan,
    SyncSource,
    dialect_of,
    offset_plan,
    read_async,
    read_sync,
)
from brickwork.listing.sqlalchemy.structure import Statement
from tests.listing.models import Category, Product, Review, Tag

Result = TypeVar("Result")


@contextmanager
def recorded(source: AsyncSource | SyncSource) -> Iterator[list[str]]:
    """Record the statements that reach the database of a source, each on one line."""
    statements: list[str] = []

    def record(*arguments: Any) -> None:
        statements.append(" ".join(arguments[2].split()))

    engine = _engine_of(source)
    event.listen(engine, "before_cursor_execute", record)
    yield statements
    event.remove(engine, "before_cursor_execute", record)


async def carry_out(source: AsyncSource | SyncSource, plan: Plan[Result]) -> Result:
    """Carry out a plan with the driver that fits the source."""
    if isinstance(source, AsyncSession | AsyncConnection | async_scoped_session):
        return await read_async(source, plan)
    return read_sync(source, plan)


def page(
    source: AsyncSource | SyncSource,
    statement: Statement,
    offset: int = 0,
    size: int = 5,
    total: Total | None = None,
) -> Plan[OffsetRows[Any]]:
    """Plan a page of five rows, with an exact total."""
    return offset_plan(
        statement, offset=offset, size=size, total=total or Total.exact(), dialect_name=dialect_of(source, statement)
    )


def read(
    session: Session | Connection,
    statement: Statement,
    offset: int = 0,
    size: int = 5,
    total: Total | None = None,
) -> OffsetRows[Any]:
    """Read a page of five rows, with an exact total."""
    return read_sync(session, page(session, statement, offset, size, total))


def catalogue(count: int = 12) -> Sequence[object]:
    """Make products, each of the same category, with the same three tags and two reviews."""
    category = Category(id=1, slug="c", title="C")
    tags = [Tag(id=number, name=f"tag{number}") for number in range(1, 4)]
    return [
        Product(
            id=number,
            name=f"product{number}",
            price=number,
            category=category,
            tags=tags,
            reviews=[Review(stars=number % 5), Review(stars=5)],
        )
        for number in range(1, count + 1)
    ]


def numbers(rows: OffsetRows[Any]) -> list[int]:
    """Give the IDs of the rows."""
    return [row.id for row in rows.rows]


def _engine_of(source: AsyncSource | SyncSource) -> Engine:
    if isinstance(source, AsyncConnection):
        return source.engine.sync_engine
    if isinstance(source, Connection):
        return source.engine
    bind = source.get_bind()
    return bind.engine
