"""The same lists of books with our listings."""

from functools import partial
from typing import Annotated

from fastapi import Depends, FastAPI, Query, Request, Response

from brickwork.listing import (
    CursorPage,
    CursorQuery,
    FilterSet,
    Keyset,
    Listing,
    ListQuery,
    Offset,
    Page,
    PageParams,
    Sort,
    Total,
    paginate,
)

from .catalogue import SIZE, Book, BookOut, Genre, Session
from .listing_peers import SHELF, newest
from .measure import Call, Case

SECRET = "32 bytes or more, and not in code"


class BookFilter(FilterSet, model=Book):
    """What the list can be narrowed to."""

    genre__in: list[Genre] | None = None
    copies__gte: int | None = None
    title__contains: str | None = None


SORT = Sort(Book.added_at, Book.price, default="-added_at")


def add_listing(
    app: FastAPI,
    *,
    filters: type[FilterSet] | None = None,
    total: Total | None = None,
    path: str = "/books",
    deepest: int = 10_000,
) -> None:
    """List with a `Listing`, whose page counts exactly unless something else is said."""
    offset = Offset(SIZE, max_offset=deepest, total=Total.exact() if total is None else total)
    listing = Listing(filters, model=Book, sort=SORT, page=offset)

    @app.get(path)
    async def books(query: Annotated[ListQuery[Book], Depends(listing)], session: Session) -> Page[BookOut]:
        return await query.page(session, into=BookOut)


def add_keyset(app: FastAPI, *, path: str = "/books", largest: int = 100) -> None:
    """List with a `Listing` by cursor."""
    listing = Listing(model=Book, sort=SORT, page=Keyset(SIZE, max_size=largest, secret=SECRET))

    @app.get(path)
    async def books(query: Annotated[CursorQuery[Book], Depends(listing)], session: Session) -> CursorPage[BookOut]:
        return await query.page(session, into=BookOut)


def add_paginate(app: FastAPI) -> None:
    """List with `paginate`, the plain form."""

    @app.get("/books")
    async def books(params: Annotated[PageParams, Query()], session: Session) -> Page[BookOut]:
        return await paginate(session, newest(), params, into=BookOut)


def add_paginate_linked(app: FastAPI) -> None:
    """List with `paginate` and its `Link` header."""

    @app.get("/books")
    async def books(
        params: Annotated[PageParams, Query()], session: Session, request: Request, response: Response
    ) -> Page[BookOut]:
        return await paginate(session, newest(), params, into=BookOut, request=request, response=response)


def add_slice(app: FastAPI) -> None:
    """List a list."""
    listing = Listing(page=Offset(SIZE))

    @app.get("/books")
    async def books(query: Annotated[ListQuery[BookOut], Depends(listing)]) -> Page[BookOut]:
        return query.slice(SHELF, into=BookOut)


LISTING = Case("Listing", add_listing)
CAPPED = Case("Listing, Total.capped(1000)", partial(add_listing, total=Total.capped(1000)))
UNCOUNTED = Case("Listing, Total.none", partial(add_listing, total=Total.none()))
PAGINATE = Case("paginate", add_paginate)
KEYSET = Case("Listing, Keyset", add_keyset)
SLICE = Case("Listing, a list", add_slice)
WANTED = "genre__in=novel,poetry&copies__gte=20&title__contains=book+00&sort=-price"
FILTERABLE = Case("Listing, filters that nobody uses", partial(add_listing, filters=BookFilter))
FILTERED = Case(
    "Listing, filters and sort", partial(add_listing, filters=BookFilter), call=Call("/books", query=WANTED)
)

add_deep_offset = partial(add_listing, path="/offset", deepest=1_000_000)
add_deep_uncounted = partial(add_deep_offset, path="/uncounted", total=Total.none())
add_deep_keyset = partial(add_keyset, path="/keyset", largest=10_000)
