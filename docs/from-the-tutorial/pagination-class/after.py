from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
)

from brickwork.database import Database
from brickwork.listing import (
    Page,
    PageParams,
    Total,
    paginate_sync,
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
            session.add(Item(name=f"Item {number}"))
    async with db.lifespan(app):
        yield


class PaginationParams(PageParams):
    size: int = Field(10, ge=1, le=100)


class ItemOut(BaseModel):
    id: int
    name: str


app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(
    session: Annotated[Session, db.sync_read_only()],
    params: Annotated[PaginationParams, Depends()],
) -> Page[ItemOut]:
    return paginate_sync(
        session,
        select(Item),
        params,
        into=ItemOut,
        total=Total.none(),
    )
