from contextlib import asynccontextmanager

from fastapi import Depends, FastAPI, Query
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


engine = create_engine(
    "sqlite://",
    connect_args={"check_same_thread": False},
    poolclass=StaticPool,
)


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(engine)
    with Session(engine) as db:
        for number in range(1, 26):
            db.add(Item(name=f"Item {number}"))
        db.commit()
    yield
    engine.dispose()


class PaginationParams:
    def __init__(
        self,
        page: int = Query(1, ge=1),
        size: int = Query(10, ge=1, le=100),
    ):
        self.page = page
        self.size = size

    @property
    def offset(self):
        return (self.page - 1) * self.size


app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(params: PaginationParams = Depends()):
    with Session(engine) as db:
        items = db.scalars(
            select(Item)
            .offset(params.offset)
            .limit(params.size)
        ).all()
    return {
        "items": items,
        "page": params.page,
        "size": params.size,
    }
