"""What the columns of a database hold: which values fit, and within which bounds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import types
from sqlalchemy.types import TypeDecorator, TypeEngine

from .._rules.values import Kind


def kind_of(column_type: TypeEngine[Any]) -> Kind | None:
    """Say what a column of this type holds; None where values cannot be compared with it safely."""
    if isinstance(column_type, TypeDecorator):
        return _inside(kind_of(column_type.impl_instance))
    for kinds, make in _KINDS:
        if isinstance(column_type, kinds):
            kind: Kind | None = make(column_type)
            return kind
    return None


def _inside(kind: Kind | None) -> Kind | None:
    """A decorated type decides itself which values it takes; the bounds of the column inside stay."""
    if kind is None:
        return None
    return replace(kind, python=())


def _integer(bits: int) -> Kind:
    return Kind("integer", (int,), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _numeric(column_type: types.Numeric[Any]) -> Kind:
    if not column_type.asdecimal:
        return _FLOAT
    python = (Decimal, int)
    if column_type.precision is None:
        return Kind("decimal", python)
    places = column_type.scale or 0
    most = Decimal((0, (9,) * column_type.precision, -places))
    return Kind("decimal", python, -most, most, places)


def _enum(column_type: types.Enum) -> Kind:
    if column_type.enum_class is not None:
        return Kind("choice", (column_type.enum_class,))
    return Kind("choice", (str,), choices=tuple(column_type.enums))


def _uuid(column_type: types.Uuid[Any]) -> Kind | None:
    return Kind("uuid", (UUID,)) if column_type.as_uuid else None


def _time(column_type: types.Time) -> Kind | None:
    return None if column_type.timezone else Kind("time", (time,))


_FLOAT = Kind("float", (float, int))
_ANY = Kind("any", minimum=-(2**63), maximum=2**63 - 1)

# The narrower type stands first: an Enum is a String, a SmallInteger an Integer, a Float was a Numeric before SQLAlchemy 2.1.
_KINDS: tuple[tuple[Any, Callable[[Any], Kind | None]], ...] = (
    (types.Boolean, lambda found: Kind("boolean", (bool,))),
    (types.Enum, _enum),
    (types.String, lambda found: Kind("text", (str,))),
    (types.SmallInteger, lambda found: _integer(16)),
    (types.BigInteger, lambda found: _integer(64)),
    (types.Integer, lambda found: _integer(32)),
    (types.Float, lambda found: Kind("decimal", (Decimal, int)) if found.asdecimal else _FLOAT),
    (types.Numeric, _numeric),
    (types.DateTime, lambda found: Kind("datetime", (datetime,), aware=found.timezone)),
    (types.Date, lambda found: Kind("date", (date,))),
    (types.Time, _time),
    (types.Interval, lambda found: Kind("interval", (timedelta,))),
    (types.Uuid, _uuid),
    (types.NullType, lambda found: _ANY),  # an expression whose type nobody said
)
