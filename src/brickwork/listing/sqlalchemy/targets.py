"""What a filter compares: a column of the model, or an attribute of any object."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy import ColumnElement, inspect
from sqlalchemy.orm import Mapper, QueryableAttribute

from .._rules.items import attribute_of
from .._rules.values import Kind
from .clauses import is_own
from .columns import kind_of

Build = Callable[[Any], ColumnElement[bool]]


class Target(Protocol):
    """What a filter compares."""

    @property
    def ready(self) -> bool:
        """Whether it can be looked at, or leads to models that may not be defined yet."""
        ...

    @property
    def kind(self) -> Kind | None:
        """What it holds; None where it can only be absent or present."""
        ...

    def where(self, build: Build) -> ColumnElement[bool]:
        """Give the condition that ``build`` makes of the column."""
        ...

    def found(self, item: object) -> list[object]:
        """Give what an object holds here, without None."""
        ...


@dataclass(frozen=True, slots=True)
class ColumnTarget:
    """A column of the model itself, or any SQL expression.

    Attributes:
        column: What is compared.
        key: Its name on objects; None where an expression has no counterpart in Python.
        kind: What it holds.
        attribute: What is compared instead, where the application says itself how.
    """

    column: ColumnElement[Any]
    key: str | None
    kind: Kind | None
    ready: bool = True
    attribute: QueryableAttribute[Any] | None = None

    def where(self, build: Build) -> ColumnElement[bool]:
        """Give the condition that ``build`` makes of the column."""
        return build(self.column if self.attribute is None else self.attribute)

    def found(self, item: object) -> list[object]:
        """Give what an object holds here, without None."""
        if self.key is None:
            raise TypeError(
                f"{self.column} is SQL and has no counterpart in Python; "
                "write Where(..., python=...) to filter objects as well"
            )
        value = attribute_of(item, self.key)
        if value is None:
            return []
        return [value if self.kind is None else self.kind.normal(value)]


@dataclass(frozen=True, slots=True)
class AttributeTarget:
    """An attribute of objects that no model describes; only Python can compare it."""

    path: tuple[str, ...]
    kind: Kind
    ready: bool = True

    def where(self, build: Build) -> ColumnElement[bool]:
        """Refuse: there is no column."""
        raise TypeError(
            f"{'.'.join(self.path)} is the attribute of an object, not a column; "
            "write class ...(FilterSet, model=YourModel) to filter a statement"
        )

    def found(self, item: object) -> list[object]:
        """Give what an object holds here, without None."""
        return steps(item, self.path)


def steps(item: object, path: Iterable[str]) -> list[object]:
    """Follow a path of attributes or keys; where one leads to many objects, follow each."""
    values = [item]
    for name in path:
        found = (each for value in values for each in _many(attribute_of(value, name)))
        values = [each for each in found if each is not None]
    return values


def _many(value: object) -> Iterable[object]:
    if isinstance(value, list | tuple | set | frozenset):
        return cast("Iterable[object]", value)
    return (value,)


def column_target(entity: Any, key: str) -> ColumnTarget:
    """Give a column of a model, or of an alias of one, by its attribute."""
    return attribute_target(getattr(entity, key), key)


def attribute_target(attribute: QueryableAttribute[Any], key: str | None) -> ColumnTarget:
    """Give what an attribute stands for; one whose comparator is the application's own is compared by that.

    Args:
        attribute: Of a model, or of an alias of one.
        key: Its name on objects; None where these are none of the model's.
    """
    column = attribute.expression
    own = is_own(getattr(attribute, "comparator", None))
    return ColumnTarget(column, key, kind_of(column.type), attribute=attribute if own else None)


def mapper_of(model: type) -> Mapper[Any]:
    """Give the mapper of a model, without configuring it.

    Raises:
        TypeError: It is no model of SQLAlchemy's ORM.
    """
    mapper: Mapper[Any] | None = inspect(model, raiseerr=False)
    if mapper is None:
        raise TypeError(
            f"{model!r} is no model of SQLAlchemy's ORM; leave model= out to filter other objects in Python"
        )
    return mapper
