"""The face towards FastAPI: exception handlers, all coroutines, that answer with problem documents."""

import logging
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, cast

from fastapi import FastAPI, Request, WebSocket
from fastapi.exception_handlers import (
    http_exception_handler,
    request_validation_exception_handler,
    websocket_request_validation_exception_handler,
)
from fastapi.exceptions import RequestValidationError, ResponseValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException, WebSocketException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Scope
from starlette.websockets import WebSocketState
from typing_extensions import TypedDict

from .._core.closing import close_code, close_reason
from .._core.context import of_scope
from .._core.openapi import can_be_invalid, declare, never, reads_form, reads_json
from .._core.problem import Problem
from .._core.renderer import ProblemRenderer, Render, Translate, has_renderer, install_renderer
from .._core.schema import plain
from .._core.scope import takes_response
from ._allow import complete_allow
from ._errors import (
    ConstraintError,
    MalformedJsonError,
    OutdatedError,
    UnsupportedMediaTypeError,
    ValidationProblem,
)
from ._service import NAMED, STATEMENT, Meaning, Meanings, log_fields

_logger = logging.getLogger("brickwork.problems")

_BASE_URI: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:|/)\S*[/:#=]|/")
_CAUGHT: Final = (
    HTTPException,
    RequestValidationError,
    WebSocketRequestValidationError,
    WebSocketException,
    ClientDisconnect,
    ExceptionGroup,
    ValueError,  # reading JSON: malformed, not UTF-8, a number too long; text that no column holds
    RecursionError,  # reading JSON: nested too deeply
    OverflowError,  # a number that no column holds
    TimeoutError,
    ConnectionError,
)
_FASTAPIS: Final = (
    http_exception_handler,
    request_validation_exception_handler,
    websocket_request_validation_exception_handler,
)

ErrorMap = Mapping[type[Exception], type[Problem] | Callable[[Any], HTTPException | None]]


class ProblemOptions(TypedDict, total=False):
    """Options of `add_problem_handlers`."""

    base_uri: str
    """Put before a problem's slug to make its type URI: where `problem_router` is, as the client sees it."""
    map: ErrorMap
    """What errors of the application's own mean."""
    validation_status: Literal[400, 422]
    """Status of an invalid request."""
    require_json: bool
    """Whether a body that does not say it is JSON, where JSON is read, is 415 rather than invalid."""
    max_errors: int
    """Entries that the answer to an invalid request lists at most."""
    translate: Translate | None
    """Gives the text of a key in a language, or None."""
    language: str
    """Language in which the texts of the code are written."""
    render: Render | None
    """Makes another body out of the problem document, sent as ``application/json``."""
    html: bool
    """Whether a client that prefers HTML gets a page."""
    debug: bool
    """Whether an unhandled error shows its traceback to a client on this very machine."""


def add_problem_handlers(
    app: FastAPI,
    *,
    base_uri: str = "urn:problem-type:",
    map: ErrorMap | None = None,  # noqa: A002 - the word that options of this kind have
    validation_status: Literal[400, 422] = 422,
    require_json: bool = False,
    max_errors: int = 50,
    translate: Translate | None = None,
    language: str = "en",
    render: Render | None = None,
    html: bool = True,
    debug: bool = False,
) -> None:
    """Answer every error of ``app`` with a problem document, and show them in its OpenAPI document.

    A handler that the application registers itself, for a class or a status, goes before these, whichever came first.

    Args:
        app: The application, before its first request.
        base_uri: Put before a problem's slug to make its type URI: where `problem_router` is, as the client sees it.
            An absolute URI or a full path, with a slash at its end.
        map: What errors of the application's own mean: by class, a problem class that needs no arguments, or a
            function that takes the error and gives the problem, or None where it means nothing.
        validation_status: Status of an invalid request.
        require_json: Whether a body that does not say it is JSON, where JSON is read, is 415 rather than invalid.
        max_errors: Entries that the answer to an invalid request lists at most.
        translate: Gives the text of a key in a language, or None; see the guide for the keys.
        language: Language in which the texts of the code are written.
        render: Makes another body out of the problem document, sent as ``application/json``; its return annotation is
            the body's schema in OpenAPI.
        html: Whether a client that prefers HTML gets a page.
        debug: Whether an unhandled error shows its traceback: only ever to a client on this very machine, asking by
            its local name, without a proxy between.

    Raises:
        ValueError: An option makes no sense, or two problem types have one slug.
        RuntimeError: The application has its handlers already, or has served a request.

    Reference: RFC 9457.
    """
    _check(app, base_uri, validation_status, max_errors)
    validation = ValidationProblem if validation_status == 422 else _Invalid400Problem
    meanings = Meanings(_own(map or {}), validation=validation, max_errors=max_errors, require_json=require_json)
    renderer = ProblemRenderer(
        base_uri=base_uri,
        resolve=meanings,
        translate=translate,
        language=language,
        render=render,
        html=html,
        debug=debug,
    )
    declare(app, [validation], can_be_invalid)
    declare(app, [MalformedJsonError, *[UnsupportedMediaTypeError] * require_json], reads_json)
    declare(app, [plain(400)], reads_form)
    mapped = [each for each in (map or {}).values() if isinstance(each, type)]
    declare(app, [ConstraintError, OutdatedError, *mapped], never)
    install_renderer(app, renderer)
    _Handlers(renderer).register(app, map or {})


class _Invalid400Problem(ValidationProblem, status=400):
    __doc__ = ValidationProblem.__doc__


_Invalid400Problem.__name__ = ValidationProblem.__name__


def _check(app: FastAPI, base_uri: str, validation_status: int, max_errors: int) -> None:
    if has_renderer(app):
        raise RuntimeError(
            "this app has its problem handlers already: call add_problem_handlers once, or give its options to "
            "install(app, problems={…})"
        )
    if app.middleware_stack is not None:
        raise RuntimeError("this app has served a request already: call add_problem_handlers where the app is made")
    if not _BASE_URI.fullmatch(base_uri):
        raise ValueError(
            f"base_uri={base_uri!r} must be an absolute URI or a full path, with a slash at its end: "
            '"https://api.example/problems/" or "/problems/"'
        )
    if validation_status not in (400, 422):
        raise ValueError(f"validation_status={validation_status} must be 422 or 400")
    if max_errors < 1:
        raise ValueError(f"max_errors={max_errors} must be 1 or more")


def _own(errors: ErrorMap) -> dict[type[Exception], Meaning]:
    """Make functions of the problem classes in a map, and refuse what cannot be one."""
    return {kind: _meaning(kind, each) for kind, each in errors.items()}


def _meaning(kind: object, each: type[Problem] | Callable[[Any], HTTPException | None]) -> Meaning:
    if not isinstance(kind, type) or not issubclass(kind, Exception):
        raise TypeError(f"map={{{kind!r}: …}}: the key must be an exception class")
    if not isinstance(each, type):
        return each
    try:
        each()
    except TypeError as error:
        raise ValueError(
            f"map={{{kind.__name__}: {each.__name__}}}: {error}; write a function that makes it from the error"
        ) from error
    return lambda _error: each()


class _Handlers:
    """The handlers of one application."""

    def __init__(self, renderer: ProblemRenderer) -> None:
        self._renderer = renderer

    def register(self, app: FastAPI, errors: ErrorMap) -> None:
        for kind in (*_CAUGHT, *errors):
            if app.exception_handlers.get(kind) in (None, *_FASTAPIS):
                app.exception_handlers[kind] = self.handle
        if not {500, Exception} & app.exception_handlers.keys():
            app.exception_handlers[Exception] = self.unhandled
        build = app.build_middleware_stack

        def build_stack() -> ASGIApp:
            for kind in _loaded():
                app.exception_handlers.setdefault(kind, self.handle)
            # Starlette's own debug pages show source and variables to whoever asks.
            debug, app.debug = app.debug, False
            try:
                return build()
            finally:
                app.debug = debug

        app.build_middleware_stack = build_stack  # type: ignore[method-assign]

    async def handle(self, connection: Any, error: Any) -> Any:
        """Answer an error that means something to the client; any other goes on as what it is."""
        meant = self._renderer.meaning(connection.scope, error)
        if meant is None:
            raise error
        if meant is not error:
            level = logging.WARNING if meant.status_code >= 500 else logging.DEBUG
            _logger.log(level, "%s is answered with %d", type(error).__name__, meant.status_code, exc_info=error)
        if connection.scope["type"] == "websocket":
            return await self._refuse(connection, meant, error)
        if meant.status_code == 405:
            complete_allow(connection.scope, meant)
        return self._renderer.respond(connection.scope, meant)

    async def unhandled(self, request: Request, error: Exception) -> Response:
        """Answer an error that nothing inside has answered; it goes on to the server afterwards."""
        context = of_scope(request.scope)
        if context is not None and context.status is not None:
            return Response(status_code=500)  # something went out already, so this will not
        if isinstance(error, ResponseValidationError):
            _logger.error("%s returned what its model refuses: %s", error.endpoint_path, log_fields(error))
        meant = self._renderer.meaning(request.scope, error)
        if meant is None:
            return self._renderer.unhandled(request.scope, error)
        self._learn(request.scope, type(error))
        return self._renderer.respond(request.scope, meant)

    def _learn(self, scope: Scope, kind: type[Exception]) -> None:
        """Answer errors of a package that was imported late where they are raised, from the second on."""
        # Without the key the error came from further out than Starlette's own handlers, and nothing can be learnt.
        handlers, _ = scope.get("starlette.exception_handlers", ({}, {}))
        for known in set(kind.__mro__) & _loaded():
            handlers.setdefault(known, self.handle)

    async def _refuse(self, socket: WebSocket, meant: HTTPException, error: Exception) -> Response | None:
        if WebSocketState.DISCONNECTED in (socket.application_state, socket.client_state):
            return None
        context = of_scope(socket.scope)
        accepted = socket.application_state is WebSocketState.CONNECTED or (context and context.status is not None)
        if not accepted and takes_response(socket.scope):
            return self._renderer.respond(socket.scope, meant)
        code = error.code if isinstance(error, WebSocketException) else close_code(meant.status_code)
        await socket.close(code, close_reason(self._reason(socket.scope, meant)))
        return None

    def _reason(self, scope: Scope, meant: HTTPException) -> str:
        document = self._renderer.document(scope, meant)
        if isinstance(meant, ValidationProblem) and meant.errors:
            first = meant.errors[0]
            return f"{first.get('parameter', 'request')}: {first['detail']}"
        return str(document.get("detail", document["title"]))


def _loaded() -> set[type[Exception]]:
    """Give the classes of other packages that mean something here, as far as they have been imported."""
    places = (
        (sys.modules.get(module), name) for module, _, name in (path.rpartition(".") for path in (*NAMED, STATEMENT))
    )
    found = (getattr(module, name, None) for module, name in places)
    return {cast("type[Exception]", kind) for kind in found if isinstance(kind, type)}
