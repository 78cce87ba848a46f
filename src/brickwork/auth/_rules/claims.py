"""Claims: what a token of ours says, and whether one that was signed says enough."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from .scopes import is_text

# What applications may not use as names of their own claims, because it means something already.
REGISTERED = frozenset(
    {"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "ver", "scope", "auth_time", "cnf", "act", "client_id"}
)
_END_OF_TIME = 253_402_300_799  # 9999-12-31T23:59:59Z, the last second that `datetime` knows
_MOST_CHARACTERS = 255
_MOST_VERSIONS = 2**63 - 1


class InvalidClaimsError(ValueError):
    """Claims are missing, of a wrong kind, or say that the token is not for us or not for now."""


def build(
    *,
    issuer: str,
    audience: str | Sequence[str],
    subject: str,
    token_id: str,
    now: float,
    lifetime: float,
    session_id: str | None = None,
    token_version: int | None = None,
    scopes: Sequence[str] | None = None,
    authenticated_at: float | None = None,
    own: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give the claims of a new token.

    Args:
        issuer: Who issues it.
        audience: Whom it is for.
        subject: The ID of the user.
        token_id: Names this one token.
        now: The present, in seconds since 1970.
        lifetime: Seconds until it expires.
        session_id: The session that it belongs to.
        token_version: The user's token version.
        scopes: What it allows.
        authenticated_at: When the user last showed a password, in seconds since 1970.
        own: Claims of the application.

    Raises:
        ValueError: An own claim takes a registered name, or the subject could not be verified again.

    Reference: RFC 7519, section 4.1; RFC 9068, section 2.2.
    """
    claims: dict[str, Any] = {
        **_checked_own(own or {}),
        "iss": issuer,
        "sub": subject,
        "aud": audience if isinstance(audience, str) else list(audience),
        "exp": int(now + lifetime),
        "iat": int(now),
        "jti": token_id,
    }
    if not is_identifier(subject):
        raise ValueError(
            f"a user's ID must be a text of 1 to {_MOST_CHARACTERS} printable characters, without spaces at its ends"
        )
    optional = {
        "sid": session_id,
        "ver": token_version,
        "scope": None if scopes is None else " ".join(scopes),
        "auth_time": None if authenticated_at is None else int(authenticated_at),
    }
    claims.update((name, value) for name, value in optional.items() if value is not None)
    return claims


def check(claims: Mapping[str, Any], *, issuer: str, audience: str, now: float, leeway: float) -> None:
    """Refuse claims that do not hold, or hold elsewhere; the very instant of ``exp`` is too late.

    Args:
        claims: What a token says whose signature was found to be right.
        issuer: Who must have issued it.
        audience: Who must be among those it is for.
        now: The present, in seconds since 1970.
        leeway: Seconds by which the clocks of issuer and receiver may differ.

    Raises:
        InvalidClaimsError: Something is missing, of a wrong kind, for others, of the future or of the past.

    Reference: RFC 7519, section 4.1; RFC 9068, section 4.
    """
    if _instant(claims, "exp") <= now - leeway:
        raise InvalidClaimsError("exp")
    if _instant(claims, "iat") > now + leeway:
        raise InvalidClaimsError("iat")
    if "nbf" in claims and _instant(claims, "nbf") > now + leeway:
        raise InvalidClaimsError("nbf")
    if claims.get("iss") != issuer:
        raise InvalidClaimsError("iss")
    if claims.get("aud") != audience:
        _check_audiences(claims.get("aud"), audience)
    for name in ("sub", "jti"):
        if not is_identifier(claims.get(name)):
            raise InvalidClaimsError(name)
    _check_optional(claims)


def is_identifier(value: object) -> bool:
    """Tell whether a value can name a user, a session or a token: it has to go into logs, queries and keys."""
    return type(value) is str and 0 < len(value) <= _MOST_CHARACTERS and value.isprintable() and value == value.strip()


def _instant(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    # A bool is an int to `isinstance`.
    if (type(value) is int or type(value) is float) and 0 <= value <= _END_OF_TIME:
        return value
    raise InvalidClaimsError(name)


def _check_audiences(value: object, audience: str) -> None:
    listed = cast("list[object]", value) if type(value) is list else []
    if audience not in listed or any(type(each) is not str for each in listed):
        raise InvalidClaimsError("aud")


def _check_optional(claims: Mapping[str, Any]) -> None:
    if "sid" in claims and not is_identifier(claims["sid"]):
        raise InvalidClaimsError("sid")
    if "auth_time" in claims:
        _instant(claims, "auth_time")
    version = claims.get("ver", 0)
    if type(version) is not int or not 0 <= version <= _MOST_VERSIONS:
        raise InvalidClaimsError("ver")
    scope = claims.get("scope", "")
    if type(scope) is not str or not is_text(scope):
        raise InvalidClaimsError("scope")


def _checked_own(own: Mapping[str, Any]) -> Mapping[str, Any]:
    taken = REGISTERED & own.keys()
    if taken:
        raise ValueError(f"claims= may not set {', '.join(sorted(taken))}: these names mean something already")
    for name in own:
        if type(name) is not str:
            raise ValueError(f"a claim's name must be a text, got {name!r}")
    return own
