"""Who calls: read, verified and loaded once for each request, however many dependencies ask."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

from starlette.requests import HTTPConnection
from starlette.types import Scope
from starlette.websockets import WebSocket

from ..._core.scope import AUTH, state_caller
from .._errors import AmbiguousCredentialsError, InvalidTokenError, NotAuthenticatedError
from .._rules import challenges
from .._rules.values import Claims
from .._service.authenticator import Authenticator
from .._store import User
from .acting import ACTING
from .csrf import CSRF
from .transports import SUBPROTOCOL, CookieTransport, QueryTransport, SocketTransport, Transport

UserT = TypeVar("UserT", bound=User)

_IN_URL: Final = "access_token"
_PLACES: Final = {
    "header": "the Authorization header",
    "cookie": "the cookie",
    "websocket": "the subprotocol of the WebSocket",
}


class Principal(Generic[UserT]):
    """Who calls.

    Attributes:
        claims: What the token says.
        user: The user, once loaded.
        permissions: What the user may, once asked for.
        is_stated: Whether the application says so, and no token; then the scopes hold, whatever those of the user.
    """

    __slots__ = ("claims", "is_stated", "permissions", "user")

    def __init__(self, claims: Claims, user: UserT | None = None, *, is_stated: bool = False) -> None:
        self.claims: Claims = claims
        self.user: UserT | None = user
        self.permissions: frozenset[str] | None = None
        self.is_stated: bool = is_stated


class Principals(Generic[UserT]):
    """Finds out who calls.

    Args:
        authenticator: Accepts tokens.
        transports: The ways a token may come.
        csrf: Guards requests with cookies.
        realm: What challenges name.
    """

    def __init__(
        self, authenticator: Authenticator[UserT], transports: Sequence[Transport], csrf: CSRF, realm: str
    ) -> None:
        self._authenticator = authenticator
        self._transports = tuple(transports)
        self._csrf = csrf
        self.realm = realm
        self._places = " or ".join(_PLACES.get(each.name, f"the {each.name}") for each in transports)
        self._reads_url = any(isinstance(each, QueryTransport) and each.parameter == _IN_URL for each in transports)
        self.reads_cookies: bool = any(isinstance(transport, CookieTransport) for transport in transports)

    async def claims(self, connection: HTTPConnection) -> Principal[UserT] | None:
        """Give who calls, by the token alone; None where there is none.

        Raises:
            InvalidTokenError: (401) The token is not good.
            AmbiguousCredentialsError: (400) There is more than one.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
            AuthUnavailableError: (503) The store of sessions cannot be asked.
        """
        principal = self.known(connection) or await self._read(connection)
        state_caller(connection.scope, None if principal is None else principal.claims.subject)
        return principal

    def known(self, connection: HTTPConnection) -> Principal[UserT] | None:
        """Give who calls, if somebody has asked before."""
        acting = ACTING.get()
        if acting is not None and self in acting:
            replaced: Principal[UserT] = acting[self]
            return replaced
        return remembered(connection.scope).get(self)

    async def user(self, connection: HTTPConnection) -> UserT | None:
        """Give who calls as a user; None where there is no token.

        Raises:
            InvalidTokenError: (401) The token is not good, or its user may not come in any more.
            AmbiguousCredentialsError: (400) There is more than one.
            CSRFError: (403) It came in a cookie, and perhaps from another page.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        principal = await self.claims(connection)
        if principal is None:
            return None
        if principal.user is None:
            try:
                principal.user = await self._authenticator.user(principal.claims)
            except InvalidTokenError as error:
                raise self._invalid() from error
        return principal.user

    async def _read(self, connection: HTTPConnection) -> Principal[UserT] | None:
        transport, token = self._credentials(connection.scope)
        if transport is None:
            return None
        try:
            claims = await self._authenticator.claims(token)
        except InvalidTokenError as error:
            raise self._invalid() from error
        if isinstance(transport, CookieTransport):
            transport.guard(connection.scope, claims.session_id, self._csrf)
        elif isinstance(transport, SocketTransport) and isinstance(connection, WebSocket):
            _pick_subprotocol(connection)
        principal: Principal[UserT] = Principal(claims)
        remembered(connection.scope)[self] = principal
        return principal

    def came_by_cookie(self, connection: HTTPConnection) -> bool:
        """Tell whether the token of a request came in a cookie, which a browser sends whether the page wants or not."""
        transport, _ = self._credentials(connection.scope)
        return isinstance(transport, CookieTransport)

    def unknown(self) -> NotAuthenticatedError:
        """Make the answer to a request without a token."""
        return NotAuthenticatedError(
            "Log in, and send the access token.", headers={"WWW-Authenticate": challenges.bearer(self.realm)}
        )

    def _invalid(self) -> InvalidTokenError:
        challenge = challenges.bearer(self.realm, error="invalid_token")
        return InvalidTokenError("Get a new access token.", headers={"WWW-Authenticate": challenge})

    def _credentials(self, scope: Scope) -> tuple[Transport | None, str]:
        if not self._reads_url and _has_token_in_url(scope):
            # It is in a log by now: whoever sends it is to hear of it, though it be good elsewhere.
            raise self._ambiguous(f"Send the access token in {self._places}, never in the URL.")
        used, shown, ways = None, "", 0
        try:
            for transport in self._transports:
                token = transport.read(scope)
                if token is not None:
                    used, shown, ways = transport, token, ways + 1
        except AmbiguousCredentialsError as error:
            raise self._ambiguous(error.detail) from None
        if ways > 1:
            raise self._ambiguous("Send one access token, in one place.")
        return used, shown

    def _ambiguous(self, detail: str) -> AmbiguousCredentialsError:
        challenge = challenges.bearer(self.realm, error="invalid_request")
        return AmbiguousCredentialsError(detail, headers={"WWW-Authenticate": challenge})


def remembered(scope: Scope) -> dict[object, Any]:
    """Give what the objects of this block remember of one request, each under itself."""
    state: dict[str, Any] = scope.setdefault("state", {})
    kept: tuple[object, dict[object, Any]] | None = state.get(AUTH)
    if kept is not None and kept[0] is scope["headers"]:
        return kept[1]
    # ASGI wants a copy of the state for each request; where a server gives all of them one, it is not who calls that
    # they share.
    memo: dict[object, Any] = {}
    state[AUTH] = (scope["headers"], memo)
    return memo


def _has_token_in_url(scope: Scope) -> bool:
    """Tell whether a token is sent as RFC 6750, section 2.3, has it, and RFC 9700 forbids."""
    query: bytes = scope.get("query_string", b"")
    return _IN_URL.encode() in query and _IN_URL in dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


def _pick_subprotocol(socket: WebSocket) -> None:
    """Let the socket be accepted with the subprotocol that carried the token: a browser drops it otherwise."""
    accept = socket.accept

    async def accept_with_subprotocol(
        subprotocol: str | None = None, headers: Iterable[tuple[bytes, bytes]] | None = None
    ) -> None:
        await accept(subprotocol or SUBPROTOCOL, headers)

    socket.accept = accept_with_subprotocol  # type: ignore[method-assign]
