"""One-time tokens: what a link in a mail carries, good for one purpose, one user and one use."""

import secrets
from collections.abc import Mapping
from typing import Final, Generic

from .._errors import InvalidOneTimeTokenError, InvalidTokenError
from .._rules.claims import build
from .._rules.values import Claims
from .._store import TokenStore
from .options import LONGEST_LEEWAY, AuthOptions, UserT
from .verifier import Verifier

# The type in the header keeps each purpose to itself (RFC 8725, section 3.11).
RESET_TYPE: Final = "reset+jwt"
VERIFY_TYPE: Final = "verify+jwt"


class OneTimeTokens(Generic[UserT]):
    """Makes one-time tokens, reads them, and spends them.

    Args:
        options: How the block was set up.
        tokens: Remembers which were spent.
        verifier: Reads tokens.
    """

    def __init__(self, options: AuthOptions[UserT], tokens: TokenStore, verifier: Verifier) -> None:
        self._options = options
        self._tokens = tokens
        self._verifier = verifier

    def make(
        self,
        user: UserT,
        *,
        purpose: str,
        token_version: int | None = None,
        own: Mapping[str, object] | None = None,
    ) -> str:
        """Make a token for a user.

        Args:
            user: Whom it is for.
            purpose: What it is for: the type in its header.
            token_version: The user's, for a token that is to die with the user's other tokens.
            own: What else it is bound to.
        """
        claims = build(
            issuer=self._options.issuer,
            audience=self._options.audience,
            subject=str(user.id),
            token_id=secrets.token_urlsafe(16),
            now=self._options.clock.time(),
            lifetime=self._options.one_time_ttl,
            token_version=token_version,
            own=own,
        )
        return self._options.codec.encode(claims, type=purpose)

    async def read(self, token: str, *, purpose: str) -> tuple[Claims, UserT]:
        """Give what a token for a purpose says, and the user it is for. It is not spent by this.

        Raises:
            InvalidOneTimeTokenError: (400) It is malformed, expired, for another purpose, or its user is gone.
            AuthUnavailableError: (503) The user cannot be loaded.
        """
        try:
            claims = self._verifier.verify(token, type=purpose)
        except InvalidTokenError as error:
            raise InvalidOneTimeTokenError from error
        user = await self._options.users.get(claims.subject)
        if user is None or not user.active:
            raise InvalidOneTimeTokenError
        return claims, user

    async def spend(self, claims: Claims) -> None:
        """Use a token up: of two who come at once with it, one is refused.

        Raises:
            InvalidOneTimeTokenError: (400) It was used before.
            AuthUnavailableError: (503) That it was used cannot be remembered.
        """
        now = self._options.clock.time()
        until = claims.expires_at.timestamp() + LONGEST_LEEWAY
        if not await self._tokens.spend(claims.token_id, now=now, until=until):
            raise InvalidOneTimeTokenError
