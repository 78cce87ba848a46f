"""What filters find, in a database and in Python, which must agree."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, selectinload

from brickwork.listing import FilterSet
from tests.listing.models import Category, Product

# As they come from the database, which may have changed them on the way.
_ALL = (
    select(Product)
    .options(
        selectinload(Product.category).selectinload(Category.parent).selectinload(Category.parent),
        selectinload(Product.category).selectinload(Category.products),
        selectinload(Product.tags),
        selectinload(Product.reviews),
    )
    .order_by(Product.id)
)


async def found(session: AsyncSession, filters: FilterSet) -> list[str]:
    """Names of the products that the filters find; Python has found the same."""
    if "products" not in session.info:
        session.expunge_all()
        session.info["products"] = (await session.scalars(_ALL)).all()
    rows = (await session.scalars(filters.apply(select(Product.name)).order_by(Product.id))).all()
    return _agreed(session.info["products"], rows, filters)


def found_sync(session: Session, filters: FilterSet) -> list[str]:
    """The same, synchronous."""
    if "products" not in session.info:
        session.expunge_all()
        session.info["products"] = session.scalars(_ALL).all()
    rows = session.scalars(filters.apply(select(Product.name)).order_by(Product.id)).all()
    return _agreed(session.info["products"], rows, filters)


def _agreed(products: Sequence[Product], rows: Sequence[str], filters: FilterSet) -> list[str]:
    assert [each.name for each in products if filters.matches(each)] == list(rows)
    return list(rows)
