"""The plain form: parameters of a page, and one call."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Query, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from brickwork.listing import (
    LimitOffsetPage,
    LimitOffsetParams,
    Page,
    PageParams,
    Total,
    paginate,
    paginate_sync,
)
from tests.listing.apps import ProductOut, blamed, get
from tests.listing.models import Product
from tests.listing.statements import catalogue, recorded


@pytest.fixture
async def stocked(session: AsyncSession) -> AsyncSession:
    """A session on the catalogue, on every database."""
    session.add_all(catalogue())
    await session.flush()
    return session


@pytest.mark.promise("listing-74")
@pytest.mark.parametrize("form", [Query, Depends])
async def test_page_params_are_the_plain_form(stocked: AsyncSession, form: Any) -> None:
    """Number and size alone, as a query model or a dependency, and one call."""
    app = FastAPI()

    @app.get("/")
    async def read(params: Annotated[PageParams, form()], request: Request, response: Response) -> Page[ProductOut]:
        statement = select(Product).order_by(Product.price)
        return await paginate(stocked, statement, params, into=ProductOut, request=request, response=response)

    answer = await get(app, "/?page=2&size=5")

    every = (await stocked.scalars(select(Product.id).order_by(Product.price, Product.id))).all()
    assert [item["id"] for item in answer.json()["items"]] == list(every)[5:10]
    assert answer.json()["total"] == len(every)
    assert 'rel="prev"' in answer.headers["link"]
    for name in ("page=0", "page=abc", "size=101", "size=0", f"page={10**18}", f"page={10**30}", "page=1_0", "page=٣"):
        assert blamed(await get(app, f"/?{name}")) == [name.partition("=")[0]]


@pytest.mark.promise("listing-74")
@pytest.mark.parametrize("form", [Query, Depends])
async def test_skip_and_limit_are_the_other_plain_form(stocked: AsyncSession, form: Any) -> None:
    """Clients that skip and limit keep doing so, within bounds."""
    app = FastAPI()

    @app.get("/")
    async def read(params: Annotated[LimitOffsetParams, form()]) -> LimitOffsetPage[ProductOut]:
        return await paginate(stocked, select(Product), params, into=LimitOffsetPage[ProductOut], total=Total.none())

    answer = await get(app, "/?skip=5&limit=2")

    every = (await stocked.scalars(select(Product.id).order_by(Product.id))).all()
    assert [item["id"] for item in answer.json()["items"]] == list(every)[5:7]
    assert (answer.json()["skip"], answer.json()["limit"], answer.json()["total"]) == (5, 2, None)
    assert "link" not in answer.headers
    for name in ("skip=-1", "limit=0", "limit=101", "skip=10001"):
        assert blamed(await get(app, f"/?{name}")) == [name.partition("=")[0]]


@pytest.mark.promise("listing-74")
def test_the_plain_form_is_synchronous_too(sync_session: Session) -> None:
    """A page of columns, whose rows have no entity to be sorted by."""
    sync_session.add_all(catalogue())
    sync_session.flush()
    statement = select(Product.id, Product.name, Product.price, Product.status).order_by(Product.id)

    page = paginate_sync(sync_session, statement, PageParams(page=2, size=3), into=ProductOut)

    assert [item.id for item in page.items] == list(sync_session.scalars(select(Product.id).order_by(Product.id)))[3:6]
    assert PageParams(page=3, size=7).offset == 14


@pytest.mark.promise("listing-74")
def test_own_bounds_are_a_subclass(sync_session: Session) -> None:
    """Declaring a field again changes its default and its bounds."""

    class Params(PageParams):
        size: Annotated[int, Query(ge=1, le=500)] = 50

    assert Params().size == 50
    assert Params(size=500, page=2).offset == 500


@pytest.mark.promise("listing-74")
@pytest.mark.parametrize("form", [Query, Depends])
async def test_a_subclass_keeps_the_bounds_that_it_leaves_out(stocked: AsyncSession, form: Any) -> None:
    """Another default alone does not open the way to pages without end."""

    class Params(PageParams):
        size: int = 50

    class Stretch(LimitOffsetParams):
        limit: Annotated[int, Query(le=500)] = 50

    app = FastAPI()

    @app.get("/")
    async def read(params: Annotated[Params, form()], stretch: Annotated[Stretch, form()]) -> list[int]:
        return [params.size, stretch.limit]

    assert (await get(app, "/?limit=500")).json() == [50, 500]
    for name in ("size=0", "size=-1", "size=101", f"size={10**20}", "limit=0", "limit=501"):
        assert blamed(await get(app, f"/?{name}")) == [name.partition("=")[0]]


@pytest.mark.promise("listing-23")
def test_an_order_by_the_primary_key_is_completed_already(sync_session: Session) -> None:
    """The primary key is added to an order that lacks it, and to no other, whichever way it runs."""
    orders = ([Product.name, Product.id.desc()], [Product.id.desc().nulls_last()], [Product.name])

    with recorded(sync_session) as statements:
        for order in orders:
            paginate_sync(sync_session, select(Product).order_by(*order), PageParams(), into=ProductOut)

    keys = [statement.partition(" ORDER BY ")[2].partition(" LIMIT")[0] for statement in statements]
    assert keys == ["products.name, products.id DESC", "products.id DESC NULLS LAST", "products.name, products.id"]
