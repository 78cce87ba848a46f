"""Access tokens: what they say of a user and a session."""

import secrets
from collections.abc import Mapping, Sequence
from inspect import isawaitable
from typing import Final, Generic

from .._rules.claims import build
from .._rules.values import Session
from .options import AuthOptions, UserT

# RFC 9068, section 2.1.
ACCESS_TYPE: Final = "at+jwt"


class AccessTokens(Generic[UserT]):
    """Issues access tokens."""

    def __init__(self, options: AuthOptions[UserT]) -> None:
        self._options = options

    async def issue(self, user: UserT, session: Session, scopes: Sequence[str]) -> tuple[str, int]:
        """Issue an access token of a session, which never outlives it.

        Returns:
            The token, and the seconds for which it is valid.

        Raises:
            ValueError: ``claims=`` gave a name that means something already.
        """
        options = self._options
        now = options.clock.time()
        lifetime = min(options.access_ttl, session.expires_at - now)
        claims = build(
            issuer=options.issuer,
            audience=options.audience,
            subject=session.user_id,
            token_id=secrets.token_urlsafe(16),
            now=now,
            lifetime=lifetime,
            session_id=session.id,
            token_version=session.token_version,
            scopes=scopes,
            authenticated_at=session.authenticated_at,
            own=await self._own_claims(user),
        )
        return options.codec.encode(claims, type=ACCESS_TYPE), int(lifetime)

    async def _own_claims(self, user: UserT) -> Mapping[str, object]:
        if self._options.claims is None:
            return {}
        claims = self._options.claims(user)
        return await claims if isawaitable(claims) else claims
