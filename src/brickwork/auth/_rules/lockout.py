"""Under which name attempts to log in are counted."""

from hashlib import sha256
from ipaddress import IPv6Address, ip_address


def attempt_key(login: str, address: str | None) -> str:
    """Name the attempts of one address at one login, so that neither can be read from the name.

    Args:
        login: The login in its normal form, or what was typed where it has none.
        address: The client's address; None where it is not known.
    """
    # No address has a NUL, so no login can be typed that means another address.
    text = f"{network(address)}\0{login}".encode("utf-8", "surrogatepass")
    return sha256(b"attempt|" + text).hexdigest()


def network(address: str | None) -> str:
    """Give what one client has hold of: an IPv4 address, or 64 bits of IPv6.

    Reference: RFC 6177, section 2: a site gets a /64 at the least, so its guests can have any address of it.
    """
    if address is None:
        return ""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address  # a Unix socket, a test client
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return f"{IPv6Address(int(parsed) >> 64 << 64)}/64"
