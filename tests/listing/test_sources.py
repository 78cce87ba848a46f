"""The same page from sessions, connections and sequences; the plain form; the guards on cursors over HTTP."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, aliased

from brickwork.listing import (
    CursorPage,
    CursorQuery,
    FilterSet,
    Keyset,
    Listing,
    ListQuery,
    Offset,
    Page,
    Related,
    Sort,
    SortKey,
    Total,
    Where,
)
from brickwork.problems import add_problem_handlers
from brickwork.testing import assert_problem
from tests.listing.apps import PRODUCTS, SECRET, ProductFilter, ProductOut, get, ids, shop
from tests.listing.models import Category, Product
from tests.listing.statements import catalogue, recorded


@pytest.fixture
async def stocked(session: AsyncSession) -> AsyncSession:
    """A session on the catalogue, on every database."""
    session.add_all(catalogue())
    await session.flush()
    return session


@pytest.mark.promise("listing-71")
async def test_eight_lines_list_a_table(stocked: AsyncSession) -> None:
    """A page of a table needs no statement; it is filtered, sorted and converted."""
    answer = await get(shop(stocked), "/products?price__gte=3&sort=name&size=2")

    assert answer.status_code == 200
    assert [set(item) for item in answer.json()["items"]] == [{"id", "name", "price", "status"}] * 2
    assert answer.json()["total"] == len((await stocked.scalars(select(Product).where(Product.price >= 3))).all())


@pytest.mark.promise("listing-71")
@pytest.mark.parametrize("path", ["?sort=name&size=4&page=2", "?sort=-price,name&size=3", "?sort=rank&price__gte=2"])
async def test_every_source_gives_the_same_page(sync_session: Session, path: str) -> None:
    """A session, a connection and a list of the same rows give the same items and the same total."""
    sync_session.add_all(catalogue())
    sync_session.flush()
    rows = sync_session.scalars(select(Product)).all()
    for each in rows:
        each.rank = each.id % 3
    sync_session.flush()
    listing = Listing(ProductFilter, sort=PRODUCTS, page=Offset(5))
    app, pages = FastAPI(), list[Any]()

    @app.get("/")
    async def read(query: Annotated[ListQuery[Product], Depends(listing)]) -> None:
        pages.append(query.page_sync(sync_session, into=ProductOut))
        pages.append(query.page_sync(sync_session.connection(), into=ProductOut))
        pages.append(query.slice(rows, into=ProductOut))
        items = query.items_sync(sync_session, into=ProductOut)
        pages.append(pages[0].model_copy(update={"items": items}))

    answer = await get(app, f"/{path}")

    assert answer.status_code == 200
    assert pages[0].items
    assert pages[1:] == [pages[0]] * 3


@pytest.mark.promise("listing-71")
async def test_an_asynchronous_connection_gives_the_same_page(stocked: AsyncSession) -> None:
    """Rows of columns convert like entities do."""
    listing = Listing(ProductFilter, sort=PRODUCTS, page=Offset(5))
    walk = Listing(ProductFilter, sort=PRODUCTS, page=Keyset(5, secret=SECRET))
    app, pages = FastAPI(), list[Any]()

    @app.get("/")
    async def read(query: Annotated[ListQuery[Product], Depends(listing)]) -> None:
        pages.append(await query.page(stocked, into=ProductOut))
        pages.append(await query.page(await stocked.connection(), into=ProductOut))

    @app.get("/walk")
    async def read_walk(query: Annotated[CursorQuery[Product], Depends(walk)]) -> None:
        pages.append(await query.page(stocked, into=ProductOut))
        pages.append(await query.page(await stocked.connection(), into=ProductOut))

    await get(app, "/?sort=name")
    await get(app, "/walk?sort=name")

    assert pages[0] == pages[1]
    assert pages[2] == pages[3]
    assert pages[0].items == pages[2].items


@pytest.mark.promise("listing-71")
async def test_a_statement_of_ones_own_is_filtered_and_sorted(stocked: AsyncSession) -> None:
    """Conditions of the app stay; its order stands only where nothing else is asked for."""
    listing = Listing(ProductFilter, page=Offset(50))
    app = FastAPI()

    @app.get("/")
    async def read(query: Annotated[ListQuery[Product], Depends(listing)]) -> Page[ProductOut]:
        statement = select(Product).where(Product.id > 3).order_by(Product.price.desc())
        return await query.page(stocked, statement, into=ProductOut)

    found = await ids(app, "/?price__gte=2")

    expected = select(Product.id).where(Product.id > 3, Product.price >= 2).order_by(Product.price.desc(), Product.id)
    assert found == list((await stocked.scalars(expected)).all())


@pytest.mark.promise("listing-71")
async def test_a_query_can_be_applied_to_any_select(stocked: AsyncSession) -> None:
    """`apply` adds filters and order without a page, for exports and for repositories."""
    listing = Listing(ProductFilter, sort=PRODUCTS, page=Offset(2))
    app, found = FastAPI(), list[int]()

    @app.get("/")
    async def export(query: Annotated[ListQuery[Product], Depends(listing)]) -> tuple[int, int, tuple[str, ...]]:
        statement = select(Product.id).order_by(Product.stock)  # of no more use than in a page
        found.extend((await stocked.scalars(query.apply(statement))).all())
        return query.size, query.offset, query.sort

    answer = await get(app, "/?price__gte=3&sort=-name&page=2")

    expected = select(Product.id).where(Product.price >= 3).order_by(Product.name.desc(), Product.id.desc())
    assert found == list((await stocked.scalars(expected)).all())
    assert answer.json() == [2, 2, ["-name"]]


@pytest.mark.promise("listing-72")
async def test_a_walk_gives_every_row_once(stocked: AsyncSession) -> None:
    """Pages by cursor add up to all rows, in the order of the database, and lead back again."""
    app = shop(stocked)
    every = list((await stocked.scalars(select(Product.id).order_by(Product.rank, Product.id))).all())
    seen, cursor, pages = list[int](), "", list[list[int]]()
    while True:
        answer = await get(app, f"/feed?sort=rank&size=3{cursor}")
        pages.append([item["id"] for item in answer.json()["items"]])
        seen += pages[-1]
        if answer.json()["next"] is None:
            break
        cursor = f"&cursor={answer.json()['next']}"
    back = await ids(app, f"/feed?sort=rank&size=3&cursor={answer.json()['previous']}")

    assert seen == every
    assert back == pages[-2]


@pytest.mark.promise("listing-72")
async def test_a_statement_of_ones_own_is_walked(stocked: AsyncSession) -> None:
    """Conditions of the app stay with every page of a walk."""
    walk = Listing(ProductFilter, sort=PRODUCTS, page=Keyset(2, secret=SECRET))
    app = FastAPI()

    @app.get("/")
    async def read(query: Annotated[CursorQuery[Product], Depends(walk)]) -> CursorPage[ProductOut]:
        return await query.page(stocked, select(Product).where(Product.id > 5), into=ProductOut)

    first = await get(app, "/?sort=-id")
    second = await ids(app, f"/?sort=-id&cursor={first.json()['next']}")

    every = select(Product.id).where(Product.id > 5).order_by(Product.id.desc())
    assert [item["id"] for item in first.json()["items"]] + second == list((await stocked.scalars(every)).all())[:4]


@pytest.mark.promise("listing-73")
@pytest.mark.parametrize(
    ("cursor", "reason"),
    [("abc", "malformed"), ("", "malformed"), ("é", "malformed"), ("A" * 5000, "malformed"), ("%00", "malformed")],
)
async def test_a_bad_cursor_is_400(stocked: AsyncSession, cursor: str, reason: str) -> None:
    """Junk is refused with the parameter's name and the reason, before anything is read."""
    app = shop(stocked)
    add_problem_handlers(app)

    with recorded(stocked) as statements:
        answer = await get(app, f"/feed?cursor={cursor}")

    problem = assert_problem(answer, 400, slug="invalid-cursor")
    assert (problem["parameter"], problem["reason"]) == ("cursor", reason)
    assert statements == []


@pytest.mark.promise("listing-73")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/feed?sort=name&size=2&cursor=", 200),
        ("/feed?sort=name&size=7&cursor=", 200),
        ("/feed?sort=-name&size=2&cursor=", 400),
        ("/feed?sort=price&size=2&cursor=", 400),
        ("/feed?size=2&cursor=", 400),
        ("/feed?sort=name&size=2&price__gte=1&cursor=", 400),
        ("/feed?sort=name&size=2&q=a&cursor=", 400),
        ("/others?sort=name&size=2&cursor=", 400),
    ],
)
async def test_a_cursor_is_good_for_one_list(stocked: AsyncSession, path: str, status: int) -> None:
    """It opens for the same path, filters and order; the size may change on the way."""
    app = shop(stocked)
    walk = Listing(ProductFilter, sort=PRODUCTS, page=Keyset(5, secret=SECRET))

    @app.get("/others")
    async def others(query: Annotated[CursorQuery[Product], Depends(walk)]) -> CursorPage[ProductOut]:
        return await query.page(stocked, into=ProductOut)

    cursor = (await get(app, "/feed?sort=name&size=2")).json()["next"]
    answer = await get(app, path + cursor)

    assert answer.status_code == status


@pytest.mark.promise("listing-71")
async def test_bare_lists_tell_the_rest_in_headers(stocked: AsyncSession) -> None:
    """A list without an envelope has its total and its links beside it."""
    listing = Listing(ProductFilter, sort=PRODUCTS, page=Offset(5))
    uncounted = Listing(ProductFilter, sort=PRODUCTS, page=Offset(5, total=Total.none()))
    app = FastAPI()

    @app.get("/counted")
    async def counted(query: Annotated[ListQuery[Product], Depends(listing)]) -> list[ProductOut]:
        return await query.items(stocked, into=ProductOut)

    @app.get("/uncounted")
    async def not_counted(query: Annotated[ListQuery[Product], Depends(uncounted)]) -> list[ProductOut]:
        return await query.items(stocked, into=ProductOut)

    answer = await get(app, "/counted")

    assert len(answer.json()) == 5
    assert answer.headers["x-total-count"] == str(len(catalogue()))
    assert 'rel="next"' in answer.headers["link"]
    assert "x-total-count" not in (await get(app, "/uncounted")).headers


@pytest.mark.promise("listing-71")
async def test_a_listing_without_a_model_says_what_it_lacks(stocked: AsyncSession) -> None:
    """A statement or a model is needed to read from a database, and the error says so."""
    bare = Listing(page=Offset(5))
    named = Listing(model=Category, page=Offset(5))
    app, errors = FastAPI(), list[TypeError]()

    @app.get("/bare")
    async def read(query: Annotated[ListQuery[Category], Depends(bare)]) -> int:
        with pytest.raises(TypeError, match="knows no model") as caught:
            await query.page(stocked)
        errors.append(caught.value)
        page = await query.page(stocked, select(Category).order_by(Category.id))
        return len(page.items)

    @app.get("/named")
    async def read_named(query: Annotated[ListQuery[Category], Depends(named)]) -> int:
        return len((await query.page(stocked)).items)

    assert (await get(app, "/bare")).json() == (await get(app, "/named")).json()
    assert len(errors) == 1


class StockedFilter(FilterSet):
    """Filters that do not say of which model they are."""

    stocked: Annotated[bool | None, Where(lambda wanted: (Product.stock > 0) == wanted)] = None
    price__gte: Decimal | None = None


@pytest.mark.promise("listing-23", "listing-71")
@pytest.mark.parametrize(
    "keys",
    [
        [Product.price],
        [Related(Product.category, Category.slug)],
        [SortKey(Product.price * 2, name="twice"), Product.rank],
    ],
    ids=["an attribute", "what is related", "an expression beside an attribute"],
)
@pytest.mark.parametrize(
    ("breaker", "statement"),
    [((), None), ((), select(Product)), (Product.id, select(Product))],
    ids=["no statement", "a statement", "a tie-breaker"],
)
async def test_a_walk_finds_its_model_in_the_sort(
    stocked: AsyncSession, keys: list[Any], breaker: Any, statement: Select[Any] | None
) -> None:
    """Where the filters name no model they filter that of the sort, whose primary key parts rows that are equal."""
    order = Sort(*keys, tie_breaker=breaker)
    walk = Listing(StockedFilter, sort=order, page=Keyset(100, secret=SECRET))
    app = FastAPI()

    @app.get("/feed")
    async def read(query: Annotated[CursorQuery[Product], Depends(walk)]) -> list[int]:
        return [product.id for product in (await query.page(stocked, statement)).items]

    found = (await get(app, f"/feed?stocked=true&price__gte=1&sort={order.names[0]}")).json()

    sorted_by = [key.order_by(stocked.get_bind().dialect.name) for key in order.order(order.names[:1], Product)]
    matching = select(Product.id).where(Product.stock > 0, Product.price >= 1)
    wanted = await stocked.scalars(matching.order_by(*sorted_by))
    assert found == list(wanted)


@pytest.mark.promise("listing-72")
async def test_a_walk_is_synchronous_too(sqlite_session: Session) -> None:
    """A session without `await` gives the same pages, one after the other."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    feed = Listing(ProductFilter, sort=PRODUCTS, page=Keyset(5, secret=SECRET))
    app = FastAPI()

    @app.get("/feed")
    async def read(query: Annotated[CursorQuery[Product], Depends(feed)]) -> CursorPage[ProductOut]:
        return query.page_sync(sqlite_session, into=ProductOut)

    first = (await get(app, "/feed?sort=name")).json()
    found = first["items"] + (await get(app, f"/feed?sort=name&cursor={first['next']}")).json()["items"]

    expected = sqlite_session.scalars(select(Product.id).order_by(Product.name, Product.id).limit(10)).all()
    assert [item["id"] for item in found] == list(expected)


@pytest.mark.promise("listing-71")
@pytest.mark.parametrize(
    "statement",
    [select(aliased(Product)), select(aliased(Product, select(Product).subquery())), select(Category)],
    ids=["alias", "subquery", "another model"],
)
async def test_filters_never_meet_the_rows_of_something_else(sqlite_session: Session, statement: Select[Any]) -> None:
    """Beside what is selected, the model of the listing would give each row as often as it has rows itself."""
    products = Listing(ProductFilter, page=Offset(5))
    app = FastAPI()

    @app.get("/")
    async def read(query: Annotated[ListQuery[Product], Depends(products)]) -> int:
        with pytest.raises(TypeError, match="does not select from Product"):
            query.page_sync(sqlite_session, statement)
        return len(sqlite_session.scalars(query.apply(select(Category).join(Category.products))).all())

    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    assert (await get(app, "/?price__gte=1")).json() > 0


@pytest.mark.promise("listing-71")
async def test_a_union_can_be_listed_but_not_filtered(stocked: AsyncSession) -> None:
    """Filters need one SELECT to go into; the error says how to get one."""
    union = select(Product.id).where(Product.id < 3).union(select(Product.id).where(Product.id > 9))
    bare, filtered = Listing(page=Offset(5)), Listing(ProductFilter, page=Offset(5))
    cursors = Listing(model=Product, page=Keyset(5, secret=SECRET))
    app = FastAPI()

    @app.get("/bare")
    async def read(query: Annotated[ListQuery[Any], Depends(bare)]) -> int | None:
        return (await query.page(stocked, union)).total

    @app.get("/walk")
    async def walk(query: Annotated[CursorQuery[Any], Depends(cursors)]) -> None:
        with pytest.raises(TypeError, match="select from it as a subquery"):
            await query.page(stocked, union)

    @app.get("/filtered")
    async def read_filtered(query: Annotated[ListQuery[Any], Depends(filtered)]) -> None:
        with pytest.raises(TypeError, match="before it is combined"):
            await query.page(stocked, union)

    expected = len((await stocked.execute(union)).all())
    assert (await get(app, "/bare")).json() == expected
    assert (await get(app, "/filtered")).status_code == 200
    assert (await get(app, "/walk")).status_code == 200
