"""Groups and distinct rows: what they can be sorted by, which is less than what their tables hold."""

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnClause, ColumnElement, ScalarSelect, Select, SelectBase
from sqlalchemy.sql.elements import ClauseElement, FunctionFilter, Label, Over, TextClause, WithinGroup
from sqlalchemy.sql.functions import FunctionElement

from .joins import columns_in
from .sort import OrderKey
from .structure import Statement, distinct_on, entity_of, grouping_of, is_distinct, is_select

# What stands in them is a matter of their own: of an aggregate's arguments no one value has to be there.
_OPAQUE = (SelectBase, ScalarSelect, FunctionElement, FunctionFilter, Over, WithinGroup, TextClause)


def refuse_hidden_keys(statement: Statement, keys: Sequence[OrderKey]) -> None:
    """Refuse to sort by what groups or distinct rows do not have: an error to PostgreSQL, and a guess to SQLite.

    Raises:
        TypeError: They do not have one of the keys.
    """
    if is_select(statement):
        if is_distinct(statement):
            _refuse_beside_distinct(statement, keys)
        refuse_ungrouped_keys(statement, keys)


def refuse_ungrouped_keys(statement: Select[Any], keys: Sequence[OrderKey]) -> None:
    """Refuse to sort groups by what each of them has many of.

    Raises:
        TypeError: One of the keys is so.
    """
    grouping = grouping_of(statement)
    # A name or a text in GROUP BY can mean anything.
    if not grouping or any(next(columns_in(clause), None) is None for clause in grouping):
        return
    determined = _determined(grouping)
    for key in keys:
        column = next(_ungrouped(key.element, grouping, determined), None)
        if column is not None:
            raise TypeError(
                f"groups cannot be sorted by {key.name!r}, for {column} has many values in each: sort by what they are "
                "grouped by or by an aggregate, and name what is unique as Sort(…, tie_breaker=…)"
            )


def _refuse_beside_distinct(statement: Select[Any], keys: Sequence[OrderKey]) -> None:
    first = distinct_on(statement)
    if not all(_is_among(key.element, first) for key in keys[: len(first)]):
        raise TypeError(
            "the order of the statement says which rows distinct(…) keeps, and the listing replaces it: select from it "
            "as a subquery, aliased(Product, statement.subquery())"
        )
    if first or entity_of(statement) is not None:
        return
    for key in keys:
        if not _is_among(key.element, statement.selected_columns):
            raise TypeError(
                f"pages of a distinct select need {key.name!r} among its columns: select it as well, or sort by what "
                "is selected, with Sort(…, tie_breaker=…) in place of the primary key"
            )


def _is_among(element: ClauseElement, others: Iterable[ColumnElement[Any]]) -> bool:
    return any(element.compare(each.element if isinstance(each, Label) else each) for each in others)


def _determined(grouping: Sequence[ColumnElement[Any]]) -> Container[Any]:
    """Give the tables whose primary key is grouped by, so that each group has one row of theirs at most."""
    grouped = {column for clause in grouping for column in columns_in(clause)}
    return {each.table for each in grouped if each.table is not None and grouped.issuperset(each.table.primary_key)}


def _ungrouped(
    clause: ClauseElement, grouping: Sequence[ColumnElement[Any]], determined: Container[Any]
) -> Iterator[ColumnClause[Any]]:
    """Give the columns of a clause of which a group has more than one value."""
    if isinstance(clause, _OPAQUE) or _is_among(clause, grouping):
        return
    if isinstance(clause, ColumnClause):
        if clause.table is not None and clause.table not in determined:
            yield clause
        return
    for child in clause.get_children():
        yield from _ungrouped(child, grouping, determined)
