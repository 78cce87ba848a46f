"""The plain form: parameters of a page as a model of their own, and a function that reads the page of a statement."""

from typing import Annotated, Any, TypeVar, cast, overload

from annotated_types import Ge, Le
from fastapi import Query, Request, Response
from pydantic import BaseModel
from sqlalchemy import Select

from .._rules.pages import Envelope, Page
from .._rules.slices import OffsetRows
from .._rules.totals import Total
from .._service.answers import Answerer, envelope_of
from .._service.queries import page_result
from ..sqlalchemy.reading import AsyncSource, Plan, SyncSource, dialect_of, offset_plan, read_async, read_sync
from ..sqlalchemy.structure import Statement, bare_term, entity_of, order_of, primary_key_of
from .parameters import Integer
from .refusals import refuse

Out = TypeVar("Out")
Filled = TypeVar("Filled", bound=Envelope[Any])

_MOST_SKIPPED = 10_000
_EXACT = Total.exact()


class _Bounded(BaseModel):
    """Keeps the bounds of a field that a subclass declares again without any."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_options: object) -> None:
        lost = [
            (cls.model_fields[name], bound)
            for base in cls.__bases__
            if issubclass(base, _Bounded)
            for name, field in base.model_fields.items()
            for bound in field.metadata
            if isinstance(bound, Ge | Le) and type(bound) not in map(type, cls.model_fields[name].metadata)
        ]
        for field, bound in lost:
            field.metadata.append(bound)
        if lost:
            cls.model_rebuild(force=True)


class PageParams(_Bounded):
    """Page number and size, as ``Annotated[PageParams, Query()]`` or ``Annotated[PageParams, Depends()]``.

    ```python
    from brickwork.listing import PageParams

    params = PageParams(page=3, size=20)
    print(params.offset)
    #> 40
    ```

    For other bounds, subclass it and declare the field again, as in ``size: Annotated[int, Query(ge=1, le=500)] = 50``;
    bounds that are left out stay.

    Attributes:
        page: Number of the page; the first is 1.
        size: Rows of a page at most.
    """

    page: Annotated[Integer, Query(ge=1, description="Number of the page; the first is 1.")] = 1
    size: Annotated[Integer, Query(ge=1, le=100, description="Rows given at most.")] = 20

    @property
    def offset(self) -> int:
        """Rows before the page."""
        return (self.page - 1) * self.size


class LimitOffsetParams(_Bounded):
    """How many rows to skip and to give, as ``Annotated[LimitOffsetParams, Query()]`` or with ``Depends()``.

    Attributes:
        skip: Rows to leave out before the first one given.
        limit: Rows given at most.
    """

    skip: Annotated[Integer, Query(ge=0, description="Rows to leave out before the first one given.")] = 0
    limit: Annotated[Integer, Query(ge=1, le=100, description="Rows given at most.")] = 20

    @property
    def offset(self) -> int:
        """Rows before the first one given."""
        return self.skip

    @property
    def size(self) -> int:
        """Rows given at most."""
        return self.limit


@overload
async def paginate(  # type: ignore[overload-overlap]
    source: AsyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Filled],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Filled: ...
@overload
async def paginate(
    source: AsyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Out],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Page[Out]: ...
async def paginate(
    source: AsyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Any],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Any:
    """Read one page of a statement, where there is nothing to filter or to sort by.

    Args:
        source: Asynchronous session or connection.
        statement: What to list, in its own order; the primary key is added to it, so that no row comes twice.
        params: Which page.
        into: What to convert the rows to: the model of the items, or a whole `Envelope` such as
            ``LimitOffsetPage[ProductOut]``.
        total: Whether and how rows are counted.
        max_offset: Rows that may come before the page at most.
        request: Gives the page a ``Link`` header, together with `response`.
        response: Takes that header.

    Raises:
        RequestValidationError: (422) The page lies deeper than `max_offset`.
        TypeError: No page can be cut from the statement.
    """
    read = read_async(source, _plan(source, statement, params, total, max_offset))
    return _answer(Answerer(request, response), await read, params, into, max_offset)


@overload
def paginate_sync(  # type: ignore[overload-overlap]
    source: SyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Filled],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Filled: ...
@overload
def paginate_sync(
    source: SyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Out],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Page[Out]: ...
def paginate_sync(
    source: SyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    *,
    into: type[Any],
    total: Total = _EXACT,
    max_offset: int = _MOST_SKIPPED,
    request: Request | None = None,
    response: Response | None = None,
) -> Any:
    """Read one page of a statement from a synchronous session or connection; the rest is as in `paginate`."""
    plan = _plan(source, statement, params, total, max_offset)
    return _answer(Answerer(request, response), read_sync(source, plan), params, into, max_offset)


def _plan(
    source: AsyncSource | SyncSource,
    statement: Statement,
    params: PageParams | LimitOffsetParams,
    total: Total,
    max_offset: int,
) -> Plan[OffsetRows[Any]]:
    if params.offset > max_offset:
        name = "page" if isinstance(params, PageParams) else "skip"
        raise refuse(name, "too_deep", f"Rows beyond the first {max_offset} cannot be skipped to.")
    return offset_plan(
        _completed(statement),
        offset=params.offset,
        size=params.size,
        total=total,
        dialect_name=dialect_of(source, statement),
    )


def _answer(
    answerer: Answerer,
    read: OffsetRows[Any],
    params: PageParams | LimitOffsetParams,
    into: type[Any],
    max_offset: int,
) -> Any:
    by_page = isinstance(params, PageParams)
    result = page_result(
        answerer,
        read,
        offset=params.offset,
        size=params.size,
        max_offset=max_offset,
        parameter="page" if by_page else "skip",
        by_page=by_page,
    )
    return answerer.page(envelope_of(into, Page), result, convert=True)


def _completed(statement: Statement) -> Statement:
    """Sort what is at one place in the statement's own order by the primary key of its entity."""
    entity = entity_of(statement)
    if entity is None:
        return statement
    # By their hashes, which are those of the columns themselves: to SQLAlchemy equality is an expression.
    ordered = {hash(bare_term(each)) for each in order_of(cast("Select[Any]", statement))}
    missing = [each for each in primary_key_of(entity) if hash(each.expression) not in ordered]
    return statement.order_by(*missing) if missing else statement
