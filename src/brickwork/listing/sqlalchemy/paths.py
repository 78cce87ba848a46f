"""From the names and markers of a filter to what they compare."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeGuard

from sqlalchemy import JSON, ClauseElement, ColumnElement
from sqlalchemy.orm import ColumnProperty, Mapper, QueryableAttribute, RelationshipProperty
from sqlalchemy.types import TypeDecorator

from .._rules.operators import OPERATORS
from .._rules.values import kind_of_types
from .columns import kind_of
from .joins import column_beside
from .json import json_target
from .related import Related, RelatedTarget
from .targets import AttributeTarget, ColumnTarget, Target, attribute_target, column_target, mapper_of

Python = tuple[type, ...]
Compared = str | Related | QueryableAttribute[Any] | ColumnElement[Any]


class Place(NamedTuple):
    """Where the name of a field leads, before the operator is known."""

    key: str
    rest: tuple[str, ...]


def named_operator(model: type | None, name: str) -> tuple[str, str]:
    """Split the name of a field into its path and its operator; without an operator it asks for equality.

    Raises:
        ValueError: The path leads nowhere, or no operator has the name at the end.
    """
    segments = tuple(name.split("__"))
    first = 1 if model is None else len(segments) - len(_place(mapper_of(model), segments).rest)
    rest = segments[first:]
    if not rest or rest[-1] not in OPERATORS:
        return name, "eq"
    if len(rest) == 1 and rest[0] != "isnull" and model is not None:
        _refuse_bare_operator(mapper_of(model), segments[0], name)
    return name[: -len(rest[-1]) - 2], rest[-1]


def target_by_name(model: type | None, path: str, python: Python) -> Target:
    """Give what a path of names leads to, its segments joined by `__` or `.`.

    Args:
        model: The model that the path starts from; None for attributes of objects.
        path: The segments.
        python: The types that the field is annotated with, which say what to look for in JSON; none for presence.

    Raises:
        ValueError: The path leads nowhere.
        TypeError: What it leads to cannot be compared.
    """
    segments = tuple(path.replace(".", "__").split("__"))
    if model is None:
        return AttributeTarget(segments, kind_of_types(python))
    return _target(mapper_of(model), model, segments, python)


def target_of(model: type | None, given: object, python: Python) -> Target:
    """Give what a marker names: an attribute of a model, a path, something `Related` or an SQL expression."""
    if isinstance(given, str):
        return target_by_name(model, given, python)
    if isinstance(given, Related):
        return _related(given.path, python)
    if _is_attribute(given):
        return _attribute_target(model, given, python)
    if _is_expression(given):
        _refuse_other_tables(model, given)
        return ColumnTarget(given, None, kind_of(given.type))
    raise TypeError(
        f"a filter compares an attribute of a model, Related(...), an SQL expression or a path, not {given!r}"
    )


def _refuse_other_tables(model: type | None, expression: ClauseElement) -> None:
    """Refuse columns of tables that are not the model's: without a join, every row would meet every row of theirs."""
    if model is None:
        return
    column = column_beside(mapper_of(model).tables, expression)
    if column is not None:
        raise TypeError(
            f"{column} is not of {model.__name__}: follow a relation to it, Related({model.__name__}.…, …), or "
            "write Where(lambda value: …) for statements that join its table"
        )


def _is_attribute(given: object) -> TypeGuard[QueryableAttribute[Any]]:
    return isinstance(given, QueryableAttribute)


def _is_expression(given: object) -> TypeGuard[ColumnElement[Any]]:
    return isinstance(given, ColumnElement)


def name_of(given: Compared, otherwise: str) -> str:
    """Give the name of what a marker names, for people; an expression has none."""
    if isinstance(given, str):
        return given
    if isinstance(given, Related):
        return ".".join(each.key for each in given.path)
    return given.key if isinstance(given, QueryableAttribute) else otherwise


def _attribute_target(model: type | None, given: QueryableAttribute[Any], python: Python) -> Target:
    mapper = given.parent.mapper
    if not mapper.has_property(given.key):
        _refuse_other_tables(model, given.expression)
        return attribute_target(given, given.key)
    target = _target(mapper, given.class_, (given.key,), python)
    if isinstance(target, ColumnTarget) and not (model is not None and issubclass(model, mapper.class_)):
        _refuse_other_tables(model, given.expression)
        return attribute_target(given, None)
    return target


def _related(path: Sequence[QueryableAttribute[Any]], python: Python) -> Target:
    relation, *rest = path

    def far_side(mapper: Mapper[Any], entity: Any) -> Target:
        inner = rest[0]
        if not mapper.has_property(inner.key) or not mapper.isa(inner.parent.mapper):
            raise ValueError(f"{relation} leads to {mapper.class_.__name__}, which has no {inner}")
        if len(rest) > 1:
            return _related([getattr(entity, inner.key), *rest[1:]], python)
        return _target(mapper, entity, (inner.key,), python)

    return RelatedTarget(relation, far_side)


def _target(mapper: Mapper[Any], entity: Any, segments: tuple[str, ...], python: Python) -> Target:
    key, rest = _place(mapper, segments)
    found = mapper.get_property(key) if mapper.has_property(key) else None
    if isinstance(found, RelationshipProperty):
        attribute = getattr(entity, key)
        if not rest:
            if python:
                raise TypeError(
                    f"{attribute} is a relationship; name a column behind it ({key}__<column>), or ask {key}__isnull"
                )
            return RelatedTarget(attribute, None)
        return RelatedTarget(attribute, lambda far, far_entity: _target(far, far_entity, rest, python))
    if found is not None and not isinstance(found, ColumnProperty):
        raise TypeError(
            f"{mapper.class_.__name__}.{key} is no column; use a marker with an SQL expression, or Where(...)"
        )
    column = column_target(entity, key)
    if _is_json(column) and (rest or not python):
        return json_target(column, rest, python)
    if rest:
        raise ValueError(_nothing_behind(mapper, key, rest))
    return column


def _place(mapper: Mapper[Any], segments: tuple[str, ...]) -> Place:
    """Find the attribute at the start of a path; the longest name counts, for a name may hold `__` itself."""
    for size in range(len(segments), 0, -1):
        key = "__".join(segments[:size])
        if mapper.has_property(key) or key in mapper.all_orm_descriptors:
            return Place(key, segments[size:])
    known = ", ".join(sorted(key for key in mapper.columns.keys()))  # noqa: SIM118 - a collection of columns, not a mapping
    raise ValueError(
        f"{mapper.class_.__name__} has no attribute {segments[0]!r}; it has {known}. "
        "A parameter of another name takes a marker: Annotated[..., Eq(Model.column)]"
    )


def _is_json(column: ColumnTarget) -> bool:
    kind = column.column.type
    return isinstance(kind.impl_instance if isinstance(kind, TypeDecorator) else kind, JSON)


def _refuse_bare_operator(mapper: Mapper[Any], key: str, name: str) -> None:
    found = mapper.get_property(key) if mapper.has_property(key) else None
    if isinstance(found, ColumnProperty) and _is_json(column_target(mapper.class_, key)):
        raise ValueError(
            f"{name}: a document as a whole can only be asked for isnull; for a key of that name write {name}__eq"
        )


def _nothing_behind(mapper: Mapper[Any], key: str, rest: tuple[str, ...]) -> str:
    path = f"{mapper.class_.__name__}.{key}"
    return (
        f"{rest[-1]!r} is no operator, and {path} is a plain column with nothing behind it; "
        f"the operators are {', '.join(OPERATORS)}"
    )
