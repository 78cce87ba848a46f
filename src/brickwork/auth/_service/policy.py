"""The policy for new passwords: rules that need nothing, and a look at breaches for who has a list of them."""

import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import anyio

from .._errors import AuthUnavailableError, WeakPasswordError
from .._rules.passwords import MAX_BYTES, MIN_LENGTH, Weakness, unusable, weakness

_LOG: Final = logging.getLogger("brickwork.auth")


class PasswordPolicy:
    """Says which new passwords are good enough.

    A password has to be long, and hard to guess: not put together from words that many people use, dates, runs on the
    keyboard, repetitions, or what is known of the user. Nothing else is asked: no digits, no symbols. It is never
    trimmed, cut or folded.

    Args:
        min_length: Fewest characters, at least 8.
        max_bytes: Longest password, in bytes of UTF-8.
        words: More words that a guesser would try first, such as the name of the application.
        refused: More passwords to refuse, whatever their case; a published list of the most used ones, for example.
        breached: Tells whether a password is known from a breach.
        breached_timeout: Seconds that ``breached`` may take.
        require_breached: What happens when ``breached`` fails or takes too long: the password is accepted, as the other
            rules still hold, and the log has a warning; or, if True, it is refused with 503.

    Raises:
        ValueError: A number makes no sense.

    Reference: OWASP ASVS 5.0, 6.2.1 to 6.2.12 and 16.5.2.
    """

    def __init__(
        self,
        *,
        min_length: int = MIN_LENGTH,
        max_bytes: int = MAX_BYTES,
        words: Sequence[str] = (),
        refused: Collection[str] = (),
        breached: Callable[[str], Awaitable[bool]] | None = None,
        breached_timeout: float = 2.0,
        require_breached: bool = False,
    ) -> None:
        if min_length < 8:
            raise ValueError(f"min_length={min_length} is too short for a password: write 8 at least, better 12")
        if max_bytes < 64 or max_bytes < min_length:
            raise ValueError(f"max_bytes={max_bytes} leaves no room for passphrases: write 64 at least")
        if breached_timeout <= 0:
            raise ValueError(f"breached_timeout={breached_timeout} leaves no time to ask")
        self._min_length = min_length
        self._max_bytes = max_bytes
        self._words = tuple(words)
        self._refused = frozenset(password.casefold() for password in refused)
        self._breached = breached
        self._breached_timeout = breached_timeout
        self._require_breached = require_breached

    async def check(self, password: str, *, context: Sequence[str] = ()) -> None:
        """Let a good password pass.

        Args:
            password: The new password, as it was typed.
            context: What a guesser knows of the user: the login, the e-mail address, the name.

        Raises:
            WeakPasswordError: It is not good enough; 422.
            AuthUnavailableError: ``breached`` failed, and it is required; 503.
        """
        flaw = unusable(password, self._max_bytes) or weakness(
            password, min_length=self._min_length, context=(*self._words, *context), refused=self._refused
        )
        if flaw is None and await self._is_breached(password):
            flaw = Weakness.BREACHED
        if flaw is Weakness.TOO_SHORT:
            raise WeakPasswordError(f"The password needs {self._min_length} characters.", reason=flaw.reason)
        if flaw is not None:
            raise WeakPasswordError(flaw.detail, reason=flaw.reason)

    async def _is_breached(self, password: str) -> bool:
        if self._breached is None:
            return False
        try:
            with anyio.fail_after(self._breached_timeout):
                return await self._breached(password)
        except Exception as error:  # noqa: BLE001 - it is the application's, and may raise anything
            # The message of a foreign error may hold the password; its type does not.
            _LOG.warning("Could not ask whether a password is known from a breach: %s", type(error).__name__)
        if self._require_breached:
            raise AuthUnavailableError
        return False
