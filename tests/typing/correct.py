"""Code as people write it with Brickwork; strict type checkers accept every line."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, assert_type
from uuid import UUID

from fastapi import FastAPI
from pydantic import BaseModel
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, selectinload
from starlette.exceptions import HTTPException

from brickwork import Problem
from brickwork.database import (
    Conditional,
    Database,
    EntityTag,
    Repository,
    SoftDelete,
    Timestamps,
    UUIDKey,
    Versioned,
    etag_of,
)


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    """Too few are left."""

    sku: str
    available: int


class LastOneGoneError(OutOfStockError, slug="last-one-gone"):
    """None are left; it inherits the members and may leave out the detail."""

    restocked: str | None = None


class BusyError(Problem, status=503, slug="busy"):
    """A constructor of one's own gives the members better arguments."""

    wait: float

    def __init__(self, wait: float) -> None:
        super().__init__(f"Try again in {wait:.0f} s.", headers={"Retry-After": f"{wait:.0f}"})
        self.wait = wait


def read(error: OutOfStockError) -> tuple[str, int, str]:
    """What is caught has its members."""
    return error.sku, error.available, error.detail


first: HTTPException = OutOfStockError("Only 2 left.", sku="A1", available=2)
assert_type(first.status_code, int)

gone = LastOneGoneError(sku="A1", available=0)
assert_type(gone.sku, str)
assert_type(gone.restocked, str | None)
LastOneGoneError("Gone.", sku="A1", available=0, restocked="in May", headers={"Retry-After": "60"})

assert_type(BusyError(3).wait, float)


# --- database


class Base(DeclarativeBase):
    """The tables of a shop."""


class Book(UUIDKey, Timestamps, SoftDelete, Versioned, Base):
    """The columns of mix-ins have their types."""

    __tablename__ = "book"

    title: Mapped[str]
    isbn: Mapped[str]


class BookChange(BaseModel):
    """What a client may change."""

    title: str | None = None


class Cheap:
    """Anything that applies to a select of books narrows a list of them."""

    def apply(self, statement: Select[Book]) -> Select[Book]:
        """Add clauses."""
        return statement.where(Book.title != "")


class Books(Repository[Book], model=Book):
    """A repository with methods of its own."""

    async def titled(self, title: str) -> Book | None:
        """Find a book by its title."""
        return await self.session.scalar(self.select().where(Book.title == title))


db = Database("sqlite://")
app = FastAPI(lifespan=db.lifespan)


@app.put("/books/{key}")
async def change(
    key: UUID,
    data: BookChange,
    books: Annotated[Books, db.repository(Books)],
    plain: Annotated[Repository[Book], db.repository(Book)],
    precondition: Conditional,
) -> None:
    """What a repository gives is of its model."""
    book = await books.get_or_404(key, for_update=True)
    precondition.check(book)
    assert_type(book, Book)
    assert_type((book.id, book.created_at, book.version), tuple[UUID, datetime, int])
    assert_type(book.deleted_at, datetime | None)
    assert_type(await plain.get(key, options=[selectinload("*")]), Book | None)
    assert_type(await books.titled("a"), Book | None)
    assert_type(await books.list(Cheap(), limit=10), Sequence[Book])
    assert_type(await books.create({"title": "a"}), Book)
    assert_type(await books.create_many([data, {"title": "b"}]), Sequence[Book])
    assert_type(await books.update(book, data, {"isbn": "1"}), Book)
    assert_type(await books.upsert({"isbn": "1"}, on=[Book.isbn]), Book)
    assert_type(await books.exists(Book.title == "a"), bool)
    assert_type(await Repository(books.session, Book, where=[Book.title == "a"]).get(key), Book | None)
    assert_type(books.session, AsyncSession)
    assert_type(etag_of(book), EntityTag)
    await books.delete(book, hard=True)
