"""Joins that give an entity several rows, and the page of entities that is made of them nevertheless."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BooleanClauseList,
    ColumnClause,
    FromClause,
    Join,
    ScalarSelect,
    Select,
    SelectBase,
    Table,
    UniqueConstraint,
    inspect,
    select,
    tuple_,
)
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import CTE, Subquery

from .structure import grouping_of, is_distinct, options_of, order_of, window_of


@dataclass(frozen=True)
class _Equality:
    """One condition of a join: ``column`` equals something, which is made of columns of ``others``."""

    column: ColumnClause[Any]
    others: frozenset[Any]
    determinable: frozenset[Any]


def page_of_entities(statement: Select[Any], entity: Any) -> Select[Any]:
    """Give a statement that selects each entity once, where joins of the given one could give it several rows.

    Args:
        statement: Joins tables, and selects one mapped class.
        entity: That class, or an alias of it.

    Raises:
        TypeError: The order or the loading of the entities needs the rows that have to go.
    """
    mapped = inspect(entity)
    key = [getattr(entity, mapped.mapper.get_property_by_column(column).key) for column in mapped.mapper.primary_key]
    inner: Any = statement.with_only_columns(*key).correlate(None)
    own = frozenset(_leaves(mapped.selectable))
    if is_distinct(statement) or not _multiplies(inner.order_by(None), own):
        return statement
    name = mapped.mapper.class_.__name__
    if any(column.table not in own for clause in order_of(statement) for column in _columns(clause)):
        raise TypeError(
            f"a join gives {name} several rows, and the order is by something that is not of {name}: filter with "
            "EXISTS, as any() and has() of a relationship do, or sort by a subquery that aggregates"
        )
    if any("eager_from_alias" in part.local_opts for each in options_of(statement) for part in _parts(each)):
        raise TypeError(
            f"a join gives {name} several rows, so that contains_eager() would get a part of them: write selectinload()"
        )
    if window_of(statement) == (None, 0):
        inner = inner.order_by(None)
    chosen = (key[0] if len(key) == 1 else tuple_(*key)).in_(inner)
    page = select(entity).where(chosen).order_by(*order_of(statement)).options(*options_of(statement))
    return page.execution_options(**statement.get_execution_options())


def _multiplies(statement: Select[Any], own: frozenset[Any]) -> bool:
    """Whether two rows of the statement can hold the same row of its ``own`` tables."""
    if grouping := grouping_of(statement):
        return any(column.table not in own for clause in grouping for column in _columns(clause))
    origins = statement.get_final_froms()
    leaves = {leaf for origin in origins for leaf in _leaves(origin)}
    equalities = [each for origin in origins for each in _equalities(origin)]
    determined: frozenset[Any] = own & leaves
    while found := {leaf for leaf in leaves - determined if _is_single(leaf, equalities, determined)}:
        determined |= found
    return not leaves <= determined


def _is_single(leaf: FromClause, equalities: Iterable[_Equality], determined: frozenset[Any]) -> bool:
    """Whether the equalities leave one row of ``leaf`` for each row of the tables that are ``determined``."""
    names = {
        each.column.name
        for each in equalities
        if each.column.table == leaf and leaf in each.determinable and each.others <= determined
    }
    return any(key <= names for key in _unique_keys(leaf))


def _unique_keys(leaf: FromClause) -> Iterator[set[str]]:
    """Give sets of columns, by name, of which no two rows of ``leaf`` hold the same values."""
    table = leaf.element if isinstance(leaf, Alias) else leaf
    if isinstance(table, Table):
        yield {column.name for column in table.primary_key.columns} or {""}
        for constraint in table.constraints:
            if isinstance(constraint, UniqueConstraint):
                yield {column.name for column in constraint.columns}
        for index in table.indexes:
            # An index on a part of the rows, or on an expression, says nothing of the columns.
            if index.unique and not index.dialect_kwargs and len(index.columns) == len(index.expressions):
                yield {column.name for column in index.columns}
    elif isinstance(table, Subquery | CTE) and isinstance(table.element, Select):
        grouping: tuple[Any, ...] = grouping_of(cast("Select[Any]", cast("Any", table).element))
        exported = [table.corresponding_column(key) for key in grouping]
        if exported:
            yield {"" if column is None else column.name for column in exported}


def _leaves(origin: Any) -> Iterator[FromClause]:
    if isinstance(origin, Join):
        yield from _leaves(origin.left)
        yield from _leaves(origin.right)
    else:
        yield origin


def _equalities(origin: FromClause) -> Iterator[_Equality]:
    if not isinstance(origin, Join):
        return
    yield from _equalities(origin.left)
    yield from _equalities(origin.right)
    if origin.full:
        return
    # The condition of an outer join picks rows of its right side, and leaves all of the left.
    determinable = frozenset(_leaves(origin.right if origin.isouter else origin))
    for condition in _conjuncts(origin.onclause):
        for column, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(column, ColumnClause):
                yield _Equality(column, frozenset(each.table for each in _columns(other)), determinable)


def _conjuncts(condition: Any) -> Iterator[BinaryExpression[Any]]:
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for each in condition.clauses:
            yield from _conjuncts(each)
    elif isinstance(condition, BinaryExpression) and condition.operator is operators.eq:
        yield condition


def _columns(clause: ClauseElement) -> Iterator[ColumnClause[Any]]:
    """Give the columns of tables in a clause, without those of subqueries, which stand for themselves."""
    if isinstance(clause, ColumnClause):
        if clause.table is not None:
            yield clause
    elif not isinstance(clause, SelectBase | ScalarSelect):
        for child in clause.get_children():
            yield from _columns(child)


def _parts(option: Any) -> Iterable[Any]:
    return getattr(option, "context", ())
