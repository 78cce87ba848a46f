"""Errors as OAuth wants them: ``{"error", "error_description"}``, whatever went wrong."""

from typing import Any, Final, Literal

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from .._errors import InvalidCredentialsError, InvalidTokenError
from .operations import NO_STORE, TOO_LARGE, Handler, NoStoreRoute

Code = Literal[
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "invalid_scope",
    "unsupported_grant_type",
    "temporarily_unavailable",
]

_GRANT: Final = (InvalidCredentialsError, InvalidTokenError)
# Too many attempts, too busy, or a store that cannot be asked: ours, or one of the application's.
_LATER: Final = (429, 503)


class OAuthErrorBody(BaseModel):
    """What is wrong, in the words of OAuth.

    Attributes:
        error: What is wrong, for programs.
        error_description: What is wrong, for who writes them.

    Reference: RFC 6749, section 5.2.
    """

    error: Code
    error_description: str


class OAuthError(HTTPException):
    """An answer in the words of OAuth."""

    def __init__(
        self, code: Code, description: str, *, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, description, headers)
        self.code: Code = code


class OAuthRoute(NoStoreRoute):
    """A route whose errors are in the words of OAuth, with problem handlers installed or not."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's handler: FastAPI calls this."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except HTTPException as error:
                told = error if isinstance(error, OAuthError) else _translated(error)
            body = OAuthErrorBody(error=told.code, error_description=told.detail)
            return JSONResponse(body.model_dump(), told.status_code, {**(told.headers or {}), **NO_STORE})

        return answer


def oauth_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare the errors of a route."""
    meanings = {
        400: "The request cannot be granted.",
        401: "The client is unknown.",
        429: "There were too many attempts.",
        503: "Try again later.",
    }
    told: dict[int | str, dict[str, Any]] = {
        status: {"model": OAuthErrorBody, "description": meanings[status]} for status in statuses
    }
    # A body that is too large is refused before there is a route that could say so in the words of OAuth.
    return {**told, **TOO_LARGE}


def _translated(error: HTTPException) -> OAuthError:
    headers = dict(error.headers or {})
    if isinstance(error, _GRANT):
        # One text for all of them: nobody learns whether the login, the password or the token is at fault.
        return OAuthError("invalid_grant", "Login and password, or the refresh token, are not accepted.")
    if error.status_code in _LATER:
        return OAuthError("temporarily_unavailable", error.detail, status=error.status_code, headers=headers)
    return OAuthError("invalid_request", error.detail, status=error.status_code, headers=headers)
