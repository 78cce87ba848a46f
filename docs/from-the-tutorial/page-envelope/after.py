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
    Listing,
    ListQuery,
    Offset,
    Page,
    Sort,
)


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


db = Database("sqlite://")


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(db.sync_engine)
    with db.sync_begin() as session:
        for number in range(1, 26):
            session.add(Item(name=f"Item {number % 5}"))
    async with db.lifespan(app):
        yield


class ItemOut(BaseModel):
    id: int
    name: str


items = Listing(
    model=Item,
    sort=Sort(Item.name, default="name"),
    page=Offset(10),
)
app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(
    query: Annotated[ListQuery[Item], Depends(items)],
    session: Annotated[Session, db.sync_read_only()],
) -> Page[ItemOut]:
    return query.page_sync(session, into=ItemOut)
