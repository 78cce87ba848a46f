"""What rows can be sorted by: columns, expressions and related columns, and what their models tell of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeGuard, cast

from sqlalchemy import Column, ColumnElement, FromClause, PrimaryKeyConstraint, Table, UniqueConstraint, select
from sqlalchemy.orm import ColumnProperty, Mapper, QueryableAttribute, RelationshipProperty, aliased
from sqlalchemy.sql.elements import Label

from .._rules.items import reader
from .related import Related

SortExpression = QueryableAttribute[Any] | ColumnElement[Any] | Related | str


def name_of(expression: SortExpression) -> str:
    """Give the name of what has one.

    Raises:
        TypeError: It is an expression without a name.
    """
    if isinstance(expression, str):
        return expression
    if isinstance(expression, Related):
        return "__".join(step.key for step in expression.path)
    name = getattr(expression, "key", None)
    if isinstance(expression, QueryableAttribute | Column | Label) and isinstance(name, str):
        return name
    raise TypeError(f"give {_shown(expression)} a name for clients: SortKey(…, name='…')")


def element_of(expression: Any) -> ColumnElement[Any] | None:
    """Give what a database sorts by; None for the name of an attribute.

    Raises:
        TypeError: It is nothing that rows can be sorted by.
    """
    if isinstance(expression, str):
        return None
    if isinstance(expression, Related):
        return _subquery(expression)
    if isinstance(_property_of(expression), RelationshipProperty):
        raise TypeError(f"{expression.key!r} is a relationship: sort by a column of what it leads to")
    element: Any = expression.__clause_element__() if hasattr(expression, "__clause_element__") else expression
    if _is_label(element):
        element = element.element
    if not _is_column(element):
        raise TypeError(f"{_shown(expression)} cannot be sorted by: give a column, an expression or a SortKey")
    return element


def check_steps(related: Related) -> None:
    """Refuse a way to related rows on which one row leads to many.

    Raises:
        TypeError: It does.
    """
    for step in related.path[:-1]:
        relationship = _property_of(step)
        if not isinstance(relationship, RelationshipProperty) or relationship.uselist:
            raise TypeError(f"{step.key!r} leads to many rows, or to none: sort by what a subquery makes of them")


def _property_of(attribute: object) -> object:
    """Give what an attribute of a model stands for; `property` would do so too, but would first complete all models."""
    return getattr(getattr(attribute, "comparator", None), "prop", None)


def _subquery(related: Related) -> ColumnElement[Any]:
    """Give the column of the one related row as a subquery, which gives NULL where there is none."""
    check_steps(related)
    conditions: list[ColumnElement[bool]] = []
    entities: list[Any] = []
    for step in related.path[:-1]:
        # Each gets a name of its own, since a table may meet itself on the way.
        start = getattr(entities[-1], step.key) if entities else step
        entities.append(aliased(step.property.mapper.class_))
        conditions.append(start.of_type(entities[-1]).__clause_element__())
    column: ColumnElement[Any] = getattr(entities[-1], related.path[-1].key)
    return select(column).select_from(*entities).where(*conditions).scalar_subquery()


# isinstance alone leaves the type of the value open.
def _is_label(element: object) -> TypeGuard[Label[Any]]:
    return isinstance(element, Label)


def _is_column(element: object) -> TypeGuard[ColumnElement[Any]]:
    return isinstance(element, ColumnElement)


def _shown(expression: object) -> str:
    return f"{type(expression).__name__} `{expression}`"


def reader_of(expression: SortExpression) -> Callable[[object], object]:
    """Give what reads the value of an expression from an item in Python; of SQL, what tells that there is none."""
    if isinstance(expression, Related):
        return reader([step.key for step in expression.path])
    if isinstance(expression, str):
        return reader(expression.split("."))
    name = getattr(expression, "key", None)
    if isinstance(expression, QueryableAttribute | Column) and isinstance(name, str):
        return reader((name,))

    def read(_item: object) -> object:
        raise TypeError(
            f"SQL is not for items in Python: give SortKey(…, python=…), a function that reads `{expression}` from one"
        )

    return read


def model_of(expression: SortExpression) -> type[Any] | None:
    """Give the model, or the alias of one, whose attribute is sorted by or followed; None for all else."""
    first = expression.path[0] if isinstance(expression, Related) else expression
    return cast("Any", first.parent).entity if isinstance(first, QueryableAttribute) else None


def columns_of(expression: SortExpression, mapper: Mapper[Any] | None) -> Sequence[Column[Any]]:
    """Give the columns of a model that an attribute stands for; none where it is of another model, or no column."""
    if mapper is None or not isinstance(expression, QueryableAttribute):
        return ()
    attribute = getattr(expression, "property", None)
    if not isinstance(attribute, ColumnProperty) or not mapper.isa(attribute.parent):
        return ()
    return [column for column in attribute.columns if isinstance(column, Column)]


def can_be_null(expression: SortExpression, mapper: Mapper[Any] | None) -> bool:
    """Say whether there can be NULLs: a column of the model itself tells, any other may come from an outer join."""
    columns = columns_of(expression, mapper)
    return not columns or any(column.nullable for column in columns)


def is_unique(column: Column[Any]) -> bool:
    """Say whether no two rows of a table can have the same in a column, NULL included."""
    table = cast("FromClause", column.table)
    if column.nullable or not isinstance(table, Table):
        return False
    rules: Iterable[Iterable[Column[Any]]] = (
        each.columns for each in table.constraints if isinstance(each, UniqueConstraint | PrimaryKeyConstraint)
    )
    return bool(column.unique) or any(list(each) == [column] for each in rules)
