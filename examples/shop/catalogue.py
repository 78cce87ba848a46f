"""The catalogue: what the shop sells, read from a file and kept in memory."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from brickwork.problems import raises

from .problems import BookNotFoundError, OutOfStockError, UnknownBookError

_BOOKS = Path(__file__).with_name("data") / "books.json"

Category = Literal[
    "children", "drama", "epic", "essays", "history", "memoir", "novel", "philosophy", "poetry", "science", "story",
    "travel",
]  # fmt: skip


class Book(BaseModel):
    id: int
    title: str
    author: str
    year: int = Field(description="First published; negative before our era, approximate before printing.")
    language: str = Field(description="Of the original, as a language tag (BCP 47).")
    category: Category
    price: Decimal = Field(description="In euros.")
    stock: int = Field(description="Copies on the shelf.")


class BookQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    q: str | None = Field(None, min_length=1, max_length=100, description="Part of a title or an author's name.")
    category: Category | None = None
    page: int = Field(1, ge=1, le=1000)
    size: int = Field(20, ge=1, le=100)

    def admits(self, book: Book) -> bool:
        if self.category is not None and book.category != self.category:
            return False
        return self.q is None or self.q.casefold() in f"{book.title}\n{book.author}".casefold()


class BookPage(BaseModel):
    items: list[Book]
    page: int
    size: int
    total: int


class Catalogue:
    """The books of the shop, and how many copies of each are left."""

    def __init__(self, books: list[Book]) -> None:
        self._books = {book.id: book for book in books}

    @classmethod
    def from_file(cls) -> "Catalogue":
        return cls(TypeAdapter(list[Book]).validate_json(_BOOKS.read_bytes()))

    async def search(self, query: BookQuery) -> BookPage:
        found = [book for book in self._books.values() if query.admits(book)]
        first = (query.page - 1) * query.size
        return BookPage(items=found[first : first + query.size], page=query.page, size=query.size, total=len(found))

    async def get(self, book_id: int) -> Book | None:
        return self._books.get(book_id)

    async def take(self, copies: Mapping[int, int]) -> list[Book]:
        """Take copies off the shelf: of every book as many as are asked for, or none of any.

        Raises:
            UnknownBookError: The catalogue does not have one of the books.
            OutOfStockError: There are not enough copies of one of them.
        """
        taken = [self._less(book_id, quantity) for book_id, quantity in copies.items()]
        # Nothing is awaited in between, so two orders never get the same copy.
        self._books.update({book.id: book for book in taken})
        return taken

    def _less(self, book_id: int, quantity: int) -> Book:
        book = self._books.get(book_id)
        if book is None:
            raise UnknownBookError(f"There is no book {book_id}.", book_id=book_id)
        if quantity > book.stock:
            left = f"Only {book.stock} left" if book.stock else "No copies left"
            raise OutOfStockError(
                f"{left} of “{book.title}”.", book_id=book_id, requested=quantity, available=book.stock
            )
        return book.model_copy(update={"stock": book.stock - quantity})


async def catalogue(request: Request) -> Catalogue:
    found: Catalogue = request.app.state.catalogue
    return found


Books = Annotated[Catalogue, Depends(catalogue)]

router = APIRouter(prefix="/books", tags=["books"])


@router.get("")
async def list_books(query: Annotated[BookQuery, Query()], books: Books) -> BookPage:
    """Browse the catalogue, the oldest book first."""
    return await books.search(query)


@router.get("/{book_id}", responses=raises(BookNotFoundError))
async def read_book(book_id: Annotated[int, InPath(ge=1, le=1_000_000)], books: Books) -> Book:
    """Look at one book."""
    book = await books.get(book_id)
    if book is None:
        raise BookNotFoundError(f"There is no book {book_id}.", book_id=book_id)
    return book
