"""Joins that give an entity several rows, and the page of entities that is made of them nevertheless."""

from collections.abc import Container, Iterable, Iterator
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Alias,
    BinaryExpression,
    BindParameter,
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
from sqlalchemy.orm import QueryableAttribute, RelationshipProperty
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.selectable import CTE, FromGrouping, Subquery

from .structure import (
    Statement,
    bare_term,
    distinct_on,
    entity_of,
    grouping_of,
    is_distinct,
    joins_of,
    options_of,
    order_of,
    primary_key_of,
    window_of,
)


class _Equality(NamedTuple):
    """One condition of a join: a column of one table equals one of another, or what is the same for all rows."""

    column: ColumnClause[Any]
    other: FromClause | None


def page_of_entities(statement: Select[Any], entity: Any) -> Select[Any]:
    """Give a statement that selects each entity once, where joins of the given one could give it several rows.

    Args:
        statement: Joins tables, and selects one mapped class.
        entity: That class, or an alias of it.

    Raises:
        TypeError: The order or the loading of the entities needs the rows that have to go.
    """
    mapped = inspect(entity)
    own = frozenset(_leaves(mapped.selectable))
    joins = joins_of(statement)
    if joins is not None and not is_distinct(statement) and _adds_no_rows(joins, own):
        return statement
    key = primary_key_of(entity)
    inner: Any = statement.with_only_columns(*key).correlate(None)
    if _is_readable(statement, own) if is_distinct(statement) else not _multiplies(inner.order_by(None), own):
        return statement
    name = mapped.mapper.class_.__name__
    if any(column.table not in own for clause in order_of(statement) for column in columns_in(clause)):
        reason = (
            "distinct() makes one row of several" if is_distinct(statement) else f"a join gives {name} several rows"
        )
        raise TypeError(
            f"{reason}, and the order is by something that is not of {name}: filter with EXISTS, as any() and has() of "
            "a relationship do, or sort by a subquery that aggregates"
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


def _is_readable(distinct: Select[Any], own: frozenset[Any]) -> bool:
    """Whether PostgreSQL sorts distinct rows so: by what is selected; to DISTINCT ON the order belongs anyway."""
    terms = map(bare_term, () if distinct_on(distinct) else order_of(distinct))
    return all(isinstance(each, ColumnClause) and each.table in own for each in terms)


def refuse_other_entity(statement: Statement, model: type[Any] | None) -> None:
    """Refuse a statement of an entity, where the model that a listing filters and sorts would be beside it.

    Raises:
        TypeError: Every row of the one would come with every row of the other.
    """
    entity = entity_of(statement)
    if entity is None or model is None or entity is model:
        return
    selected = {leaf for origin in cast("Select[Any]", statement).get_final_froms() for leaf in _leaves(origin)}
    mapped = cast("Any", inspect(model))
    if not selected.issuperset(_leaves(mapped.selectable)):
        name = mapped.mapper.class_.__name__
        raise TypeError(
            f"the statement does not select from {name}, which this listing filters and sorts: select({name}) and not "
            "an alias or another model, or join it"
        )


def _adds_no_rows(joins: Iterable[tuple[Any, Any]], own: frozenset[Any]) -> bool:
    """Whether each join alone shows that it adds one row at most to each; this is cheap, and `_multiplies` is not."""
    reached = set(own)
    for target, condition in joins:
        attribute: Any = target if condition is None else condition
        if isinstance(attribute, QueryableAttribute):
            found = _relates_one(attribute, reached)
            joined = cast("Any", attribute).comparator.entity.selectable if condition is None else target
        else:
            found = _is_unique(target, _own_names(target, condition, reached))
            joined = target
        if not found:
            return False
        reached.update(_leaves(joined))
    return True


def _relates_one(attribute: Any, reached: set[Any]) -> bool:
    related = attribute.property
    if not isinstance(related, RelationshipProperty) or related.secondary is not None:
        return False
    if not reached.issuperset(_leaves(attribute.parent.selectable)):
        return False
    remote = [each.column for each in _equalities(related.primaryjoin) if each.column in related.remote_side]
    tables: Any = cast("Any", related).mapper.tables
    return any(_is_unique(table, {column.name for column in remote if column.table == table}) for table in tables)


def _own_names(target: FromClause, condition: Any, reached: set[Any]) -> set[str]:
    """Give the columns of ``target``, by name, that the condition equates with something that was there before."""
    return {
        each.column.name
        for each in _equalities(condition)
        if each.column.table == target and (each.other is None or each.other in reached)
    }


def _multiplies(statement: Select[Any], own: frozenset[Any]) -> bool:
    """Whether two rows of the statement can hold the same row of its ``own`` tables."""
    if grouping := grouping_of(statement):
        return any(column.table not in own for clause in grouping for column in columns_in(clause))
    origins = statement.get_final_froms()
    leaves = {leaf for origin in origins for leaf in _leaves(origin)}
    determined: frozenset[Any] = own & leaves
    known = [each for origin in origins for each in _conditions(origin)]
    while found := {leaf for leaf in leaves - determined if _is_unique(leaf, _names(leaf, known, determined))}:
        determined |= found
    return not leaves <= determined


def _names(leaf: FromClause, known: Iterable[tuple[_Equality, frozenset[Any]]], determined: frozenset[Any]) -> set[str]:
    """Give the columns of ``leaf``, by name, that have one value for each row of the ``determined`` tables."""
    return {
        each.column.name
        for each, sides in known
        if each.column.table == leaf and leaf in sides and (each.other is None or each.other in determined)
    }


def _is_unique(table: FromClause, names: set[str]) -> bool:
    """Whether no two rows of ``table`` hold the same values in the columns of these names."""
    return any(key and key <= names for key in _unique_keys(table))


def _unique_keys(leaf: FromClause) -> Iterator[set[str]]:
    table = leaf.element if isinstance(leaf, Alias) else leaf
    if isinstance(table, Table):
        yield {column.name for column in table.primary_key.columns}
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
        names = {column.name for column in exported if column is not None}
        yield names if len(names) == len(exported) else set()


def _leaves(origin: Any) -> Iterator[FromClause]:
    if isinstance(origin, Join):
        yield from _leaves(origin.left)
        yield from _leaves(origin.right)
    elif isinstance(origin, FromGrouping):
        yield from _leaves(cast("Any", origin).element)
    else:
        yield origin


def _conditions(origin: Any) -> Iterator[tuple[_Equality, frozenset[Any]]]:
    """Give the equalities of all joins, each with the tables of which it picks the rows."""
    if isinstance(origin, FromGrouping):
        yield from _conditions(cast("Any", origin).element)
    if not isinstance(origin, Join):
        return
    yield from _conditions(origin.left)
    yield from _conditions(origin.right)
    if not origin.full:
        # An outer join leaves all rows of its left side.
        sides = frozenset(_leaves(origin.right if origin.isouter else origin))
        for each in _equalities(origin.onclause):
            yield each, sides


def _equalities(condition: Any) -> Iterator[_Equality]:
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for each in condition.clauses:
            yield from _equalities(each)
    elif isinstance(condition, BinaryExpression) and condition.operator is operators.eq:
        for column, other in ((condition.left, condition.right), (condition.right, condition.left)):
            if isinstance(column, ColumnClause) and isinstance(other, ColumnClause | BindParameter):
                yield _Equality(column, getattr(other, "table", None))


def columns_in(clause: ClauseElement) -> Iterator[ColumnClause[Any]]:
    """Give the columns of tables in a clause, without those of subqueries, which stand for themselves."""
    if isinstance(clause, ColumnClause):
        if clause.table is not None:
            yield clause
    elif not isinstance(clause, SelectBase | ScalarSelect):
        for child in clause.get_children():
            yield from columns_in(child)


def column_beside(tables: Container[Any], clause: ClauseElement) -> ColumnClause[Any] | None:
    """Give a column in a clause that is of another table, or of an alias of one; None if there is none."""
    for column in columns_in(clause):
        table = column.table.element if isinstance(column.table, Alias) else column.table
        if isinstance(table, Table) and table not in tables:
            return column
    return None


def _parts(option: Any) -> Iterable[Any]:
    return getattr(option, "context", ())
