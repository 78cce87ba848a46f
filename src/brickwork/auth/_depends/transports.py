"""The ways a token travels: in a header, in cookies, in the opening of a WebSocket, and, only when named, in a query.

Reading an access token is one method, which every transport has. Handing tokens out and taking them back is the
business of cookies alone: the others leave the tokens in the body.
"""

from collections.abc import Iterator, Sequence
from typing import Literal, Protocol
from urllib.parse import parse_qsl

from fastapi.openapi import models
from starlette.responses import Response
from starlette.types import Scope

from ..._core.headers import find_all
from ..._core.origins import checked_origins
from .._errors import AmbiguousCredentialsError
from .._rules.values import TokenResponse
from .csrf import CSRF

SUBPROTOCOL = "bearer"

TransportName = Literal["header", "cookie", "websocket"]


class Transport(Protocol):
    """A way for an access token to get here.

    The guard against forged requests is that of `CookieTransport`: a transport of your own that reads what a browser
    sends by itself, such as another cookie, has none. Derive it from `CookieTransport`, or refuse such requests there.
    """

    @property
    def name(self) -> str:
        """What the transport is called where several are offered."""
        ...

    @property
    def scheme(self) -> models.SecurityBase | None:
        """How OpenAPI describes it; None for what it has no words for, such as WebSockets."""
        ...

    def read(self, scope: Scope) -> str | None:
        """Give the token that came this way, which may be empty; None where none did.

        Raises:
            AmbiguousCredentialsError: (400) More than one did.
        """
        ...


class HeaderTransport:
    """Reads ``Authorization: Bearer …``.

    Reference: RFC 6750, section 2.1.
    """

    name = "header"
    scheme: models.SecurityBase | None = models.HTTPBearer(bearerFormat="JWT")

    def read(self, scope: Scope) -> str | None:
        """Give the token of the header; another scheme is somebody else's.

        Raises:
            AmbiguousCredentialsError: (400) There are two of these headers.
        """
        found: bytes | None = None
        for name, value in scope["headers"]:
            if name == b"authorization":
                if found is not None:
                    raise AmbiguousCredentialsError("Send one Authorization header.")
                found = value
        if found is None or found[:6].lower() != b"bearer" or found[6:7] not in (b"", b" "):
            return None
        return found[7:].strip(b" ").decode("latin-1")


class CookieTransport:
    """Keeps the tokens in cookies that scripts cannot read, and guards them against forged requests.

    A request that changes something, and comes with these cookies, must show the token of the readable cookie in the
    header ``X-CSRF-Token``, and must come from a page of your own host or of one of ``origins``. A WebSocket cannot
    show the header: its origin decides.

    Args:
        origins: Pages of other hosts that may act with the cookies, such as ``"https://app.example"``.
        samesite: ``"strict"`` keeps the cookies from requests that a link on another page starts.
        namespace: Tells the cookies of several `Auth` on one host apart: ``"admin"`` makes ``__Host-admin-access``.
        insecure: Lets the cookies over plain http, without the prefix ``__Host-``; for a development machine.

    Raises:
        ValueError: An origin or the namespace cannot be one; or an origin is of plain http and not this machine.

    Reference: RFC 6265bis, section 4.1.3.2 (prefixes); OWASP Cross-Site Request Forgery Prevention.
    """

    name = "cookie"

    def __init__(
        self,
        *,
        origins: Sequence[str] = (),
        samesite: Literal["lax", "strict"] = "lax",
        namespace: str = "",
        insecure: bool = False,
    ) -> None:
        if namespace and not (namespace.isascii() and namespace.isalnum()):
            raise ValueError(f"namespace={namespace!r}: use letters and digits, as in namespace='admin'")
        if samesite not in {"lax", "strict"}:
            raise ValueError(f"samesite={samesite!r}: write 'lax' or 'strict'")
        prefix = ("" if insecure else "__Host-") + (f"{namespace}-" if namespace else "")
        self.access_cookie: str = f"{prefix}access"
        self.refresh_cookie: str = f"{prefix}refresh"
        self.csrf_cookie: str = f"{prefix}csrf"
        self.scheme: models.SecurityBase | None = _described(models.APIKeyIn.cookie, self.access_cookie)
        self.origins: frozenset[str] = checked_origins(origins, secure=not insecure)
        self._samesite: Literal["lax", "strict"] = samesite
        self._secure = not insecure

    def read(self, scope: Scope) -> str | None:
        """Give the access token of the cookie.

        Raises:
            AmbiguousCredentialsError: (400) There are two of these cookies.
        """
        return self._cookie(scope, self.access_cookie)

    def read_refresh(self, scope: Scope) -> str | None:
        """Give the refresh token of the cookie.

        Raises:
            AmbiguousCredentialsError: (400) There are two of these cookies.
        """
        return self._cookie(scope, self.refresh_cookie)

    def guard(self, scope: Scope, session_id: str | None, csrf: CSRF) -> None:
        """Refuse a request that another page may have sent in the user's name.

        Raises:
            CSRFError: (403) It changes something, and does not show where it comes from.
        """
        csrf.guard(scope, session_id, self.origins)

    def deliver(self, response: Response, tokens: TokenResponse, *, csrf: str, refresh_ttl: float) -> None:
        """Put fresh tokens into cookies.

        Args:
            response: What the cookies are set on.
            tokens: The tokens; a response that has cookies shows none of them in its body.
            csrf: The CSRF token of the session.
            refresh_ttl: Seconds until the refresh token ends.
        """
        seconds = int(refresh_ttl)
        self._set(response, self.access_cookie, tokens.access_token, max_age=tokens.expires_in)
        if tokens.refresh_token is not None:
            self._set(response, self.refresh_cookie, tokens.refresh_token, max_age=seconds)
        self._set(response, self.csrf_cookie, csrf, max_age=seconds, readable=True)

    def clear(self, response: Response) -> None:
        """Take the cookies back."""
        self._set(response, self.access_cookie, "", max_age=0)
        self._set(response, self.refresh_cookie, "", max_age=0)
        self._set(response, self.csrf_cookie, "", max_age=0, readable=True)

    def _set(self, response: Response, name: str, value: str, *, max_age: int, readable: bool = False) -> None:
        # A browser forgets a cookie only when it is cleared with the attributes that it was set with.
        response.set_cookie(
            name,
            value,
            max_age=max_age,
            expires=None if max_age else 0,
            path="/",
            secure=self._secure,
            httponly=not readable,
            samesite=self._samesite,
        )

    def _cookie(self, scope: Scope, name: str) -> str | None:
        found = list(_cookies(scope, name.encode("ascii")))
        if len(found) > 1:
            raise AmbiguousCredentialsError(f"Send one cookie {name}.")
        return found[0].decode("latin-1") if found else None


class SocketTransport:
    """Reads the token that a browser offers as a WebSocket subprotocol: ``new WebSocket(url, ["bearer", token])``.

    A browser can set no header there. The subprotocol ``bearer`` is what the socket is accepted with, unless the
    endpoint picks another one that was offered.
    """

    name = "websocket"
    scheme: models.SecurityBase | None = None

    def read(self, scope: Scope) -> str | None:
        """Give the token that follows ``bearer``; a request that is no WebSocket has none.

        Raises:
            AmbiguousCredentialsError: (400) ``bearer`` is offered twice.
        """
        if scope["type"] != "websocket":
            return None
        offered: Sequence[str] = scope.get("subprotocols", ())
        if offered.count(SUBPROTOCOL) > 1:
            raise AmbiguousCredentialsError("Offer one bearer token.")
        if SUBPROTOCOL not in offered:
            return None
        after = offered.index(SUBPROTOCOL) + 1
        return offered[after] if after < len(offered) else ""


class QueryTransport:
    """Reads the token of the query string. It ends in logs and histories: use it where nothing else can be.

    Args:
        parameter: The name of the parameter.

    Reference: RFC 9700, section 4.3.2, says why not.
    """

    name = "query"

    def __init__(self, parameter: str) -> None:
        self.parameter = parameter
        self.scheme: models.SecurityBase | None = _described(models.APIKeyIn.query, parameter)
        self._bytes = parameter.encode()

    def read(self, scope: Scope) -> str | None:
        """Give the token of the parameter.

        Raises:
            AmbiguousCredentialsError: (400) It is there twice.
        """
        query: bytes = scope.get("query_string", b"")
        if self._bytes not in query:
            return None
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
        found = [value for name, value in pairs if name == self.parameter]
        if len(found) > 1:
            raise AmbiguousCredentialsError(f"Send {self.parameter} once.")
        return found[0] if found else None


def transports_of(transports: Sequence[TransportName | Transport]) -> tuple[Transport, ...]:
    """Give the transports that are meant.

    Raises:
        TypeError: A bare text was passed instead of a list, or a class instead of an object.
        ValueError: There is none, one is unknown, or two have one name.
    """
    if isinstance(transports, str):
        raise TypeError(f"transports= takes a list: write [{transports!r}]")
    made = tuple(_made(each) if isinstance(each, str) else _checked(each) for each in transports)
    if not made or len({transport.name for transport in made}) < len(made):
        raise ValueError('transports= takes each way once, and at least one: write ("header",) or ("header", "cookie")')
    return made


def _made(name: str) -> Transport:
    make: dict[str, type[HeaderTransport | CookieTransport | SocketTransport]] = {
        each.name: each for each in (HeaderTransport, CookieTransport, SocketTransport)
    }
    if name == QueryTransport.name:
        raise ValueError('a token in a query ends in logs: if you mean it, write QueryTransport("access_token")')
    if name not in make:
        raise ValueError(f"there is no transport {name!r}: write 'header', 'cookie', 'websocket', or an object")
    return make[name]()


def _checked(transport: Transport) -> Transport:
    if isinstance(transport, type):
        name = transport.__name__
        raise TypeError(f"transports= takes objects, and {name} is a class: write {name}(…)")
    if not callable(getattr(transport, "read", None)):
        kind = type(transport).__name__
        raise TypeError(f'transports= takes no object of type {kind}: write "cookie", or CookieTransport()')
    return transport


def _described(place: models.APIKeyIn, name: str) -> models.APIKey:
    return models.APIKey.model_validate({"in": place, "name": name})


def _cookies(scope: Scope, name: bytes) -> Iterator[bytes]:
    for header in find_all(scope["headers"], b"cookie"):
        for pair in header.split(b";"):
            key, separator, value = pair.partition(b"=")
            if separator and key.strip() == name:
                yield value.strip().strip(b'"')
