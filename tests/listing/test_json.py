"""Filters on values inside JSON documents."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

import pytest
from pydantic import create_model
from sqlalchemy import select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import CompileError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from brickwork.listing import FilterSet
from tests.listing.finding import found, found_sync
from tests.listing.models import Product


class ProductFilter(FilterSet, model=Product):
    """The same questions to a JSON column; `details` is JSONB on PostgreSQL."""

    attributes__v: str | None = None
    attributes__v__ne: str | None = None
    attributes__v__gt: str | None = None
    attributes__v__in: list[str] | None = None
    attributes__v__not_in: list[str] | None = None
    attributes__v__contains: str | None = None
    attributes__v__startswith: str | None = None
    attributes__v__endswith: str | None = None
    attributes__v__icontains: str | None = None
    attributes__v__istartswith: str | None = None
    attributes__v__iendswith: str | None = None
    attributes__v__iexact: str | None = None
    attributes__v__isnull: bool | None = None
    attributes__v__inner: str | None = None
    attributes__n: int | None = None
    attributes__n__ne: int | None = None
    attributes__n__gt: int | None = None
    attributes__n__gte: float | None = None
    attributes__n__lt: Decimal | None = None
    attributes__n__lte: int | None = None
    attributes__n__in: list[float] | None = None
    attributes__n__between: list[int] | None = None
    attributes__b: bool | None = None
    attributes__v__0: str | None = None
    attributes__v__0__isnull: bool | None = None
    attributes__0: str | None = None
    attributes__isnull: bool | None = None


QUESTIONS: list[tuple[dict[str, str], str]] = [
    ({"v": "red"}, "red"),
    ({"v__ne": "red"}, "caps number flag null object list empty key top nothing"),
    ({"v__gt": "f"}, "red"),
    ({"v__in": "red,RED 5%"}, "red caps"),
    ({"v__not_in": "red,RED 5%"}, "number flag null object list empty key top nothing"),
    ({"v__contains": "5%"}, "caps"),
    ({"v__contains": "e"}, "red"),
    ({"v__startswith": "R"}, "caps"),
    ({"v__endswith": "d"}, "red"),
    ({"v__icontains": "E"}, "red caps"),
    ({"v__istartswith": "re"}, "red caps"),
    ({"v__iendswith": "D"}, "red"),
    ({"v__iexact": "reD"}, "red"),
    ({"v__isnull": "true"}, "null empty top nothing"),
    ({"v__isnull": "false"}, "red caps number flag object list key"),
    ({"v__inner": "deep"}, "object"),
    ({"v__0": "red"}, "key"),
    ({"v__0__isnull": "true"}, "red caps number flag null object list empty top nothing"),
    ({"0": "red"}, "key"),
    ({"n": "1"}, "red"),
    ({"n__ne": "1"}, "caps number flag null object list empty key top nothing"),
    ({"n__gt": "1"}, "caps number"),
    ({"n__gte": "1.5"}, "caps number"),
    ({"n__gte": "2e3"}, "number"),
    ({"n__lt": "1.6"}, "red caps"),
    ({"n__lte": "1"}, "red"),
    ({"n__in": "1.5,7"}, "caps"),
    ({"n__between": "1,2"}, "red caps"),
    ({"b": "true"}, "red"),
    ({"b": "false"}, "caps"),
    ({"isnull": "true"}, "nothing"),
    ({"isnull": "false"}, "red caps number flag null object list empty key top"),
]

DOCUMENTS: dict[str, Any] = {
    "red": {"v": "red", "n": 1, "b": True},
    "caps": {"v": "RED 5%", "n": 1.5, "b": False},
    "number": {"v": 5, "n": 9_007_199_254_740_993, "b": 1},
    "flag": {"v": True, "n": True, "b": "true"},
    "null": {"v": None, "n": None, "b": None},
    "object": {"v": {"inner": "deep"}, "n": {"v": 1}, "b": {}},
    "list": {"v": ["red"], "n": [1], "b": [True]},
    "empty": {},
    "key": {"v": {"0": "red"}, "0": "red"},
    "top": ["red"],
    "nothing": None,
}


_make = cast("Callable[..., type[FilterSet]]", create_model)
DetailsFilter = _make(
    "DetailsFilter",
    __base__=FilterSet,
    __cls_kwargs__={"model": Product},
    **{
        name.replace("attributes", "details"): (field.annotation, None)
        for name, field in ProductFilter.model_fields.items()
    },
)

CASES: list[tuple[type[FilterSet], dict[str, str], str]] = [
    *(
        (ProductFilter, {f"attributes__{name}": value for name, value in asked.items()}, names)
        for asked, names in QUESTIONS
    ),
    *(
        (DetailsFilter, {f"details__{name}": value for name, value in asked.items()}, names)
        for asked, names in QUESTIONS
    ),
]


def rows() -> list[Product]:
    """A row for every type that JSON knows."""
    return [Product(name=name, attributes=each, details=each) for name, each in DOCUMENTS.items()]


@pytest.mark.promise("listing-7")
async def test_paths_into_documents(session: AsyncSession) -> None:
    """Each operator finds values of its annotated type; a row that holds another never matches, and never fails."""
    session.add_all(rows())
    await session.flush()

    answers = [" ".join(await found(session, filters.model_validate(asked))) for filters, asked, _ in CASES]

    assert answers == [names for _, _, names in CASES]


def test_paths_into_documents_synchronously(sync_session: Session) -> None:
    """A synchronous session finds the same."""
    sync_session.add_all(rows())
    sync_session.flush()

    answers = [" ".join(found_sync(sync_session, filters.model_validate(asked))) for filters, asked, _ in CASES]

    assert answers == [names for _, _, names in CASES]


def test_large_whole_numbers_are_exact(sync_session: Session) -> None:
    """A whole number is compared by all its digits, beyond those that a float can hold."""
    sync_session.add_all(rows())
    sync_session.flush()

    near = found_sync(sync_session, ProductFilter.model_validate({"attributes__n": "9007199254740992"}))
    exact = found_sync(sync_session, ProductFilter.model_validate({"attributes__n": "9007199254740993"}))

    assert (near, exact) == ([], ["number"])


# As text that JSON columns store; JSONB refuses the first three.
UNREADABLE: dict[str, str] = {
    "nul": r'{"v": "\u0000red", "n": 1}',
    "key": r'{"v": "red", "\u0000": 1, "n": 1}',
    "halves": r'{"v": "\ud83d\\\ude00", "w": ["\ude00", "\uD83D\uD83D\uDE00\uDE00"], "n": 1}',
    "whole": r'{"v": "\ud83d\ude00 \\u0000 \\ud83d", "n": 1}',
}


@pytest.mark.promise("listing-7")
def test_documents_that_postgresql_cannot_read(sync_session: Session) -> None:
    """A document with the character NUL, or with half of one, hides no other row, and the rest of it is found."""
    insert = text(
        "INSERT INTO products (name, price, stock, views, active, status, attributes) "
        "VALUES (:name, 1, 0, 0, true, 'DRAFT', :attributes)"
    )
    if sync_session.get_bind().dialect.name == "postgresql":
        insert = text(insert.text.replace(":attributes", "CAST(:attributes AS json)"))
    for name, document in UNREADABLE.items():
        sync_session.execute(insert, {"name": name, "attributes": document})

    questions: list[dict[str, object]] = [
        {"v": "red"},
        {"v__ne": "red"},
        {"v__startswith": "red"},
        {"v": "😀 \\u0000 \\ud83d"},
        {"v__isnull": False},
        {"n": 1},
    ]
    answers = [
        " ".join(found_sync(sync_session, ProductFilter.model_validate({f"attributes__{name}": value})))
        for question in questions
        for name, value in question.items()
    ]

    assert answers == ["key", "nul halves whole", "key", "whole", "nul key halves whole", "nul key halves whole"]


def test_other_databases_are_refused() -> None:
    """A database whose JSON functions are unknown gets an error that names the way out, not wrong rows."""
    statement = ProductFilter(attributes__v="red").apply(select(Product.id))

    with pytest.raises(CompileError, match="know SQLite and PostgreSQL, not mysql"):
        statement.compile(dialect=mysql.dialect())

    assert "json_typeof" in str(statement)
