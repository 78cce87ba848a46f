"""``by_ip``: counting by the client's address."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from starlette.requests import HTTPConnection

from ...._core.scope import TrustedProxies, network
from .key import Identity, Key

_LONGEST: Final = 64  # characters: more than any address has, with its zone
_UNKNOWN: Final = Identity((), "address")


@dataclass(frozen=True, slots=True)
class _Address(Key):
    proxies: tuple[str, ...]
    prefix: int
    trusted: TrustedProxies = field(compare=False, repr=False)

    def find(self, connection: HTTPConnection) -> Identity:
        peer = connection.scope.get("client")
        # Where no proxy is believed, there is nothing to look for in headers.
        address = self.trusted.client(connection.scope) if self.proxies else peer and peer[0]
        if not address:
            return _UNKNOWN
        # A server that believes everybody's headers reports whatever they say: that is not kept.
        return _known(address, self.prefix) if len(address) <= _LONGEST else _site(address, self.prefix)

    def __str__(self) -> str:
        return "by_ip"


def by_ip(trusted_proxies: Sequence[str] = (), *, ipv6_prefix: int = 64) -> Key:
    """Count by the client's address.

    No header is believed unless it comes from a proxy that you trust. One site has 64 bits of IPv6 and can use any
    address of them, so those are one caller. Where the server knows no address, as on a Unix socket, the decision
    follows ``on_error``.

    Args:
        trusted_proxies: Networks whose word about the client's address is believed, such as ``"10.0.0.0/8"``, or
            ``"unix"`` for a proxy that comes through a Unix socket.
        ipv6_prefix: How many bits of an IPv6 address tell callers apart, from 1 to 128.

    Raises:
        ValueError: A network cannot be read, or the prefix is none.
        TypeError: ``trusted_proxies`` is a bare text.

    Reference: RFC 7239, section 5.2; RFC 6177, section 2.
    """
    if not 1 <= ipv6_prefix <= 128:
        raise ValueError(f"ipv6_prefix is from 1 to 128 bits, got {ipv6_prefix}")
    trusted = TrustedProxies(trusted_proxies)
    return _Address(tuple(trusted_proxies), ipv6_prefix, trusted)


def _site(address: str, prefix: int) -> Identity:
    return Identity(("ip", network(address, prefix)))


_known = lru_cache(maxsize=4096)(_site)
