from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel
from sqlalchemy import StaticPool, create_engine, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[float]


engine = create_engine(
    "sqlite://",
    connect_args={"check_same_thread": False},
    poolclass=StaticPool,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        for name in ("Brick", "Tile", "Yellow brick"):
            db.add(Item(name=name, price=len(name)))
        db.commit()
    yield
    engine.dispose()


class ItemFilter(BaseModel):
    name: str | None = None
    min_price: float | None = None
    max_price: float | None = None
    sort_by: str = "id"
    order: str = "asc"


app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(filters: Annotated[ItemFilter, Query()]):
    query = select(Item)
    if filters.name:
        query = query.where(
            Item.name.ilike(f"%{filters.name}%")
        )
    if filters.min_price:
        query = query.where(
            Item.price >= filters.min_price
        )
    if filters.max_price:
        query = query.where(
            Item.price <= filters.max_price
        )
    column = getattr(Item, filters.sort_by)
    if filters.order == "desc":
        column = column.desc()
    with Session(engine) as db:
        return db.scalars(query.order_by(column)).all()
