"""The text of an API key: a prefix that scanners know, an ID, and a secret."""

import secrets
import string
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

ALPHABET: Final = string.ascii_letters + string.digits
_ID: Final = 16
_SECRET: Final = 43  # of 62 characters each: 256 bits


@dataclass(frozen=True, slots=True)
class KeyText:
    """An API key as its owner holds it: ``<prefix>_<id>_<secret>``.

    Attributes:
        id: Names the key, and is no secret.
        text: The whole.
    """

    id: str
    text: str = field(repr=False)

    @classmethod
    def new(cls, prefix: str) -> Self:
        """Make a key from 256 random bits."""
        key_id = _random(_ID)
        return cls(key_id, f"{prefix}_{key_id}_{_random(_SECRET)}")

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Read a key as a client shows it; None for what cannot be one."""
        parts = text.split("_", 3)
        if len(parts) != 3 or len(parts[1]) != _ID or len(parts[2]) != _SECRET:
            return None
        return cls(parts[1], text) if text.isascii() and parts[1].isalnum() else None

    @property
    def hash(self) -> bytes:
        """What is kept of the key: SHA-256, which is enough for 256 random bits."""
        return sha256(self.text.encode("ascii")).digest()


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
