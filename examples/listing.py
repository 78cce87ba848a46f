"""Lists with filters, search, sort and pages: by number, and by cursor for walks through everything.

```console
$ hatch run demo listing:app
$ curl -s 'localhost:8000/products?price__gte=10&status__in=new,sold&sort=-price&size=2' | jq
$ curl -s 'localhost:8000/feed?q=brick&size=2' | jq
$ curl -s 'localhost:8000/products?prize__gte=10' | jq
```
"""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Numeric, String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork import combine_lifespans
from brickwork.database import Database, Timestamps
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
)
from brickwork.problems import add_problem_handlers


class Base(DeclarativeBase):
    pass


class Status(StrEnum):
    NEW = "new"
    USED = "used"
    SOLD = "sold"


class Product(Timestamps, Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    status: Mapped[Status]


class ProductOut(BaseModel):
    id: int
    name: str
    price: Decimal
    status: Status
    created_at: datetime


class ProductFilter(FilterSet, model=Product):
    price__gte: Decimal | None = None
    price__lte: Decimal | None = None
    status__in: list[Status] | None = None
    q: Annotated[str | None, Search(Product.name)] = None


sort = Sort(Product.created_at, Product.price, Product.name, default="-created_at")
products = Listing(ProductFilter, sort=sort, page=Offset(size=20))
# An app of more than one process reads the secret from its settings, so that all of them open the same cursors.
feed = Listing(ProductFilter, sort=sort, page=Keyset(size=20, secret=secrets.token_hex(32)))

db = Database("sqlite://")
Reader = Annotated[AsyncSession, db.read_only()]


@asynccontextmanager
async def shelves(_app: FastAPI) -> AsyncGenerator[None]:
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    async with db.begin() as session:
        session.add_all(
            Product(
                name=f"{('Brick', 'Tile', 'Beam')[number % 3]} {number:03}",
                price=Decimal(number % 40) + Decimal("0.50"),
                status=list(Status)[number % 3],
                created_at=began + timedelta(hours=number // 2),
            )
            for number in range(1, 201)
        )
    yield


app = FastAPI(lifespan=combine_lifespans(db.lifespan, shelves))
add_problem_handlers(app)


@app.get("/products")
async def list_products(query: Annotated[ListQuery[Product], Depends(products)], session: Reader) -> Page[ProductOut]:
    return await query.page(session, into=ProductOut)


@app.get("/feed")
async def latest(query: Annotated[CursorQuery[Product], Depends(feed)], session: Reader) -> CursorPage[ProductOut]:
    return await query.page(session, into=ProductOut)
