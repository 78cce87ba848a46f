"""Refresh tokens: opaque, hashed at rest, each one the parent of the next."""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Self

_HANDLE: Final = 16
_SECRET: Final = 32
# 48 bytes fill 64 characters of base64 with no bit to spare: each token has one text, and each text one token.
_LENGTH: Final = (_HANDLE + _SECRET) * 4 // 3


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token: a handle that names its session to us alone, and a secret.

    All tokens of a session share the handle, which no answer but the token itself ever shows. Whoever comes with the
    right handle and the wrong secret has held a token of the session that is used up.

    Attributes:
        raw: Handle and secret.
        audience: Whom the session is for. Another one that shares the store finds no session by the same token.
    """

    raw: bytes = field(repr=False)
    audience: str = ""

    @classmethod
    def new(cls, audience: str = "") -> Self:
        """Make the first token of a session: 128 random bits of handle and 256 of secret."""
        return cls(secrets.token_bytes(_HANDLE + _SECRET), audience)

    @classmethod
    def read(cls, text: str, audience: str = "") -> Self | None:
        """Read a token as a client shows it; None for what cannot be one."""
        if len(text) != _LENGTH:
            return None
        try:
            raw = urlsafe_b64decode(text.encode("ascii"))
        except ValueError:
            return None
        # The decoder passes over characters that are not of the alphabet.
        token = cls(raw, audience)
        return token if token.text == text else None

    @property
    def text(self) -> str:
        """The token as the client holds it."""
        return urlsafe_b64encode(self.raw).decode("ascii")

    @property
    def session_id(self) -> str:
        """The public name of the session: it tells nothing of the handle."""
        return sha256(b"session" + self.raw[:_HANDLE] + self.audience.encode()).hexdigest()[:32]

    @property
    def hash(self) -> bytes:
        """What is kept of the token: SHA-256, which is enough for 256 random bits."""
        return sha256(self.raw).digest()

    def successor(self, key: bytes) -> "RefreshToken":
        """Give the token that follows, the same each time, so that a client that lost an answer can ask again.

        Args:
            key: A secret of the server, without which nobody gets from one token to the next.
        """
        return RefreshToken(self.raw[:_HANDLE] + hmac.digest(key, self.raw, "sha256"), self.audience)
