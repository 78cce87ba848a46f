"""What an ID looks like, how one is made, and which hosts may see it."""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from hashlib import blake2b
from os import urandom

from .._core.uuid7 import uuid7_number

PATTERN = "[A-Za-z0-9][A-Za-z0-9._-]*"

# Whatever pattern an app chooses: an ID goes into headers and log lines, where anything else can do harm.
_VISIBLE = re.compile(rb"[\x21-\x7e]+")
_HOST = re.compile(r"[\w*.-]+|[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*")


class Shape:
    """Which texts are IDs.

    Args:
        pattern: Regular expression that a whole ID matches.
        shortest: Fewest characters.
        longest: Most characters.

    Raises:
        ValueError: The pattern is no regular expression of ASCII, or the lengths leave no room.
    """

    def __init__(self, pattern: str = PATTERN, shortest: int = 8, longest: int = 128) -> None:
        if not 1 <= shortest <= longest:
            raise ValueError(
                f"no ID has min_length={shortest} and max_length={longest}: use 1 <= min_length <= max_length"
            )
        try:
            self._matches: Callable[[bytes], object] = re.compile(pattern.encode("ascii")).fullmatch
        except (re.error, UnicodeError) as error:
            raise ValueError(f"pattern={pattern!r} must be a regular expression in ASCII: {error}") from error
        self._shortest = shortest
        self._longest = longest

    def fault(self, value: bytes) -> str | None:
        """Tell what keeps ``value`` from being an ID, without repeating it; None where it is one."""
        if len(value) < self._shortest:
            return f"shorter than {self._shortest} characters"
        if len(value) > self._longest:
            return f"longer than {self._longest} characters"
        if not _VISIBLE.fullmatch(value) or not self._matches(value):
            return "not of the allowed form"
        return None


def random_id() -> str:
    """Make an ID of 128 random bits, in 32 lower-case hexadecimal digits."""
    return urandom(16).hex()


def hashed(value: bytes) -> str:
    """Make an ID that is the same for the same ``value``, and does not tell it."""
    return blake2b(value, digest_size=16).hexdigest()


def uuid7_at(milliseconds: int, random: int) -> str:
    """Make the UUID of version 7 of an instant.

    Args:
        milliseconds: The instant, since 1970-01-01T00:00:00Z.
        random: 74 bits.

    Reference: RFC 9562, section 5.7.
    """
    digits = f"{uuid7_number(milliseconds, random):032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


class Hosts:
    """The hosts that calls may carry an ID to.

    Args:
        patterns: Host names, in which ``*`` stands for any characters, such as ``"*.internal"``.

    Raises:
        TypeError: A bare string was passed instead of a list.
        ValueError: There is none, or one of them is no host.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        if isinstance(patterns, str):
            raise TypeError(f"to= takes a list of hosts: write [{patterns!r}]")
        names = sorted({pattern.lower().rstrip(".") for pattern in patterns})
        if not names:
            raise ValueError('to= names no host: write to=["*.internal"] for the hosts that may see the ID')
        for name in names:
            if not _HOST.fullmatch(name):
                raise ValueError(f'{name!r} is no host: write it without scheme, port and path, like "api.internal"')
        self._matches = re.compile("|".join(map(translate, names))).match

    def __contains__(self, host: str) -> bool:
        return self._matches(host.lower().rstrip(".")) is not None
