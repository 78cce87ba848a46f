from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
)
from sqlalchemy.orm import Session as SyncSession

from brickwork.database import Database
from brickwork.problems import add_problem_handlers


class Base(DeclarativeBase):
    pass


class Item(Base):
    __tablename__ = "items"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


db = Database("sqlite://")
Session = Annotated[SyncSession, db.sync_transaction()]
Reader = Annotated[SyncSession, db.sync_read_only()]


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(db.sync_engine)
    async with db.lifespan(app):
        yield


class ItemIn(BaseModel):
    name: str


app = FastAPI(lifespan=lifespan)
add_problem_handlers(app)


@app.post("/items", status_code=201)
def create_item(item: ItemIn, session: Session) -> ItemIn:
    session.add(Item(name=item.name))
    return item


@app.get("/items")
def list_items(session: Reader) -> list[str]:
    return list(session.scalars(select(Item.name)))
