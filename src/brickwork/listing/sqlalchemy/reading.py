"""Reading a page: a plan says what to ask the database for and what to make of the answers; a driver asks.

A plan is a generator that yields each `Read` and is sent what was read. It does no I/O, so that one plan serves
sessions and connections, asynchronous and synchronous.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, cast

from sqlalchemy import BigInteger, Connection, Executable, Integer, Select, bindparam, event, literal
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from .._rules.slices import OffsetRows
from .._rules.totals import Total
from .counting import capped_count_of, count_of, rows_of
from .joins import page_of_entities
from .structure import Statement, can_repeat, entity_of, is_distinct, is_joined, window_of

Result = TypeVar("Result")
AsyncSource = AsyncSession | AsyncConnection | async_scoped_session[AsyncSession]
SyncSource = Session | Connection | scoped_session[Session]

_MOST_ROWS: Final = 2**63 - 1
_INT32: Final = 2**31 - 1
_ROWS: Final = "brickwork_rows"
_BEFORE: Final = "brickwork_before"
_EXPLAINED: Final = "brickwork_listing_explained"


@dataclass(frozen=True, slots=True)
class Read:
    """What a plan asks for.

    Attributes:
        statement: What to execute.
        take: What the plan is sent. ``"items"``: a list of rows, where a session gives the one thing that each row
            holds instead, if it holds one; ``"rows"``: a list of rows; ``"number"``: the one number that is selected;
            ``"planned"``: the number of rows that PostgreSQL expects.
        unique: Whether an entity that came several times is one, as joined eager loading of a collection needs.
        parameters: Values of what the statement leaves open.
    """

    statement: Executable
    take: Literal["items", "rows", "number", "planned"]
    unique: bool = False
    parameters: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pages of a statement, made once: making statements costs more than to read a few rows.

    Attributes:
        page: Selects a page; how many rows it has and how many are before it is left open.
        count: Counts all rows; None where that is to be made when it is needed.
    """

    page: Select[Any]
    count: Select[Any] | None


def prepare(statement: Select[Any]) -> Prepared:
    """Make the statements of all pages of a statement that selects the rows of one model, sorted, and nothing else."""
    page = statement.limit(bindparam(_ROWS, type_=Integer())).offset(bindparam(_BEFORE, type_=BigInteger()))
    return Prepared(page, count_of(statement))


Plan = Generator[Read, Any, Result]


async def read_async(source: AsyncSource, plan: Plan[Result]) -> Result:
    """Carry out a plan on an asynchronous session or connection."""
    if isinstance(source, async_scoped_session):
        source = source()
    return await source.run_sync(read_sync, plan)


def read_sync(source: SyncSource, plan: Plan[Result]) -> Result:
    """Carry out a plan on a synchronous session or connection."""
    if isinstance(source, scoped_session):
        source = source()
    try:
        read = next(plan)
        while True:
            read = plan.send(_answer(source, read))
    except StopIteration as stop:
        result: Result = stop.value
        return result


def dialect_of(source: AsyncSource | SyncSource, statement: Statement | None = None) -> str:
    """Give the name of the dialect that a source speaks, such as ``"postgresql"``.

    Args:
        source: Session or connection.
        statement: What will be read, for a session that chooses among several databases.
    """
    if isinstance(source, Connection | AsyncConnection):
        return source.dialect.name
    return source.get_bind(clause=statement).dialect.name


def offset_plan(
    statement: Statement, *, offset: int, size: int, total: Total, dialect_name: str, prepared: Prepared | None = None
) -> Plan[OffsetRows[Any]]:
    """Plan to read the page that begins at ``offset``.

    Args:
        statement: Selects all rows, filtered and sorted.
        offset: Rows before the page, 0 or more.
        size: Rows of the page at most, 1 or more.
        total: Whether and how rows are counted.
        dialect_name: What the database speaks, as `dialect_of` tells.
        prepared: What was made of the statement already.

    Raises:
        TypeError: No page can be cut from the statement.
    """
    if prepared is None:
        entity = entity_of(statement)
        if entity is not None and (is_joined(statement) or is_distinct(statement)):
            statement = page_of_entities(statement, entity)
        unique = entity is not None and can_repeat(statement, entity)
        first = Read(_cut(statement, offset, size), "items", unique)
    else:
        first = Read(prepared.page, "items", parameters={_ROWS: size + 1, _BEFORE: offset})
    read: Sequence[Any] = yield first
    rows, has_next = read[:size], len(read) > size
    seen = offset + len(read)
    if not has_next and (rows or offset == 0):
        return OffsetRows(rows, has_next, seen)
    if total.kind == "none":
        return OffsetRows(rows, has_next)
    # Here either more than `seen` rows exist, or no more than `offset`.
    if total.kind == "capped":
        return OffsetRows(rows, has_next, *(yield from _count_capped(statement, total.limit, seen if rows else 0)))
    if total.kind == "estimated" and dialect_name == "postgresql":
        planned: int = yield Read(rows_of(statement), "planned")
        return OffsetRows(rows, has_next, max(planned, seen) if rows else min(planned, offset), total_is_estimate=True)
    count = count_of(statement) if prepared is None or prepared.count is None else prepared.count
    counted: int = yield Read(count, "number")
    return OffsetRows(rows, has_next, counted)


def _count_capped(statement: Statement, limit: int, seen: int) -> Plan[tuple[int, bool]]:
    if seen > limit:
        return seen, True
    counted: int = yield Read(capped_count_of(statement, limit), "number")
    return min(counted, limit), counted > limit


def _cut(statement: Statement, offset: int, size: int) -> Executable:
    limit, start = window_of(statement)
    offset = min(offset, _MOST_ROWS)
    # One row more than the page holds tells whether another page follows.
    wanted = size + 1 if limit is None else min(size + 1, max(limit - offset, 0))
    offset = min(offset + start, _MOST_ROWS - wanted)
    cut = statement.limit(wanted)
    if offset:
        # PostgreSQL's drivers take a plain number for one of 32 bits.
        cut = cut.offset(offset if offset <= _INT32 else literal(offset, BigInteger))
    return cast("Executable", cut)


def _answer(source: Session | Connection, read: Read) -> Any:
    if read.take == "planned":
        return _planned(source, read.statement)
    result = source.execute(read.statement, read.parameters)
    if read.take == "number":
        return result.scalar_one()
    # A connection gives the columns of an entity, which may be unhashable, and loads no collections.
    if read.unique and isinstance(source, Session):
        result = result.unique()
    try:
        if read.take == "items" and len(result.keys()) == 1 and isinstance(source, Session):
            return result.scalars().all()
        return result.all()
    except InvalidRequestError:
        # Only SQLAlchemy knows which rows of several things need to be made unique, and only tells afterwards.
        return source.execute(read.statement, read.parameters).unique().all()


def _planned(source: Session | Connection, statement: Executable) -> int:
    """Ask PostgreSQL how many rows it expects.

    The statement becomes an EXPLAIN on its way to the driver, because everything that may still add to it, such as
    the criteria of soft deletion, must have done so.
    """
    connection = source
    if isinstance(connection, Session):
        connection = connection.connection(bind_arguments={"clause": statement})
    event.listen(connection, "before_cursor_execute", _explain, retval=True)
    try:
        plan: Any = source.execute(statement, execution_options={_EXPLAINED: True}).scalar_one()
    finally:
        event.remove(connection, "before_cursor_execute", _explain)
    (root,) = json.loads(plan) if isinstance(plan, str) else plan
    rows: int = root["Plan"]["Plan Rows"]
    return rows


def _explain(*arguments: Any) -> tuple[str, Any]:
    _connection, _cursor, text, parameters, context, _many = arguments
    # A flush that comes first is carried out and not explained.
    return (f"EXPLAIN (FORMAT JSON) {text}" if _EXPLAINED in context.execution_options else text), parameters
