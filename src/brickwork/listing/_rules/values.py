"""How strictly the values of a query are read: what may be written, and what a column can hold."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from types import MappingProxyType
from typing import Any, Literal, cast
from uuid import UUID

from pydantic_core import PydanticCustomError

KindName = Literal[
    "text", "choice", "integer", "decimal", "float", "boolean", "date", "datetime", "time", "interval", "uuid", "any"
]

_FORMS: Mapping[KindName, tuple[re.Pattern[str], str]] = MappingProxyType(
    {
        "integer": (re.compile(r"[+-]?[0-9]{1,40}"), "a whole number, such as 42"),
        "decimal": (re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?"), "a number, such as 12.50"),
        "float": (re.compile(r"[+-]?[0-9]{1,400}(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?"), "a number, such as 0.25"),
        "date": (re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a date, such as 2024-05-31"),
        "datetime": (
            re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}[0-9:.]*([Zz]|[+-][0-9]{2}:?[0-9]{2})?)?"),
            "a date and time, such as 2024-05-31T18:00:00",
        ),
        "time": (re.compile(r"[0-9]{2}:[0-9]{2}[0-9:.]*"), "a time of day, such as 18:30"),
    }
)
# "+02:00" whose plus sign the client did not encode arrives as a space.
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:?[0-9]{2}$)")
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:?[0-9]{2}")
# What fits between the years 1 and 9999 around 1970, where SQLite keeps intervals, with room to spare.
_LONGEST_INTERVAL = timedelta(days=700_000)
_MOST_DIGITS = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """What a column holds, as far as a value that is compared with it must know.

    Attributes:
        name: The sort of value.
        minimum: The least number that the column can hold.
        maximum: The greatest number that the column can hold.
        places: How many digits the column holds after the point.
        aware: Whether the column holds instants (true) or wall-clock times without an offset (false).
        choices: The texts that the column can hold, where they are few.
        python: The types that a field for this column may be annotated with; anything when empty.
    """

    name: KindName
    python: tuple[type, ...] = ()
    minimum: Decimal | int | None = None
    maximum: Decimal | int | None = None
    places: int | None = None
    aware: bool | None = None
    choices: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether greater and less mean something."""
        return self.name not in {"boolean", "choice"}

    def read(self, value: object) -> object:
        """Refuse a text that would be read too kindly; anything but text is passed on.

        Raises:
            PydanticCustomError: The text is not written as such a value is.
        """
        if not isinstance(value, str):
            return value
        refuse_unstorable(value)
        if self.name == "datetime" and not _DATE_ONLY.fullmatch(value):
            value = _LOST_PLUS.sub("+", value)
        form = _FORMS.get(self.name)
        if form is not None and not form[0].fullmatch(value):
            raise PydanticCustomError("not_written_so", "Input should be {expected}", {"expected": form[1]})
        return value

    def check(self, value: Any) -> Any:
        """Give a value as it is to be compared.

        Raises:
            PydanticCustomError: The column could never hold such a value.
        """
        for known, check in _CHECKS:
            if isinstance(value, known):
                return check(self, value)
        return value

    def normal(self, found: object) -> object:
        """Give what a row holds in the form that values are compared in."""
        if isinstance(found, datetime) and self.aware and found.tzinfo is None:
            return found.replace(tzinfo=UTC)  # a database without time zones gives instants back like this
        if self.name == "decimal" and isinstance(found, float):
            return Decimal(repr(found))
        return found


_LONGEST_INTEGER = Kind("integer", minimum=-(2**63), maximum=2**63 - 1)

_BY_TYPE: Mapping[type, KindName] = MappingProxyType(
    {
        bool: "boolean",
        str: "text",
        int: "integer",
        Decimal: "decimal",
        float: "float",
        datetime: "datetime",
        date: "date",
        time: "time",
        timedelta: "interval",
        UUID: "uuid",
    }
)


def kind_of_types(types: tuple[type, ...]) -> Kind:
    """Give the kind of values of one Python type; of any where it is another, or one of several."""
    return Kind(_BY_TYPE.get(types[0], "any") if len(types) == 1 else "any")


def refuse_unstorable(text: str) -> str:
    """Give a text back that every database can store.

    Raises:
        PydanticCustomError: It holds the character NUL or half of a surrogate pair.
    """
    if "\0" in text:
        raise PydanticCustomError("nul_character", "Input should not contain the character NUL")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("lone_surrogate", "Input should be text that UTF-8 can encode") from None
    return text


def split_values(raw: object, most: int | None = None) -> object:
    """Give the values of a list: one text is split at its commas, repeated values are taken as they stand.

    Args:
        raw: What the client sent, or a Python collection.
        most: How many values are allowed.

    Raises:
        PydanticCustomError: There are more values.
    """
    if not isinstance(raw, str | list | tuple | set | frozenset):
        return raw
    values: Collection[object] = [raw] if isinstance(raw, str) else cast("Collection[object]", raw)
    if len(values) == 1 and isinstance(only := next(iter(values)), str):
        values = only.split(",", -1 if most is None else most)
    if most is not None and len(values) > most:
        raise PydanticCustomError("too_many_values", "Input should have at most {most} values", {"most": most})
    return values


def _check_text(kind: Kind, value: str) -> str:
    if kind.choices and value not in kind.choices:
        raise PydanticCustomError(
            "not_a_choice", "Input should be one of: {choices}", {"choices": ", ".join(kind.choices)}
        )
    return refuse_unstorable(value)


def _check_integer(kind: Kind, value: int) -> int:
    _check_range(kind, value)
    # Drivers take whole numbers of 64 bits only, also where the column would hold more.
    _check_range(_LONGEST_INTEGER, value)
    return value


def _check_decimal(kind: Kind, value: Decimal) -> Decimal:
    if not value.is_finite():
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    _check_range(kind, value)
    digits = value.normalize() if value else Decimal(0)
    places = -int(digits.as_tuple().exponent)
    if kind.places is not None and places > kind.places:
        raise PydanticCustomError(
            "too_many_places", "Input should have at most {places} digits after the point", {"places": kind.places}
        )
    if max(places, abs(value.adjusted())) > _MOST_DIGITS:
        raise PydanticCustomError("too_many_digits", "Input should have at most {most} digits", {"most": _MOST_DIGITS})
    return value


def _check_range(kind: Kind, value: Decimal | int) -> None:
    if kind.minimum is not None and value < kind.minimum:
        raise PydanticCustomError("out_of_range", "Input should be at least {limit}", {"limit": str(kind.minimum)})
    if kind.maximum is not None and value > kind.maximum:
        raise PydanticCustomError("out_of_range", "Input should be at most {limit}", {"limit": str(kind.maximum)})


def _check_float(_: Kind, value: float) -> float:
    if not isfinite(value):
        raise PydanticCustomError("finite_number", "Input should be a finite number")
    return value


def _check_datetime(kind: Kind, value: datetime) -> datetime:
    if kind.aware is None:
        return value
    if not kind.aware:
        if value.tzinfo is not None:
            raise PydanticCustomError(
                "offset_not_allowed", "Input should have no offset: the times compared here have no time zone"
            )
        return value
    if value.tzinfo is None:
        raise PydanticCustomError("offset_required", "Input should say its offset from UTC, such as Z or +02:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("out_of_range", "Input should be between the years 1 and 9999 in UTC") from None


def _check_time(_: Kind, value: time) -> time:
    if value.tzinfo is not None:
        raise PydanticCustomError("offset_not_allowed", "Input should have no offset: a time of day has no time zone")
    return value


def _check_interval(_: Kind, value: timedelta) -> timedelta:
    if abs(value) > _LONGEST_INTERVAL:
        raise PydanticCustomError(
            "out_of_range", "Input should be at most {days} days", {"days": _LONGEST_INTERVAL.days}
        )
    return value


# A datetime is a date and a boolean an integer, so the narrower type stands first.
_CHECKS: tuple[tuple[type, Callable[[Kind, Any], Any]], ...] = (
    (str, _check_text),
    (bool, lambda _, value: value),
    (int, _check_integer),
    (Decimal, _check_decimal),
    (float, _check_float),
    (datetime, _check_datetime),
    (time, _check_time),
    (timedelta, _check_interval),
)
