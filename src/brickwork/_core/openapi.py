"""Shows in OpenAPI which problems an operation can answer: those of its route, of its dependencies, of the stack.

FastAPI gives a dependency no way to declare an answer, so ours carry ``__problems__`` (and ``__credentials__``, where
they want to see some), and `dress` replaces ``app.openapi`` by an object that calls what it found there and completes
the document. That is FastAPI's documented way to extend it; this is the one place that does so.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from fastapi import params
from fastapi.openapi import utils
from fastapi.openapi.constants import REF_PREFIX
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts

from .credentials import Credentials, state_credentials, state_token_endpoint
from .problem import Problem
from .registry import ProblemRegistry
from .renderer import has_renderer, renderer_of
from .schema import Schemas, answer
from .shapes import is_dict, is_list

if TYPE_CHECKING:
    from fastapi import FastAPI
    from fastapi.dependencies.models import Dependant

Document = dict[str, Any]
Problems = tuple[type[Problem], ...]
When = Callable[[RouteContext], bool]


class Answer(dict[str, Any]):
    """One entry of a route's ``responses=``, made of problems; it remembers of which.

    Attributes:
        problems: The problems of that status.
    """

    def __init__(self, problems: Problems) -> None:
        super().__init__(answer(problems))
        self.problems = problems


def answers(problems: Iterable[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """Give problems as the ``responses=`` of a route, router or app."""
    by_status: dict[int, Problems] = {}
    for problem in dict.fromkeys(problems):
        by_status[problem.status] = (*by_status.get(problem.status, ()), problem)
    return {status: Answer(by_status[status]) for status in sorted(by_status)}


def dress(app: "FastAPI") -> None:
    """Complete the OpenAPI document of ``app`` from now on, whenever it is made; safe to call again."""
    _dresser(app)


def declare(app: "FastAPI", problems: Iterable[type[Problem]], when: When | None = None) -> None:
    """Declare problems that operations of ``app`` can answer without naming them, such as those of a middleware.

    What the user declared for the same status, for its class (``4XX``) or as ``default`` stays as it is.

    Args:
        app: The application; its document is dressed if it was not.
        problems: What can be answered.
        when: Tells for the context of a route whether it can answer them; all can where left out.

    Raises:
        ValueError: Two problem types of the application have one slug.
    """
    dresser = _dresser(app)
    dresser.declared.append((tuple(problems), when or _always))
    ProblemRegistry(problem for declared, _ in dresser.declared for problem in declared)
    app.openapi_schema = None


def problems_of(app: "FastAPI") -> ProblemRegistry:
    """Gather every problem type that ``app`` is known to answer.

    Raises:
        ValueError: Two of them have one slug.
    """
    dresser = app.openapi if isinstance(app.openapi, _Dresser) else _Dresser(app)
    planned = (dresser.planned(context) for context in _operations(app))
    registry = ProblemRegistry(problem for declared, _ in dresser.declared for problem in declared)
    for problem in (problem for plan in planned for problems in plan.values() for problem in problems):
        registry.add(problem)
    return registry


def can_be_invalid(context: RouteContext) -> bool:
    """Tell whether an operation validates anything of its request."""
    return any(
        dependant.path_params or dependant.query_params or dependant.header_params or dependant.cookie_params
        for dependant in _dependants(context.dependant)
    ) or bool(context.body_field)


def reads_json(context: RouteContext) -> bool:
    """Tell whether an operation reads a JSON body."""
    return bool(context.body_field) and not reads_form(context)


def reads_form(context: RouteContext) -> bool:
    """Tell whether an operation reads a form."""
    return bool(context.body_field) and isinstance(context.body_field.field_info, params.Form)


def never(_context: RouteContext) -> bool:
    """Declare for no operation: the problem is known to the application, and that is all."""
    return False


def _always(_context: RouteContext) -> bool:
    return True


class _Dresser:
    """Stands in for ``app.openapi``."""

    def __init__(self, app: "FastAPI") -> None:
        self.app = app
        self.found = app.openapi
        self.declared: list[tuple[Problems, When]] = []
        self.dressed: Document | None = None

    def __call__(self) -> Document:
        document = self.found()
        # FastAPI keeps its document until routes change, and then makes another.
        if document is not self.dressed:
            self._dress(document)
            self.dressed = document
        return document

    def planned(self, context: RouteContext) -> dict[int, Problems]:
        """Give the problems that an operation can answer, by status, in the order of their declaration."""
        responses: Document = context.responses or {}
        declared = {str(status).upper(): each for status, each in responses.items()}
        users = {status for status, each in declared.items() if not isinstance(each, Answer)}
        plan: dict[int, Problems] = {}
        for problem in dict.fromkeys(self._offered(context, declared)):
            if str(problem.status) not in users:
                plan[problem.status] = (*plan.get(problem.status, ()), problem)
        return plan

    def _offered(self, context: RouteContext, declared: Document) -> Iterator[type[Problem]]:
        for each in declared.values():
            yield from each.problems if isinstance(each, Answer) else ()
        for dependant in _dependants(context.dependant):
            yield from getattr(dependant.call, "__problems__", ())
        for problems, when in self.declared:
            if "DEFAULT" not in declared and when(context):
                yield from (each for each in problems if f"{each.status // 100}XX" not in declared)

    def _dress(self, document: Document) -> None:
        problems_of(self.app)
        schemas = Schemas(renderer_of(self.app), document.get("components", {}).get("schemas", {}))
        handled = has_renderer(self.app)
        for context in _operations(self.app):
            for method in context.methods or ():
                operation = document.get("paths", {}).get(context.path_format, {}).get(method.lower())
                if operation is not None:
                    state_credentials(operation, _credentials(context))
                    self._complete(operation.setdefault("responses", {}), context, schemas, replace=handled)
        self._state_token_endpoints(document)
        if handled:
            _drop_own_answers(document)
        if schemas.added or "schemas" in document.get("components", {}):
            everything = {**document.get("components", {}).get("schemas", {}), **schemas.added}
            document.setdefault("components", {})["schemas"] = dict(sorted(everything.items()))
        if handled:
            _drop_own_schemas(document)

    def _state_token_endpoints(self, document: Document) -> None:
        for context in iter_route_contexts(self.app.routes):
            scheme = getattr(context.endpoint, "__token_endpoint__", None)
            if scheme is not None and context.path_format is not None:
                state_token_endpoint(document, scheme, context.path_format)

    def _complete(self, responses: dict[str, Any], context: RouteContext, schemas: Schemas, *, replace: bool) -> None:
        if replace and _is_own(responses.get("422")):
            del responses["422"]
        for status, problems in self.planned(context).items():
            responses[str(status)] = answer(problems, schemas)


def _dresser(app: "FastAPI") -> _Dresser:
    if not isinstance(app.openapi, _Dresser):
        app.openapi = _Dresser(app)  # type: ignore[method-assign]
        app.openapi_schema = None
    return app.openapi


def _operations(app: "FastAPI") -> Iterator[RouteContext]:
    for context in iter_route_contexts(app.routes):
        if isinstance(context.original_route, APIRoute) and context.include_in_schema:
            yield context


def _dependants(dependant: "Dependant") -> Iterator["Dependant"]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _dependants(inner)


def _credentials(context: RouteContext) -> Iterator[Credentials]:
    for dependant in _dependants(context.dependant):
        wanted = getattr(dependant.call, "__credentials__", None)
        if isinstance(wanted, Credentials):
            yield wanted


def _is_own(response: object) -> bool:
    """Tell whether FastAPI itself put this answer to a failed validation into the document."""
    return is_dict(response) and response.get("content") == {
        "application/json": {"schema": {"$ref": REF_PREFIX + "HTTPValidationError"}}
    }


def _drop_own_answers(node: object) -> None:
    """Drop FastAPI's own 422 where it is left: in callbacks and webhooks, which others answer."""
    if is_dict(node):
        responses = node.get("responses")
        if is_dict(responses) and _is_own(responses.get("422")):
            del responses["422"]
        for each in node.values():
            _drop_own_answers(each)
    elif is_list(node):
        for each in node:
            _drop_own_answers(each)


def _drop_own_schemas(document: Document) -> None:
    schemas = document.get("components", {}).get("schemas", {})
    own: Document = {
        "HTTPValidationError": cast("Any", utils).validation_error_response_definition,
        "ValidationError": cast("Any", utils).validation_error_definition,
    }
    for name, definition in own.items():
        if schemas.get(name) == definition and f'"{REF_PREFIX}{name}"' not in json.dumps(document):
            del schemas[name]
    if "schemas" in document.get("components", {}) and not schemas:
        del document["components"]["schemas"]
        if not document["components"]:
            del document["components"]
