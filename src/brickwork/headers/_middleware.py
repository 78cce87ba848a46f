"""Puts a policy's headers on every response; all that can be known beforehand is, as tuples of bytes."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, Unpack

from starlette.staticfiles import StaticFiles

from .._core.context import RequestContext
from .._core.frame import Frame, Piece
from .._core.headers import RawHeaders, encode, merge, remove
from .._core.scope import CSP_NONCE, route_path
from ._rules import SecurityHeaders

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Scope

_Pairs = tuple[tuple[bytes, bytes], ...]

_NO_STORE = (b"cache-control", b"no-store")
_CREDENTIALS = frozenset({b"authorization", b"cookie"})
_HSTS = b"strict-transport-security"
_RESOURCE_POLICY = b"cross-origin-resource-policy"
# What tells strangers which software, and which version, to look up weaknesses of.
_TELLTALE = (b"server", b"x-powered-by")
# Stands for the nonce in a prepared value: no value may hold it.
_PLACE = "\0"


class SecurityHeadersOptions(TypedDict, total=False):
    """The options of `SecurityHeadersMiddleware`."""

    policy: SecurityHeaders
    """Which headers go out; `SecurityHeaders.api` where left out."""
    override: Collection[str]
    """Names of headers in which the policy wins over the endpoint."""
    cors_open: bool
    """Whether pages of other origins may read the API, so that ``Cross-Origin-Resource-Policy`` is left out."""


class SecurityHeadersPiece(Piece):
    """Adds the security headers of a policy to every response, and to the handshakes of sockets.

    What an endpoint sets itself stays as it is. ``Server`` and ``X-Powered-By`` are taken out.

    Args:
        policy: Which headers go out; `SecurityHeaders.api` where left out.
        override: Names of headers in which the policy wins over the endpoint.
        cors_open: Whether pages of other origins may read the API, so that ``Cross-Origin-Resource-Policy`` is left
            out.

    Raises:
        ValueError: ``override`` names a header that no policy sets.
        TypeError: ``override`` is a bare string.
    """

    rank: ClassVar[int] = 40

    def __init__(
        self, policy: SecurityHeaders | None = None, *, override: Collection[str] = (), cors_open: bool = False
    ) -> None:
        policy = policy or SecurityHeaders.api()
        docs = SecurityHeaders.for_docs() if policy.docs is True else policy.docs or policy
        if isinstance(override, str):
            raise TypeError(f"override takes a collection of names: write {{{override!r}}}")
        wins = frozenset(name.lower().encode("latin-1") for name in override)
        self._default = _Prepared(policy, wins, cors_open=cors_open)
        self._docs = _Prepared(docs, wins, cors_open=cors_open)
        # The window of the OAuth2 dialogue must keep hold of the page that opened it.
        popup = replace(docs, cross_origin_opener_policy=None)
        self._popup = _Prepared(popup, wins, cors_open=cors_open) if docs is not policy else self._default
        self._paths = {path: _Prepared(each, wins, cors_open=cors_open) for path, each in policy.paths.items()}
        self._below = sorted((path[:-1] for path in self._paths if path.endswith("/*")), key=len, reverse=True)
        known = {_NO_STORE[0]}.union(
            *(each.watched for each in (self._default, self._docs, self._popup, *self._paths.values()))
        )
        for name in sorted(wins - known):
            raise ValueError(f"override names {name.decode('latin-1')}, which the policy does not set")

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Add the headers of the policy that holds for this path."""
        scope = context.scope
        prepared = self._find(scope)
        pairs = prepared.pairs(scope, context.status)
        if prepared.no_store:
            for name, _ in scope["headers"]:
                if name in _CREDENTIALS:
                    if context.status != 304 and pairs[-1:] != (_NO_STORE,) and not _is_file(scope):
                        pairs = (*pairs, _NO_STORE)
                    break
        for name, _ in headers:
            if name.lower() in prepared.watched:
                remove(headers, *_TELLTALE)
                merge(headers, pairs, prepared.wins)
                return
        headers.extend(pairs)

    def _find(self, scope: "Scope") -> "_Prepared":
        path = route_path(scope)
        if self._paths:
            if path in self._paths:
                return self._paths[path]
            for prefix in self._below:
                if path.startswith(prefix):
                    return self._paths[f"{prefix}*"]
        app: Any = scope.get("app")
        # Read at each request: an application may be given its addresses late, and a mounted one has its own.
        if not getattr(app, "openapi_url", None):
            return self._default
        if path in (app.docs_url, app.redoc_url):
            found = self._docs
        elif path == app.swagger_ui_oauth2_redirect_url:
            found = self._popup
        else:
            return self._default
        return self._default if _is_file(scope) else found


def _is_file(scope: "Scope") -> bool:
    """Tell whether the answer comes from static files, which are the same for everyone."""
    return isinstance(scope.get("endpoint"), StaticFiles) or "frontend_path" in scope.get("fastapi", ())


class SecurityHeadersMiddleware(Frame):
    """Adds the security headers of a policy to every response, and to the handshakes of sockets.

    ```python
    from fastapi import FastAPI

    from brickwork.headers import SecurityHeaders, SecurityHeadersMiddleware

    app = FastAPI()
    app.add_middleware(SecurityHeadersMiddleware, policy=SecurityHeaders.web())
    ```

    Args:
        app: The application inside.
        **options: See `SecurityHeadersOptions`.

    Raises:
        ValueError: ``override`` names a header that no policy sets.
        TypeError: ``override`` is a bare string.
    """

    def __init__(self, app: "ASGIApp", **options: Unpack[SecurityHeadersOptions]) -> None:
        super().__init__(app, [SecurityHeadersPiece(**options)])


class _Prepared:
    """A policy as raw headers."""

    def __init__(self, policy: SecurityHeaders, wins: frozenset[bytes], *, cors_open: bool) -> None:
        fixed = _encoded(policy.values())
        if cors_open:
            fixed = tuple(pair for pair in fixed if pair[0] != _RESOURCE_POLICY)
        policies = policy.policies()
        with_nonce = {name: each.text(_PLACE) for name, each in policies.items() if each.takes_nonce}
        whole = (*fixed, *_encoded({name: str(each) for name, each in policies.items()}))
        without = (*fixed, *_encoded({name: str(each) for name, each in policies.items() if not each.takes_nonce}))
        self.wins = wins
        self.no_store = policy.no_store
        self._whole = (_over_http(whole), whole)
        self._without = (_over_http(without), without)
        self._with_nonce = [(name.encode(), text.encode()) for name, text in with_nonce.items()]
        self.watched = frozenset({*(name for name, _ in whole), _NO_STORE[0], *_TELLTALE})

    def pairs(self, scope: "Scope", status: int | None) -> _Pairs:
        """Give the headers for a response of this status."""
        secure = scope.get("scheme") in ("https", "wss")
        if not self._with_nonce:
            return self._whole[secure]
        if status == 304:
            # The stored page keeps the policy, and the nonce, that it came with.
            return self._without[secure]
        nonce = scope["state"].get(CSP_NONCE)
        if nonce is None:
            return self._whole[secure]
        written = ((name, text.replace(b"\0", nonce.encode("ascii"))) for name, text in self._with_nonce)
        return (*self._without[secure], *written, _NO_STORE)


def _encoded(values: Mapping[str, str]) -> _Pairs:
    return tuple(encode(name, value) for name, value in values.items())


def _over_http(pairs: Iterable[tuple[bytes, bytes]]) -> _Pairs:
    # RFC 6797, 7.2: never over plain HTTP.
    return tuple(pair for pair in pairs if pair[0] != _HSTS)
