"""The layout of a UUID of version 7."""

from secrets import randbits
from typing import Final
from uuid import UUID

RANDOM_BITS: Final = 74


def uuid7_number(milliseconds: int, random: int) -> int:
    """Give the 128 bits of a UUID of version 7.

    Args:
        milliseconds: Its instant, since 1970-01-01T00:00:00Z.
        random: `RANDOM_BITS` bits.

    Reference: RFC 9562, section 5.7.
    """
    high, low = random >> 62, random & (1 << 62) - 1
    return milliseconds << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low


def uuid7_text(milliseconds: int) -> str:
    """Give a new UUID of version 7 as text, with the instant in milliseconds since 1970-01-01T00:00:00Z."""
    return str(UUID(int=uuid7_number(milliseconds, randbits(RANDOM_BITS))))
