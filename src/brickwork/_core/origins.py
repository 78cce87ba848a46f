"""The origins of pages: the scheme, host and port that a browser says a request was sent by."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": ":80", "https": ":443"}


def origin_of(scheme: str, host: str) -> str:
    """Give the origin of a page as browsers write it: in lower case, without the port that its scheme has anyway.

    Reference: RFC 6454, section 6.2.
    """
    scheme, host = scheme.lower(), host.lower()
    return f"{scheme}://{host.removesuffix(_DEFAULT_PORTS.get(scheme, '/'))}"


def checked_origins(origins: Iterable[str], *, secure: bool) -> frozenset[str]:
    """Check the origins of pages.

    Args:
        origins: The origins.
        secure: Whether they have to be of https; those on the same machine need not.

    Raises:
        TypeError: A bare string was passed instead of a list.
        ValueError: One of them is none, or is not secure.

    Reference: RFC 6454, section 6.2.
    """
    if isinstance(origins, str):
        raise TypeError(f"origins= takes a list: write [{origins!r}]")
    checked = frozenset(origins)
    for origin in checked:
        parts = urlsplit(origin)
        whole = parts.scheme and parts.netloc and origin.lower() == f"{parts.scheme}://{parts.netloc}".lower()
        if not whole or {*"*@"} & {*origin}:
            raise ValueError(
                f'{origin!r} is no origin: write scheme and host alone, as in "https://app.example", and no wildcards'
            )
        if secure and parts.scheme.lower() == "http" and not _is_here(parts.hostname or ""):
            raise ValueError(
                f"{origin!r}: whoever is on the way can write into a page of plain http and act with the cookies; "
                "write https, or insecure=True for a development machine"
            )
    return frozenset(origin_of(*origin.split("://")) for origin in checked)


def _is_here(host: str) -> bool:
    """Tell whether a host is this machine, which browsers take for secure."""
    return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")
