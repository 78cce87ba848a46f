"""Whether the page that opens a socket may do so with its visitor's cookies.

A browser lets any page open a socket to any host, sends the cookies of that host along, and asks nobody first: what
CORS is for requests, the server has to do for sockets itself.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from ..._core.headers import find, find_all
from ..._core.logs import printable
from ..._core.origins import checked_origins, origin_of
from ..._core.scope import TrustedProxies
from .._errors import OriginNotAllowedError

if TYPE_CHECKING:
    from starlette.types import Scope

ANY_ORIGIN: Final = "*"
"""As ``origins=``, lets a page of any site open sockets with its visitor's cookies: for services that have no users."""

_SECURE: Final = frozenset({"https", "wss"})
# What a trusted proxy writes; no page can have its browser send these headers.
_PAIR: Final = re.compile(r'(?:^|[;,\s])(proto|host)="?([^";,\s]++)', re.IGNORECASE)

_logger = logging.getLogger("brickwork.websockets")


class Origins:
    """The pages that may open sockets: those of the host itself, and those that are listed.

    Args:
        origins: Origins of pages of other hosts; `ANY_ORIGIN` for all there are.
        proxies: Whose word about the host and the scheme that the client used is believed.

    Raises:
        TypeError: A bare string was passed instead of a list.
        ValueError: One of them is no origin.
    """

    def __init__(self, origins: Sequence[str], proxies: TrustedProxies) -> None:
        self._any = origins == ANY_ORIGIN
        if ANY_ORIGIN in origins and not self._any:
            raise ValueError("origins=['*'] is no list of origins: write origins=ANY_ORIGIN, if every page may")
        self._listed = frozenset[str]() if self._any else checked_origins(origins, secure=False)
        self._proxies = proxies

    def check(self, scope: "Scope") -> None:
        """Refuse a handshake that a page of somebody else has made.

        Raises:
            OriginNotAllowedError: (403) It has, or nobody can tell though it brings cookies.

        Reference: RFC 6455, section 10.2.
        """
        if self._any:
            return
        origins = find_all(scope["headers"], b"origin")
        if not origins:
            # Programs that are no browsers do not say; they have nobody's cookies but their own.
            if find(scope["headers"], b"cookie") is not None:
                raise OriginNotAllowedError("Say which page opens the socket: with cookies comes an Origin header.")
            return
        told = origins[0].decode("latin-1")
        scheme, _, host = told.partition("://")
        if len(origins) == 1 and host:
            origin = origin_of(scheme, host)
            if origin in self._listed or origin in self._own(scope):
                return
        _logger.info("a page of %s may not open a socket here: it is not listed in origins=", printable(told[:200]))
        raise OriginNotAllowedError("A page of this origin may not open a socket here.")

    def _own(self, scope: "Scope") -> Iterator[str]:
        """Give the origins of the host's own pages."""
        hosts = [(find(scope["headers"], b"host") or b"").decode("latin-1")]
        scheme = scope.get("scheme", "ws")
        if self._proxies.trusts_peer(scope):
            claimed = dict(_claims(scope))
            scheme = claimed.get("proto", scheme)
            hosts.append(claimed.get("host", hosts[0]))
        for host in hosts:
            yield origin_of("https", host)
            # Where TLS may end at a proxy, a secure page is what it always was; a page of plain http, that anyone on
            # the way can write, never reaches a socket of TLS.
            if scheme not in _SECURE:
                yield origin_of("http", host)


def _claims(scope: "Scope") -> Iterator[tuple[str, str]]:
    """Give what proxies say of the scheme and the host that the client used; of several, the nearest to the client."""
    headers = scope["headers"]
    for name, header in (("proto", b"x-forwarded-proto"), ("host", b"x-forwarded-host")):
        value = find(headers, header)
        if value is not None:
            yield name, value.decode("latin-1").partition(",")[0].strip().lower()
    for value in find_all(headers, b"forwarded")[:1]:
        for name, told in reversed(_PAIR.findall(value.decode("latin-1"))):
            yield name.lower(), told.lower()
