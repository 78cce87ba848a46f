"""Walks through all pages of a statement, forward and backward."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, GenerativeSelect
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from brickwork.listing._rules.cursors import Cursors, Position
from brickwork.listing._rules.order import KeysetRows
from brickwork.listing.sqlalchemy.keyset import Walk
from brickwork.listing.sqlalchemy.reading import dialect_of, read_sync
from brickwork.listing.sqlalchemy.sort import OrderKey

END = Position(backward=True)

_cursors = Cursors([b"a secret of thirty-two bytes, or"])


def read_page(
    source: Session | Connection,
    statement: GenerativeSelect,
    keys: Sequence[OrderKey],
    position: Position | None = None,
    *,
    size: int = 3,
) -> KeysetRows[Any]:
    """Read one page; its position goes through a cursor, as it does between requests."""
    if position is not None:
        position = _cursors.open(_cursors.seal(position, b"walk"), b"walk")
    prepared = Walk(statement, keys, dialect_of(source, statement))
    return read_sync(source, prepared.plan(position, size=size, scalars=isinstance(source, Session)))


def walk(
    source: Session | Connection,
    statement: GenerativeSelect,
    keys: Sequence[OrderKey],
    position: Position | None = None,
    *,
    size: int = 3,
) -> list[Any]:
    """Follow the pages to the end, or the beginning where the position leads backward, and give their rows in order."""
    rows: list[Any] = []
    while True:
        page = read_page(source, statement, keys, position, size=size)
        backward = position is not None and position.backward
        rows = [*page.rows, *rows] if backward else [*rows, *page.rows]
        assert len(page.rows) <= size
        position = page.previous if backward else page.next
        if position is None:
            return rows


async def walk_async(
    session: AsyncSession,
    statement: GenerativeSelect,
    keys: Sequence[OrderKey],
    position: Position | None = None,
    *,
    size: int = 3,
) -> list[Any]:
    """Do the same on an asynchronous session."""
    return await session.run_sync(walk, statement, keys, position, size=size)


def ordered(source: Session | Connection, statement: Any, keys: Sequence[OrderKey]) -> list[Any]:
    """Read all rows at once, in the database's own order by the keys."""
    rows = source.execute(statement.order_by(*(key.order_by(dialect_of(source)) for key in keys))).all()
    return [row[0] if isinstance(source, Session) and len(row) == 1 else row for row in rows]
