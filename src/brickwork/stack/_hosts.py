"""Trusted hosts: requests for any other host are refused before anything reads the name."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from starlette.datastructures import URL
from starlette.responses import RedirectResponse

from .._core.context import RequestContext
from .._core.frame import Piece
from .._core.headers import find_all
from ._errors import UntrustedHostError

if TYPE_CHECKING:
    from starlette.responses import Response

# Code that reads the name another way must find the same: no user, no path, and a port of digits alone.
_HOST = re.compile(rb"([a-z0-9_-]++(?:\.[a-z0-9_-]++)*+|\[[0-9a-f:.]++\])(?::[0-9]*+)?")


class TrustedHosts(Piece):
    """Refuses requests whose Host is not the application's own.

    Args:
        hosts: Names without port, such as ``"api.example"``; ``"*.example"`` covers every subdomain.
        www_redirect: Send a visitor of ``example`` on to ``www.example`` where only that is trusted.
    """

    rank: ClassVar[int] = 50
    # A mounted application may serve fewer hosts than the one around it.
    nested: ClassVar[bool] = True
    __problems__ = (UntrustedHostError,)

    def __init__(self, hosts: Sequence[str], *, www_redirect: bool = False) -> None:
        if isinstance(hosts, str):
            raise TypeError(f"trusted_hosts takes a list: write [{hosts!r}]")
        for host in hosts:
            if not host or "*" in host[1:] or (host[0] == "*" and host != "*" and host[1:2] != ".") or "/" in host:
                raise ValueError(f'{host!r} is no host: write "api.example" or "*.example", without scheme and port')
        self._any = "*" in hosts
        self._exact = frozenset(host.lower() for host in hosts)
        self._suffixes = tuple(host[1:].lower() for host in hosts if host.startswith("*."))
        self._www_redirect = www_redirect

    def begin(self, context: RequestContext) -> "Response | None":
        """Refuse a foreign host."""
        if self._any:
            return None
        host = _host(find_all(context.scope["headers"], b"host"))
        if host in self._exact or (host is not None and self._suffixes and host.endswith(self._suffixes)):
            return None
        if self._www_redirect and host is not None and f"www.{host}" in self._exact:
            url = URL(scope=context.scope)
            return RedirectResponse(str(url.replace(netloc=f"www.{url.netloc}")))
        raise UntrustedHostError("This server does not serve the host that the request names.")


def _host(values: Sequence[bytes]) -> str | None:
    """Give the host without its port; None where there is none, more than one, or what is none.

    Reference: RFC 9110, section 7.2; RFC 3986, section 3.2.
    """
    if len(values) != 1:
        return None
    found = _HOST.fullmatch(values[0].strip().lower())
    return found[1].decode("ascii") if found else None
