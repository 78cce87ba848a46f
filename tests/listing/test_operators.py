"""What each operator finds, on every database and in Python."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from brickwork.listing import FilterSet
from tests.listing.finding import found, found_sync
from tests.listing.models import Product, Status

ONE = UUID(int=1)
TWO = UUID(int=2)


class ProductFilter(FilterSet, model=Product):
    """Every operator, and every kind of column."""

    rank: int | None = None
    rank__eq: int | None = None
    rank__ne: int | None = None
    rank__gt: int | None = None
    rank__gte: int | None = None
    rank__lt: int | None = None
    rank__lte: int | None = None
    rank__in: list[int] | None = None
    rank__not_in: list[int] | None = None
    rank__between: list[int] | None = None
    rank__isnull: bool | None = None
    description: str | None = None
    description__ne: str | None = None
    description__in: list[str] | None = None
    description__contains: str | None = None
    description__startswith: str | None = None
    description__endswith: str | None = None
    description__iexact: str | None = None
    description__icontains: str | None = None
    description__istartswith: str | None = None
    description__iendswith: str | None = None
    sku: UUID | None = None
    sku__in: list[UUID] | None = None
    sku__gt: UUID | None = None
    discount: Decimal | None = None
    discount__gte: Decimal | None = None
    discount__in: list[Decimal] | None = None
    discount__between: tuple[Decimal, Decimal] | None = None
    rating__gt: float | None = None
    rating__in: set[float] | None = None
    featured: bool | None = None
    featured__ne: bool | None = None
    previous_status: Status | None = None
    previous_status__ne: Status | None = None
    previous_status__in: list[Status] | None = None
    previous_status__not_in: list[Status] | None = None
    released_on__gte: date | None = None
    released_on__between: list[date] | None = None
    opens_at__lt: time | None = None
    delivery__lte: timedelta | None = None
    created_at__gte: datetime | None = None
    created_at__in: list[datetime] | None = None
    local_time__lt: datetime | None = None
    picture__isnull: bool | None = None
    attributes__isnull: bool | None = None


ROWS = (
    Product(
        name="one",
        rank=1,
        description="50% off",
        sku=ONE,
        discount=Decimal("0.10"),
        rating=0.5,
        featured=True,
        previous_status=Status.DRAFT,
        released_on=date(2024, 5, 31),
        opens_at=time(9, 30),
        delivery=timedelta(days=1),
        created_at=datetime(2024, 5, 31, 12, tzinfo=UTC),
        local_time=datetime(2024, 5, 31, 12),  # noqa: DTZ001 - the column has no time zone
        attributes={"a": 1},
        picture=b"\x00",
    ),
    Product(
        name="two",
        rank=2,
        description="50 of it, Offen",
        sku=TWO,
        discount=Decimal("0.30"),
        rating=1.5,
        featured=False,
        previous_status=Status.ON_SALE,
        released_on=date(2024, 6, 1),
        opens_at=time(18),
        delivery=timedelta(hours=3),
        created_at=datetime(2024, 5, 31, 12, 0, 0, 1, tzinfo=UTC),
        local_time=datetime(2024, 6, 1),  # noqa: DTZ001 - the column has no time zone
    ),
    Product(name="three", rank=3, description="a_b\\c'd\"e!f"),
    Product(name="four", description="aXb OFF"),
    Product(name="none", description=None),
)

QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "one two three four none"),
    ({"rank": "2"}, "two"),
    ({"rank__eq": "2"}, "two"),
    ({"rank__ne": "2"}, "one three four none"),
    ({"rank__gt": "1"}, "two three"),
    ({"rank__gte": "2"}, "two three"),
    ({"rank__lt": "2"}, "one"),
    ({"rank__lte": "2"}, "one two"),
    ({"rank__in": "1,3"}, "one three"),
    ({"rank__in": ["1", "3"]}, "one three"),
    ({"rank__in": []}, ""),
    ({"rank__not_in": "1,3"}, "two four none"),
    ({"rank__not_in": []}, "one two three four none"),
    ({"rank__between": "2,3"}, "two three"),
    ({"rank__between": ["2", "2"]}, "two"),
    ({"rank__isnull": "true"}, "four none"),
    ({"rank__isnull": "false"}, "one two three"),
    ({"description": "50% off"}, "one"),
    ({"description__ne": "50% off"}, "two three four none"),
    ({"description__in": ["50 of it, Offen", "x"]}, "two"),
    ({"description__in": "50 of it, Offen"}, ""),
    ({"description__contains": "0%"}, "one"),
    ({"description__contains": "0_"}, ""),
    ({"description__contains": "a_b"}, "three"),
    ({"description__contains": "\\"}, "three"),
    ({"description__contains": "'"}, "three"),
    ({"description__contains": '"'}, "three"),
    ({"description__contains": "!"}, "three"),
    ({"description__contains": "off"}, "one"),
    ({"description__contains": ""}, "one two three four"),
    ({"description__startswith": "50"}, "one two"),
    ({"description__startswith": "_0"}, ""),
    ({"description__startswith": "A"}, ""),
    ({"description__startswith": ""}, "one two three four"),
    ({"description__endswith": "off"}, "one"),
    ({"description__endswith": "%"}, ""),
    ({"description__endswith": ""}, "one two three four"),
    ({"description__endswith": "a text that is longer than all"}, ""),
    ({"description__iexact": "AXB off"}, "four"),
    ({"description__iexact": "AXB %"}, ""),
    ({"description__icontains": "OFF"}, "one two four"),
    ({"description__icontains": "A_B"}, "three"),
    ({"description__istartswith": "AX"}, "four"),
    ({"description__istartswith": "%"}, ""),
    ({"description__iendswith": "Off"}, "one four"),
    ({"description__iendswith": "_FF"}, ""),
    ({"sku": str(ONE)}, "one"),
    ({"sku__in": f"{ONE},{TWO}"}, "one two"),
    ({"sku__gt": str(ONE)}, "two"),
    ({"discount": "0.1"}, "one"),
    ({"discount": "0.100"}, "one"),
    ({"discount__gte": "0.30"}, "two"),
    ({"discount__in": "0.10,0.30,0.2"}, "one two"),
    ({"discount__between": "0.1,0.2"}, "one"),
    ({"rating__gt": "0.5"}, "two"),
    ({"rating__in": {0.5, 1.5}}, "one two"),
    ({"featured": "true"}, "one"),
    ({"featured": "false"}, "two"),
    ({"featured__ne": "false"}, "one three four none"),
    ({"previous_status": "draft"}, "one"),
    ({"previous_status__ne": "draft"}, "two three four none"),
    ({"previous_status__in": "draft,on-sale"}, "one two"),
    ({"previous_status__not_in": "draft"}, "two three four none"),
    ({"released_on__gte": "2024-06-01"}, "two"),
    ({"released_on__between": "2024-05-31,2024-05-31"}, "one"),
    ({"opens_at__lt": "09:30:01"}, "one"),
    ({"delivery__lte": "PT3H"}, "two"),
    ({"created_at__gte": "2024-05-31T12:00:00.000001Z"}, "two"),
    ({"created_at__in": "2024-05-31T14:00:00+02:00"}, "one"),
    ({"created_at__in": "2024-05-31T14:00:00 02:00"}, "one"),
    ({"local_time__lt": "2024-06-01"}, "one"),
    ({"local_time__lt": "2024-06-01T00:00"}, "one"),
    ({"picture__isnull": "false"}, "one"),
    ({"attributes__isnull": "false"}, "one"),
    ({"attributes__isnull": "true"}, "two three four none"),
    ({"rank__gte": "1", "rank__lt": "3", "description__contains": "50"}, "one two"),
]


def rows() -> list[Product]:
    """The rows, once more for every test."""
    columns = [each.key for each in Product.__table__.columns if each.key not in {"id", "price"}]
    return [
        Product(**{key: getattr(row, key) for key in columns if getattr(row, key, None) is not None}) for row in ROWS
    ]


@pytest.mark.promise("listing-1")
@pytest.mark.promise("listing-2")
@pytest.mark.promise("listing-3")
async def test_operators_mean_the_same_everywhere(session: AsyncSession) -> None:
    """Each operator finds its rows on every database and in Python; NULL matches `ne`, `not_in` and `isnull` alone."""
    session.add_all(rows())
    await session.flush()

    answers = [
        (asked, " ".join(await found(session, ProductFilter.model_validate(asked)))) for asked, expected in QUESTIONS
    ]

    assert answers == QUESTIONS


def test_operators_synchronously(sync_session: Session) -> None:
    """A synchronous session finds the same."""
    sync_session.add_all(rows())
    sync_session.flush()

    answers = [
        (asked, " ".join(found_sync(sync_session, ProductFilter.model_validate(asked)))) for asked, _ in QUESTIONS
    ]

    assert answers == QUESTIONS
