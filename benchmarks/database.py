"""What a session, a transaction and a repository cost, beside a dependency by hand and the packages that people use."""

from typing import Annotated

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Database, Repository

from . import database_peers as peers
from .catalogue import Book, BookOut, make_catalogue, url_of
from .database_peers import BookChange, BookIn
from .measure import Case, Comparison

PACKAGES = ("sqlalchemy", "aiosqlite", "fastcrud", "advanced-alchemy", "fastapi-toolsets")


def database_of(app: FastAPI) -> Database:
    """Give the app a `Database`, which ends with it."""
    database = Database(url_of(app))
    app.state.closing.append(database.dispose)
    return database


def add_unused(app: FastAPI) -> None:
    """Ask for our transaction, and leave it alone."""
    database = database_of(app)

    @app.get("/ping")
    async def ping(session: Annotated[AsyncSession, database.transaction()]) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


def add_unused_reader(app: FastAPI) -> None:
    """Ask for our reading session, and leave it alone."""
    database = database_of(app)

    @app.get("/ping")
    async def ping(session: Annotated[AsyncSession, database.read_only()]) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


def add_write(app: FastAPI) -> None:
    """Write a book in our transaction."""
    database = database_of(app)

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, session: Annotated[AsyncSession, database.transaction()]) -> Book:
        made = Book(**book.model_dump())
        session.add(made)
        await session.flush()
        return made


def add_read(app: FastAPI) -> None:
    """Read a book in our reading session."""
    database = database_of(app)

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, session: Annotated[AsyncSession, database.read_only()]) -> Book | None:
        return await session.get(Book, number)


def add_repository(app: FastAPI) -> None:
    """Write, read and change books with our repository."""
    database = database_of(app)
    given = database.repository(Book)

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, books: Annotated[Repository[Book], given]) -> Book:
        return await books.create(book)

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, books: Annotated[Repository[Book], given]) -> Book:
        return await books.get_or_404(number)

    @app.post("/books/{number}/copies", response_model=BookOut)
    async def change(number: int, books: Annotated[Repository[Book], given]) -> Book:
        book = await books.get_or_404(number)
        return await books.update(book, BookChange(copies=book.copies + 1))


REPOSITORY = Case("Repository", add_repository)

COMPARISONS = (
    Comparison(
        "A session that is never used",
        "What the dependency itself costs an endpoint that asks no database. No connection is checked out.",
        peers.PING,
        (
            peers.NOTHING, peers.UNUSED, Case("Database.transaction", add_unused),
            Case("Database.read_only", add_unused_reader),
        ),
        make_catalogue,
    ),
    Comparison(
        "A row written",
        "A body is validated, a row is inserted and committed before the answer leaves. By hand: a dependency with "
        '`scope="function"` and `async with sessions.begin()`. All connections have the settings of ours.',
        peers.WRITE,
        (
            peers.WRITTEN, Case("Database.transaction", add_write), REPOSITORY, peers.CRUD_CASE, peers.ALCHEMY_CASE,
            peers.TOOLSETS_CASE,
        ),
        make_catalogue,
        bytes,
    ),
    Comparison(
        "A row read",
        "By its key; by hand with `session.get`.",
        peers.READ,
        (
            peers.FOUND, Case("Database.read_only", add_read), REPOSITORY, peers.CRUD_CASE, peers.ALCHEMY_CASE,
            peers.TOOLSETS_CASE,
        ),
        make_catalogue,
        bytes,
    ),
    Comparison(
        "A row changed",
        "Read by its key, changed in what a patch sets, and committed before the answer leaves.",
        peers.CHANGE,
        (peers.CHANGED, REPOSITORY),
        make_catalogue,
        bytes,
    ),
)  # fmt: skip
