"""One request for a page by cursor: what to filter and sort by, where to go on, and where to read."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, TypeVar, overload

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from ..._core.scope import route_path
from .._errors import InvalidCursorError
from .._rules.cursors import CursorError, Cursors, Position
from .._rules.order import KeysetRows
from .._rules.pages import CursorEnvelope, CursorPage, CursorResult
from ..memory import keyset_items
from ..sqlalchemy.keyset import Walk
from ..sqlalchemy.reading import AsyncSource, Plan, SyncSource, dialect_of, read_async, read_sync
from ..sqlalchemy.structure import Statement
from .shape import Asked, Query, Shape

Item = TypeVar("Item")
Out = TypeVar("Out")
Filled = TypeVar("Filled", bound=CursorEnvelope[Any])


class CursorQuery(Query[Item]):
    """One request for a page by cursor: what to filter and sort by, and where to go on.

    A `Listing` whose pages are cut by `Keyset` makes it. Rows are read by `page`, from an asynchronous session or
    connection; by `page_sync`, from a synchronous one; and by `slice`, from any sequence.
    """

    def __init__(
        self, shape: Shape, asked: Asked, *, cursors: Cursors, cursor: str | None, others: frozenset[str]
    ) -> None:
        super().__init__(shape, asked)
        self._cursors = cursors
        self._context = self._digest(others)
        self._position = self._opened(cursor)

    @overload
    async def page(self, session: AsyncSource, statement: Statement | None = None) -> CursorPage[Item]: ...
    @overload
    async def page(  # type: ignore[overload-overlap]
        self, session: AsyncSource, statement: Statement | None = None, *, into: type[Filled]
    ) -> Filled: ...
    @overload
    async def page(
        self, session: AsyncSource, statement: Statement | None = None, *, into: type[Out]
    ) -> CursorPage[Out]: ...
    async def page(self, session: AsyncSource, statement: Statement | None = None, *, into: Any = None) -> Any:
        """Read the page from an asynchronous session or connection.

        Args:
            session: Where to read; a connection gives rows of columns, as SQLAlchemy's own do.
            statement: What to list, with conditions and loader options of your own; all rows of the model where left
                out. An ORDER BY in it does not count.
            into: What to convert the rows to: the model of the items, or a whole `CursorEnvelope` such as
                ``Answer[ProductOut]``. Rows stay as they are where left out.

        Raises:
            InvalidCursorError: (400) The values in the cursor are not those of this order any more.
            TypeError: The listing knows no model and no statement was given, or no page can be cut from it.
            NotModifiedError: (304) The listing has entity tags, and the client has this page.
        """
        with self._refusing():
            return self._answer(await read_async(session, self._plan(session, statement)), into)

    @overload
    def page_sync(self, session: SyncSource, statement: Statement | None = None) -> CursorPage[Item]: ...
    @overload
    def page_sync(self, session: SyncSource, statement: Statement | None = None, *, into: type[Filled]) -> Filled: ...  # type: ignore[overload-overlap]
    @overload
    def page_sync(
        self, session: SyncSource, statement: Statement | None = None, *, into: type[Out]
    ) -> CursorPage[Out]: ...
    def page_sync(self, session: SyncSource, statement: Statement | None = None, *, into: Any = None) -> Any:
        """Read the page from a synchronous session or connection; the rest is as in `page`."""
        with self._refusing():
            return self._answer(read_sync(session, self._plan(session, statement)), into)

    @overload
    def slice(self, items: Iterable[Item]) -> CursorPage[Item]: ...
    @overload
    def slice(self, items: Iterable[Item], *, into: type[Filled]) -> Filled: ...  # type: ignore[overload-overlap]
    @overload
    def slice(self, items: Iterable[Item], *, into: type[Out]) -> CursorPage[Out]: ...
    def slice(self, items: Iterable[Item], *, into: Any = None) -> Any:
        """Cut the page from items in Python, filtered and sorted as a database would.

        Args:
            items: Objects with attributes, or mappings; no two of them may share all that they are sorted by.
            into: What to convert the items to, as in `page`.
        """
        with self._refusing():
            found = keyset_items(self.filters.matching(items), self._keys(), self._position, size=self.size)
            return self._answer(found, into)

    def _plan(self, session: AsyncSource | SyncSource, statement: Statement | None) -> Plan[KeysetRows[Any]]:
        scalars = not isinstance(session, AsyncConnection | Connection)
        if statement is None:
            rows = self._rows()
            walk = rows.walk(self._asked.terms, dialect_of(session, rows.every))
            return walk.plan(self._position, size=self.size, scalars=scalars, narrow=self._filtered)
        walk = Walk(self._filtered(statement), self._keys(), dialect_of(session, statement))
        return walk.plan(self._position, size=self.size, scalars=scalars)

    def _answer(self, read: KeysetRows[Any], into: type[Any] | None) -> Any:
        before, after = self._sealed(read.previous), self._sealed(read.next)
        result = CursorResult(
            items=self._answerer.chosen_of(read.rows),
            size=self.size,
            next=after,
            previous=before,
            links=self._link(before, after),
        )
        return self._answerer.page(self._envelope(into, CursorPage), result, convert=into is not None)

    def _link(self, before: str | None, after: str | None) -> dict[str, str]:
        parameter = self._shape.name("cursor")
        near: dict[str, dict[str, str | None]] = {"first": {parameter: None}}
        if before is not None:
            near["prev"] = {parameter: before}
        if after is not None:
            near["next"] = {parameter: after}
        return self._answerer.link(near)

    def _digest(self, others: frozenset[str]) -> bytes:
        """Say what a cursor is good for: this list, with these parameters, in this order; pages of any size.

        Args:
            others: Parameters of other listings on the same route, each of which goes its own way.
        """
        # Of the listing's own parameters only the order counts, and that as it is meant rather than written.
        free = others.union(self._shape.names.values())
        request = self._asked.request
        given = sorted(pair for pair in request.query_params.multi_items() if pair[0] not in free)
        # Mounts tell lists apart, and the server's own prefix does not; nor does the path of two lists on one route.
        root = request.scope.get("app_root_path", request.scope.get("root_path", ""))
        path = route_path({"path": request.scope["path"], "root_path": root})
        parts = (path, self._shape.name("cursor"), given, self.sort)
        return blake2b(repr(parts).encode(errors="replace")).digest()

    def _opened(self, cursor: str | None) -> Position:
        if cursor is None:
            return Position()
        with self._refusing():
            return self._cursors.open(cursor, self._context)

    @contextmanager
    def _refusing(self) -> Generator[None]:
        try:
            yield
        except CursorError as error:
            raise InvalidCursorError(self._shape.name("cursor"), error.reason) from error

    def _sealed(self, position: Position | None) -> str | None:
        return None if position is None else self._cursors.seal(position, self._context)
