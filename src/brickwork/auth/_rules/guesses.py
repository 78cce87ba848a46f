"""How many guesses a password takes from somebody who tries what people choose first."""

import re
from collections.abc import Collection, Iterator
from math import inf, log2
from typing import Final

from .words import FREQUENT, WORDS

_KNOWN_BITS: Final = 2.0
_FREQUENT_BITS: Final = 6.0
_WORD_BITS: Final = 10.0
_RUN_BITS: Final = 6.0
_YEAR_BITS: Final = 6.0
_TWIST_BITS: Final = 1.0

_CONSIDERED: Final = 64  # characters: nobody guesses more than that, and each one takes time
_LONGEST: Final = max(map(len, WORDS | FREQUENT))
_YEAR: Final = re.compile(r"19[3-9]\d|20[0-4]\d")
_LEET: Final = str.maketrans("@4831!0$57", "aabeiiosst")
_ROWS: Final = (
    *("`1234567890-=", "!@#$%^&*()_+", "789456123", "147258369", "963852741", "159753"),
    *("qwertyuiop[]", "asdfghjkl;'", "zxcvbnm,./", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn"),
    *("1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/", "qazwsxedcrfvtgbyhnujmikolp"),
    *("1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0"),
)
_RUNS: Final = frozenset(
    text[start : start + 4] for row in _ROWS for text in (row, row[::-1]) for start in range(len(row) - 3)
)


def guess_bits(password: str, *, known: Collection[str] = ()) -> float:
    """Estimate the guesses that a password takes, as their logarithm to base 2.

    The guesser knows the words that people use, the rows of the keyboard, years, repetitions, and tries the cheapest
    way to put the password together.

    Args:
        password: The password.
        known: More words that the guesser knows, in lower case.
    """
    text = "".join(low if len(low := character.lower()) == 1 else character for character in password)
    period = _period(text)
    if period < len(text):
        return guess_bits(password[:period], known=known) + log2(len(text) / period) + _TWIST_BITS
    password, text = password[:_CONSIDERED], text[:_CONSIDERED]
    best = [0.0] + [inf] * len(text)
    for start in range(len(text)):
        for end, bits in _pieces(text, start, known):
            twisted = _TWIST_BITS if end - start > 1 and password[start:end] != text[start:end] else 0.0
            best[end] = min(best[end], best[start] + bits + twisted)
    return best[-1]


def _period(text: str) -> int:
    """Give how many characters a text repeats, at least twice; all of them where it does not."""
    return next((size for size in range(1, len(text) // 2 + 1) if text.startswith(text[size:])), len(text))


def _pieces(text: str, start: int, known: Collection[str]) -> Iterator[tuple[int, float]]:
    """Give where what starts somewhere in a text may end, and what it costs to guess it."""
    yield start + 1, _character_bits(text[start])
    yield from _words(text, start, known)
    if _YEAR.match(text, start):
        yield start + 4, _YEAR_BITS
    for end in (_steady(text, start), _row(text, start)):
        if end - start > 2:
            yield end, _RUN_BITS


def _words(text: str, start: int, known: Collection[str]) -> Iterator[tuple[int, float]]:
    plain = text.translate(_LEET)
    for end in range(start + 1, min(start + _LONGEST, len(text)) + 1):
        for word, twist in ((text[start:end], 0.0), (plain[start:end], _TWIST_BITS)):
            if word in FREQUENT:
                yield end, _FREQUENT_BITS + twist
            elif word in WORDS:
                yield end, _WORD_BITS + twist
    for word in known:
        if text.startswith(word, start):
            yield start + len(word), _KNOWN_BITS


def _steady(text: str, start: int) -> int:
    """Give the end of a run such as ``aaaa``, ``1234`` or ``fedc``."""
    end = start + 1
    step = ord(text[end]) - ord(text[start]) if end < len(text) else inf
    while abs(step) <= 1 and end < len(text) and ord(text[end]) - ord(text[end - 1]) == step:
        end += 1
    return end


def _row(text: str, start: int) -> int:
    """Give the end of a run along the keyboard."""
    end = start
    while text[end : end + 4] in _RUNS:
        end += 1
    return end + 3 if end > start else start


def _character_bits(character: str) -> float:
    if character in "0123456789":
        return 3.4
    if character in " -_.":
        return 2.0
    return 4.7 if character.isascii() and character.isalpha() else 5.5
