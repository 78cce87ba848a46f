"""Mistakes that type checkers find before a request does: one on each line marked `refused`, and none elsewhere."""

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped

from brickwork import Problem
from brickwork.database import Database, Repository, UUIDKey


class OutOfStockError(Problem, status=409, slug="out-of-stock"):
    """Too few are left."""

    sku: str
    available: int


class WordyError(Problem, status="409"):  # refused
    """A status is a number."""


class MisspeltError(Problem, stauts=409):  # refused
    """A class keyword that does not exist."""


OutOfStockError("Only 2 left.", sku="A1")  # refused
OutOfStockError("Only 2 left.", sku="A1", available="two")  # refused
OutOfStockError("Only 2 left.", sku="A1", available=2, colour="red")  # refused
OutOfStockError("Only 2 left.", "A1", 2)  # refused
colour = OutOfStockError(sku="A1", available=2).colour  # refused
Problem(404)  # refused
Problem("Gone.", headers={"Retry-After": 60})  # refused


# --- database


class Base(DeclarativeBase):
    """The tables of a shop."""


class Book(UUIDKey, Base):
    """A book."""

    __tablename__ = "book"

    title: Mapped[str]


class Author(UUIDKey, Base):
    """An author."""

    __tablename__ = "author"


class Authors:
    """Applies to authors."""

    def apply(self, statement: Select[Author]) -> Select[Author]:
        """Add clauses."""
        return statement


async def use(books: Repository[Book], session: AsyncSession, author: Author) -> None:
    """Other models, missing limits and values by position do not pass."""
    await books.update(author, {"title": "a"})  # refused
    await books.delete(author)  # refused
    await books.list()  # refused
    await books.list(Authors(), limit=1)  # refused
    await books.upsert({"title": "a"}, on=["title"])  # refused
    await books.create("a")  # refused
    wrong: Author | None = await books.get(1)  # refused
    del wrong
    Repository(session, Book, [Book.title == "a"])  # refused


Database("sqlite://", pool_sise=3)  # refused
Database("sqlite://").repository(Book, True)  # refused
