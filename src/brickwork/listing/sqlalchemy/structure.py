"""What a statement is made of: the questions that its SQL would answer, asked without writing it.

SQLAlchemy has no public way to ask a `Select` for most of its clauses, and compiling it costs more than a page.
They are read here and in no other place, and a test watches their names.
"""

from collections.abc import Sequence
from operator import attrgetter, is_
from typing import Any, Final, TypeGuard, cast

from sqlalchemy import (
    BindParameter,
    ColumnClause,
    ColumnElement,
    FromClause,
    GenerativeSelect,
    Join,
    Select,
    UnaryExpression,
    inspect,
)
from sqlalchemy.orm import Mapper, QueryableAttribute
from sqlalchemy.sql.base import ExecutableOption

# Whatever its columns: a Select or a CompoundSelect.
Statement = GenerativeSelect

_read_shape: Final = attrgetter(
    "_group_by_clauses",
    "_having_criteria",
    "_distinct",
    "_limit_clause",
    "_offset_clause",
    "_fetch_clause",
    "_prefixes",
    "_suffixes",
    "_for_update_arg",
    "_from_obj",
)
_PLAIN: Final = _read_shape(Select)
_read_window: Final = attrgetter("_limit_clause", "_offset_clause", "_fetch_clause")
_read_joins: Final = attrgetter("_setup_joins", "_from_obj")
_read_columns: Final = attrgetter("_raw_columns")
_read_annotations: Final = attrgetter("_annotations")
_read_order: Final = attrgetter("_order_by_clauses")
_read_grouping: Final = attrgetter("_group_by_clauses")
_read_distinct: Final = attrgetter("_distinct")
_DISTINCT_ON: Final = "_distinct_on"
_read_options: Final = attrgetter("_with_options")


def is_select(statement: Statement) -> TypeGuard[Select[Any]]:
    """Whether it is one select; isinstance alone would leave open what is selected."""
    return isinstance(statement, Select)


def is_plain(statement: Statement) -> TypeGuard[Select[Any]]:
    """Whether nothing groups rows, cuts them off or makes them distinct, and no column can be an aggregate."""
    return (
        isinstance(statement, Select)
        and all(map(is_, _read_shape(statement), _PLAIN))
        and all(map(_is_bare, _read_columns(statement)))
    )


def _is_bare(column: object) -> bool:
    # A function is a ColumnElement and a FromClause as well, and may be an aggregate.
    return isinstance(column, ColumnClause) or (
        isinstance(column, FromClause) and not isinstance(column, ColumnElement)
    )


def is_joined(statement: Statement) -> TypeGuard[Select[Any]]:
    """Whether the statement joins tables by `join`, `outerjoin` or `join_from`."""
    if not isinstance(statement, Select):
        return False
    joins, origins = _read_joins(statement)
    return bool(joins) or any(isinstance(origin, Join) for origin in origins)


def joins_of(statement: Select[Any]) -> list[tuple[Any, Any]] | None:
    """Give the target and the condition of each join to the one thing that is selected; None if there is more to it.

    Either is as it was passed to `join`: a table, an attribute of a relationship, an expression, or None.
    """
    joins, origins = _read_joins(statement)
    if origins or any(flags["full"] for *_, flags in joins):
        return None
    return [(target, condition) for target, condition, *_ in joins]


def primary_key_of(entity: Any) -> list[QueryableAttribute[Any]]:
    """Give the attributes of the primary key of a mapped class, or of an alias of one."""
    mapper = inspect(entity).mapper
    return [getattr(entity, mapper.get_property_by_column(column).key) for column in mapper.primary_key]


def can_repeat(statement: Statement, entity: Any) -> bool:
    """Whether loading may give an entity several times: only joined eager loading does, of a collection."""
    return bool(_read_options(statement)) or _joins_collection(inspect(entity).mapper, set())


def _joins_collection(mapper: Mapper[Any], seen: set[Mapper[Any]]) -> bool:
    seen.add(mapper)
    joined = [each for some in mapper.self_and_descendants for each in some.relationships if each.lazy == "joined"]
    return any(each.uselist or (each.mapper not in seen and _joins_collection(each.mapper, seen)) for each in joined)


def entity_of(statement: Statement) -> Any:
    """Give the one mapped class, or alias of one, that the statement selects and nothing else; None if it does not."""
    if not isinstance(statement, Select):
        return None
    columns = _read_columns(statement)
    if len(columns) != 1 or not isinstance(columns[0], FromClause):
        return None
    # What column_descriptions tells, which takes as long as to make the statement.
    mapped = _read_annotations(columns[0]).get("parententity")
    return None if mapped is None else mapped.entity


def window_of(statement: Statement) -> tuple[int | None, int]:
    """Give the LIMIT and the OFFSET that the statement has of its own.

    Raises:
        TypeError: It has others than plain numbers, or can have none.
    """
    if not isinstance(statement, GenerativeSelect):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"a page cannot be cut from a {type(statement).__name__}: pass what select() or union() gives")
    limit, offset, fetch = _read_window(statement)
    if fetch is not None:
        raise TypeError("a page cannot be cut from a statement with fetch(): write limit(), or order and filter alone")
    return None if limit is None else _number(limit), 0 if offset is None else _number(offset)


def order_of(statement: Select[Any]) -> tuple[ColumnElement[Any], ...]:
    """Give the keys of ORDER BY."""
    order: tuple[ColumnElement[Any], ...] = _read_order(statement)
    return order


def bare_term(term: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give a key of ORDER BY without its direction and the place of NULL."""
    return bare_term(term.element) if isinstance(term, UnaryExpression) else term


def grouping_of(statement: Select[Any]) -> tuple[ColumnElement[Any], ...]:
    """Give the keys of GROUP BY."""
    grouping: tuple[ColumnElement[Any], ...] = _read_grouping(statement)
    return grouping


def is_distinct(statement: Statement) -> TypeGuard[Select[Any]]:
    """Whether equal rows are one."""
    return isinstance(statement, Select) and _read_distinct(statement)


def distinct_on(statement: Select[Any]) -> tuple[ColumnElement[Any], ...]:
    """Give what PostgreSQL's DISTINCT ON keeps one row of each of."""
    # Of distinct(…), or since SQLAlchemy 2.1 of what ext() puts before the columns.
    extension = getattr(statement, "_pre_columns_clause", None)
    expressions: tuple[ColumnElement[Any], ...] = getattr(statement, _DISTINCT_ON) or getattr(
        extension, _DISTINCT_ON, ()
    )
    return expressions


def options_of(statement: Statement) -> Sequence[ExecutableOption]:
    """Give what `options()` was called with."""
    options: Sequence[ExecutableOption] = _read_options(statement)
    return options


def _number(clause: object) -> int:
    value: object = cast("BindParameter[object]", clause).effective_value if isinstance(clause, BindParameter) else None
    if not isinstance(value, int):
        raise TypeError("a page cannot be cut from a statement whose own limit() or offset() is no plain number")
    return value
