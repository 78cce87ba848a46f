"""`Listing`: one object for each list of an API, and the dependency that reads a request for it."""

from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel

from ..._core.problem import Problem
from .._errors import InvalidCursorError
from .._rules.cursors import Cursors
from .._rules.styles import Keyset, LimitOffset, Offset, ParameterName, Style
from .._rules.totals import Total
from .._service import Asked, CursorQuery, ListQuery, Rows, Selectable, Shape
from ..sqlalchemy.filters import FilterSet
from ..sqlalchemy.sort import Sort
from .parameters import PREFIX, merged_model, wire_names
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
        filters: The filters, and the search; none where left out.
        sort: What the list can be sorted by; by its primary key alone where left out.
        page: How it is cut into pages: `Offset`, `LimitOffset` or `Keyset`.
        model: The model whose rows are listed; that of the filters where left out.
        names: Parameters that go by another name on the wire, as in ``{"size": "per_page"}``. Naming ``order`` turns
            ``sort=-price`` into two parameters: ``{"sort": "sort_by", "order": "order"}``.
        fields: Lets a client choose which fields of this model it gets, by ``fields=id,name``.
        etag: Send an entity tag with each page, and answer 304 when the client has it. The page is written as JSON a
            second time for it.
        links: Send the neighbouring pages as a ``Link`` header (RFC 8288).
        allow_unknown: Ignore parameters that nothing on the route declares, rather than refuse them.

    Raises:
        ValueError: Two parameters have one name, or one is renamed that there is not.
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
        self._style = page or Offset()
        self._names: Mapping[ParameterName, str] = dict(names or {})
        self._allow_unknown = allow_unknown
        selectable = None if fields is None else Selectable(fields)
        self._model = merged_model(
            filters or NoFilters,
            style=self._style,
            sort=sort,
            selectable=() if selectable is None else tuple(selectable.names),
            names=self._names,
        )
        self._own = wire_names(self._model)
        self._known = KnownParameters()
        style, sort, model = self._style, sort or Sort(), model or self._model.__model__
        self._shape = Shape(
            model=model,
            rows=None if model is None else Rows(model, sort),
            sort=sort,
            names=self._names,
            selectable=selectable,
            total=Total.none() if isinstance(style, Keyset) else style.total,
            max_offset=0 if isinstance(style, Keyset) else style.max_offset,
            etag=etag,
            links=links,
        )
        self._cursors = Cursors(style.secrets, expires=style.expires) if isinstance(style, Keyset) else None
        self.__problems__: tuple[type[Problem], ...] = (InvalidCursorError,) if self._cursors else ()
        # FastAPI reads the signature of the object, which names this listing's own model.
        self.__signature__ = Signature(
            [
                Parameter("request", Parameter.KEYWORD_ONLY, annotation=Request),
                Parameter("response", Parameter.KEYWORD_ONLY, annotation=Response),
                Parameter("parameters", Parameter.KEYWORD_ONLY, annotation=Annotated[self._model, Query()]),
            ]
        )

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
            terms=given.terms(),
            chosen=given.chosen(),
            size=given["limit" if isinstance(self._style, LimitOffset) else "size"],
            request=request,
            response=response,
        )
        if self._cursors is not None:
            return CursorQuery(self._shape, asked, cursors=self._cursors, cursor=given["cursor"])
        if isinstance(self._style, LimitOffset):
            return ListQuery(self._shape, asked, offset=given["skip"], by_page=False)
        return ListQuery(self._shape, asked, offset=self._offset(given["page"], asked.size))

    def _offset(self, page: int, size: int) -> int:
        offset = (page - 1) * size
        if offset > self._shape.max_offset:
            last = self._shape.max_offset // size + 1
            message = f"With {size} rows a page, the last page that can be asked for is {last}."
            raise refuse(self._shape.name("page"), "too_deep", message)
        return offset


class _Given:
    """The listing's own parameters of one request."""

    def __init__(self, parameters: FilterSet) -> None:
        self._values = parameters.__dict__

    def __getitem__(self, name: ParameterName) -> Any:
        return self._values[PREFIX + name]

    def terms(self) -> tuple[str, ...]:
        """Give what to sort by, each term with its sign."""
        sort = self._values.get(f"{PREFIX}sort")
        if isinstance(sort, str):
            return (f"-{sort}" if self["order"] == "desc" else sort,)
        return tuple(sort or ())

    def chosen(self) -> Sequence[str]:
        """Give the fields that the client chose; none where it gets all."""
        return self._values.get(f"{PREFIX}fields") or ()
