"""Order and pages by keyset for items in Python, as SQLite would give them.

- A missing value counts as the smallest, unless the key says where it goes; so does a NaN, which SQLite stores as NULL.
- A member of an enumeration counts as its value if that is text or a whole number, else as its name.
- Text goes by code points.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from functools import cmp_to_key
from typing import Any, TypeVar, cast

from ._rules.cursors import CursorError, Position
from ._rules.order import ItemKey, KeysetRows, neighbours, order_digest

Item = TypeVar("Item")


def sort_items(items: Iterable[Item], keys: Sequence[ItemKey]) -> list[Item]:
    """Sort items; those that are equal in all keys stay as they were.

    Args:
        items: What is sorted; it stays as it is.
        keys: The order.

    Raises:
        TypeError: Two values cannot be compared, or Python cannot read one.
    """
    ordered = list(items)
    for key in reversed(keys):
        ordered.sort(key=_ranked(key), reverse=key.descending)
    return ordered


def keyset_items(
    items: Iterable[Item], keys: Sequence[ItemKey], position: Position | None = None, *, size: int
) -> KeysetRows[Item]:
    """Give the page of items at a position.

    Items that are equal in all keys are told apart by their place among each other.

    Args:
        items: All items, filtered, in any order.
        keys: The order.
        position: Where to read on; None for the beginning.
        size: Items of the page at most, 1 or more.

    Raises:
        CursorError: (``other-query``) The position is of another order, or its values cannot be compared with these.
        TypeError: Two values cannot be compared, or Python cannot read one.
    """
    ordered = sort_items(items, keys)
    position = position or Position()
    order = order_digest(("memory", *((key.name, key.descending, key.nulls) for key in keys)))
    place = _Places(ordered, keys)
    at = len(ordered) if position.backward else 0
    if position.values:
        if position.order != order or len(position.values) != len(keys) + 1:
            raise CursorError("other-query")
        at = place.find(position)
    start, stop = (max(at - size, 0), at) if position.backward else (at, min(at + size, len(ordered)))
    more = start > 0 if position.backward else stop < len(ordered)
    edges = (place.values(start), place.values(stop - 1)) if start < stop else None
    previous, following = neighbours(position, order, edges, more=more)
    return KeysetRows(ordered[start:stop], following, previous)


class _Places:
    """Finds places in sorted items by the values of their keys."""

    def __init__(self, ordered: Sequence[object], keys: Sequence[ItemKey]) -> None:
        self._ordered = ordered
        self._keys = keys
        self._sides = tuple(zip(map(_place, keys), (-1 if key.descending else 1 for key in keys), strict=True))
        self._comparable = cmp_to_key(self._compare)

    def values(self, index: int) -> tuple[object, ...]:
        """Give the values of an item, and how many equal ones are before it."""
        values = self._read(self._ordered[index])
        return (*values, index - self._first(values))

    def find(self, position: Position) -> int:
        """Give the index where a page begins or, read backward, ends."""
        *values, place = position.values
        try:
            first = self._first(tuple(values))
            last = bisect_right(self._ordered, self._comparable(tuple(values)), key=self._key)
        except TypeError as error:  # values were of another type when the position was made
            raise CursorError("other-query") from error
        return min(first + cast("int", place) + (0 if position.backward else 1), last)

    def _first(self, values: tuple[object, ...]) -> int:
        return bisect_left(self._ordered, self._comparable(values), key=self._key)

    def _key(self, item: object) -> Any:
        return self._comparable(self._read(item))

    def _read(self, item: object) -> tuple[object, ...]:
        return tuple(_plain(key.read(item)) for key in self._keys)

    def _compare(self, one: tuple[Any, ...], other: tuple[Any, ...]) -> int:
        for (place, sign), left, right in zip(self._sides, one, other, strict=True):
            ranks = place(left), place(right)
            if ranks[0] != ranks[1]:
                return sign if ranks[0] > ranks[1] else -sign
        return 0


def _ranked(key: ItemKey) -> Callable[[object], tuple[Any, ...]]:
    place, read = _place(key), key.read
    return lambda item: place(_plain(read(item)))


def _place(key: ItemKey) -> Callable[[object], tuple[Any, ...]]:
    """Make a function that turns a value, or None, into something to compare, in the upward direction of the key."""
    # Running downwards, what is met first is what is highest.
    missing = (2,) if key.nulls is not None and (key.nulls == "last") != key.descending else (0,)
    return lambda value: missing if value is None else (1, value)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value if isinstance(value, str | int) else value.name
    return value if value == value else None  # noqa: PLR0124 - only a NaN is not itself
