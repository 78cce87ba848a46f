"""Mistakes that type checkers find before a request does: one on each line marked `refused`, and none elsewhere."""

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped

from brickwork import Problem
from brickwork.database import Database, Repository, UUIDKey
from brickwork.ratelimit import RateLimiter, Rule


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


# --- rate limits

limiter = RateLimiter()
RateLimiter(on_error="ignore")  # refused
RateLimiter(default=10)  # refused
RateLimiter(headers=["draft"])  # refused
RateLimiter(key="ip")  # refused
Rule("1/minute", count_when=404)  # refused
limiter.depends(10)  # refused
limiter.depends("1/minute", cost="2")  # refused
limiter.depends("1/minute", per=60)  # refused
limiter.concurrent("3")  # refused
limiter.websocket(message="20/second", on_excess="ignore")  # refused


@limiter.limit("1/minute")
def endpoint(name: str) -> int:
    """A limited endpoint takes what it took."""
    return len(name)


endpoint(1)  # refused
words: str = endpoint("ada")  # refused


async def count() -> None:
    """A job is called by something, and costs a number."""
    await limiter.check("job:42", 10)  # refused
    await limiter.check(b"job", "10/second")  # refused
    await limiter.check("job:42", "10/second", cost=1.5)  # refused
