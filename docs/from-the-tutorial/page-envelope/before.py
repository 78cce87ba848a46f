import math
from contextlib import asynccontextmanager

from fastapi import FastAPI
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
            db.add(Item(name=f"Item {number % 5}"))
        db.commit()
    yield
    engine.dispose()


app = FastAPI(lifespan=lifespan)


@app.get("/items")
def list_items(page: int = 1, size: int = 10):
    query = select(Item).order_by(Item.name)
    offset = (page - 1) * size
    with Session(engine) as db:
        total = len(db.scalars(query).all())
        items = db.scalars(
            query.offset(offset).limit(size)
        ).all()
    return {
        "items": items,
        "total": total,
        "page": page,
        "size": size,
        "pages": math.ceil(total / size),
    }
