"""Attempts at a password: counted before it is looked at, and given back where it never was."""

from asyncio import CancelledError
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Generic

from anyio import CancelScope

from .._errors import AuthUnavailableError, HasherBusyError, TooManyAttemptsError
from .._rules.logins import normal_or_none
from .events import Events
from .options import AuthOptions, UserT
from .sessions import Caller


class Attempt:
    """One attempt, and under which names it is counted.

    Attributes:
        names: The names.
        is_looked_at: Whether the password is compared from now on: then it counts, whatever comes.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.is_looked_at: bool = False


class Attempts(Generic[UserT]):
    """Counts attempts where users have more than one login, too.

    What was typed is counted, and answered with 429 beyond the limit, whether it is anybody's or not. Where several
    fields are logins, attempts at all of one user's count together besides; what is beyond the limit by that count
    alone is answered like a wrong password, since any other answer would tell that two logins are one person's.

    Args:
        options: How the block was set up.
        events: Is told of who is locked out.
    """

    def __init__(self, options: AuthOptions[UserT], events: Events) -> None:
        self._lockout = options.lockout
        self._fields = options.login_fields
        self._events = events

    @asynccontextmanager
    async def counted(self, login: str, caller: Caller) -> AsyncGenerator[Attempt]:
        """Count an attempt at what was typed, and give it back where nobody comes to look at the password.

        Raises:
            TooManyAttemptsError: (429) There were too many before.
            AuthUnavailableError: (503) They cannot be counted.
        """
        attempt = Attempt()
        await self._count(attempt, _typed(login), caller)
        try:
            yield attempt
        except HasherBusyError:
            await self._give_back(attempt, caller)
            raise
        except (AuthUnavailableError, CancelledError):
            if not attempt.is_looked_at:
                await self._give_back(attempt, caller)
            raise

    async def count_user(self, attempt: Attempt, user: UserT | None, login: str, caller: Caller) -> None:
        """Count an attempt at a user, by whichever login; at nobody, for the same work.

        Raises:
            TooManyAttemptsError: (429) There were too many before.
            AuthUnavailableError: (503) They cannot be counted.
        """
        if len(self._fields) > 1:
            await self._count(attempt, _nobody(login) if user is None else _account(user.id), caller)

    async def forgive(self, user: UserT, caller: Caller) -> None:
        """Forget the attempts at a user from where the caller is.

        Raises:
            AuthUnavailableError: (503) The store cannot be asked.
        """
        if self._lockout is None:
            return
        logins = [getattr(user, field, None) for field in ("login", *self._fields)]
        names = [_typed(login) for login in logins if isinstance(login, str)]
        if len(self._fields) > 1:
            names.append(_account(user.id))
        for name in dict.fromkeys(names):
            await self._lockout.clear(name, caller.address)

    async def _count(self, attempt: Attempt, name: str, caller: Caller) -> None:
        if self._lockout is None:
            return
        try:
            # Counted before the password is looked at: guesses that come at once do not get past.
            await self._lockout.guard(name, caller.address)
        except TooManyAttemptsError:
            await self._events.tell("locked-out", address=caller.address)
            raise
        attempt.names.append(name)

    async def _give_back(self, attempt: Attempt, caller: Caller) -> None:
        if self._lockout is None:
            return
        # A request that is cancelled is cancelled at every await, unless it is shielded.
        with CancelScope(shield=True), suppress(AuthUnavailableError):
            for name in attempt.names:
                await self._lockout.undo(name, caller.address)


# No normal form holds a NUL, so these names are nobody's login; and no two of them are the same.


def _typed(login: str) -> str:
    """Give the one name under which all spellings of a login are counted."""
    normal = normal_or_none(login)
    return f"\0typed\0{login}" if normal is None else normal


def _nobody(login: str) -> str:
    return f"\0nobody\0{_typed(login)}"


def _account(user_id: object) -> str:
    return f"\0user\0{user_id}"
