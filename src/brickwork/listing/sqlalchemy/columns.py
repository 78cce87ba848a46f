"""What the columns of a database hold: which values fit, and within which bounds."""

import sys
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
            return make if isinstance(make, Kind) else make(column_type)
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


def _float(column_type: types.Float[Any]) -> Kind:
    return _FLOAT_AS_DECIMAL if column_type.asdecimal else _FLOAT


def _datetime(column_type: types.DateTime) -> Kind:
    return Kind("datetime", (datetime,), aware=column_type.timezone)


def _enum(column_type: types.Enum) -> Kind:
    if column_type.enum_class is not None:
        return Kind("choice", (column_type.enum_class,))
    return Kind("choice", (str,), choices=tuple(column_type.enums))


def _uuid(column_type: types.Uuid[Any]) -> Kind | None:
    return Kind("uuid", (UUID,)) if column_type.as_uuid else None


def _time(column_type: types.Time) -> Kind | None:
    return None if column_type.timezone else Kind("time", (time,))


_FLOAT = Kind("float", (float, int))
# PostgreSQL refuses what is too large or too small for a float, where Python would round it.
_MOST = Decimal(sys.float_info.max)
_FLOAT_AS_DECIMAL = Kind("decimal", (Decimal, int), -_MOST, _MOST, -sys.float_info.min_10_exp)

# The narrower type stands first: an Enum is a String, a SmallInteger an Integer, and a Float was once a Numeric.
_KINDS: tuple[tuple[Any, Kind | Callable[[Any], Kind | None]], ...] = (
    (types.Boolean, Kind("boolean", (bool,))),
    (types.Enum, _enum),
    (types.String, Kind("text", (str,))),
    (types.SmallInteger, _integer(16)),
    (types.BigInteger, _integer(64)),
    (types.Integer, _integer(32)),
    (types.Float, _float),
    (types.Numeric, _numeric),
    (types.DateTime, _datetime),
    (types.Date, Kind("date", (date,))),
    (types.Time, _time),
    (types.Interval, Kind("interval", (timedelta,))),
    (types.Uuid, _uuid),
    (types.NullType, Kind("any", minimum=-(2**63), maximum=2**63 - 1)),  # an expression whose type nobody said
)
