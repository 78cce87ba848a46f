"""Lists of books as people write them without us: by hand, and with each package as its documentation shows it.

Each package is imported where it is used, so that the tests can run the rest without it.
"""

import base64
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Select, func, select, tuple_

from .catalogue import SIZE, Book, BookOut, Genre, Session
from .measure import Call, Case

T = TypeVar("T")

PAGINATION = ("fastapi_pagination",)
CURSORS = ("fastapi_pagination", "sqlakeyset")
FILTER = ("fastapi_filter", "fastapi_pagination")
CRUD = ("fastcrud",)
ALCHEMY = ("advanced_alchemy",)
TOOLSETS = ("fastapi_toolsets",)

Page = Annotated[int, Query(ge=1)]
Size = Annotated[int, Query(ge=1, le=100)]


# --- by hand


class HandPage(BaseModel, Generic[T]):
    """The envelope that most people write."""

    items: list[T]
    total: int
    page: int
    size: int
    pages: int


class HandSlice(BaseModel, Generic[T]):
    """The envelope of people who do not count."""

    items: list[T]
    page: int
    size: int
    has_next: bool


class HandCursor(BaseModel, Generic[T]):
    """The envelope of people who page by cursor."""

    items: list[T]
    next: str | None


def newest() -> Select[Any]:
    """Select the books, the last one first."""
    return select(Book).order_by(Book.added_at.desc(), Book.id.desc())


def add_by_hand(app: FastAPI) -> None:
    """List with one query for the count and one for the page."""

    @app.get("/books", response_model=HandPage[BookOut])
    async def books(session: Session, page: Page = 1, size: Size = SIZE) -> dict[str, object]:
        total = await session.scalar(select(func.count()).select_from(Book)) or 0
        items = (await session.scalars(newest().offset((page - 1) * size).limit(size))).all()
        return {"items": items, "total": total, "page": page, "size": size, "pages": ceil(total / size)}


def add_by_hand_uncounted(app: FastAPI) -> None:
    """List with a query for the page and one row more."""

    @app.get("/books", response_model=HandSlice[BookOut])
    async def books(session: Session, page: Page = 1, size: Size = SIZE) -> dict[str, object]:
        items = (await session.scalars(newest().offset((page - 1) * size).limit(size + 1))).all()
        return {"items": items[:size], "page": page, "size": size, "has_next": len(items) > size}


def add_by_hand_keyset(app: FastAPI) -> None:
    """List what comes after a cursor, which holds the values of the last row as they are."""

    @app.get("/books", response_model=HandCursor[BookOut])
    async def books(session: Session, cursor: str | None = None, size: Size = SIZE) -> dict[str, object]:
        statement = newest().limit(size + 1)
        if cursor is not None:
            added_at, number = base64.urlsafe_b64decode(cursor).decode().split("|")
            position = tuple_(datetime.fromisoformat(added_at), int(number))
            statement = statement.where(tuple_(Book.added_at, Book.id) < position)
        found = (await session.scalars(statement)).all()
        items, more = found[:size], len(found) > size
        following = base64.urlsafe_b64encode(f"{items[-1].added_at.isoformat()}|{items[-1].id}".encode()).decode()
        return {"items": items, "next": following if more else None}


def add_by_hand_filtered(app: FastAPI) -> None:
    """List with three filters and a sort, from a table of what may be sorted by."""
    sortable = {"price": Book.price, "added_at": Book.added_at}

    @app.get("/books", response_model=HandPage[BookOut])
    async def books(
        session: Session,
        *,
        genre: Annotated[list[Genre] | None, Query()] = None,
        copies_min: int | None = None,
        title: str | None = None,
        sort: str = "-added_at",
        page: Page = 1,
        size: Size = SIZE,
    ) -> dict[str, object]:
        statement = select(Book)
        if genre is not None:
            statement = statement.where(Book.genre.in_(genre))
        if copies_min is not None:
            statement = statement.where(Book.copies >= copies_min)
        if title is not None:
            statement = statement.where(Book.title.contains(title, autoescape=True))
        total = await session.scalar(select(func.count()).select_from(statement.subquery())) or 0
        column = sortable[sort.removeprefix("-")]
        order = (column.desc(), Book.id.desc()) if sort.startswith("-") else (column.asc(), Book.id.asc())
        items = (await session.scalars(statement.order_by(*order).offset((page - 1) * size).limit(size))).all()
        return {"items": items, "total": total, "page": page, "size": size, "pages": ceil(total / size)}


# Priced items that are there already, for the listings of a sequence.
SHELF = [
    BookOut(
        id=number, title=f"book {number:06d}", author=None, genre=Genre.NOVEL, copies=number % 100,
        price=float(Decimal(number % 977) / 7), listed=True, added_at=datetime(2026, 1, 1),  # noqa: DTZ001
    )
    for number in range(1, 1001)
]  # fmt: skip


def add_by_hand_slice(app: FastAPI) -> None:
    """List a slice of a list."""

    @app.get("/books", response_model=HandPage[BookOut])
    async def books(page: Page = 1, size: Size = SIZE) -> dict[str, object]:
        items = SHELF[(page - 1) * size : page * size]
        return {"items": items, "total": len(SHELF), "page": page, "size": size, "pages": ceil(len(SHELF) / size)}


BY_HAND = Case("by hand: count and page", add_by_hand, "floor")
BY_HAND_UNCOUNTED = Case("by hand, no total", add_by_hand_uncounted, "floor")
BY_HAND_KEYSET = Case("by hand, keyset", add_by_hand_keyset, "floor")
BY_HAND_FILTERED = Case("by hand, filters and sort", add_by_hand_filtered, "floor")
BY_HAND_SLICE = Case("by hand, a slice", add_by_hand_slice, "floor")


# --- fastapi-pagination


def add_pagination_page(app: FastAPI) -> None:
    """List with `Page`, which counts."""
    from fastapi_pagination import Page as PaginationPage
    from fastapi_pagination import add_pagination
    from fastapi_pagination.ext.sqlalchemy import apaginate

    @app.get("/books", response_model=PaginationPage[BookOut])
    async def books(session: Session) -> Any:
        return await apaginate(session, newest())

    add_pagination(app)


def add_pagination_uncounted(app: FastAPI) -> None:
    """List with `Page`, told not to count."""
    from fastapi_pagination import Page as PaginationPage
    from fastapi_pagination import add_pagination
    from fastapi_pagination.customization import CustomizedPage, UseIncludeTotal
    from fastapi_pagination.ext.sqlalchemy import apaginate

    @app.get("/books", response_model=CustomizedPage[PaginationPage[BookOut], UseIncludeTotal(False)])  # noqa: FBT003
    async def books(session: Session) -> Any:
        return await apaginate(session, newest())

    add_pagination(app)


def add_pagination_cursor(app: FastAPI, *, total: bool = True) -> None:
    """List with `CursorPage`, which counts unless it is told not to."""
    from fastapi_pagination import add_pagination
    from fastapi_pagination.cursor import CursorPage
    from fastapi_pagination.customization import CustomizedPage, UseIncludeTotal
    from fastapi_pagination.ext.sqlalchemy import apaginate

    @app.get("/books", response_model=CustomizedPage[CursorPage[BookOut], UseIncludeTotal(total)])
    async def books(session: Session) -> Any:
        return await apaginate(session, newest())

    add_pagination(app)


def add_pagination_slice(app: FastAPI) -> None:
    """List a list with `Page`."""
    from fastapi_pagination import Page as PaginationPage
    from fastapi_pagination import add_pagination, paginate
    from fastapi_pagination.utils import disable_installed_extensions_check

    disable_installed_extensions_check()

    @app.get("/books", response_model=PaginationPage[BookOut])
    async def books() -> Any:
        return paginate(SHELF)

    add_pagination(app)


def add_filter(app: FastAPI) -> None:
    """List with fastapi-filter's filters and fastapi-pagination's page."""
    from fastapi_filter import FilterDepends
    from fastapi_filter.contrib.sqlalchemy import Filter
    from fastapi_pagination import Page as PaginationPage
    from fastapi_pagination import add_pagination
    from fastapi_pagination.ext.sqlalchemy import apaginate

    class BookFilter(Filter):  # type: ignore[misc]
        genre__in: list[Genre] | None = None
        copies__gte: int | None = None
        title__like: str | None = None
        order_by: list[str] | None = None

        class Constants(Filter.Constants):  # type: ignore[misc]
            model = Book

    @app.get("/books", response_model=PaginationPage[BookOut])
    async def books(session: Session, wanted: Annotated[Any, FilterDepends(BookFilter)]) -> Any:
        return await apaginate(session, wanted.sort(wanted.filter(select(Book))))

    add_pagination(app)


def add_filter_page(app: FastAPI) -> None:
    """List with fastapi-filter, the sort being asked for by the client."""
    add_filter(app)


# --- fastcrud


class BookIn(BaseModel):
    """What fastcrud's router asks for to create and to update."""

    model_config = ConfigDict(extra="forbid")

    title: str


class CrudPage(BaseModel, Generic[T]):
    """What `get_multi` gives."""

    data: list[T]
    total_count: int


class CrudCursor(BaseModel, Generic[T]):
    """What `get_multi_by_cursor` gives."""

    data: list[T]
    next_cursor: int | None


def add_crud(app: FastAPI) -> None:
    """List with `get_multi`, in an endpoint of one's own."""
    from fastcrud import FastCRUD

    crud: Any = FastCRUD(Book)

    @app.get("/books", response_model=CrudPage[BookOut])
    async def books(session: Session, page: Page = 1, size: Size = SIZE) -> Any:
        return await crud.get_multi(
            session, offset=(page - 1) * size, limit=size, sort_columns=["added_at", "id"],
            sort_orders=["desc", "desc"], schema_to_select=BookOut,
        )  # fmt: skip


def add_crud_router(app: FastAPI) -> None:
    """List with the router that fastcrud makes."""
    from fastcrud import crud_router

    from .catalogue import open_session

    router: APIRouter = crud_router(
        session=open_session, model=Book, create_schema=BookIn, update_schema=BookIn, select_schema=BookOut,
        path="/books", included_methods=["read_multi"],
    )  # fmt: skip
    app.include_router(router)


def add_crud_cursor(app: FastAPI) -> None:
    """List with `get_multi_by_cursor`, which goes by one column: here the ID, which has the same order."""
    from fastcrud import FastCRUD

    crud: Any = FastCRUD(Book)

    @app.get("/books", response_model=CrudCursor[BookOut])
    async def books(session: Session, cursor: int | None = None, size: Size = SIZE) -> Any:
        return await crud.get_multi_by_cursor(
            session, cursor=cursor, limit=size, sort_column="id", sort_order="desc", schema_to_select=BookOut
        )


def add_crud_filtered(app: FastAPI) -> None:
    """List with `get_multi` and its filters."""
    from fastcrud import FastCRUD

    crud: Any = FastCRUD(Book)

    @app.get("/books", response_model=CrudPage[BookOut])
    async def books(
        session: Session,
        *,
        genre: Annotated[list[Genre], Query()],
        copies_min: int,
        title: str,
        page: Page = 1,
        size: Size = SIZE,
    ) -> Any:
        return await crud.get_multi(
            session, offset=(page - 1) * size, limit=size, sort_columns=["price", "id"], sort_orders=["desc", "desc"],
            schema_to_select=BookOut, genre__in=genre, copies__gte=copies_min, title__contains=title,
        )  # fmt: skip


# --- advanced-alchemy and fastapi-toolsets


def add_alchemy(app: FastAPI, *, window: bool = True) -> None:
    """List with a service of advanced-alchemy, which counts with a window function unless it is told not to."""
    from advanced_alchemy.filters import LimitOffset
    from advanced_alchemy.repository import SQLAlchemyAsyncRepository
    from advanced_alchemy.service import OffsetPagination, SQLAlchemyAsyncRepositoryService

    class Books(SQLAlchemyAsyncRepositoryService):  # type: ignore[misc]
        class Repo(SQLAlchemyAsyncRepository):  # type: ignore[misc]
            model_type = Book

        repository_type = Repo

    def service(session: Session) -> Any:
        return Books(session)

    async def provide(session: Session) -> Any:
        return service(session)

    @app.get("/books", response_model=OffsetPagination[BookOut])
    async def books(given: Annotated[Any, Depends(provide)], page: Page = 1, size: Size = SIZE) -> Any:
        part = LimitOffset(limit=size, offset=(page - 1) * size)
        found, total = await given.list_and_count(
            part, order_by=[("added_at", True), ("id", True)], count_with_window_function=window
        )
        return given.to_schema(found, total, filters=[part], schema_type=BookOut)


def add_toolsets(app: FastAPI) -> None:
    """List with the CRUD class of fastapi-toolsets, which sorts by one column: here by the ID."""
    from fastapi_toolsets.crud import CrudFactory
    from fastapi_toolsets.schemas import OffsetPaginatedResponse

    crud: Any = CrudFactory(model=Book)

    @app.get("/books", response_model=OffsetPaginatedResponse[BookOut])
    async def books(session: Session, page: Page = 1, size: Size = SIZE) -> Any:
        return await crud.offset_paginate(
            session, order_by=Book.id.desc(), page=page, items_per_page=size, schema=BookOut
        )


PAGINATION_PAGE = Case("fastapi-pagination, Page", add_pagination_page, "peer", PAGINATION)
PAGINATION_UNCOUNTED = Case("fastapi-pagination, no total", add_pagination_uncounted, "peer", PAGINATION)
PAGINATION_CURSOR = Case("fastapi-pagination, CursorPage", add_pagination_cursor, "peer", CURSORS)
PAGINATION_CURSOR_UNCOUNTED = Case(
    "fastapi-pagination, CursorPage, no total", lambda app: add_pagination_cursor(app, total=False), "peer", CURSORS
)
PAGINATION_SLICE = Case("fastapi-pagination, a list", add_pagination_slice, "peer", PAGINATION)
FILTERED = Call("/books", query="genre=novel&genre=poetry&copies_min=20&title=book+00&sort=-price")
FILTER_QUERY = "genre__in=novel,poetry&copies__gte=20&title__like=%25book+00%25&order_by=-price,-id"
FILTER_PAGE = Case("fastapi-filter, fastapi-pagination", add_filter, "peer", FILTER, Call("/books", query=FILTER_QUERY))
CRUD_MULTI = Case("fastcrud, get_multi", add_crud, "peer", CRUD)
CRUD_ROUTER = Case(
    "fastcrud, crud_router", add_crud_router, "peer", CRUD,
    Call("/books", query=f"page=1&itemsPerPage={SIZE}&sort=-added_at,-id"),
)  # fmt: skip
CRUD_CURSOR = Case("fastcrud, get_multi_by_cursor", add_crud_cursor, "peer", CRUD)
CRUD_FILTERED = Case("fastcrud, get_multi", add_crud_filtered, "peer", CRUD)
ALCHEMY_WINDOW = Case("advanced-alchemy, as it comes", add_alchemy, "peer", ALCHEMY)
ALCHEMY_TWO = Case("advanced-alchemy, two queries", lambda app: add_alchemy(app, window=False), "peer", ALCHEMY)
TOOLSETS_PAGE = Case("fastapi-toolsets, offset_paginate", add_toolsets, "peer", TOOLSETS)
