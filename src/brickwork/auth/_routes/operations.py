"""`Operation`: one route before it is mounted, and the classes of route that keep answers out of caches."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from ..._core.problem import Problem
from ..._core.renderer import has_renderer

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# RFC 6749, section 5.1, for whatever carries a token.
NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}
TOO_LARGE: Final[Mapping[int | str, dict[str, Any]]] = {413: {"description": "The body is too large."}}


class NoStoreRoute(APIRoute):
    """A route whose answers are in no cache, errors included."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler: FastAPI calls this."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                response = await handle(request)
            except HTTPException as error:
                error.headers = {**(error.headers or {}), **NO_STORE}
                raise
            except RequestValidationError as error:
                if has_renderer(request.app):
                    raise
                raise _without_input(error) from None
            response.headers.update(NO_STORE)
            return response

        return answer


def _without_input(error: RequestValidationError) -> RequestValidationError:
    """Leave out what was sent: FastAPI's own handler repeats it, passwords too, and fails at what JSON cannot say."""
    flaws = [
        {"type": each["type"], "loc": [_text(part) for part in each["loc"]], "msg": each["msg"]}
        for each in error.errors()
    ]
    return RequestValidationError(flaws)


def _text(part: str | int) -> str | int:
    return part if isinstance(part, int) else part.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route before it is mounted.

    Attributes:
        name: What the application calls it by; also the last part of its operation ID.
        method: Its method.
        path: Where it is unless it is renamed.
        endpoint: What answers.
        summary: What it does, in a line.
        status: The status of its success.
        model: What its success holds.
        raises: The problems that it answers, beside those of its dependencies.
        responses: Its other answers.
        route: Which class of route it is.
        extra: What FastAPI cannot know of it, for the document.
    """

    name: str
    method: str
    path: str
    endpoint: Callable[..., Any]
    summary: str
    status: int = 200
    model: Any = None
    raises: tuple[type[Problem], ...] = ()
    responses: Mapping[int | str, dict[str, Any]] = field(default_factory=dict[int | str, dict[str, Any]])
    route: type[APIRoute] = NoStoreRoute
    extra: dict[str, Any] | None = None
