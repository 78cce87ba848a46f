"""Books that are written and read as people do it without us: with a session dependency by hand, and with packages."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from .catalogue import Book, BookOut, Genre, Session, open_session
from .measure import Call, Case

CRUD = ("fastcrud",)
ALCHEMY = ("advanced_alchemy",)
TOOLSETS = ("fastapi_toolsets",)

NEW = (
    b'{"title": "The Left Hand of Darkness", "author": "Ursula K. Le Guin", "genre": "novel", "copies": 3, '
    b'"price": 12.5, "listed": true, "added_at": "2026-01-01T10:00:00"}'
)
WRITE = Call("/books", "POST", {"Content-Type": "application/json"}, NEW, 201)
READ = Call("/books/5000")
CHANGE = Call("/books/5000/copies", "POST")
PING = Call("/ping")


class BookIn(BaseModel):
    """A book to write."""

    title: str
    author: str | None
    genre: Genre
    copies: int
    price: float
    listed: bool
    added_at: datetime


class BookChange(BaseModel):
    """What may change of a book; only what is set does."""

    title: str | None = None
    copies: int | None = None


async def open_transaction(request: Request) -> AsyncIterator[AsyncSession]:
    """Open a session that commits at the end, or rolls back."""
    async with request.app.state.sessions.begin() as session:
        yield session


# The scope lets the commit come before the answer, as ours does.
Transaction = Annotated[AsyncSession, Depends(open_transaction, scope="function")]


def add_nothing(app: FastAPI) -> None:
    """Answer without any dependency."""

    @app.get("/ping")
    async def ping() -> dict[str, str]:
        return {"ping": "pong"}


def add_unused(app: FastAPI) -> None:
    """Ask for the transaction, and leave it alone."""

    @app.get("/ping")
    async def ping(session: Transaction) -> dict[str, str]:  # noqa: ARG001
        return {"ping": "pong"}


def add_write(app: FastAPI) -> None:
    """Write a book in the transaction."""

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, session: Transaction) -> Book:
        made = Book(**book.model_dump())
        session.add(made)
        await session.flush()
        return made


def add_read(app: FastAPI) -> None:
    """Read a book."""

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, session: Session) -> Book:
        book = await session.get(Book, number)
        if book is None:
            raise HTTPException(404)
        return book


def add_change(app: FastAPI) -> None:
    """Read a book, and change what is set."""

    @app.post("/books/{number}/copies", response_model=BookOut)
    async def change(number: int, session: Transaction) -> Book:
        book = await session.get(Book, number)
        if book is None:
            raise HTTPException(404)
        sent = BookChange(copies=book.copies + 1)
        for name, value in sent.model_dump(exclude_unset=True).items():
            setattr(book, name, value)
        await session.flush()
        return book


def add_crud(app: FastAPI) -> None:
    """Write and read with fastcrud, which commits by itself."""
    from fastcrud import FastCRUD

    crud: Any = FastCRUD(Book)

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, session: Session) -> Any:
        return await crud.create(session, book, schema_to_select=BookOut)

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, session: Session) -> Any:
        return await crud.get(session, id=number, schema_to_select=BookOut)


def add_alchemy(app: FastAPI) -> None:
    """Write and read with a service of advanced-alchemy, told to commit."""
    from advanced_alchemy.repository import SQLAlchemyAsyncRepository
    from advanced_alchemy.service import SQLAlchemyAsyncRepositoryService

    class Books(SQLAlchemyAsyncRepositoryService):  # type: ignore[misc]
        class Repo(SQLAlchemyAsyncRepository):  # type: ignore[misc]
            model_type = Book

        repository_type = Repo

    async def provide(session: Annotated[AsyncSession, Depends(open_session)]) -> Any:
        return Books(session)

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, books: Annotated[Any, Depends(provide)]) -> Any:
        return await books.create(book.model_dump(), auto_commit=True)

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, books: Annotated[Any, Depends(provide)]) -> Any:
        return await books.get(number)


def add_toolsets(app: FastAPI) -> None:
    """Write and read with the CRUD class of fastapi-toolsets."""
    from fastapi_toolsets.crud import CrudFactory

    crud: Any = CrudFactory(model=Book)

    @app.post("/books", status_code=201, response_model=BookOut)
    async def create(book: BookIn, session: Transaction) -> Any:
        return await crud.create(session, book)

    @app.get("/books/{number}", response_model=BookOut)
    async def read(number: int, session: Session) -> Any:
        return await crud.get(session, [Book.id == number])


NOTHING = Case("no dependency", add_nothing, "floor")
UNUSED = Case("by hand, never used", add_unused, "floor")
WRITTEN = Case("by hand", add_write, "floor")
FOUND = Case("by hand", add_read, "floor")
CHANGED = Case("by hand", add_change, "floor")
CRUD_CASE = Case("fastcrud", add_crud, "peer", CRUD)
ALCHEMY_CASE = Case("advanced-alchemy", add_alchemy, "peer", ALCHEMY)
TOOLSETS_CASE = Case("fastapi-toolsets", add_toolsets, "peer", TOOLSETS)
