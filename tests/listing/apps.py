"""Applications with lists, and how to call them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any

import httpx2
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.listing import (
    CursorPage,
    CursorQuery,
    FilterSet,
    Keyset,
    Listing,
    ListQuery,
    Offset,
    Page,
    Search,
    Sort,
    Total,
)
from brickwork.testing import open_client
from tests.listing.models import Product, Status

SECRET = "a secret of more than thirty-two bytes"


class Brick(BaseModel):
    """Something to list in Python."""

    id: int
    colour: str
    price: int


class BrickFilter(FilterSet):
    """What bricks are filtered by."""

    colour__in: list[str] | None = None
    price__gte: int | None = None
    price__lte: int | None = None


class ProductOut(BaseModel):
    """What a client gets of a product."""

    id: int
    name: str
    price: Decimal
    status: Status


class ProductFilter(FilterSet, model=Product):
    """What products are filtered by: a filter of every kind of value."""

    price__gte: Decimal | None = None
    stock__gte: int | None = None
    status__in: list[Status] | None = None
    name__contains: str | None = None
    category__slug: str | None = None
    q: Annotated[str | None, Search(Product.name, Product.description)] = None


WALL = [Brick(id=number, colour=("red", "grey", "white")[number % 3], price=number // 4) for number in range(1, 41)]
PRODUCTS = Sort(Product.id, Product.name, Product.price, Product.rank, default="-price")


def wall(listing: Listing) -> FastAPI:
    """An application that lists bricks, by number or by cursor as the listing says."""
    app = FastAPI()

    @app.get("/bricks", response_model=None)
    async def list_bricks(query: Annotated[Any, Depends(listing)], verbose: bool = False) -> Any:
        return query.slice(WALL, into=Brick)

    return app


def numbered(**options: Any) -> Listing:
    """A listing of bricks whose pages go by number."""
    return Listing(BrickFilter, sort=Sort("price", "colour", "id", default="id"), **{"page": Offset(size=5), **options})


def walked(**options: Any) -> Listing:
    """A listing of bricks whose pages go by cursor."""
    return numbered(page=Keyset(size=5, secret=SECRET), **options)


def shop(session: AsyncSession) -> FastAPI:
    """An application that lists what a session holds, both ways."""
    app = FastAPI()
    products = Listing(ProductFilter, sort=PRODUCTS, page=Offset(size=5, total=Total.exact()))
    feed = Listing(ProductFilter, sort=PRODUCTS, page=Keyset(size=5, secret=SECRET))

    @app.get("/products")
    async def list_products(query: Annotated[ListQuery[Product], Depends(products)]) -> Page[ProductOut]:
        return await query.page(session, into=ProductOut)

    @app.get("/feed")
    async def walk(query: Annotated[CursorQuery[Product], Depends(feed)]) -> CursorPage[ProductOut]:
        return await query.page(session, into=ProductOut)

    return app


async def get(app: FastAPI, path: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
    """Call an application."""
    async with open_client(app) as client:
        return await client.get(path, headers=dict(headers or {}))


async def ids(app: FastAPI, path: str) -> list[int]:
    """List the items of a page by their ids."""
    answer = await get(app, path)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


def blamed(answer: httpx2.Response) -> list[str]:
    """Name the parameters that a refusal is about."""
    assert answer.status_code == 422, answer.text
    assert all(error["loc"][0] == "query" for error in answer.json()["detail"])
    return [error["loc"][1] for error in answer.json()["detail"]]
