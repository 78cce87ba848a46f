"""Logging in: one answer and the same work for all that goes wrong."""

from typing import Generic

from .._errors import InvalidCredentialsError, TooManyAttemptsError
from .._rules.logins import normalise_login
from .attempts import Attempts
from .events import Events
from .options import AuthOptions, UserT
from .sessions import Caller


class Login(Generic[UserT]):
    """Finds out whether login and password go together.

    Args:
        options: How the block was set up.
        events: Is told what happens.
    """

    def __init__(self, options: AuthOptions[UserT], events: Events) -> None:
        self._options = options
        self._events = events
        self._attempts = Attempts(options, events)

    async def find(self, login: str) -> UserT | None:
        """Give the user whom a login names, in any of the fields that it may match.

        Each field is asked, whether one before it matched or not: how long it takes tells nothing.
        """
        try:
            normal = normalise_login(login)
        except ValueError:
            return None
        found = [await self._options.users.find(normal, field=field) for field in self._options.login_fields]
        return next((user for user in found if user is not None), None)

    async def authenticate(self, login: str, password: str, *, caller: Caller) -> UserT:
        """Give the user whose login and password these are.

        Raises:
            InvalidCredentialsError: (401) Nobody's, or those of an account that may not be used.
            TooManyAttemptsError: (429) There were too many attempts before this one.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        async with self._attempts.counted(login, caller) as attempt:
            user = await self.find(login)
            try:
                await self._attempts.count_user(attempt, user, login, caller)
            except TooManyAttemptsError:
                user = None
            attempt.is_looked_at = True
            matches = await self._matches(user, password)
        if user is None or not matches:
            user_id = None if user is None else str(user.id)
            await self._events.tell("login-failed", user_id=user_id, address=caller.address)
            raise InvalidCredentialsError
        await self.forgive(user, caller)
        return user

    async def confirm(self, user: UserT, password: str, *, caller: Caller) -> None:
        """Make sure that who is logged in knows the password; guesses count as those of a login.

        Raises:
            InvalidCredentialsError: (401) The password is another.
            TooManyAttemptsError: (429) There were too many attempts before this one.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        async with self._attempts.counted(user.login, caller) as attempt:
            await self._attempts.count_user(attempt, user, user.login, caller)
            attempt.is_looked_at = True
            matches = await self._matches(user, password)
        if not matches:
            await self._events.tell("login-failed", user_id=str(user.id), address=caller.address)
            raise InvalidCredentialsError
        await self.forgive(user, caller)

    async def forgive(self, user: UserT, caller: Caller) -> None:
        """Forget the failed attempts from where the caller is."""
        await self._attempts.forgive(user, caller)

    async def _matches(self, user: UserT | None, password: str) -> bool:
        # Nobody's password costs the same work as somebody's.
        stored = None if user is None else user.password_hash or None
        verification = await self._options.hasher.verify(password, stored)
        if user is None or not verification.valid or not user.active:
            return False
        if verification.new_hash is not None:
            await self._renew(user, verification.new_hash)
        return True

    async def _renew(self, user: UserT, new_hash: str) -> None:
        """Put a better hash of the same password in the place of an outdated one."""
        # Hashing takes a while: a password that was changed meanwhile must not come back.
        await self._options.users.update(str(user.id), {"password_hash": new_hash}, if_version=user.token_version)
