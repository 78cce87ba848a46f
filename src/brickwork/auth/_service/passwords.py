"""Passwords: changed by who knows the old one, or set anew by who can read the user's mail."""

from typing import Generic

from .._errors import InvalidOneTimeTokenError, InvalidTokenError
from .events import Events, logged
from .login import Login
from .onetime import RESET_TYPE, OneTimeTokens
from .options import AuthOptions, Send, UserT
from .sessions import Caller, Issued, Sessions


class Passwords(Generic[UserT]):
    """Changes passwords; each change ends all tokens of the user.

    Args:
        options: How the block was set up.
        login: Knows whether a password is right.
        sessions: Ends the sessions of before a change, and starts the one that goes on after it.
        one_time: Makes and reads the tokens of links.
        events: Is told what happens.
    """

    def __init__(
        self,
        options: AuthOptions[UserT],
        *,
        login: Login[UserT],
        sessions: Sessions[UserT],
        one_time: OneTimeTokens[UserT],
        events: Events,
    ) -> None:
        self._options = options
        self._login = login
        self._sessions = sessions
        self._one_time = one_time
        self._events = events

    async def change(self, user: UserT, current: str, new: str, *, caller: Caller) -> Issued[UserT]:
        """Change a password, end all sessions of the user, and start one for who changed it.

        Raises:
            InvalidCredentialsError: (401) The current password is another.
            TooManyAttemptsError: (429) The current password was guessed at too often.
            WeakPasswordError: (422) The new one does not meet the policy.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        await self._login.confirm(user, current, caller=caller)
        password_hash = await self._hashed(user, new)
        async with self._sessions.all_ended(str(user.id)):
            changed = await self._replace(user, password_hash)
        if changed is None:
            raise InvalidTokenError
        await self._events.tell("password-changed", user_id=str(user.id), address=caller.address)
        return await self._sessions.start(changed, caller=caller)

    async def forgot(self, login: str, send: Send[UserT], *, caller: Caller) -> None:
        """Have a token sent to the user whom a login names, if any. To be run after the answer.

        What goes wrong is logged, without the token, and raised to nobody: nobody waits for it.
        """
        with logged("on_password_reset"):
            user = await self._login.find(login)
            if user is None or not user.active:
                return
            token = self._one_time.make(user, purpose=RESET_TYPE, token_version=user.token_version)
            await self._events.tell("password-reset-requested", user_id=str(user.id), address=caller.address)
            await send(user, token)

    async def reset(self, token: str, new: str, *, caller: Caller) -> None:
        """Set a new password for who holds the token of a link, and end all sessions of the user.

        Raises:
            InvalidOneTimeTokenError: (400) The token is malformed, expired, used, or meant for something else; or the
                user's tokens were ended since.
            WeakPasswordError: (422) The password does not meet the policy; the token is still good.
            HasherBusyError: (503) Too many passwords wait to be hashed; the token is still good.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        claims, user = await self._one_time.read(token, purpose=RESET_TYPE)
        if claims.token_version != user.token_version:
            raise InvalidOneTimeTokenError
        password_hash = await self._hashed(user, new)
        async with self._sessions.all_ended(claims.subject):
            await self._one_time.spend(claims)
            changed = await self._replace(user, password_hash)
        if changed is None:
            raise InvalidOneTimeTokenError
        await self._login.forgive(user, caller)
        await self._events.tell("password-reset", user_id=claims.subject, address=caller.address)

    async def _hashed(self, user: UserT, password: str) -> str:
        known = [getattr(user, field, None) for field in ("login", *self._options.login_fields)]
        context = [each for each in dict.fromkeys(known) if isinstance(each, str)]
        await self._options.policy.check(password, context=context)
        return await self._options.hasher.hash(password)

    async def _replace(self, user: UserT, password_hash: str) -> UserT | None:
        # Hashing takes a while: a password that was set anew meanwhile must not be overwritten by who knew the old one.
        return await self._options.users.update(
            str(user.id), {"password_hash": password_hash}, end_tokens=True, if_version=user.token_version
        )
