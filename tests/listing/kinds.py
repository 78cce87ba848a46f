"""A table with a column of every kind that sorts, and rows that are hard to sort by each."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from functools import total_ordering
from typing import Any, Final
from uuid import UUID

from sqlalchemy import CHAR, REAL, DateTime, Dialect, Float, Integer, LargeBinary, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator


class Colour(Enum):
    """Sorts by declaration in PostgreSQL, and by name in SQLite."""

    RED = "r"
    GREEN = "g"
    BLUE = "b"


class Level(IntEnum):
    """Stored as its number."""

    LOW = 1
    HIGH = 2


@total_ordering
class Money:
    """A value of an application, which no cursor can hold."""

    def __init__(self, cents: int) -> None:
        self.cents = cents

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Money) and self.cents == other.cents

    def __lt__(self, other: "Money") -> bool:
        return self.cents < other.cents

    def __hash__(self) -> int:
        return hash(self.cents)


class MoneyType(TypeDecorator[Money]):
    """Stores money as cents."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Money | None, dialect: Dialect) -> int | None:
        return None if value is None else value.cents

    def process_result_value(self, value: int | None, dialect: Dialect) -> Money | None:
        return None if value is None else Money(value)


class LevelType(TypeDecorator[Level]):
    """Stores a level as its number."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: Level | None, dialect: Dialect) -> int | None:
        return None if value is None else value.value

    def process_result_value(self, value: int | None, dialect: Dialect) -> Level | None:
        return None if value is None else Level(value)


class Base(DeclarativeBase):
    """The base of this table alone."""


class Kind(Base):
    """One row, with a value of each kind."""

    __tablename__ = "kinds"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str | None] = mapped_column(String)
    letters: Mapped[str | None] = mapped_column(CHAR(4))
    data: Mapped[bytes | None] = mapped_column(LargeBinary)
    flag: Mapped[bool | None]
    integer: Mapped[int | None]
    decimal: Mapped[Decimal | None] = mapped_column(Numeric(20, 2))
    fine: Mapped[Decimal | None] = mapped_column(Numeric(30, 15))
    single: Mapped[float | None] = mapped_column(REAL)
    double: Mapped[float | None]
    rounded: Mapped[Decimal | None] = mapped_column(Float(53, asdecimal=True))
    moment: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    local: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    day: Mapped[date | None]
    clock: Mapped[time | None]
    span: Mapped[timedelta | None]
    key: Mapped[UUID | None]
    colour: Mapped[Colour | None]
    level: Mapped[Level | None] = mapped_column(LevelType)
    money: Mapped[Money | None] = mapped_column(MoneyType)


VALUES: Final[dict[str, list[Any]]] = {
    "text": ["", "a", "A", "line\nbreak", "~'\"`", "\U0001f9f1", "é"],
    "letters": ["a", "ab", "a b", "z"],
    "data": [b"", b"\0", b"\xff\0", b"a"],
    "flag": [False, True],
    "integer": [0, -1, 2**31 - 1],
    "decimal": [Decimal(0), Decimal("0.10"), Decimal("-3.50"), Decimal("1234567890123.45")],
    "fine": [Decimal("0.100000000000001"), Decimal("0.100000000000002"), Decimal("0.1"), Decimal("0.333333333333333")],
    "single": [0.0, 0.1, -0.3, 1e30],
    "double": [0.0, 0.1, 0.1 + 0.2, -1e300, float("inf"), float("-inf")],
    "rounded": [Decimal("0.12345678901234"), Decimal("0.12345678901235"), Decimal("0.1")],
    "moment": [
        datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC),
        datetime(2026, 1, 1, 12, 0, 0, 123457, tzinfo=UTC),
        datetime(2026, 1, 1, 12, tzinfo=UTC),
    ],
    "local": [
        datetime.fromisoformat("2026-01-01T00:00:00"),
        datetime.fromisoformat("2026-01-01T00:00:00.000001"),
        datetime.fromisoformat("1999-12-31T23:59:59.999999"),
    ],
    "day": [date(1970, 1, 1), date(2026, 2, 28)],
    "clock": [time(0), time(0, 0, 0, 1), time(23, 59, 59, 999999)],
    "span": [timedelta(0), timedelta(-1), timedelta(days=400, microseconds=1)],
    "key": [UUID(int=0), UUID(int=2**127), UUID(int=7)],
    "colour": list(Colour),
    "level": list(Level),
    "money": [Money(0), Money(-5), Money(1999)],
}


def rows() -> list[dict[str, Any]]:
    """Give rows in which every value of every kind comes once or more, and NULL too."""
    choices = {name: [*values, None] for name, values in VALUES.items()}
    return [{"id": at, **{name: each[at * 11 % len(each)] for name, each in choices.items()}} for at in range(1, 16)]
