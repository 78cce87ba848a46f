"""`AuthService`: everything that acts, put together once."""

from typing import Generic

from .._errors import InvalidCredentialsError, InvalidTokenError
from .._store import TokenStore
from .accounts import Accounts
from .authenticator import Authenticator
from .events import Events
from .inspection import Inspection
from .keys import ApiKeys
from .login import Login
from .onetime import OneTimeTokens
from .options import AuthOptions, UserT
from .passwords import Passwords
from .sessions import Caller, Issued, Sessions
from .verifier import Verifier


class AuthService(Generic[UserT]):
    """Everything that acts; the routes and `Auth` are faces of it.

    Args:
        options: How the block was set up.
        tokens: Where sessions are kept.
        authenticator: Accepts access tokens.
        verifier: Reads tokens.

    Raises:
        ValueError: There is no private key or secret to derive refresh tokens from.

    Attributes:
        login: Knows whether login and password go together.
        sessions: Starts, refreshes, lists and ends sessions.
        passwords: Changes and resets passwords.
        accounts: Registers users and verifies e-mail addresses.
        inspection: Introspects and revokes tokens.
        keys: Makes, recognises, rotates and revokes API keys.
    """

    def __init__(
        self,
        options: AuthOptions[UserT],
        *,
        tokens: TokenStore,
        authenticator: Authenticator[UserT],
        verifier: Verifier,
        keys: ApiKeys[UserT],
    ) -> None:
        self.options = options
        self.events = Events(options.on_event, options.clock)
        self.login = Login(options, self.events)
        self.sessions = Sessions(options, tokens, self.events)
        self.keys = keys
        one_time = OneTimeTokens(options, tokens, verifier)
        self.accounts = Accounts(options, login=self.login, one_time=one_time, events=self.events)
        self.passwords = Passwords(
            options, login=self.login, sessions=self.sessions, one_time=one_time, events=self.events
        )
        self.inspection = Inspection(options, tokens=tokens, authenticator=authenticator, sessions=self.sessions)

    async def log_in(
        self, login: str, password: str, *, scopes: tuple[str, ...] | None, caller: Caller
    ) -> Issued[UserT]:
        """Start a session for who knows login and password.

        Raises:
            InvalidCredentialsError: (401) They do not go together, or the account may not be used.
            InvalidScopeError: The user may not have one of the scopes; a ValueError.
            TooManyAttemptsError: (429) There were too many attempts before this one.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        user = await self.login.authenticate(login, password, caller=caller)
        try:
            issued = await self.sessions.start(user, scopes=scopes, caller=caller)
        except InvalidTokenError:
            # The password was changed, or the user disabled, while it was looked at.
            raise InvalidCredentialsError from None
        await self.events.tell(
            "logged-in", user_id=issued.session.user_id, session_id=issued.session.id, address=caller.address
        )
        return issued
