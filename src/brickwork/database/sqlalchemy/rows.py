"""What goes into rows, and what names them: checked against the model before SQL is made of it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Date,
    DateTime,
    Enum,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Time,
    Uuid,
    and_,
    inspect,
    or_,
)
from sqlalchemy.orm import ColumnProperty, InstrumentedAttribute, Mapper, QueryableAttribute
from sqlalchemy.orm.exc import StaleDataError

Data = BaseModel | Mapping[str, object]
"""What a row is made of or changed by: a pydantic model, or values by attribute."""

# Drivers take nothing else for these; an Enum takes names and members.
_STRICT: Final = (Integer, String, Uuid, Date, DateTime, Time, LargeBinary)
_BITS: Final = ((SmallInteger, 16), (BigInteger, 64), (Integer, 32))


def mapper_of(model: object) -> Mapper[Any]:
    """Give the mapper of a model.

    Raises:
        TypeError: It is no model.
    """
    mapper: Mapper[Any] | None = inspect(model, raiseerr=False) if isinstance(model, type) else None
    if mapper is None:
        raise TypeError(f"{model!r} is no mapped class: name the model, as in Repository(session, Book)")
    return mapper


def values_of(
    mapper: Mapper[Any],
    data: Data,
    more: Mapping[str, object] | None = None,
    *,
    sent_only: bool = False,
    columns_only: bool = False,
) -> dict[str, Any]:
    """Give the values in ``data`` by attribute.

    Args:
        mapper: Of the model that they are for.
        data: Where they are.
        more: Further values, which go before those.
        sent_only: Whether a pydantic model's fields that nobody sent are left out.
        columns_only: Whether relationships and computed attributes are refused.

    Raises:
        TypeError: The model has no attribute of that name, or the database computes it.
    """
    values = data.model_dump(exclude_unset=sent_only) if isinstance(data, BaseModel) else dict(data)
    values.update(more or {})
    known = mapper.column_attrs if columns_only else mapper.all_orm_descriptors
    unknown = [name for name in values if name not in known]
    if unknown:
        kind = "column" if columns_only else "attribute"
        raise TypeError(f"{mapper.class_.__name__} has no {kind} {', '.join(map(str, unknown))}: leave it out of data")
    computed = [name for name in values if name in mapper.column_attrs and is_computed(mapper.column_attrs[name])]
    if computed:
        raise TypeError(f"{mapper.class_.__name__}.{computed[0]} is computed by the database: leave it out of data")
    return values


def is_computed(attribute: ColumnProperty[Any]) -> bool:
    """Tell whether an attribute is an expression, of the mapping or of the table, that nothing can be written to."""
    column = attribute.columns[0]
    return not isinstance(column, Column) or column.computed is not None


def changes_of(mapper: Mapper[Any], entity: object, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give of ``values`` what may change the row, and hold it against the state that the row is in.

    Raises:
        TypeError: They would change the primary key.
        StaleDataError: They name another version than the row has.
    """
    changes = dict(values)
    for name in key_names(mapper):
        if name in changes and changes.pop(name) != getattr(entity, name):
            raise TypeError(f"{mapper.class_.__name__}.{name} is its primary key, which never changes: leave it out")
    version = version_name(mapper)
    if version in changes and changes.pop(version) != getattr(entity, version):
        raise StaleDataError(f"this {mapper.class_.__name__} has another version than the change is for")
    return changes


# --- keys and versions


def key_names(mapper: Mapper[Any]) -> tuple[str, ...]:
    """Name the attributes of the primary key."""
    return tuple(mapper.get_property_by_column(column).key for column in mapper.primary_key)


def key_attributes(mapper: Mapper[Any]) -> list[InstrumentedAttribute[Any]]:
    """Give the attributes of the primary key, to select and order by."""
    return [getattr(mapper.class_, name) for name in key_names(mapper)]


def key_of(mapper: Mapper[Any], key: object) -> tuple[object, ...]:
    """Give the parts of a primary key.

    Raises:
        TypeError: It has more or fewer than the model's.
    """
    parts = cast("tuple[object, ...]", key) if isinstance(key, tuple) else (key,)
    if len(parts) != len(mapper.primary_key):
        names = ", ".join(key_names(mapper))
        raise TypeError(f"the key of {mapper.class_.__name__} is ({names}): pass {len(mapper.primary_key)} values")
    return parts


def can_be_key(mapper: Mapper[Any], parts: Sequence[object], dialect: str) -> bool:
    """Tell whether the database could hold such a key at all; drivers fail on one that it cannot."""
    return all(_can_hold(column, part, dialect) for column, part in zip(mapper.primary_key, parts, strict=True))


def _can_hold(column: ColumnElement[Any], value: object, dialect: str) -> bool:
    kind = column.type
    if isinstance(kind, _STRICT) and not isinstance(kind, Enum) and not isinstance(value, kind.python_type):
        return False
    if isinstance(value, int):
        # SQLite stores every integer in as many bytes as it takes, up to eight.
        bits = next((bits for each, bits in _BITS if isinstance(kind, each)), 64)
        return value.bit_length() < (64 if dialect == "sqlite" else bits)
    if isinstance(value, str):
        written = "\x00" not in value and not any("\ud800" <= char <= "\udfff" for char in value)
        return written and (not isinstance(kind, Uuid) or _is_uuid(value))
    return value is not None


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def is_one_of(mapper: Mapper[Any], keys: Iterable[Sequence[object]]) -> ColumnElement[bool]:
    """Give the condition that a row has one of these primary keys."""
    attributes = key_attributes(mapper)
    if len(attributes) == 1:
        return attributes[0].in_([key[0] for key in keys])
    return or_(*(and_(*(each == part for each, part in zip(attributes, key, strict=True))) for key in keys))


def version_name(mapper: Mapper[Any]) -> str:
    """Name the attribute that holds the version; empty where there is none."""
    column = mapper.version_id_col
    return "" if column is None else mapper.get_property_by_column(column).key


def attribute_names(mapper: Mapper[Any], attributes: Sequence[QueryableAttribute[Any]]) -> tuple[str, ...]:
    """Name columns of the model that were given as its attributes.

    Raises:
        TypeError: One of them is no column of this model, or there is none.
    """
    names = tuple(getattr(attribute, "key", "") for attribute in attributes)
    if not names or any(name not in mapper.column_attrs for name in names):
        raise TypeError(f"on= lists columns of {mapper.class_.__name__} that are unique together, as [Book.isbn]")
    return names
