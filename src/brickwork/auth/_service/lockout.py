"""Too many wrong passwords: a pause for whoever guesses, and for nobody else."""

from math import ceil, inf

from ..._core.clock import Clock, SystemClock
from .._errors import TooManyAttemptsError
from .._rules.lockout import attempt_key
from .._store import AttemptStore
from ..memory import MemoryAttemptStore


class Lockout:
    """Lets one address try one login only so often.

    Attempts count before the password is looked at, so guessing many at once is no way around it, and the right
    password is refused like a wrong one while it lasts. An attempt whose password was never looked at, since too many
    wait to be hashed or a store cannot be asked, is given back. Other addresses are not held up: nobody can lock the
    owner out. A login that succeeds clears the count.

    Args:
        limit: Attempts that are allowed, from the first one on, in ``per`` seconds.
        per: Seconds after the first attempt at which the count starts anew.
        store: Counts attempts; in memory if not given, which several processes do not share.
        clock: Tells the time.

    Raises:
        ValueError: ``limit`` or ``per`` is not positive, or ``per`` is infinite.

    Reference: OWASP ASVS 5.0, 6.3.1 and 6.1.1.
    """

    def __init__(
        self, limit: int = 5, *, per: float = 900.0, store: AttemptStore | None = None, clock: Clock | None = None
    ) -> None:
        if limit < 1 or not 0 < per < inf:
            raise ValueError(
                f"a lockout needs limit >= 1 and per > 0 seconds that end, got {limit} and {per}; "
                "Auth(lockout=None) has none"
            )
        self._limit = limit
        self._per = per
        self._store: AttemptStore = store if store is not None else MemoryAttemptStore()
        self._clock: Clock = clock or SystemClock()

    async def guard(self, login: str, address: str | None) -> None:
        """Count an attempt, before the password is looked at.

        Args:
            login: The login in its normal form, or what was typed where it has none.
            address: The client's address; None where it is not known.

        Raises:
            TooManyAttemptsError: There were too many; 429.
            AuthUnavailableError: The store cannot be asked; 503.
        """
        wait = await self._store.attempt(
            attempt_key(login, address), limit=self._limit, per=self._per, now=self._clock.time()
        )
        if wait > 0:
            raise TooManyAttemptsError(ceil(wait))

    async def undo(self, login: str, address: str | None) -> None:
        """Take an attempt back that was counted, and whose password was never looked at.

        Raises:
            AuthUnavailableError: The store cannot be asked; 503.
        """
        await self._store.undo(attempt_key(login, address))

    async def clear(self, login: str, address: str | None) -> None:
        """Forget the attempts, after a login that succeeded.

        Raises:
            AuthUnavailableError: The store cannot be asked; 503.
        """
        await self._store.clear(attempt_key(login, address))
