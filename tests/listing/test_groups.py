"""Groups and distinct rows, whose pages are sorted by what they have."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import Row, Select, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from brickwork.listing import Keyset, Listing, Offset, Related, Sort, SortKey
from tests.listing.apps import SECRET, get
from tests.listing.models import Category, Product, Review, product_tags
from tests.listing.shelves import stocked

count = func.count(Product.id)
lowered = func.lower(Product.name)
doubled = Product.stock * 2
named = Product.name.label("title")
SORT = Sort(
    Product.id,
    Product.name,
    Product.stock,
    SortKey(count, name="count"),
    SortKey(lowered, name="lowered"),
    SortKey(doubled, name="doubled"),
    SortKey(-doubled, name="negative"),
    SortKey(Category.position, name="position", nullable=True),
    SortKey(Related(Product.category, Category.title)),
    tie_breaker=Product.id,
)
by_name = Sort(Product.name, Product.stock, tie_breaker=Product.name)
by_lowered = Sort(tie_breaker=SortKey(lowered, name="lowered"))

FIRST_OF_NAME: Select[Any] = (
    select(Product).ext(postgresql.distinct_on(Product.name))
    if hasattr(postgresql, "distinct_on")  # not before SQLAlchemy 2.1, after which the other form is deprecated
    else select(Product).distinct(Product.name)
)

SORTED: dict[str, tuple[Select[*tuple[Any, ...]], Sort, str, list[Any]]] = {
    "distinct column": (select(Product.name).distinct(), by_name, "-name", ["product 2", "product 1", "product 0"]),
    "distinct label": (select(named).distinct(), by_name, "-name", ["product 2", "product 1", "product 0"]),
    "distinct expression": (select(lowered).distinct(), by_lowered, "", ["product 0", "product 1", "product 2"]),
    "distinct columns": (select(Product.id, Product.name).distinct(), SORT, "-id", list(range(10, 0, -1))),
    "groups": (
        select(Product.name, count).group_by(Product.name),
        by_name,
        "name",
        ["product 0", "product 1", "product 2"],
    ),
    "grouped label": (select(named).group_by(named), by_name, "name", ["product 0", "product 1", "product 2"]),
    "grouped name": (select(named).group_by("title"), by_name, "-name", ["product 2", "product 1", "product 0"]),
    "grouped expression": (
        select(doubled).group_by(doubled),
        Sort(SortKey(-doubled, name="negative"), tie_breaker=SortKey(doubled, name="doubled")),
        "negative",
        [2, 0],
    ),
    "grouped by primary key": (
        select(Product.id, func.count(Review.id)).outerjoin(Review).group_by(Product.id),
        SORT,
        "-name,-id",
        [8, 5, 2, 10, 7, 4, 1, 9, 6, 3],
    ),
}


REFUSED: dict[str, tuple[Select[*tuple[Any, ...]], Sort, str, str]] = {
    "distinct, another column": (select(Product.name).distinct(), SORT, "stock,id", "need 'stock' among its columns"),
    "distinct, primary key": (select(Product.name).distinct(), SORT, "name", "tie_breaker=…"),
    "distinct entity, a column of a join": (
        select(Product).join(Product.category).distinct(),
        SORT,
        "position",
        "distinct() makes one row of several",
    ),
    "distinct on, another first": (
        FIRST_OF_NAME,
        SORT,
        "stock",
        "as a subquery",
    ),
    "groups, another column": (select(Product.name).group_by(Product.name), by_name, "stock", "'stock', for products."),
    "groups, a part of the key": (
        select(product_tags.c.tag_id).group_by(product_tags.c.tag_id),
        Sort(product_tags.c.product_id, tie_breaker=product_tags.c.tag_id),
        "product_id",
        "has many values in each",
    ),
    "groups, an expression": (select(Product.name).group_by(Product.name), SORT, "negative", "by an aggregate"),
}


def listed(statement: Select[Any], sort: Sort, session: Session, **options: Any) -> tuple[FastAPI, list[Any]]:
    """Make an application that reads a page of a statement, and a list that gets its first column, or the error."""
    app, listing, read = FastAPI(), Listing(sort=sort, **options), list[Any]()

    @app.get("/rows")
    async def rows(query: Annotated[Any, Depends(listing)]) -> None:
        try:
            items = query.page_sync(session, statement).items
        except TypeError as error:
            read.append(str(error))
        else:
            read.append([row[0] if isinstance(row, Row) else getattr(row, "id", row) for row in items])

    return app, read


@pytest.mark.promise("listing-45")
@pytest.mark.parametrize("form", SORTED)
async def test_what_groups_and_distinct_rows_are_sorted_by(sync_session: Session, form: str) -> None:
    """What is selected or grouped by, aggregates, and all columns of a table whose primary key is grouped by."""
    statement, sort, terms, expected = SORTED[form]
    app, read = listed(statement, sort, stocked(sync_session))

    await get(app, f"/rows?sort={terms}" if terms else "/rows")

    assert read == [expected]


@pytest.mark.promise("listing-45")
@pytest.mark.parametrize("page", [Offset(), Keyset(secret=SECRET)], ids=["by number", "by cursor"])
@pytest.mark.parametrize("form", REFUSED)
async def test_what_they_do_not_have_is_refused(sync_session: Session, form: str, page: Any) -> None:
    """An order that PostgreSQL would not take, and of which SQLite would make a guess, is refused with a way out."""
    statement, sort, terms, said = REFUSED[form]
    app, read = listed(statement, sort, sync_session, page=page)

    await get(app, f"/rows?sort={terms}" if terms else "/rows")

    assert said in read[0]


@pytest.mark.promise("listing-45")
@pytest.mark.parametrize("page", [Offset(), Keyset(secret=SECRET)], ids=["by number", "by cursor"])
@pytest.mark.parametrize("statement", [select(Category), select(Category).join(Category.products)])
async def test_distinct_entities_are_sorted_by_whatever_is_theirs(
    sync_session: Session, statement: Select[Any], page: Any
) -> None:
    """By expressions and related columns too, which PostgreSQL takes for distinct rows only where they are selected."""
    session = stocked(sync_session)
    session.get_one(Category, 1).parent_id = 2
    session.flush()
    sort = Sort(
        SortKey(func.lower(Category.slug), name="slug"),
        SortKey(Related(Category.parent, Category.title), nulls="first"),
        Category.position,
    )
    app, read = listed(statement.distinct(), sort, session, page=page, model=Category)

    for terms in ("slug", "-slug", "-parent__title", "-position,-slug"):
        await get(app, f"/rows?sort={terms}")

    assert read == [[1, 2], [2, 1], [2, 1], [2, 1]]


async def test_an_expression_of_distinct_rows_is_named_among_their_columns(sync_session: Session) -> None:
    """Pages by number need it there, as PostgreSQL does."""
    app, read = listed(select(Product.name).distinct(), by_lowered, sync_session)

    await get(app, "/rows")

    assert "need 'lowered' among its columns" in read[0]


@pytest.mark.parametrize("sync_database_url", ["postgresql+psycopg"], indirect=True)
async def test_distinct_on_is_sorted_by_what_it_is_on(sync_session: Session) -> None:
    """Where the order begins with that, PostgreSQL keeps the first row of each."""
    app, read = listed(FIRST_OF_NAME, SORT, stocked(sync_session), model=Product)

    await get(app, "/rows?sort=-name,id")

    assert read == [[2, 1, 3]]
