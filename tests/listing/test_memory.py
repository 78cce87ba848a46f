"""Items in Python: sorted and paged as SQLite sorts and pages rows."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import create_engine, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from brickwork.listing import Sort, SortKey
from brickwork.listing._rules.cursors import CursorError, Cursors, Position
from brickwork.listing._rules.order import KeysetRows
from brickwork.listing.memory import keyset_items, sort_items
from brickwork.listing.sqlalchemy.sort import OrderKey

END = Position(backward=True)
cursors = Cursors([b"a secret of thirty-two bytes, or"])


class Base(DeclarativeBase):
    """The base of this table alone."""


class Colour(Enum):
    """Stored by name, so that blue comes before red."""

    RED = 1
    BLUE = 2


class Item(Base):
    """A row, and an item."""

    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int | None]
    ratio: Mapped[float | None]
    text: Mapped[str | None]
    data: Mapped[bytes | None]
    flag: Mapped[bool | None]
    day: Mapped[date | None]
    colour: Mapped[Colour | None]


NAMES = ["number", "ratio", "text", "data", "flag", "day", "colour", "id"]
items = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.none() | st.integers(-2, 2),
            "ratio": st.none() | st.sampled_from([0.0, -0.5, 1e300, float("inf"), float("-inf"), float("nan")]),
            "text": st.none() | st.sampled_from(["", "a", "B", "b", "é", "\U0001f9f1", "\uffff"]),
            "data": st.none() | st.sampled_from([b"", b"\0", b"a", b"\xff"]),
            "flag": st.none() | st.booleans(),
            "day": st.none() | st.sampled_from([date(1, 1, 1), date(2026, 1, 1)]),
            "colour": st.none() | st.sampled_from(Colour),
        }
    ),
    max_size=14,
)
terms = st.lists(st.sampled_from(NAMES), unique=True, max_size=3).flatmap(
    lambda names: st.tuples(*(st.sampled_from([name, f"-{name}"]) for name in names))
)
places = st.fixed_dictionaries({name: st.sampled_from(["first", "last", None]) for name in NAMES})


def walk(found: list[Any], keys: tuple[OrderKey, ...], position: Position | None = None, *, size: int = 3) -> list[Any]:
    """Follow the pages to the end, or back to the beginning, and give their items in order."""
    rows: list[Any] = []
    while True:
        page: KeysetRows[Any] = keyset_items(found, keys, _sealed(position), size=size)
        backward = position is not None and position.backward
        rows = [*page.rows, *rows] if backward else [*rows, *page.rows]
        position = page.previous if backward else page.next
        if position is None:
            return rows


def _sealed(position: Position | None) -> Position | None:
    return position and cursors.open(cursors.seal(position, b""), b"")


@pytest.mark.promise("listing-37")
@given(data=items, terms=terms, nulls=places, size=st.integers(1, 5))
def test_items_are_sorted_and_paged_as_rows_are(
    data: list[dict[str, Any]], terms: tuple[str, ...], nulls: dict[str, Any], size: int
) -> None:
    """Any values, in any order: the same rows in the same places as SQLite gives, forward and backward."""
    data = [{"id": at, **each} for at, each in enumerate(data)]
    keys = Sort(*(SortKey(getattr(Item, name), nulls=nulls[name]) for name in NAMES)).order(terms, Item)
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        if data:
            session.execute(insert(Item), data)
        expected = list(session.scalars(select(Item.id).order_by(*(key.order_by("sqlite") for key in keys))))
    engine.dispose()

    assert [each["id"] for each in sort_items(data, keys)] == expected
    assert [each["id"] for each in walk(data, keys, size=size)] == expected
    assert [each["id"] for each in walk(data, keys, END, size=size)] == expected


@dataclass
class Brick:
    """An item of an application."""

    name: str
    price: Any = None


@pytest.mark.promise("listing-37")
@given(prices=st.lists(st.none() | st.integers(0, 2), max_size=12), size=st.integers(1, 4))
def test_items_without_a_key_are_told_apart_by_their_place(prices: list[int | None], size: int) -> None:
    """Equal items stay in the order of the sequence, and none is lost or repeated."""
    bricks = [Brick(str(at), price) for at, price in enumerate(prices)]
    keys = Sort("price").order(["-price"])

    assert walk(bricks, keys, size=size) == walk(bricks, keys, END, size=size) == sort_items(bricks, keys)
    assert walk(bricks, (), size=size) == walk(bricks, (), END, size=size) == bricks


@pytest.mark.promise("listing-37")
def test_changes_elsewhere_do_not_move_a_page() -> None:
    """Items come and go before the cursor, and its own item goes."""
    bricks = [Brick(name, price) for name, price in zip("abcdef", range(6), strict=True)]
    keys = Sort("price", tie_breaker="name").order(["price"])
    page = keyset_items(bricks, keys, size=3)

    changed = [Brick("new", 0), *bricks[1:2], *bricks[3:]]
    after = keyset_items(changed, keys, page.next, size=3)

    assert [brick.name for brick in after.rows] == ["d", "e", "f"]
    assert [brick.name for brick in keyset_items(changed, keys, after.previous, size=3).rows] == ["new", "b"]


@pytest.mark.promise("listing-22")
@pytest.mark.parametrize("size", [1, 2, 3, 6, 7])
def test_the_ends_have_no_neighbours(size: int) -> None:
    """The last page leads nowhere, also when it is full; nor does the first, however it was reached."""
    keys = Sort("price").order(["price"])
    bricks = [Brick(str(at), at // 2) for at in range(6)]

    page = keyset_items(bricks, keys, size=size)
    assert page.previous is None
    while page.next is not None:
        page = keyset_items(bricks, keys, page.next, size=size)
        assert page.rows
    while page.previous is not None:
        page = keyset_items(bricks, keys, page.previous, size=size)
        assert page.rows

    assert page.rows[0] == bricks[0]
    assert keyset_items([], keys, size=size) == KeysetRows([], None, None)


def test_numbers_of_different_kinds_are_compared() -> None:
    """Whole numbers, decimals and fractions; a member of an enumeration of numbers counts as its number."""

    class Level(IntEnum):
        HIGH = 3
        LOW = 1

    bricks = [Brick(str(at), price) for at, price in enumerate([Level.HIGH, 2.5, Decimal("2.4"), True, Level.LOW, 0])]

    found = walk(bricks, Sort("price").order(["price"]), size=1)

    assert [brick.price for brick in found] == [0, True, Level.LOW, Decimal("2.4"), 2.5, Level.HIGH]


def test_what_cannot_be_compared_is_an_error_of_the_developer() -> None:
    """Text and numbers have no order."""
    with pytest.raises(TypeError):
        sort_items([Brick("a", 1), Brick("b", "1")], Sort("price").order(["price"]))


@pytest.mark.promise("listing-26")
def test_positions_of_another_order_are_refused() -> None:
    """Of other keys, another direction, or a time when the values were of another type."""
    sort = Sort("price", "name")
    bricks = [Brick("a", 1), Brick("b", 2)]
    position = keyset_items(bricks, sort.order(["price"]), size=1).next
    texts = [Brick("a", "x"), Brick("b", "y")]

    for found, other in ((bricks, ["-price"]), (bricks, ["name"]), (bricks, ["price", "name"]), (texts, ["price"])):
        with pytest.raises(CursorError) as refused:
            keyset_items(found, sort.order(other), position, size=1)

        assert refused.value.reason == "other-query"
