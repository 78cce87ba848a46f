"""What a listing decided once, and what every query of it knows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Generic, TypeVar, cast

from fastapi import Request, Response
from pydantic import TypeAdapter
from sqlalchemy import Select, select

from .._rules.styles import ParameterName
from .._rules.totals import Total
from ..sqlalchemy.filters import FilterSet
from ..sqlalchemy.groups import refuse_hidden_keys
from ..sqlalchemy.joins import refuse_other_entity
from ..sqlalchemy.keyset import Walk
from ..sqlalchemy.reading import Prepared, prepare
from ..sqlalchemy.sort import OrderKey, Sort
from ..sqlalchemy.structure import Statement, can_repeat
from .answers import Answerer, AnyEnvelope, Selectable, envelope_of, list_of

Item = TypeVar("Item")
Listed = TypeVar("Listed", bound=Statement)


class Rows:
    """The rows of one model: statements that are made once, because making them costs as much as a small query.

    Args:
        model: The model.
        sort: What it can be sorted by.
    """

    def __init__(self, model: type[Any], sort: Sort) -> None:
        self._sort = sort
        self._model = model
        self.every: Select[Any] = select(model)
        self.ordered: Callable[[tuple[str, ...], str], tuple[Select[Any], Prepared | None]] = lru_cache(maxsize=256)(
            self._ordered
        )
        self.walk: Callable[[tuple[str, ...], str], Walk] = lru_cache(maxsize=256)(self._walk)

    def _ordered(self, terms: tuple[str, ...], dialect: str) -> tuple[Select[Any], Prepared | None]:
        """Give all rows in an order, and what can be prepared of their pages."""
        ordered = self.every.order_by(*(key.order_by(dialect) for key in self._sort.order(terms, self._model)))
        return ordered, None if can_repeat(ordered, self._model) else prepare(ordered)

    def _walk(self, terms: tuple[str, ...], dialect: str) -> Walk:
        """Give the walk through all rows in an order."""
        return Walk(self.every, self._sort.order(terms, self._model), dialect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a `Listing` decided once for all its requests.

    Attributes:
        model: The model whose rows are listed, where there is one.
        rows: Its rows.
        sort: What it can be sorted by.
        names: Names on the wire of all parameters that are not filters.
        selectable: The fields that a client may choose from, where it may.
        total: Whether and how rows are counted.
        max_offset: Rows that may come before a page.
        etag: Whether pages get an entity tag.
        links: Whether pages get a `Link` header.
        lists: Gives what converts rows to bare lists of a type.
    """

    model: type[Any] | None
    rows: Rows | None
    sort: Sort
    names: Mapping[ParameterName, str]
    selectable: Selectable | None
    total: Total
    max_offset: int
    etag: bool
    links: bool
    lists: Callable[[Any], TypeAdapter[list[Any]]] = field(default_factory=lambda: lru_cache(maxsize=16)(list_of))

    def name(self, parameter: ParameterName) -> str:
        """Give the name of a parameter on the wire."""
        return self.names[parameter]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one request asks of a listing, whichever way its pages go.

    Attributes:
        filters: The filters.
        terms: What to sort by; none for the default.
        chosen: The fields to give of each item; none for all.
        size: Rows of the page at most.
        request: The request.
        response: What goes out; its headers are sent with whatever the endpoint returns.
    """

    filters: FilterSet
    terms: tuple[str, ...]
    chosen: Sequence[str]
    size: int
    request: Request
    response: Response


class Query(Generic[Item]):
    """What both kinds of query know: filters, order and size."""

    def __init__(self, shape: Shape, asked: Asked) -> None:
        self._shape = shape
        self._asked = asked
        self._answerer = Answerer(
            asked.request, asked.response, shape.selectable, asked.chosen, etag=shape.etag, links=shape.links
        )

    @property
    def filters(self) -> FilterSet:
        """The filters as the client sent them; those that it did not send have their defaults."""
        return self._asked.filters

    @property
    def sort(self) -> tuple[str, ...]:
        """What to sort by, such as ``("-price", "name")``: the client's choice, or else the default."""
        return self._asked.terms or self._shape.sort.default

    @property
    def size(self) -> int:
        """Rows that a page holds at most."""
        return self._asked.size

    def apply(self, statement: Listed) -> Listed:
        """Add the filters and the order to a statement, but no page: for an export, say.

        Args:
            statement: What to select. An ORDER BY in it stands only where the request and the listing say nothing of
                order, as in a page.

        Raises:
            TypeError: The statement does not select from the model, or takes no conditions.
        """
        return self._sorted(self._filtered(statement), "")

    def _envelope(self, into: type[Any] | None, default: AnyEnvelope) -> AnyEnvelope:
        if into is not None:
            self._refuse_other(into)
        return envelope_of(into, default)

    def _refuse_other(self, into: type[Any]) -> None:
        if self._shape.selectable is not None:
            self._shape.selectable.refuse_other(into)

    def _keys(self) -> tuple[OrderKey, ...]:
        return self._shape.sort.order(self._asked.terms, self._shape.model)

    def _rows(self) -> Rows:
        if self._shape.rows is None:
            raise TypeError("this listing knows no model: give a statement, or Listing(…, model=Product)")
        return self._shape.rows

    def _sorted(self, statement: Listed, dialect: str) -> Listed:
        keys = self._keys()
        refuse_hidden_keys(statement, keys)
        unsorted = statement.order_by(None) if self.sort else statement
        return unsorted.order_by(*(key.order_by(dialect) for key in keys))

    def _filtered(self, statement: Listed) -> Listed:
        refuse_other_entity(statement, self._shape.model)
        # A listing without filters needs no model to list what a statement selects.
        return self.filters.apply(cast("Any", statement)) if self.filters.__conditions__ else statement
