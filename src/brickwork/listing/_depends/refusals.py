"""What a listing refuses of a query beyond the values of its own parameters: unknown names, and values given twice."""

import difflib
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import APIKey, APIKeyIn
from pydantic import BaseModel

from ..sqlalchemy.filters import FilterSet
from .parameters import wire_names

# Finding what each of thousands was meant to be would take longer than the page.
_MOST_UNKNOWN: Final = 20


def refuse(parameter: str, kind: str, message: str) -> RequestValidationError:
    """Make the error that FastAPI answers with 422, about one query parameter."""
    return RequestValidationError([{"type": kind, "loc": ("query", parameter), "msg": message}])


class _Declared(NamedTuple):
    """What a route declares of its query.

    Attributes:
        names: Every parameter.
        of_listings: Those that listings alone declare.
    """

    names: frozenset[str]
    of_listings: frozenset[str]


class KnownParameters:
    """Knows for each route of an application which query parameters it declares, in any of its dependencies."""

    def __init__(self) -> None:
        # By identity, since FastAPI's route contexts cannot be hashed; the reference tells when one is gone.
        self._known: dict[int, tuple[weakref.ref[Any], _Declared]] = {}

    def check(self, request: Request, own: Mapping[str, bool], *, allow_unknown: bool) -> None:
        """Refuse what the query holds too much of.

        Raises:
            RequestValidationError: (422) A parameter is not declared anywhere on the route, or one of the listing's
                own that takes one value was given several.
        """
        query = request.query_params
        if not allow_unknown and not query.keys() <= own.keys():
            known = self._of_route(request).names | own.keys()
            unknown = [name for name in query if name not in known]
            if unknown:
                raise RequestValidationError([_unknown(name, known) for name in unknown[:_MOST_UNKNOWN]])
        if len(query.multi_items()) != len(query):
            for name, many in own.items():
                if not many and len(query.getlist(name)) > 1:
                    raise refuse(name, "repeated_parameter", "This parameter takes one value; it was given several.")

    def of_others(self, request: Request, own: Mapping[str, bool]) -> frozenset[str]:
        """Give the parameters of a request's query that are of other listings on its route."""
        others = request.query_params.keys() - own.keys()
        return self._of_route(request).of_listings & others if others else frozenset()

    def _of_route(self, request: Request) -> _Declared:
        included = request.scope.get("fastapi", {}).get("effective_route_context")
        route: Any = request.scope["route"] if included is None else included
        key = id(route)
        found = self._known.get(key)
        if found is None or found[0]() is not route:
            declared = list(_declared(route.dependant))
            names, other = frozenset(name for name, _ in declared), {name for name, ours in declared if not ours}
            forget = weakref.ref(route, lambda _: self._known.pop(key, None))
            found = self._known[key] = (forget, _Declared(names, names - other))
        return found[1]


def _unknown(name: str, known: Iterable[str]) -> dict[str, object]:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    advice = f"; did you mean {close[0]!r}?" if close else "."
    return {"type": "unknown_parameter", "loc": ("query", name), "msg": f"There is no such parameter{advice}"}


def _declared(dependant: Dependant) -> Iterator[tuple[str, bool]]:
    """Give each parameter, and whether it is one of a listing."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            ours = issubclass(model, FilterSet) and bool(model.__listing_fields__)
            yield from ((name, ours) for name in wire_names(model))
        else:
            yield field.validation_alias or field.alias, False
    scheme = getattr(dependant.call, "model", None)
    if isinstance(scheme, APIKey) and scheme.in_ is APIKeyIn.query:
        yield scheme.name, False
    for inner in dependant.dependencies:
        yield from _declared(inner)
