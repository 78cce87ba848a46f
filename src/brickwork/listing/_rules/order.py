"""What it takes to put items in order, wherever they are: directions, and where missing values go."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Generic, Literal, Protocol, TypeVar

from .cursors import Position

Item = TypeVar("Item")
Nulls = Literal["first", "last"]


@dataclass(frozen=True, slots=True)
class KeysetRows(Generic[Item]):
    """The rows of one page, and where its neighbours begin.

    Attributes:
        rows: The rows of the page, the first one first also where it was read backward.
        next: Position of the page after it; None at the end.
        previous: Position of the page before it; None at the beginning.
    """

    rows: Sequence[Item]
    next: Position | None
    previous: Position | None


class ItemKey(Protocol):
    """One thing that items are sorted by."""

    @property
    def name(self) -> str:
        """What clients call it."""
        ...

    @property
    def descending(self) -> bool:
        """Whether the highest value comes first."""
        ...

    @property
    def nulls(self) -> Nulls | None:
        """Where missing values go; None leaves it to the place where the items are."""
        ...

    @property
    def read(self) -> Callable[[object], object]:
        """Gives the value of an item."""
        ...


def order_digest(parts: Iterable[object]) -> bytes:
    """Give a short mark of an order, the same in every process; a position carries it."""
    return blake2b(repr(tuple(parts)).encode(), digest_size=6).digest()


def neighbours(
    position: Position, order: bytes, edges: tuple[tuple[object, ...], tuple[object, ...]] | None, *, more: bool
) -> tuple[Position | None, Position | None]:
    """Find the positions of the pages before and after a page.

    Args:
        position: Where the page was read from.
        order: Digest of its order.
        edges: Sort values of its first and its last row; None for an empty page.
        more: Whether rows follow in the direction in which the page was read.

    Returns:
        Where to read the page before and the page after, or None where there is none.
    """
    if edges is None:
        # What the position pointed to is gone, and all beyond: lead back to the edge from which rows can be met.
        back = Position((), not position.backward, order) if position.values else None
        return (None, back) if position.backward else (back, None)
    came_from = bool(position.values)
    before = Position(edges[0], backward=True, order=order) if (more if position.backward else came_from) else None
    after = Position(edges[1], backward=False, order=order) if (came_from if position.backward else more) else None
    return before, after
