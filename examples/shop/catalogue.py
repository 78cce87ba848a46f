"""The catalogue: what the shop sells, to be looked through and bought from."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from pydantic import BaseModel, Field, TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Conditional, Database, Repository
from brickwork.listing import (
    CursorPage,
    CursorQuery,
    FilterSet,
    In,
    Keyset,
    Listing,
    ListQuery,
    Offset,
    Page,
    Search,
    Sort,
    Where,
)
from brickwork.problems import raises

from .models import Book, Category
from .problems import BookNotFoundError, OutOfStockError, UnknownBookError

_BOOKS = Path(__file__).with_name("data") / "books.json"


class BookOut(BaseModel):
    id: int
    title: str
    author: str
    year: int = Field(description="First published; negative before our era, approximate before printing.")
    language: str = Field(description="Of the original, as a language tag (BCP 47).")
    category: Category
    price: Decimal = Field(description="In euros.")
    stock: int = Field(description="Copies on the shelf.")


class BookFilter(FilterSet, model=Book):
    q: Annotated[str | None, Search(Book.title, Book.author), Field(min_length=1)] = None
    category: Annotated[list[Category] | None, In(Book.category)] = None
    language: str | None = None
    author__icontains: str | None = None
    year__gte: int | None = None
    year__lte: int | None = None
    price__gte: Decimal | None = None
    price__lte: Decimal | None = None
    in_stock: Annotated[
        bool | None,
        Where(lambda wanted: Book.stock > 0 if wanted else Book.stock == 0),
        Field(description="Whether there are copies left."),
    ] = None


class Books(Repository[Book], model=Book):
    """The books on the shelves."""

    async def fill(self) -> None:
        """Put the books of the file on empty shelves."""
        if not await self.exists():
            await self.create_many(TypeAdapter(list[BookOut]).validate_json(_BOOKS.read_bytes()))

    async def take(self, copies: Mapping[int, int]) -> list[Book]:
        """Take copies off the shelf: of every book as many as are asked for, or none of any.

        Raises:
            UnknownBookError: The catalogue does not have one of the books.
            OutOfStockError: There are not enough copies of one of them.
        """
        # Locked until the order is placed, in one order for all, so that no two orders wait for each other.
        rows = self.select().where(Book.id.in_(copies)).order_by(Book.id).with_for_update()
        found = {book.id: book for book in await self.session.scalars(rows)}
        return [_less(found.get(book_id), book_id, quantity) for book_id, quantity in copies.items()]


def _less(book: Book | None, book_id: int, quantity: int) -> Book:
    if book is None:
        raise UnknownBookError(f"There is no book {book_id}.", book_id=book_id)
    if quantity > book.stock:
        left = f"Only {book.stock} left" if book.stock else "No copies left"
        raise OutOfStockError(f"{left} of “{book.title}”.", book_id=book_id, requested=quantity, available=book.stock)
    book.stock -= quantity
    return book


_ORDER = Sort(Book.title, Book.author, Book.year, Book.price, default="year")
_BY_NUMBER = Listing(BookFilter, sort=_ORDER, page=Offset(size=20))


def catalogue_router(db: Database, *, cursor_secret: str) -> APIRouter:
    """Give the routes of the catalogue.

    Args:
        db: Where the books are.
        cursor_secret: What cursors are sealed with.
    """
    router = APIRouter(prefix="/books", tags=["books"])
    by_cursor = Listing(BookFilter, sort=_ORDER, page=Keyset(size=20, secret=cursor_secret))

    @router.get("")
    async def list_books(
        query: Annotated[ListQuery[Book], Depends(_BY_NUMBER)], session: Annotated[AsyncSession, db.read_only()]
    ) -> Page[BookOut]:
        """Browse the catalogue page by page, the oldest book first."""
        return await query.page(session, into=BookOut)

    @router.get("/feed")
    async def walk_books(
        query: Annotated[CursorQuery[Book], Depends(by_cursor)], session: Annotated[AsyncSession, db.read_only()]
    ) -> CursorPage[BookOut]:
        """Walk through the catalogue: no book comes twice and none is left out, whatever is sold meanwhile."""
        return await query.page(session, into=BookOut)

    @router.get("/{book_id}", response_model=BookOut, responses=raises(BookNotFoundError))
    async def read_book(
        book_id: Annotated[int, InPath(ge=1, le=1_000_000)],
        session: Annotated[AsyncSession, db.read_only()],
        condition: Conditional,
    ) -> Book:
        """Look at one book; its ETag changes with its stock."""
        book = await Books(session).get(book_id)
        if book is None:
            raise BookNotFoundError(f"There is no book {book_id}.", book_id=book_id)
        condition.fresh(book)
        return book

    return router
