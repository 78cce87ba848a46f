"""Under which name attempts to log in are counted."""

from hashlib import sha256

from ..._core.scope import network


def attempt_key(login: str, address: str | None) -> str:
    """Name the attempts of one address at one login, so that neither can be read from the name.

    Args:
        login: The login in its normal form, or what was typed where it has none.
        address: The client's address; None where it is not known.
    """
    # No address has a NUL, so no login can be typed that means another address.
    text = f"{network(address)}\0{login}".encode("utf-8", "surrogatepass")
    return sha256(b"attempt|" + text).hexdigest()
