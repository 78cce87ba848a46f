"""One request for a page by number: what to filter and sort by, which page to read, and where from."""

from collections.abc import Iterable, Iterator
from typing import Any, TypedDict, TypeVar, overload

from .._rules.pages import Envelope, Page, PageResult
from .._rules.slices import OffsetRows, offset_items
from .._rules.totals import Total
from ..memory import sort_items
from ..sqlalchemy.reading import (
    AsyncSource,
    Plan,
    Prepared,
    SyncSource,
    dialect_of,
    offset_plan,
    read_async,
    read_sync,
)
from ..sqlalchemy.structure import Statement
from .answers import Answerer
from .shape import Asked, Query, Rows, Shape

Item = TypeVar("Item")
Out = TypeVar("Out")
Filled = TypeVar("Filled", bound=Envelope[Any])


class Place(TypedDict):
    """Which page to read."""

    offset: int
    size: int
    total: Total


class ListQuery(Query[Item]):
    """One request for a page by number: what to filter and sort by, and which page to read.

    A `Listing` makes it. Rows are read by `page`, from an asynchronous session or connection; by `page_sync`, from a
    synchronous one; and by `slice`, from any sequence.
    """

    def __init__(self, shape: Shape, asked: Asked, *, offset: int, by_page: bool = True) -> None:
        super().__init__(shape, asked)
        self._offset = offset
        self._by_page = by_page

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return self._offset

    @overload
    async def page(self, session: AsyncSource, statement: Statement | None = None) -> Page[Item]: ...
    @overload
    async def page(self, session: AsyncSource, statement: Statement | None = None, *, into: type[Filled]) -> Filled: ...  # type: ignore[overload-overlap]
    @overload
    async def page(self, session: AsyncSource, statement: Statement | None = None, *, into: type[Out]) -> Page[Out]: ...
    async def page(self, session: AsyncSource, statement: Statement | None = None, *, into: Any = None) -> Any:
        """Read the page from an asynchronous session or connection.

        Args:
            session: Where to read; a connection gives rows of columns, as SQLAlchemy's own do.
            statement: What to list, with conditions and loader options of your own; all rows of the model where left
                out. An ORDER BY in it stands only where the request and the listing say nothing of order.
            into: What to convert the rows to: the model of the items, or a whole `Envelope` such as
                ``Answer[ProductOut]``. Rows stay as they are where left out.

        Raises:
            TypeError: The listing knows no model and no statement was given, or no page can be cut from it.
            NotModifiedError: (304) The listing has entity tags, and the client has this page.
        """
        return self._answer(await read_async(session, self._plan(session, statement)), into)

    @overload
    def page_sync(self, session: SyncSource, statement: Statement | None = None) -> Page[Item]: ...
    @overload
    def page_sync(self, session: SyncSource, statement: Statement | None = None, *, into: type[Filled]) -> Filled: ...  # type: ignore[overload-overlap]
    @overload
    def page_sync(self, session: SyncSource, statement: Statement | None = None, *, into: type[Out]) -> Page[Out]: ...
    def page_sync(self, session: SyncSource, statement: Statement | None = None, *, into: Any = None) -> Any:
        """Read the page from a synchronous session or connection; the rest is as in `page`."""
        return self._answer(read_sync(session, self._plan(session, statement)), into)

    @overload
    def slice(self, items: Iterable[Item]) -> Page[Item]: ...
    @overload
    def slice(self, items: Iterable[Item], *, into: type[Filled]) -> Filled: ...  # type: ignore[overload-overlap]
    @overload
    def slice(self, items: Iterable[Item], *, into: type[Out]) -> Page[Out]: ...
    def slice(self, items: Iterable[Item], *, into: Any = None) -> Any:
        """Cut the page from items in Python, filtered and sorted as a database would.

        Args:
            items: Objects with attributes, or mappings.
            into: What to convert the items to, as in `page`.
        """
        found = sort_items(self.filters.matching(items), self._keys())
        return self._answer(offset_items(found, self._offset, self.size), into)

    async def items(self, session: AsyncSource, statement: Statement | None = None, *, into: type[Out]) -> list[Out]:
        """Read the page as a bare list; what the envelope would say goes into ``Link`` and ``X-Total-Count``."""
        return self._bare(await read_async(session, self._plan(session, statement)), into)

    def items_sync(self, session: SyncSource, statement: Statement | None = None, *, into: type[Out]) -> list[Out]:
        """Read the page as a bare list from a synchronous session or connection; as `items`."""
        return self._bare(read_sync(session, self._plan(session, statement)), into)

    def _plan(self, session: AsyncSource | SyncSource, statement: Statement | None) -> Plan[OffsetRows[Any]]:
        if statement is None:
            return self._plan_of_rows(session, self._rows())
        dialect = dialect_of(session, statement)
        return offset_plan(self._filtered(self._sorted(statement, dialect)), **self._place(), dialect_name=dialect)

    def _plan_of_rows(self, session: AsyncSource | SyncSource, rows: Rows) -> Plan[OffsetRows[Any]]:
        dialect = dialect_of(session, rows.every)
        every, prepared = rows.ordered(self._asked.terms, dialect)
        filtered = self._filtered(every)
        if prepared is not None and filtered is not every:
            prepared = Prepared(self._filtered(prepared.page), count=None)
        return offset_plan(filtered, **self._place(), dialect_name=dialect, prepared=prepared)

    def _place(self) -> Place:
        return {"offset": self._offset, "size": self.size, "total": self._shape.total}

    def _answer(self, read: OffsetRows[Any], into: type[Any] | None) -> Any:
        return self._answerer.page(self._envelope(into, Page), self._result(read), convert=into is not None)

    def _bare(self, read: OffsetRows[Any], into: type[Out]) -> list[Out]:
        self._refuse_other(into)
        result = self._result(read)
        return self._answerer.items(result.items, self._shape.lists(into), result.total)

    def _result(self, read: OffsetRows[Any]) -> PageResult[Any]:
        return page_result(
            self._answerer,
            read,
            offset=self._offset,
            size=self.size,
            max_offset=self._shape.max_offset,
            parameter=self._shape.name("page" if self._by_page else "skip"),
            by_page=self._by_page,
        )


def page_result(
    answerer: Answerer,
    read: OffsetRows[Any],
    *,
    offset: int,
    size: int,
    max_offset: int,
    parameter: str,
    by_page: bool,
) -> PageResult[Any]:
    """Put together what was read for a page, with links to the pages around it that can be asked for.

    Args:
        answerer: Makes the links.
        read: What was read.
        offset: Rows before the page.
        size: Rows of the page at most.
        max_offset: Rows that may come before a page at most.
        parameter: Name of the parameter that says which page.
        by_page: Whether that is the number of a page rather than of rows.
    """
    relations = {
        relation: {parameter: str(start // size + 1 if by_page else start)}
        for relation, start in _starts(read, offset, size)
        if start <= max_offset
    }
    return PageResult(
        items=answerer.chosen_of(read.rows),
        size=size,
        offset=offset,
        has_next=read.has_next,
        total=read.total,
        total_is_estimate=read.total_is_estimate,
        links=answerer.link(relations),
    )


def _starts(read: OffsetRows[Any], offset: int, size: int) -> Iterator[tuple[str, int]]:
    """Give how many rows are before each of the pages around one."""
    last = (read.total - 1) // size * size if read.total and not read.total_is_estimate else None
    yield "first", 0
    if offset:
        # From far beyond the end, back to where there is something.
        yield "prev", max(0, offset - size if last is None else min(offset - size, last))
    if read.has_next:
        yield "next", offset + size
    if last is not None:
        yield "last", last
