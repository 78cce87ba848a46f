"""Which values a filter takes, and how it says no."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Annotated, Any, cast
from uuid import UUID

import pytest
from fastapi import FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import ValidationError
from pydantic_core import PydanticCustomError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.listing import FilterSet, In
from brickwork.listing._rules.values import Kind
from tests.listing.models import Product, Status


class Size(IntEnum):
    """A whole number with a name."""

    SMALL = 1


class ProductFilter(FilterSet, model=Product):
    """A field for every kind of column."""

    stock: int | None = None
    stock__in: list[int] | None = None
    stock__between: list[int] | None = None
    rank: int | None = None
    rank__gt: Size | None = None
    views: int | None = None
    price: Decimal | None = None
    price__lt: int | None = None
    rating: float | None = None
    name: str | None = None
    name__in: Annotated[list[str] | None, In(Product.name, max_values=3)] = None
    status: Status | None = None
    released_on: date | None = None
    opens_at: time | None = None
    delivery: timedelta | None = None
    created_at: datetime | None = None
    created_at__between: tuple[datetime, datetime] | None = None
    local_time: datetime | None = None
    sku: UUID | None = None
    active: bool | None = None
    category__position: int | None = None
    attributes__n: int | None = None
    attributes__x: float | None = None


REFUSED = [
    ("stock", "32768", "at most 32767"),
    ("stock", "-32769", "at least -32768"),
    ("stock", "1e3", "a whole number"),
    ("stock", "1_000", "a whole number"),
    ("stock", "٣", "a whole number"),
    ("stock", " 1", "a whole number"),
    ("stock", "1.0", "a whole number"),
    ("stock", "", "a whole number"),
    ("stock", "9" * 5000, "a whole number"),
    ("stock__in", "1,99999", "at most 32767"),
    ("stock__in", "", "a whole number"),
    ("stock__in", ",".join(["1"] * 101), "at most 100 values"),
    ("stock__in", ["1"] * 101, "at most 100 values"),
    ("stock__between", "2,1", "the lower bound first"),
    ("stock__between", "1", "two values"),
    ("stock__between", "1,2,3", "two values"),
    ("stock__between", ["1"], "two values"),
    ("rank", str(2**31), "at most 2147483647"),
    ("rank__gt", "2", "1"),
    ("views", str(2**63), "at most 9223372036854775807"),
    ("views", str(10**30), "at most 9223372036854775807"),
    ("category__position", "40000", "at most 32767"),
    ("attributes__n", str(10**30), "at most 9223372036854775807"),
    ("attributes__x", "nan", "a number"),
    ("price", "100000000", "at most 99999999.99"),
    ("price", "-100000000", "at least -99999999.99"),
    ("price", "0.001", "at most 2 digits after the point"),
    ("price", "NaN", "a number"),
    ("price", "Infinity", "a number"),
    ("price", "1e3", "a number"),
    ("price", Decimal("NaN"), "finite"),
    ("price__lt", 10**9, "at most 99999999.99"),
    ("rating", "nan", "a number"),
    ("rating", "inf", "a number"),
    ("rating", "1e999", "finite"),
    ("name", "a\0b", "NUL"),
    ("name", "\ud800", "UTF-8"),
    ("name__in", "a,b,c,d", "at most 3 values"),
    ("name__in", "a\0", "NUL"),
    ("status", "gone", "'draft', 'on-sale' or 'sold-out'"),
    ("released_on", "2024-02-30", "date"),
    ("released_on", "1700000000", "a date"),
    ("released_on", "2024-05-31T00:00:00", "a date"),
    ("opens_at", "09:30:00+02:00", "a time of day"),
    ("opens_at", time(9, tzinfo=UTC), "no offset"),
    ("delivery", "P800000D", "at most 700000 days"),
    ("created_at", "2024-05-31T12:00:00", "offset from UTC"),
    ("created_at", "2024-05-31", "offset from UTC"),
    ("created_at", "1700000000", "a date and time"),
    ("created_at", "9999-12-31T23:59:59-14:00", "between the years 1 and 9999"),
    ("created_at", "0001-01-01T00:00:00+14:00", "between the years 1 and 9999"),
    ("created_at__between", "2024-05-31T12:00:00,2024-06-01T12:00:00", "offset from UTC"),
    ("created_at__between", "2024-05-31T12:00:00Z,2024-05-31T12:00:00+02:00", "the lower bound first"),
    ("local_time", "2024-05-31T12:00:00Z", "no offset"),
    ("sku", "no-uuid", "valid UUID"),
    ("active", "maybe", "valid boolean"),
]

TAKEN = [
    ("stock", "-5", -5),
    ("stock", "+5", 5),
    ("stock", 7, 7),
    ("price", "12.500", Decimal("12.500")),
    ("price", "0", Decimal(0)),
    ("price__lt", "5", 5),
    ("rank__gt", "1", Size.SMALL),
    ("rating", "1e3", 1000.0),
    ("name", "a,b", "a,b"),
    ("name__in", "a,b", ["a", "b"]),
    ("name__in", ["a,b", "c"], ["a,b", "c"]),
    ("name__in", ["a,b"], ["a", "b"]),
    ("name__in", ["", ""], ["", ""]),
    ("status", "on-sale", Status.ON_SALE),
    ("opens_at", "09:30", time(9, 30)),
    ("created_at", "2024-05-31T14:00:00+02:00", datetime(2024, 5, 31, 12, tzinfo=UTC)),
    ("created_at", "2024-05-31T14:00:00 02:00", datetime(2024, 5, 31, 12, tzinfo=UTC)),
    ("local_time", "2024-05-31 12:00", datetime(2024, 5, 31, 12)),  # noqa: DTZ001 - without a time zone on purpose
    ("local_time", "2024-05-31", datetime(2024, 5, 31)),  # noqa: DTZ001 - without a time zone on purpose
    ("active", "true", True),
    ("attributes__x", "0.5", 0.5),
]


@pytest.mark.promise("listing-8")
@pytest.mark.promise("listing-9")
@pytest.mark.parametrize(("name", "value", "reason"), REFUSED, ids=lambda each: repr(each)[:40])
def test_refused_values(name: str, value: Any, reason: str) -> None:
    """What a column could never hold, or what is written otherwise, is refused under the parameter's name."""
    with pytest.raises(ValidationError) as refusal:
        ProductFilter.model_validate({name: value})

    (error,) = refusal.value.errors()
    assert error["loc"][0] == name
    assert reason in error["msg"]


@pytest.mark.parametrize(("name", "value", "expected"), TAKEN)
def test_taken_values(name: str, value: Any, expected: object) -> None:
    """What is written as such a value is, arrives as that value; instants arrive in UTC."""
    taken = getattr(ProductFilter.model_validate({name: value}), name)

    assert taken == expected
    assert type(taken) is type(expected)


@pytest.mark.promise("listing-8")
def test_refusals_name_the_parameter() -> None:
    """Over HTTP each refusal is a 422 that names the query parameter."""
    app = FastAPI()

    @app.get("/")
    def read(filters: Annotated[ProductFilter, Query()]) -> str:
        return repr(filters)

    with TestClient(app) as client:
        answer = client.get("/?stock=99999&created_at=2024-05-31T12:00:00&status=gone&category__position=99999")

    assert answer.status_code == 422
    assert [each["loc"] for each in answer.json()["detail"]] == [
        ["query", "stock"],
        ["query", "status"],
        ["query", "created_at"],
        ["query", "category__position"],
    ]


@pytest.mark.promise("listing-8")
async def test_limits_are_taken_by_the_database(session: AsyncSession) -> None:
    """The extreme values that are taken are no error in any database."""
    extremes: dict[str, list[object]] = {
        "stock": [-(2**15), 2**15 - 1],
        "rank": [-(2**31), 2**31 - 1],
        "views": [-(2**63), 2**63 - 1],
        "price": [Decimal("-99999999.99"), Decimal("99999999.99")],
        "rating": [-1.7e308, 5e-324],
        "name": ["\U0010ffff", "'; drop table products; --"],
        "released_on": [date.min, date.max],
        "opens_at": [time.min, time.max],
        "delivery": [timedelta(days=-700_000), timedelta(days=700_000)],
        "created_at": [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)],
        "local_time": [datetime.min, datetime.max],  # noqa: DTZ901 - without a time zone on purpose
        "sku": [UUID(int=0), UUID(int=2**128 - 1)],
        "attributes__n": [-(2**63), 2**63 - 1],
        "attributes__x": [-1.7e308, 5e-324],
    }

    for name, values in extremes.items():
        for value in values:
            filters = ProductFilter.model_validate({name: value})
            rows = (await session.scalars(filters.apply(select(Product)))).all()
            assert list(cast("list[Product]", rows)) == []


def test_kinds_stand_on_their_own() -> None:
    """A value that pydantic would have refused, or that no column bounds, is judged as well."""
    with pytest.raises(PydanticCustomError, match="finite"):
        Kind("decimal").check(Decimal("NaN"))

    local = datetime(2024, 5, 31)  # noqa: DTZ001 - without a time zone on purpose
    assert Kind("any").check(local) is local
    assert Kind("any").check(ProductFilter) is ProductFilter


def test_floats_of_objects_are_read_by_their_digits() -> None:
    """An object that holds a float where the column holds a decimal is compared by the digits that a person sees."""
    filters = ProductFilter(price=Decimal("0.10"))

    assert filters.matches({"price": 0.1})
    assert not filters.matches({"price": 0.11})


def test_printed_statements_show_the_pattern() -> None:
    """A statement for a database that we know nothing of folds case on both sides."""

    class Filter(FilterSet, model=Product):
        name__icontains: str | None = None
        name__contains: str | None = None

    sql = str(Filter(name__icontains="a", name__contains="b").apply(select(Product.id)))

    assert "lower(products.name) LIKE lower(:param_1) ESCAPE '!'" in sql
    assert "products.name LIKE :param_2 ESCAPE '!'" in sql
