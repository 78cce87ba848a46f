from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
)

from brickwork.database import Database
from brickwork.listing import (
    FilterSet,
    Gte,
    IContains,
    Listing,
    ListQuery,
    Lte,
    Sort,
)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[float]


db = Database("sqlite://")
Reader = Annotated[Session, db.sync_read_only()]


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(db.sync_engine)
    with db.sync_begin() as session:
        for name in ("Brick", "Tile", "Yellow brick"):
            session.add(Item(name=name, price=len(name)))
    async with db.lifespan(app):
        yield


class ItemFilter(FilterSet, model=Item):
    name: Annotated[str | None, IContains(Item.name)] = (
        None
    )
    min_price: Annotated[
        float | None, Gte(Item.price)
    ] = None
    max_price: Annotated[
        float | None, Lte(Item.price)
    ] = None


class ItemOut(BaseModel):
    id: int
    name: str
    price: float


items = Listing(
    ItemFilter,
    sort=Sort(Item.id, Item.name, Item.price),
    names={"sort": "sort_by", "order": "order"},
)
app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(
    query: Annotated[ListQuery[Item], Depends(items)],
    session: Reader,
) -> list[ItemOut]:
    return query.items_sync(session, into=ItemOut)
