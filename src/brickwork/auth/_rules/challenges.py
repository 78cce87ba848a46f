"""Challenges: what ``WWW-Authenticate`` says to a client that was not let in."""

import re

_UNSAFE = re.compile(r"[^\x20-\x7e]")
_QUOTED = re.compile(r'(["\\])')


def quoted(text: str) -> str:
    """Write a text as a quoted string that ends where it should, whatever the text holds.

    Control characters and what is not ASCII become question marks, so that no value starts a new line of the header.

    Reference: RFC 9110, section 5.6.4.
    """
    return '"' + _QUOTED.sub(r"\\\1", _UNSAFE.sub("?", text)) + '"'


def checked_realm(realm: str) -> str:
    """Give a realm that can be shown as it is.

    Raises:
        ValueError: It is empty, or holds quotes, backslashes, line breaks or letters beyond ASCII.
    """
    if not realm or _UNSAFE.search(realm) or _QUOTED.search(realm):
        raise ValueError(f"realm={realm!r} is shown in a header: use plain ASCII without quotes, as realm='api'")
    return realm


def bearer(
    realm: str,
    *,
    error: str | None = None,
    scope: str | None = None,
    max_age: int | None = None,
) -> str:
    """Challenge for a bearer token.

    Args:
        realm: What is protected.
        error: The code of what is wrong with the token that was sent; None where none was.
        scope: What is needed, separated by spaces.
        max_age: Seconds since the login that are accepted.

    Reference: RFC 6750, section 3; RFC 9470, section 3.
    """
    parameters = {"realm": realm, "error": error, "scope": scope, "max_age": max_age}
    return _challenge("Bearer", parameters)


def basic(realm: str) -> str:
    """Challenge for the ID and secret of a client.

    Reference: RFC 7617, section 2.
    """
    return _challenge("Basic", {"realm": realm, "charset": "UTF-8"})


def api_key(realm: str) -> str:
    """Challenge for an API key; the scheme is not registered, and clients know it from the documentation."""
    return _challenge("ApiKey", {"realm": realm})


def _challenge(scheme: str, parameters: dict[str, str | int | None]) -> str:
    said = (f"{name}={quoted(str(value))}" for name, value in parameters.items() if value is not None)
    return f"{scheme} {', '.join(said)}"
