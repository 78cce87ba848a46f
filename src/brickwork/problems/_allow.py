"""Which methods a path has: a router's own 405 names those of the first route alone."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import Scope


def complete_allow(scope: Scope, error: HTTPException) -> None:
    """Let a router's 405 name the methods of all routes that have the path; one that an endpoint raises stays.

    Args:
        scope: The request.
        error: What it is answered with.

    Reference: RFC 9110, section 15.5.6.
    """
    headers = error.headers or {}
    allow = next((value for name, value in headers.items() if name.lower() == "allow"), "")
    router: Any = scope.get("router")
    if not allow or router is None:
        return
    # As the outermost router saw the path: what is mounted moves the root.
    root = {**scope, "root_path": scope.get("app_root_path", scope.get("root_path", ""))}
    methods = set(_methods(router.routes, root))
    if scope["method"] not in methods:
        methods.update(allow.replace(",", " ").split())
        others = {name: value for name, value in headers.items() if name.lower() != "allow"}
        error.headers = {**others, "Allow": ", ".join(sorted(methods))}


def _methods(routes: Sequence[BaseRoute], scope: Scope) -> Iterator[str]:
    for route in iter_route_contexts(routes):
        match, child_scope = route.matches(scope)
        if match is Match.NONE:
            continue
        if not route.methods:
            # It takes every method, as what is mounted does; the routes after it are never reached.
            yield from _methods(getattr(route, "routes", ()), {**scope, **child_scope})
            return
        yield from route.methods
