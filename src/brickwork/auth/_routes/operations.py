"""`Operation`: one route before it is mounted, and the classes of route that keep answers out of caches."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Scope

from ..._core.problem import Problem
from ..._core.renderer import has_renderer
from ..._core.scope import connection_close
from ..._core.too_large import ContentTooLargeError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# The longest fields fit, with every character written as an escape.
_LARGEST_BODY: Final = 131_072
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
                response = await handle(_limited(request))
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


def _limited(request: Request) -> Request:
    """Refuse a body that is too large: by the length it says to have, before it is read, and by the bytes that come.

    The limit of the framework's own routes says so in plain text, which neither problems nor OAuth errors are.

    Raises:
        ContentTooLargeError: (413) It says that it is.
    """
    declared = request.headers.get("content-length", "")
    _check_size(int(declared[:20]) if declared.isdecimal() else 0, request.scope)
    received = 0

    async def receive() -> Message:
        nonlocal received
        message = await request.receive()
        received += len(message.get("body", b""))
        _check_size(received, request.scope)
        return message

    return Request(request.scope, receive)


def _check_size(size: int, scope: Scope) -> None:
    if size > _LARGEST_BODY:
        # The unread body would be taken for the next request.
        headers = connection_close(scope)
        detail = f"The body may have at most {_LARGEST_BODY} bytes."
        raise ContentTooLargeError(detail, headers=headers, limit=_LARGEST_BODY)


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
