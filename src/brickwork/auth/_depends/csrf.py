"""Proof that a request with cookies was sent by a page of one's own.

Two things have to hold: the browser says so itself (``Sec-Fetch-Site``, or else ``Origin``), and the request shows a
token that only a page of one's own could read, and that belongs to this session.
"""

import hmac
from collections.abc import Callable, Collection, Iterable
from hashlib import sha256

from starlette.types import Scope

from ..._core.headers import find, find_all
from .._errors import CSRFError

HEADER = "X-CSRF-Token"

# RFC 9110, section 9.2.1.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
# "none" is what the user typed or kept: no page asks.
_OTHER_PAGES = frozenset({b"cross-site", b"same-site"})
_DEFAULT_PORTS = (":443", ":80")


class CSRF:
    """Makes and checks the CSRF token of a session; nothing is stored.

    Args:
        keys: Gives the keys that tokens are made with, the current one first.
    """

    def __init__(self, keys: Callable[[], Iterable[bytes]]) -> None:
        self._keys = keys

    def token(self, session_id: str) -> str:
        """Give the token of a session."""
        return _token(next(iter(self._keys())), session_id)

    def guard(self, scope: Scope, session_id: str | None, origins: Collection[str]) -> None:
        """Refuse what another page may have sent.

        Args:
            scope: The request, or the WebSocket.
            session_id: The session whose cookies came with it.
            origins: Pages of other hosts that may.

        Raises:
            CSRFError: (403) It changes something, and lacks the proof.
        """
        socket = scope["type"] == "websocket"
        if not socket and scope["method"] in _SAFE:
            return
        if not _is_from_own_page(scope, origins, must_say=socket):
            raise CSRFError("This request comes from a page that may not act for the user.")
        if not socket and not self._is_shown(scope, session_id):
            raise CSRFError(f"Send the value of the CSRF cookie in the header {HEADER}.")

    def _is_shown(self, scope: Scope, session_id: str | None) -> bool:
        shown = find_all(scope["headers"], b"x-csrf-token")
        if session_id is None or len(shown) != 1:
            return False
        # Bytes: comparing text raises on anything but ASCII.
        return any(hmac.compare_digest(_token(key, session_id).encode(), shown[0]) for key in self._keys())


def _token(key: bytes, session_id: str) -> str:
    return hmac.new(key, session_id.encode(), sha256).hexdigest()


def _is_from_own_page(scope: Scope, origins: Collection[str], *, must_say: bool) -> bool:
    origin = find(scope["headers"], b"origin")
    if origin is not None and origin.decode("latin-1").lower() in origins:
        return True
    site = find(scope["headers"], b"sec-fetch-site")
    if site in _OTHER_PAGES:
        return False
    if site == b"same-origin":
        return True
    if origin is None:
        # Programs that are no browsers say neither; they have nobody's cookies but their own.
        return not must_say
    return _host_of(origin) == _without_default_port(find(scope["headers"], b"host") or b"")


def _host_of(origin: bytes) -> str | None:
    _, separator, host = origin.partition(b"://")
    return _without_default_port(host) if separator else None


def _without_default_port(host: bytes) -> str:
    text = host.decode("latin-1").lower()
    return next((text.removesuffix(port) for port in _DEFAULT_PORTS if text.endswith(port)), text)
