"""How values are read from items in Python: along attributes of objects and keys of mappings."""

from collections.abc import Callable, Mapping, Sequence
from typing import cast


def attribute_of(item: object, name: str) -> object:
    """Give an attribute of an object, or the value under a key of a mapping; None where a mapping has no such key."""
    if isinstance(item, Mapping):
        return cast("Mapping[str, object]", item).get(name)
    return getattr(item, name)


def reader(path: Sequence[str]) -> Callable[[object], object]:
    """Make a function that reads a value from an item, one step after the other; None ends the way."""

    def read(item: object) -> object:
        value = item
        for name in path:
            if value is None:
                return None
            value = attribute_of(value, name)
        return value

    return read
