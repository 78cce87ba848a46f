"""A stretch of rows, and what it tells of all rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class OffsetRows(Generic[Item]):
    """The rows of one page, and what is known of the others.

    Attributes:
        rows: The rows of the page.
        has_next: Whether rows follow.
        total: All rows, or None where they were not counted.
        total_is_estimate: Whether the total is the planner's guess, or a limit that was reached.
    """

    rows: Sequence[Item]
    has_next: bool
    total: int | None = None
    total_is_estimate: bool = False


def offset_items(items: Sequence[Item], offset: int, size: int) -> OffsetRows[Item]:
    """Give the page of a sequence that begins at ``offset``; its total is exact and costs nothing.

    Args:
        items: All rows, filtered and sorted.
        offset: Rows before the page, 0 or more.
        size: Rows of the page at most.
    """
    total = len(items)
    return OffsetRows(items[offset : offset + size], offset + size < total, total)
