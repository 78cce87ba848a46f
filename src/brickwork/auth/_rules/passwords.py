"""Which passwords are good enough: long enough to guess at in vain, and nothing more is asked.

No rule asks for a digit or a symbol, and no password is trimmed, cut or folded.

Reference: OWASP ASVS 5.0, section 6.2; NIST SP 800-63B, section 3.1.1.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from .guesses import guess_bits

MIN_LENGTH: Final = 12
MAX_BYTES: Final = 1024
ENOUGH_BITS: Final = 30.0  # more guesses than a lockout lets anybody try in a lifetime

_SEPARATORS: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Verification:
    """What checking a password came to.

    Attributes:
        valid: Whether it is the right one.
        new_hash: What to keep instead of the hash that was checked, where that one is out of date.
    """

    valid: bool
    new_hash: str | None = field(default=None, repr=False)


class Weakness(Enum):
    """Why a password is not accepted."""

    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    NOT_TEXT = "not-text"
    COMMON = "common"
    CONTAINS_LOGIN = "contains-login"
    BREACHED = "breached"

    @property
    def reason(self) -> str:
        """The reason, for programs."""
        return self.value

    @property
    def detail(self) -> str:
        """The reason, for people."""
        return _DETAILS[self]


_DETAILS = {
    Weakness.TOO_SHORT: "The password is too short.",
    Weakness.TOO_LONG: "The password is too long.",
    Weakness.NOT_TEXT: "The password is no text.",
    Weakness.COMMON: "The password is too easy to guess.",
    Weakness.CONTAINS_LOGIN: "The password is too close to the login.",
    Weakness.BREACHED: "The password has appeared in a data breach.",
}


def unusable(password: str, max_bytes: int = MAX_BYTES) -> Weakness | None:
    """Tell why a text cannot be a password at all, without looking at all of a long one; None where it can."""
    if len(password) > max_bytes:
        return Weakness.TOO_LONG
    try:
        size = len(password.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return Weakness.NOT_TEXT
    return Weakness.TOO_LONG if size > max_bytes else None


def weakness(
    password: str,
    *,
    min_length: int = MIN_LENGTH,
    context: Iterable[str] = (),
    refused: Collection[str] = (),
) -> Weakness | None:
    """Tell why a usable password is too weak; None where it is not.

    Args:
        password: The password, as it was typed.
        min_length: Fewest characters.
        context: What a guesser knows: the login, the e-mail address, the name of the application.
        refused: Passwords that are common, case-folded.
    """
    if len(password) < min_length:
        return Weakness.TOO_SHORT
    if password.casefold() in refused or guess_bits(password) < ENOUGH_BITS:
        return Weakness.COMMON
    if guess_bits(password, known=_words(context)) < ENOUGH_BITS:
        return Weakness.CONTAINS_LOGIN
    return None


def _words(context: Iterable[str]) -> frozenset[str]:
    folded = [text.casefold() for text in context]
    parts = [part for text in folded for part in _SEPARATORS.split(text)]
    return frozenset(word for word in folded + parts if len(word) > 2)
