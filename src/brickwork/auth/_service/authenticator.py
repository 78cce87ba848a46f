"""`Authenticator`: from the text of an access token to the claims, and from the claims to the user."""

from typing import Generic, Protocol, TypeVar

from ..._core.clock import Clock
from .._errors import InvalidTokenError
from .._rules.values import Claims
from .._store import TokenStore, User, UserStore

UserT = TypeVar("UserT", bound=User)


class Verifying(Protocol):
    """Reads access tokens."""

    def verify(self, token: str) -> Claims:
        """Give what a token says.

        Raises:
            InvalidTokenError: (401) It is malformed, expired, or was never ours.
        """
        ...


class Authenticator(Generic[UserT]):
    """Accepts an access token, or refuses it; all that are refused get the same answer.

    Args:
        verifier: Reads tokens.
        users: Whom they are about.
        tokens: Which sessions are alive; None for a service that only verifies, and learns of no end but expiry.
        clock: Tells the time.
    """

    def __init__(self, verifier: Verifying, users: UserStore[UserT], tokens: TokenStore | None, clock: Clock) -> None:
        self._verifier = verifier
        self._users = users
        self._tokens = tokens
        self._clock = clock

    async def claims(self, token: str) -> Claims:
        """Verify a token, and ask once whether it and its session are still good.

        Raises:
            InvalidTokenError: (401) One of them is not.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        claims = self._verifier.verify(token)
        if self._tokens is not None and not await self._tokens.check(
            claims.session_id, claims.token_id, now=self._clock.time()
        ):
            raise InvalidTokenError
        return claims

    async def user(self, claims: Claims) -> UserT:
        """Load the user of accepted claims.

        Raises:
            InvalidTokenError: (401) There is none any more, it is not active, or its tokens have been ended.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        user = await self._users.get(claims.subject)
        if user is None or not user.active or user.token_version != claims.token_version:
            raise InvalidTokenError
        return user
