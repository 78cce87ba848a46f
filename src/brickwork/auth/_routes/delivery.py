"""How tokens get to the client, and how a refresh token gets here."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, Generic

from fastapi import Request, Response
from starlette.responses import JSONResponse

from ..._core.scope import client_address
from .._depends.wiring import Wiring
from .._errors import AmbiguousCredentialsError, InvalidCredentialsError, InvalidTokenError
from .._rules import challenges
from .._rules.values import TokenResponse
from .._service.options import UserT
from .._service.sessions import Caller, Issued
from .bodies import CookieTokens

_SPELLINGS: Final = ("Set-Cookie", "set-cookie", "SET-COOKIE")


class Delivery(Generic[UserT]):
    """Hands tokens to clients, in the body or in cookies."""

    def __init__(self, wiring: Wiring[UserT]) -> None:
        self._wiring = wiring
        self._cookies = wiring.cookies
        self.by_cookie_unless_asked = wiring.transports[0] == "cookie"
        self.offers_choice = wiring.cookies is not None and len(wiring.transports) > 1

    @property
    def model(self) -> Any:
        """What an answer with tokens holds."""
        if self._cookies is None:
            return TokenResponse
        return TokenResponse | CookieTokens if self.offers_choice else CookieTokens

    def caller(self, request: Request) -> Caller:
        """Tell who asks."""
        address = client_address(request.scope, self._wiring.proxies)
        return Caller(request.headers.get("user-agent", ""), address)

    def answer(self, issued: Issued[UserT], *, by_cookie: bool) -> Response:
        """Answer with tokens: in cookies, and then the body shows none, or in the body."""
        tokens = issued.tokens
        if self._cookies is None or not by_cookie:
            return JSONResponse(tokens.model_dump())
        csrf = self._wiring.csrf.token(issued.session.id)
        body = CookieTokens(expires_in=tokens.expires_in, scope=tokens.scope, csrf_token=csrf)
        response = JSONResponse(body.model_dump())
        seconds = issued.session.ends_at() - self._wiring.service.options.clock.time()
        self._cookies.deliver(response, tokens, csrf=csrf, refresh_ttl=seconds)
        return response

    async def leave_former(self, request: Request) -> None:
        """End the session whose cookies a login replaces.

        Reference: OWASP ASVS 5.0, 7.2.4.
        """
        former = None if self._cookies is None else self._cookies.read_refresh(request.scope)
        if former is not None:
            await self._wiring.service.inspection.revoke(former, caller=self.caller(request))

    def clear(self, response: Response) -> Response:
        """Take the cookies back, if there are any."""
        if self._cookies is not None:
            self._cookies.clear(response)
        return response

    def clearing(self) -> dict[str, str]:
        """Give the headers that take the cookies back, for an error."""
        response = self.clear(Response())
        # Errors have one header to a name, and each cookie takes a header of its own: the names differ in case alone.
        return dict(zip(_SPELLINGS, response.headers.getlist("set-cookie"), strict=False))

    def came_by_cookie(self, request: Request) -> bool:
        """Tell whether the access token of a request came in a cookie."""
        return self._cookies is not None and self._cookies.read(request.scope) is not None

    def refresh_cookie(self, request: Request) -> str | None:
        """Give the refresh token of the cookie, if a page of one's own sent it.

        Raises:
            AmbiguousCredentialsError: (400) There are two of these cookies.
            CSRFError: (403) Another page may have sent it.
        """
        text = self._cookies.read_refresh(request.scope) if self._cookies is not None else None
        if self._cookies is None or text is None:
            return None
        token = self._wiring.service.sessions.read(text)
        self._cookies.guard(request.scope, None if token is None else token.session_id, self._wiring.csrf)
        return text

    def refresh_token(self, request: Request, shown: str | None) -> tuple[str | None, bool]:
        """Give the refresh token of a request, and whether it came in a cookie.

        Raises:
            AmbiguousCredentialsError: (400) There is one in the body and one in a cookie.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
        """
        if shown is None:
            text = self.refresh_cookie(request)
            return text, text is not None
        if self._cookies is not None and self._cookies.read_refresh(request.scope) is not None:
            raise AmbiguousCredentialsError("Send one refresh token, in the body or in the cookie.")
        return shown, False

    @contextmanager
    def challenged(self) -> Generator[None]:
        """Put the challenge to what is refused with 401.

        Reference: RFC 9110, section 15.5.2.
        """
        try:
            yield
        except InvalidCredentialsError:
            challenge = challenges.bearer(self._wiring.realm)
            raise InvalidCredentialsError(
                "Login and password do not go together.", headers={"WWW-Authenticate": challenge}
            ) from None
        except InvalidTokenError:
            challenge = challenges.bearer(self._wiring.realm, error="invalid_token")
            raise InvalidTokenError("Log in again.", headers={"WWW-Authenticate": challenge}) from None
