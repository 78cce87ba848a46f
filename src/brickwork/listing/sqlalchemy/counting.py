"""Statements that count what another selects, without what only costs: its order, its columns, its loader options."""

from typing import Any, Final, cast

from sqlalchemy import Executable, Integer, Select, func, literal_column, select
from sqlalchemy.orm import LoaderCriteriaOption

from .structure import Statement, is_plain, options_of

_COUNT: Final = func.count()
_ONE: Final = literal_column("1", type_=Integer())


def count_of(statement: Statement) -> Select[tuple[int]]:
    """Give the statement that counts the rows of another.

    Execution options and loader criteria stay, for they decide which rows there are.
    """
    if is_plain(statement):
        return _instead(statement, _COUNT)
    return _around(_COUNT, statement)


def capped_count_of(statement: Statement, limit: int) -> Select[tuple[int]]:
    """Give the statement that counts the rows of another, and stops at the one after ``limit``."""
    return _around(_COUNT, rows_of(statement).limit(limit + 1))


def rows_of(statement: Statement) -> Select[tuple[int]]:
    """Give a statement of one column, of no meaning, that has as many rows as another."""
    if is_plain(statement):
        return _instead(statement, _ONE)
    return _around(_ONE, statement)


def _instead(statement: Select[Any], column: Any) -> Select[tuple[int]]:
    return statement.with_only_columns(column, maintain_column_froms=True).order_by(None)


def _around(column: Any, statement: Statement) -> Select[tuple[int]]:
    inner = statement.order_by(None)
    # SQLAlchemy applies criteria to all of a statement, but takes them from its outermost part alone.
    criteria = [each for each in options_of(statement) if isinstance(each, LoaderCriteriaOption)]
    outer = select(column).select_from(inner.subquery()).options(*criteria)
    return outer.execution_options(**cast("Executable", inner).get_execution_options())
