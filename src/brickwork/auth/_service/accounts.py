"""Accounts: somebody registers, and proves to read an e-mail address."""

from collections.abc import Mapping
from typing import Any, Generic

from .._errors import InvalidOneTimeTokenError, LoginTakenError
from .._rules.logins import normalise_login
from .events import Events, logged
from .login import Login
from .onetime import VERIFY_TYPE, OneTimeTokens
from .options import AuthOptions, UserT
from .sessions import Caller


class UnusableLoginError(ValueError):
    """What users are to log in with can be no login.

    Attributes:
        field: Which field of the user.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class Accounts(Generic[UserT]):
    """Registers users and verifies their e-mail addresses.

    Args:
        options: How the block was set up.
        login: Finds users.
        one_time: Makes and reads the tokens of links.
        events: Is told what happens.
    """

    def __init__(
        self, options: AuthOptions[UserT], *, login: Login[UserT], one_time: OneTimeTokens[UserT], events: Events
    ) -> None:
        self._options = options
        self._login = login
        self._one_time = one_time
        self._events = events

    async def register(self, login: str, password: str | None, fields: Mapping[str, Any], *, caller: Caller) -> UserT:
        """Add a user.

        Args:
            login: What the user will type.
            password: The password; None for an account that nobody logs in to.
            fields: More fields of the user, by name.
            caller: Who asks.

        Raises:
            UnusableLoginError: The login cannot be one, or another field that users log in with.
            LoginTakenError: (409) Somebody has the login, or another field that users log in with.
            WeakPasswordError: (422) The password does not meet the policy.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) The users cannot be asked.
        """
        logins = {
            "login": login,
            **{field: fields.get(field) for field in self._options.login_fields if field in fields},
        }
        known = {field: _normal(field, value) for field, value in logins.items() if isinstance(value, str)}
        if password is not None:
            await self._options.policy.check(password, context=list(known.values()))
        for each in known.values():
            # One user's login must not be another's e-mail address.
            if await self._login.find(each) is not None:
                raise LoginTakenError
        password_hash = None if password is None else await self._options.hasher.hash(password)
        user = await self._options.users.create({**fields, **known, "password_hash": password_hash})
        await self._events.tell("registered", user_id=str(user.id), address=caller.address)
        return user

    async def request_verification(self, login: str) -> None:
        """Have a token sent to the user whom a login names, if any. To be run after the answer.

        What goes wrong is logged, without the token, and raised to nobody: nobody waits for it.
        """
        send = self._options.on_verify_email
        if send is None:
            return
        with logged("on_verify_email"):
            user = await self._login.find(login)
            if user is not None and user.active and not getattr(user, "email_verified", False):
                token = self._one_time.make(user, purpose=VERIFY_TYPE, own={"email": address_of(user)})
                await send(user, token)

    async def verify(self, token: str, *, caller: Caller) -> None:
        """Note that the user reads the e-mail address that the token of a link was sent to.

        Raises:
            InvalidOneTimeTokenError: (400) The token is malformed, expired, used, or meant for something else; or the
                user has another address by now.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        claims, user = await self._one_time.read(token, purpose=VERIFY_TYPE)
        if claims.get("email") != address_of(user):
            raise InvalidOneTimeTokenError
        await self._one_time.spend(claims)
        users, version = self._options.users, user.token_version
        verified = await users.update(claims.subject, {"email_verified": True}, if_version=version)
        if verified is None:
            raise InvalidOneTimeTokenError
        if claims.get("email") != address_of(verified):
            # The address was changed since it was looked at, and nothing has shown the new one to be the user's.
            await users.update(claims.subject, {"email_verified": False})
            raise InvalidOneTimeTokenError
        await self._events.tell("email-verified", user_id=claims.subject, address=caller.address)


def _normal(field: str, value: str) -> str:
    try:
        return normalise_login(value)
    except ValueError as error:
        raise UnusableLoginError(field, str(error)) from None


def address_of(user: Any) -> str:
    """Give the e-mail address of a user; where users have no such field, it is the login."""
    return str(getattr(user, "email", None) or user.login)
