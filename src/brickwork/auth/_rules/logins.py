"""Logins in their normal form, so that one person has one; and types for the fields of your own models."""

import unicodedata
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Annotated, Any, Final

from pydantic import AfterValidator, SecretStr, WithJsonSchema

from .passwords import MAX_BYTES, MIN_LENGTH, unusable, weakness

MAX_LOGIN: Final = 320  # the longest e-mail address: 64 + "@" + 255

# Letters and marks that show nothing: two logins that look alike must not differ by them.
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")


def normalise_login(text: str) -> str:
    """Give the normal form of a login: compatibility characters and case make no difference.

    Args:
        text: What somebody typed.

    Returns:
        The normal form; its own normal form is the same.

    Raises:
        ValueError: It is empty, longer than 320 characters, begins or ends with white space, or has characters that do
            not show.

    Reference: Unicode Standard Annex 15 (NFKC); RFC 8265, section 3.3, from which it differs in that symbols are
    allowed, for e-mail addresses.
    """
    if len(text) > MAX_LOGIN:
        raise ValueError(f"a login has at most {MAX_LOGIN} characters")
    login = unicodedata.normalize("NFKC", text)
    while (folded := unicodedata.normalize("NFKC", login.casefold())) != login:
        login = folded
    if len(login) > MAX_LOGIN:
        raise ValueError(f"a login has at most {MAX_LOGIN} characters")
    if not login or text != text.strip() or login != login.strip():
        raise ValueError("a login is not empty, and neither begins nor ends with white space")
    if not all(map(_shows, login)):
        raise ValueError("a login has no control characters, and none that do not show")
    return login


def normal_or_none(text: str) -> str | None:
    """Give the normal form of a login, or None for what cannot be one and so is nobody's."""
    try:
        return normalise_login(text)
    except ValueError:
        return None


def with_normal_logins(fields: Mapping[str, Any], names: AbstractSet[str]) -> dict[str, Any]:
    """Give fields of a user, those that are logins in their normal form.

    Args:
        fields: The fields, by name.
        names: Which of them are logins. None, and all but ``login`` if empty, say that there is none.

    Raises:
        ValueError: One of them can be no login.
    """
    kept = dict(fields)
    for name in names & kept.keys():
        value = kept[name]
        if value is None or (not value and name != "login"):
            continue
        if not isinstance(value, str):
            raise ValueError(f"{name} is a {type(value).__name__}: a login is a text")  # noqa: TRY004 - as the rest
        kept[name] = normalise_login(value)
    return kept


def _shows(character: str) -> bool:
    # Other, and separators of lines: no space but the usual one is left after NFKC. Variation selectors are marks.
    if character in _INVISIBLE or unicodedata.name(character, "").startswith("VARIATION SELECTOR"):
        return False
    category = unicodedata.category(character)
    return category[0] != "C" and category not in {"Zl", "Zp"}


def _strong(password: SecretStr) -> SecretStr:
    flaw = unusable(text := password.get_secret_value()) or weakness(text)
    if flaw is not None:
        raise ValueError(flaw.detail)
    return password


UserName = Annotated[
    str,
    AfterValidator(normalise_login),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_LOGIN, "title": "User name"}),
]
"""A login in a model of yours: whatever was typed, the field holds the normal form."""

StrongPassword = Annotated[
    SecretStr,
    AfterValidator(_strong),
    WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "minLength": MIN_LENGTH,
            "maxLength": MAX_BYTES,
            "title": "Password",
        }
    ),
]
"""A new password in a model of yours, good enough by the default policy; it shows in no repr and no log.

`PasswordPolicy.check` knows more: the login of the user, and breaches.
"""
