"""`Keys`: which key signs, which ones verify, and how one follows the other."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Lock
from typing import Self

from ..._core.clock import Clock, SystemClock
from .key import Key
from .material import Algorithm


class Keys:
    """The keys of an application: one signs, all verify.

    ```python
    from brickwork.auth import Key, Keys

    old, new = Key.generate("ES256"), Key.generate("ES256")
    keys = Keys(old)
    keys.rotate(new, verify_for=900)
    ```

    Args:
        signing: What new tokens are signed with; None for a service that only verifies.
        *verifying: Keys that verify besides: those that signed before, and those that will.
        clock: Tells when keys retire; give it the clock of `Auth`, if that has its own.

    Raises:
        ValueError: There is no key, two have the same ID, or the one that is to sign is public or retires.
        TypeError: Something is no `Key`.
    """

    def __init__(self, signing: Key | None, *verifying: Key, clock: Clock | None = None) -> None:
        listed = verifying if signing is None else (signing, *verifying)
        for key in listed:
            if not isinstance(key, Key):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass texts
                raise TypeError(
                    f"keys are made by Key.from_secret, Key.from_pem or Key.from_jwk, got {type(key).__name__}"
                )
        if not listed:
            raise ValueError("there is no key to verify with: pass one, or write Keys.from_secret(...)")
        if signing is not None:
            _check_signing(signing)
        self._clock = clock or SystemClock()
        self._lock = Lock()
        self._signing = signing
        self._by_kid = _by_kid(listed)
        self._next_retirement = _next_retirement(listed)
        self._version = 0

    @classmethod
    def from_secret(
        cls, secret: str | bytes | Sequence[str | bytes], algorithm: Algorithm = "HS256", *, clock: Clock | None = None
    ) -> Self:
        """Make keys of secrets: the first signs, and all verify.

        Raises:
            ValueError: One is too short or a key of another kind, two are the same, or there is none.
        """
        listed = [secret] if isinstance(secret, str | bytes) else list(secret)
        if not listed:
            raise ValueError("there is no secret: pass one, as secret=settings.secret")
        signing, *verifying = (Key.from_secret(each, algorithm) for each in listed)
        return cls(signing, *verifying, clock=clock)

    @property
    def version(self) -> int:
        """Goes up whenever a key comes or goes."""
        self._retire()
        return self._version

    @property
    def signing(self) -> Key | None:
        """What new tokens are signed with; None where tokens are only verified."""
        return self._signing

    def find(self, kid: str) -> Key | None:
        """Give the key of an ID, or None where there is none or it has retired."""
        self._retire()
        return self._by_kid.get(kid)

    def rotate(self, new: Key, *, verify_for: float) -> None:
        """Sign with another key from now on, while the former one still verifies for a time.

        Other processes have to know the new key before this one signs with it: pass it there as a verifying key.

        Args:
            new: It may be among the verifying keys already, or its public half may.
            verify_for: Seconds until the former key retires: the lifetime of what it has signed. With 0, all that dies.

        Raises:
            ValueError: The new key is public, retires, has the ID of another one, or the time is negative.
        """
        if not 0 <= verify_for < math.inf:
            raise ValueError(f"verify_for={verify_for} makes no sense: use the seconds that tokens live, as 900")
        _check_signing(new)
        with self._lock:
            former, others = self._signing, [key for key in self._by_kid.values() if not key.matches(new)]
            retire_at = datetime.fromtimestamp(self._clock.time() + verify_for, UTC)
            listed = [new, *(key.retiring(retire_at) if key is former else key for key in others)]
            self._by_kid = _by_kid(listed)
            self._signing = new
            self._next_retirement = _next_retirement(listed)
            self._version += 1

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        """Give the public keys for others to verify with; secrets are never among them.

        Reference: RFC 7517, section 5.
        """
        self._retire()
        return {"keys": [shown for key in self._by_kid.values() if (shown := key.public_jwk()) is not None]}

    def derive(self, purpose: bytes) -> list[bytes]:
        """Give 32 secret bytes for a purpose from every key that has something secret, the signing key's first.

        Raises:
            ValueError: There are only public keys.
        """
        self._retire()
        derived = [key.derive(purpose) for key in self._by_kid.values() if key.signs]
        if not derived:
            raise ValueError(
                "public keys hold no secret to derive another from: this needs Keys(Key.from_pem(private))"
            )
        return derived

    def _retire(self) -> None:
        due = self._next_retirement
        if due is None or self._clock.time() < due:
            return
        with self._lock:
            now = self._clock.time()
            listed = [key for key in self._by_kid.values() if _retirement(key) > now]
            self._by_kid = _by_kid(listed)
            self._next_retirement = _next_retirement(listed)
            self._version += 1

    def __repr__(self) -> str:
        return f"<Keys {', '.join(self._by_kid)}>"


def _check_signing(key: Key) -> None:
    if not key.signs:
        raise ValueError("a public key cannot sign: pass the private one, or write Keys(None, key) to verify only")
    if key.retire_at is not None:
        raise ValueError("a key that retires cannot sign: pass it after the one that signs")


def _by_kid(keys: Sequence[Key]) -> dict[str, Key]:
    by_kid = {key.kid: key for key in keys}
    if len(by_kid) != len(keys):
        raise ValueError(
            "two keys have the same kid: pass each key once, and give kid= where one serves two algorithms"
        )
    return by_kid


def _retirement(key: Key) -> float:
    return math.inf if key.retire_at is None else key.retire_at.timestamp()


def _next_retirement(keys: Sequence[Key]) -> float | None:
    return min((_retirement(key) for key in keys if key.retire_at is not None), default=None)
