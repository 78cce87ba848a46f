"""A small catalogue to walk through, whose ranks repeat and are missing."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from tests.listing.models import Category, Product

RANKS = [None, 2, 0, None, 1, 1, 2, 0, None, -1]


def stocked(session: Session) -> Session:
    """Fill an empty catalogue."""
    session.add_all([Category(id=1, slug="a", title=None), Category(id=2, slug="b", title="B")])
    session.flush()
    session.add_all(
        Product(id=at, name=f"product {at % 3}", rank=rank, category_id=(None, 1, 2)[at % 3], stock=at % 2)
        for at, rank in enumerate(RANKS, start=1)
    )
    session.commit()
    return session


def ids(rows: Sequence[Any]) -> list[int]:
    """Give the primary keys of rows."""
    return [row.id for row in rows]
