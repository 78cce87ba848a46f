"""Lists as people write them; strict type checkers accept every line and keep what the rows are."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, TypeVar, assert_type

from fastapi import Depends, FastAPI, Query
from pydantic import BaseModel
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from brickwork.listing import (
    CursorPage,
    CursorQuery,
    Envelope,
    FilterSet,
    Gte,
    Keyset,
    Listing,
    ListQuery,
    Offset,
    Page,
    PageParams,
    PageResult,
    Search,
    Sort,
    SortKey,
    Total,
    paginate,
    paginate_sync,
)

Item = TypeVar("Item")


class Base(DeclarativeBase):
    """What the tables share."""


class Product(Base):
    """What is listed."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal]


class ProductOut(BaseModel):
    """What a client gets."""

    id: int
    name: str


class ProductFilter(FilterSet, model=Product):
    """What a client filters by, in both forms."""

    price__lte: Decimal | None = None
    cheapest: Annotated[Decimal | None, Gte(Product.price)] = None
    q: Annotated[str | None, Search(Product.name)] = None


class Answer(Envelope[Item]):
    """An envelope of one's own."""

    data: list[Item]

    @classmethod
    def build(cls, result: PageResult[Any]) -> Mapping[str, object]:
        """Give the fields."""
        return {"data": result.items}


order = Sort(Product.name, SortKey(func.lower(Product.name), name="lower", nulls="last"), default="-name")
products = Listing(ProductFilter, sort=order, page=Offset(20, total=Total.capped(1000)), names={"size": "per_page"})
feed = Listing(ProductFilter, sort=order, page=Keyset(50, secret="s" * 32), fields=ProductOut, etag=True)
app = FastAPI()


@app.get("/products")
async def list_products(
    query: Annotated[ListQuery[Product], Depends(products)], session: AsyncSession, connection: AsyncConnection
) -> Page[ProductOut]:
    """The page keeps the type of its items, whatever it is made of."""
    assert_type(await query.page(session), Page[Product])
    assert_type(await query.page(session, into=ProductOut), Page[ProductOut])
    assert_type(await query.page(session, into=Answer[ProductOut]), Answer[ProductOut])
    assert_type(await query.items(session, into=ProductOut), list[ProductOut])
    assert_type(query.slice([Product()]), Page[Product])
    assert_type(query.slice([Product()], into=ProductOut).items, list[ProductOut])
    statement = query.apply(select(Product.id, Product.name))
    assert_type((await session.execute(statement)).all()[0][1], str)
    await query.page(connection, select(Product).where(Product.id > 1), into=ProductOut)
    return await query.page(session, into=ProductOut)


@app.get("/feed")
def walk(
    query: Annotated[CursorQuery[Product], Depends(feed)], session: Session, connection: Connection
) -> CursorPage[ProductOut]:
    """A walk is as typed as a page, in synchronous code as well."""
    assert_type(query.page_sync(session), CursorPage[Product])
    assert_type(query.page_sync(connection, into=ProductOut).next, str | None)
    return query.page_sync(session, select(Product), into=ProductOut)


@app.get("/plain")
async def plain(params: Annotated[PageParams, Query()], session: AsyncSession, other: Session) -> Page[ProductOut]:
    """The plain form takes its type from `into`."""
    assert_type(await paginate(session, select(Product), params, into=Answer[ProductOut]), Answer[ProductOut])
    assert_type(paginate_sync(other, select(Product), params, into=ProductOut), Page[ProductOut])
    return await paginate(session, select(Product), params, into=ProductOut)
