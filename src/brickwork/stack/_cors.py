"""Cross-origin requests: Starlette's own rules, answered inside the frame so that errors carry the headers too."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypedDict
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware

from .._core.context import RequestContext
from .._core.frame import Piece
from .._core.headers import RawHeaders, add_vary, find, replace
from ._errors import PreflightRefusedError

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

EXPOSED = ("ETag", "Link", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-ID")

_ALLOW_ORIGIN = b"access-control-allow-origin"
_VARY = (b"vary", b"Origin")


class CORSOptions(TypedDict, total=False):
    """Options of the CORS piece; pages of which origins may call the API, and how."""

    origins: Sequence[str] | str
    """Origins as the browser sends them, such as ``"https://shop.example"``; a text is split at commas. ``["*"]`` is
    every origin, and then no credentials."""
    origin_regex: str | None
    """Regular expression that the whole origin may match instead."""
    methods: Sequence[str]
    """Methods a page may use. Default: all."""
    headers: Sequence[str]
    """Request headers a page may send. Default: ``["*"]``, whatever it asks for."""
    credentials: bool
    """Whether cookies and authorization may travel along. Default: False."""
    expose_headers: Sequence[str]
    """Response headers that scripts may read. Default: those that Brickwork sets for clients."""
    max_age: int
    """Seconds for which a browser may remember a preflight. Default: 600."""
    private_network: bool
    """Whether a public page may call this server on a private network. Default: False."""


class CORS(Piece):
    """Lets pages of other origins call the API, and answers their preflights.

    Args:
        rules: Who may do what; Starlette's middleware is asked, and never called.
    """

    rank: ClassVar[int] = 60
    websocket: ClassVar[bool] = False
    __problems__ = (PreflightRefusedError,)

    def __init__(self, rules: CORSMiddleware) -> None:
        self._rules = rules
        self.open = rules.allow_all_origins
        self._any = rules.allow_all_origins and not rules.allow_credentials
        self._always = [(name.lower().encode(), value.encode()) for name, value in rules.simple_headers.items()]
        self._by_origin = {origin: self._allowed(origin) for origin in map(str.encode, rules.allow_origins)}
        self._ours = frozenset({_ALLOW_ORIGIN, _VARY[0], *(name for name, _ in self._always)})

    def begin(self, context: RequestContext) -> "Response | None":
        """Answer a preflight."""
        scope = context.scope
        if scope["method"] != "OPTIONS":
            return None
        headers = Headers(scope=scope)
        if "origin" not in headers or "access-control-request-method" not in headers:
            return None
        response = self._rules.preflight_response(request_headers=headers)
        if response.status_code < 400:
            return response
        kept = {k: v for k, v in response.headers.items() if k not in ("content-length", "content-type")}
        raise PreflightRefusedError(bytes(response.body).decode() + ".", headers=kept)

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        """Allow the page's origin to read the response."""
        ours = self._answer_to(find(context.scope["headers"], b"origin"))
        for name, _ in headers:
            if name.lower() in self._ours:
                break
        else:
            headers += ours
            return
        for name, value in ours:
            if name == _VARY[0]:
                add_vary(headers, value)
            else:
                replace(headers, name, value)

    def _answer_to(self, origin: bytes | None) -> RawHeaders:
        if origin in self._by_origin:
            return self._by_origin[origin]
        if origin is not None and self._rules.is_allowed_origin(origin=origin.decode("latin-1")):
            return self._allowed(origin)
        return [] if self._any else [_VARY]

    def _allowed(self, origin: bytes) -> RawHeaders:
        return self._always if self._any else [*self._always, (_ALLOW_ORIGIN, origin), _VARY]


def cors_rules(
    *,
    origins: Sequence[str] | str = (),
    origin_regex: str | None = None,
    methods: Sequence[str] = ("*",),
    headers: Sequence[str] = ("*",),
    credentials: bool = False,
    expose_headers: Sequence[str] = EXPOSED,
    max_age: int = 600,
    private_network: bool = False,
) -> CORSMiddleware:
    """Make the rules of `CORSOptions`.

    Raises:
        ValueError: An origin is none, no origin is allowed at all, or every origin with credentials.
    """
    allowed = _checked_origins(origins, credentials=credentials)
    if not allowed and origin_regex is None:
        raise ValueError('CORS without an origin allows nothing: give origins=["https://app.example"], or leave it off')
    return CORSMiddleware(
        no_app,
        allow_origins=allowed,
        allow_origin_regex=origin_regex,
        allow_methods=methods,
        allow_headers=headers,
        allow_credentials=credentials,
        expose_headers=expose_headers,
        max_age=max_age,
        allow_private_network=private_network,
    )


async def no_app(scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Stand in for an application: the rules are asked, never called."""


def _checked_origins(origins: Iterable[str] | str, *, credentials: bool) -> list[str]:
    listed = origins.split(",") if isinstance(origins, str) else list(origins)
    allowed = [origin.strip() for origin in listed if origin.strip()]
    if "*" in allowed and credentials:
        raise ValueError(
            'origins=["*"] with credentials=True would hand every site your users\' sessions: list the origins'
        )
    for origin in allowed:
        if origin != "*":
            _check_origin(origin)
    return allowed


def _check_origin(origin: str) -> None:
    parts = urlsplit(origin)
    if not parts.scheme or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}".lower():
        raise ValueError(
            f'{origin!r} is no origin: write scheme, host and port alone, in lower case, such as "https://app.example"'
        )
