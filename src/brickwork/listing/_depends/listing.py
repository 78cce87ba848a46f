"""`Listing`: one object for each list of an API, and the dependency that reads a request for it."""

from collections.abc import Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, cast

from fastapi import Query, Request, Response
from pydantic import BaseModel

from ..._core.problem import Problem
from .._errors import InvalidCursorError
from .._rules.styles import Keyset, LimitOffset, Offset, ParameterName, Style
from .._rules.totals import Total
from .._service import Asked, CursorQuery, ListQuery, Rows, Selectable, Shape
from ..sqlalchemy.filters import FilterSet
from ..sqlalchemy.sort import Sort
from .parameters import PREFIX, merged_model, own_names, wire_names
from .refusals import KnownParameters, refuse


class NoFilters(FilterSet):
    """A listing without filters."""


class Listing:
    """One list of an API: what it can be filtered and sorted by, and how it is cut into pages.

    It is a dependency itself, and gives a `ListQuery`, or a `CursorQuery` where pages go by cursor.

    ```python
    from typing import Annotated

    from fastapi import Depends, FastAPI
    from pydantic import BaseModel

    from brickwork.listing import FilterSet, Listing, ListQuery, Offset, Page, Sort

    class Brick(BaseModel):
        colour: str
        price: int

    class BrickFilter(FilterSet):
        colour__in: list[str] | None = None
        price__gte: int | None = None

    bricks = Listing(BrickFilter, sort=Sort("price", "colour"), page=Offset(size=10))
    wall = [Brick(colour="red", price=3), Brick(colour="grey", price=2)]

    app = FastAPI()

    @app.get("/bricks")
    async def list_bricks(query: Annotated[ListQuery[Brick], Depends(bricks)]) -> Page[Brick]:
        return query.slice(wall, into=Brick)
    ```

    Whatever a client gets wrong is 422 and names the parameter: an unknown one (unknown to the whole route), a sort
    field that is not offered, one value too many, a page too deep or too large. A cursor that is not for this list is
    400.

    Args:
        filters: The filters, and the search; none where left out. Those of no model are of the listing's.
        sort: What the list can be sorted by; by its primary key alone where left out.
        page: How it is cut into pages: `Offset`, `LimitOffset` or `Keyset`.
        model: The model whose rows are listed; that of the filters where left out, and with `Keyset` that of the sort.
        names: Parameters that go by another name on the wire, as in ``{"size": "per_page"}``. Naming ``order`` turns
            ``sort=-price`` into two parameters: ``{"sort": "sort_by", "order": "order"}``.
        fields: Lets a client choose which fields of this model it gets, by ``fields=id,name``.
        etag: Send an entity tag with each page that is converted by ``into=``, and answer 304 when the client has it.
            The page is written as JSON a second time for it.
        links: Send the neighbouring pages as a ``Link`` header (RFC 8288).
        allow_unknown: Ignore parameters that nothing on the route declares, rather than refuse them.

    Raises:
        TypeError: An argument is of another kind, or the sort names a column of another table than the model's; or
            pages go by cursor, and neither filters nor sort tell whose rows they are.
        ValueError: Two parameters have one name, or one is renamed that there is not; or pages shall have entity tags
            and cursors that expire, which are others each time.
    """

    def __init__(
        self,
        filters: type[FilterSet] | None = None,
        *,
        sort: Sort | None = None,
        page: Style | None = None,
        model: type[Any] | None = None,
        names: Mapping[ParameterName, str] | None = None,
        fields: type[BaseModel] | None = None,
        etag: bool = False,
        links: bool = True,
        allow_unknown: bool = False,
    ) -> None:
        self._style = style = _checked(filters, sort, page, etag=etag) or Offset()
        self._allow_unknown = allow_unknown
        selectable = None if fields is None else Selectable(fields)
        filters, sort = filters or NoFilters, sort or Sort()
        model = model or filters.__model__
        if model is None and isinstance(style, Keyset):
            model = sort.walked_model(filtered=bool(filters.__conditions__))
        self._model = merged_model(
            filters,
            model=model,
            style=style,
            sort=sort,
            selectable=() if selectable is None else tuple(selectable.names),
            names=names or {},
        )
        self._own = wire_names(self._model)
        self._known = KnownParameters()
        if model is not None:
            sort.refuse_other_tables(model)
        self._shape = Shape(
            model=model,
            rows=None if model is None else Rows(model, sort),
            sort=sort,
            names=own_names(self._model),
            selectable=selectable,
            total=Total.none() if isinstance(style, Keyset) else style.total,
            max_offset=0 if isinstance(style, Keyset) else style.max_offset,
            etag=etag,
            links=links,
        )
        self._cursors = style.cursors() if isinstance(style, Keyset) else None
        self.__problems__: tuple[type[Problem], ...] = (InvalidCursorError,) if self._cursors else ()
        self.__signature__: Signature = _signature(self._model)

    async def __call__(
        self, *, request: Request, response: Response, parameters: FilterSet
    ) -> ListQuery[Any] | CursorQuery[Any]:
        """Read a request: FastAPI calls this.

        Raises:
            RequestValidationError: (422) The query has a parameter that nobody declares, or one twice, or is too deep.
            InvalidCursorError: (400) The cursor is not for this list.
        """
        self._known.check(request, self._own, allow_unknown=self._allow_unknown)
        given = _Given(parameters)
        asked = Asked(
            filters=parameters,
            terms=self._terms(given),
            chosen=given.get("fields") or (),
            size=given["limit" if isinstance(self._style, LimitOffset) else "size"],
            request=request,
            response=response,
        )
        if self._cursors is not None:
            others = self._known.of_others(request, self._own)
            return CursorQuery(self._shape, asked, cursors=self._cursors, cursor=given["cursor"], others=others)
        if isinstance(self._style, LimitOffset):
            return ListQuery(self._shape, asked, offset=given["skip"], by_page=False)
        return ListQuery(self._shape, asked, offset=self._offset(given["page"], asked.size))

    def _terms(self, given: "_Given") -> tuple[str, ...]:
        """Give what to sort by, each term with its sign."""
        sort, order = given.get("sort"), given.get("order")
        if order is not None and sort is None:
            message = f"A direction says nothing alone: name a field with {self._shape.name('sort')}."
            raise refuse(self._shape.name("order"), "direction_alone", message)
        if isinstance(sort, str):
            return (f"-{sort}" if order == "desc" else sort,)
        return tuple(sort or ())

    def _offset(self, page: int, size: int) -> int:
        offset = (page - 1) * size
        if offset > self._shape.max_offset:
            last = self._shape.max_offset // size + 1
            message = f"With {size} rows a page, the last page that can be asked for is {last}."
            raise refuse(self._shape.name("page"), "too_deep", message)
        return offset


def _signature(model: type[FilterSet]) -> Signature:
    """Give the signature that FastAPI reads; it names the listing's own model, as no method could."""
    kinds = {"request": Request, "response": Response, "parameters": Annotated[model, Query()]}
    return Signature([Parameter(name, Parameter.KEYWORD_ONLY, annotation=kind) for name, kind in kinds.items()])


def _checked(filters: object, sort: object, page: Style | None, *, etag: bool) -> Style | None:
    """Refuse what type checkers would have refused, and what does not go together.

    Raises:
        TypeError: One of the arguments is of another kind.
        ValueError: Pages that change by themselves were to have an entity tag.
    """
    if etag and isinstance(page, Keyset) and page.expires is not None:
        raise ValueError("etag=True: a page has other cursors each time when they expire; leave out one of the two")
    if filters is not None and not (isinstance(filters, type) and issubclass(filters, FilterSet)):
        raise TypeError(f"Listing({filters!r}): give the class of the filters, not one of its instances")
    if not isinstance(sort, Sort | None):
        raise TypeError(f"sort={sort!r}: write Sort(Product.name, …)")
    if not isinstance(cast("object", page), Offset | LimitOffset | Keyset | None):
        raise TypeError(f"page={page!r}: write Offset(…), LimitOffset(…) or Keyset(…)")
    return page


class _Given:
    """The listing's own parameters of one request."""

    def __init__(self, parameters: FilterSet) -> None:
        self._values = parameters.__dict__

    def __getitem__(self, name: ParameterName) -> Any:
        return self._values[PREFIX + name]

    def get(self, name: ParameterName) -> Any:
        """Give a parameter that not every listing has."""
        return self._values.get(PREFIX + name)
