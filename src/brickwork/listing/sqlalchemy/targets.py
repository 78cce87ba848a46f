"""What a filter compares: a column of the model, or an attribute of any object."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from sqlalchemy import ColumnElement, inspect
from sqlalchemy.orm import Mapper

from .._rules.items import attribute_of
from .._rules.values import Kind
from .columns import kind_of

Build = Callable[[ColumnElement[Any]], ColumnElement[bool]]


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
    """

    column: ColumnElement[Any]
    key: str | None
    kind: Kind | None
    ready: bool = True

    def where(self, build: Build) -> ColumnElement[bool]:
        """Give the condition that ``build`` makes of the column."""
        return build(self.column)

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
    column = cast("ColumnElement[Any]", getattr(entity, key).expression)
    return ColumnTarget(column, key, kind_of(column.type))


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
