"""What a listing refuses of a query beyond the values of its own parameters: unknown names, and values given twice."""

import difflib
import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import APIKey, APIKeyIn
from pydantic import BaseModel

from .parameters import wire_names

# Finding what each of thousands was meant to be would take longer than the page.
_MOST_UNKNOWN: Final = 20


def refuse(parameter: str, kind: str, message: str) -> RequestValidationError:
    """Make the error that FastAPI answers with 422, about one query parameter."""
    return RequestValidationError([{"type": kind, "loc": ("query", parameter), "msg": message}])


class KnownParameters:
    """Knows for each route of an application which query parameters it declares, in any of its dependencies."""

    def __init__(self) -> None:
        # By identity, since FastAPI's route contexts cannot be hashed; the reference tells when one is gone.
        self._known: dict[int, tuple[weakref.ref[Any], frozenset[str]]] = {}

    def check(self, request: Request, own: Mapping[str, bool], *, allow_unknown: bool) -> None:
        """Refuse what the query holds too much of.

        Raises:
            RequestValidationError: (422) A parameter is not declared anywhere on the route, or one of the listing's
                own that takes one value was given several.
        """
        query = request.query_params
        if not allow_unknown and not query.keys() <= own.keys():
            known = self._of_route(request) | own.keys()
            unknown = [name for name in query if name not in known]
            if unknown:
                raise RequestValidationError([_unknown(name, known) for name in unknown[:_MOST_UNKNOWN]])
        if len(query.multi_items()) != len(query):
            for name, many in own.items():
                if not many and len(query.getlist(name)) > 1:
                    raise refuse(name, "repeated_parameter", "This parameter takes one value; it was given several.")

    def _of_route(self, request: Request) -> frozenset[str]:
        included = request.scope.get("fastapi", {}).get("effective_route_context")
        route: Any = request.scope["route"] if included is None else included
        key = id(route)
        found = self._known.get(key)
        if found is None or found[0]() is not route:
            names = frozenset(_declared(route.dependant))
            found = self._known[key] = (weakref.ref(route, lambda _: self._known.pop(key, None)), names)
        return found[1]


def _unknown(name: str, known: Iterable[str]) -> dict[str, object]:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    advice = f"; did you mean {close[0]!r}?" if close else "."
    return {"type": "unknown_parameter", "loc": ("query", name), "msg": f"There is no such parameter{advice}"}


def _declared(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from wire_names(model)
        else:
            yield field.validation_alias or field.alias
    scheme = getattr(dependant.call, "model", None)
    if isinstance(scheme, APIKey) and scheme.in_ is APIKeyIn.query:
        yield scheme.name
    for inner in dependant.dependencies:
        yield from _declared(inner)
