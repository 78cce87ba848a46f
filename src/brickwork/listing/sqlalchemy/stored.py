"""Sort values as a database compares them, which is not always as Python is given them."""

from collections.abc import Callable
from enum import Enum as PythonEnum
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Dialect, Double, Enum, Float, Interval, cast, type_coerce
from sqlalchemy.dialects import registry
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

from .._rules.cursors import CursorError
from .sort import OrderKey

_DOUBLE: Final[TypeEngine[Any]] = Double()


class AsStored(UserDefinedType[Any]):
    """Whatever SQLite has stored, as its driver gives and takes it."""

    cache_ok: bool | None = True


class Stored(NamedTuple):
    """How the values of a key go to the database and come from it.

    Attributes:
        kind: Type of a value that is compared.
        compared: What is compared with it.
        read: What gives such a value.
        dump: Turns what was read into what a cursor holds.
        load: Turns that back, to be compared.
    """

    kind: TypeEngine[Any]
    compared: ColumnElement[Any]
    read: ColumnElement[Any]
    dump: Callable[[Any], object]
    load: Callable[[Any], object]


def stored_form(key: OrderKey, dialect_name: str) -> Stored:
    """Find out how the values of a key are compared in a database.

    Raises:
        TypeError: The key is for items in Python alone.
    """
    expression = key.element
    if dialect_name == "sqlite":
        # Decimals are rounded on the way to Python, instants may lack their microseconds in the file, and two
        # spellings that Python takes for one are two to SQLite.
        raw = type_coerce(expression, AsStored())
        return Stored(raw.type, raw, raw, _same, _same)
    kind = _undecorated(expression.type, dialect_name)
    if isinstance(kind, Float):
        # A number of four bytes is printed in fewer digits than it has; in eight bytes it is exact.
        return Stored(_DOUBLE, type_coerce(expression, _DOUBLE), cast(expression, _DOUBLE), _same, _same)
    coerced = expression if kind is expression.type else type_coerce(expression, kind)
    if isinstance(kind, Enum) and kind.enum_class is not None:
        return Stored(kind, coerced, coerced, _name_of_member, _member_of(kind.enum_class))
    return Stored(kind, coerced, coerced, _same, _same)


def _undecorated(kind: TypeEngine[Any], dialect_name: str) -> TypeEngine[Any]:
    """Give the type under all decorators, which may make values that a cursor cannot hold."""
    # An interval is one of its own to databases that have it; only to others it is a decorated date.
    while isinstance(kind, TypeDecorator) and not isinstance(kind, Interval):
        dialect: Dialect = registry.load(dialect_name)()
        kind = kind.load_dialect_impl(dialect)
    return kind


def _same(value: object) -> object:
    return value


def _name_of_member(member: PythonEnum | None) -> str | None:
    return None if member is None else member.name


def _member_of(enum_class: type[PythonEnum]) -> Callable[[str], PythonEnum]:
    def load(name: str) -> PythonEnum:
        try:
            return enum_class[name]
        except KeyError as error:  # gone since the cursor was made
            raise CursorError("other-query") from error

    return load
