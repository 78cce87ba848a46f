"""Turns an error into its HTTP answer, for exception handlers and for middleware that stands outside them."""

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from pydantic_core import PydanticSerializationError, to_json, to_jsonable_python
from starlette.exceptions import HTTPException
from starlette.responses import Response

from .context import of_scope
from .problem import MEDIA_TYPE, Problem, phrase

if TYPE_CHECKING:
    from starlette.types import Scope

_BODILESS = frozenset({204, 205, 304})


def encode(document: object) -> bytes:
    """Encode anything as JSON: NaN and infinities as null, what JSON does not know as text, lone surrogates escaped."""
    try:
        return to_json(document, inf_nan_mode="null", fallback=str)
    except (PydanticSerializationError, UnicodeError, ValueError):
        return json.dumps(to_jsonable_python(document, inf_nan_mode="null", fallback=str), allow_nan=False).encode()


class ProblemRenderer:
    """Makes the problem document of an error, and the response that carries it.

    Args:
        base_uri: Put before a problem's slug to make its type URI.
    """

    def __init__(self, *, base_uri: str = "urn:problem-type:") -> None:
        self._base_uri = base_uri

    def type_uri(self, slug: str | None) -> str:
        """Give the type URI of a slug; ``about:blank`` for none."""
        return "about:blank" if slug is None else self._base_uri + slug

    def document(self, scope: "Scope", error: HTTPException) -> dict[str, Any]:
        """Give the problem document of ``error``, as it would go out for the request of ``scope``."""
        context = of_scope(scope)
        request_id = context.request_id if context else None
        slug, title = (error.slug, error.title) if isinstance(error, Problem) else (None, phrase(error.status_code))
        document: dict[str, Any] = {"type": self.type_uri(slug), "title": title, "status": error.status_code}
        if isinstance(error.detail, str) and error.detail and error.detail != title:
            document["detail"] = error.detail
        document["instance"] = _instance(request_id)
        if request_id is not None:
            document["request_id"] = request_id
        if isinstance(error, Problem):
            document |= error.members()
        return document

    async def answer(self, scope: "Scope", error: Exception) -> Response:
        """Give the response that answers the request of ``scope`` with any error: what it maps to, or a bare 500."""
        return self.respond(scope, error if isinstance(error, HTTPException) else HTTPException(500))

    def respond(self, scope: "Scope", error: HTTPException) -> Response:
        """Give the response that answers the request of ``scope`` with ``error``."""
        if error.status_code in _BODILESS or error.status_code < 200:
            return Response(status_code=error.status_code, headers=error.headers)
        body = encode(self.document(scope, error))
        return Response(body, error.status_code, error.headers, MEDIA_TYPE)


def _instance(request_id: str | None) -> str:
    try:
        return f"urn:uuid:{UUID(request_id) if request_id else uuid4()}"
    except ValueError:
        return f"urn:uuid:{uuid4()}"


_DEFAULT = ProblemRenderer()
_STATE = "brickwork_problem_renderer"


def renderer_of(app: Any) -> ProblemRenderer:
    """Give the renderer that was installed in ``app``, or one with every default."""
    renderer = getattr(getattr(app, "state", None), _STATE, None)
    return renderer if isinstance(renderer, ProblemRenderer) else _DEFAULT


def install_renderer(app: Any, renderer: ProblemRenderer) -> None:
    """Make ``renderer`` answer for ``app``, in handlers and in middleware."""
    setattr(app.state, _STATE, renderer)


async def respond_to_error(app: Any, scope: "Scope", error: Exception) -> Response:
    """Give the response with which ``app`` answers an error that nothing inside has answered; it never raises."""
    return await renderer_of(app).answer(scope, error)
