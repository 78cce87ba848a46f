"""What a token is worth, told to those who may know, and how to make it worth nothing."""

import hmac
from hashlib import sha256
from typing import Any, Generic

from .._errors import InvalidTokenError
from .._rules.values import Claims
from .._store import TokenStore
from .authenticator import Authenticator
from .options import LONGEST_LEEWAY, AuthOptions, UserT
from .sessions import UNKNOWN, Caller, Sessions


class Inspection(Generic[UserT]):
    """Introspects and revokes tokens.

    Args:
        options: How the block was set up.
        tokens: Where sessions are kept.
        authenticator: Accepts access tokens.
        sessions: Knows refresh tokens.
    """

    def __init__(
        self,
        options: AuthOptions[UserT],
        *,
        tokens: TokenStore,
        authenticator: Authenticator[UserT],
        sessions: Sessions[UserT],
    ) -> None:
        self._options = options
        self._tokens = tokens
        self._authenticator = authenticator
        self._sessions = sessions

    def knows_client(self, client: str, secret: str) -> bool:
        """Tell whether an ID and a secret are those of a client; how long it takes tells nothing of either."""
        expected = self._options.clients.get(client)
        known = sha256((expected or "").encode()).digest()
        same = hmac.compare_digest(known, sha256(secret.encode("utf-8", "surrogatepass")).digest())
        return same and expected is not None

    async def introspect(self, token: str) -> dict[str, Any]:
        """Tell what a token is worth now; of one that is worth nothing, only that.

        Raises:
            AuthUnavailableError: (503) A store cannot be asked.

        Reference: RFC 7662, section 2.2.
        """
        try:
            claims = await self._authenticator.claims(token)
            user = await self._authenticator.user(claims)
        except InvalidTokenError:
            return await self._introspect_refresh(token)
        return {**claims.raw, "active": True, "username": str(user.login), "token_type": "Bearer"}

    async def revoke(self, token: str, *, caller: Caller = UNKNOWN) -> None:
        """Make a token worth nothing: a refresh token with its whole session, an access token alone.

        A token that is worth nothing already is no error.

        Raises:
            AuthUnavailableError: (503) The store cannot be asked.

        Reference: RFC 7009, section 2.
        """
        found = await self._sessions.find(token)
        if found is not None:
            _, session = found
            await self._sessions.close(session.id, session.user_id, caller=caller)
            return
        try:
            claims = await self._authenticator.claims(token)
        except InvalidTokenError:
            return
        await self._deny(claims)

    async def leave(self, claims: Claims, *, caller: Caller) -> None:
        """End the session of an access token; or the token alone, if it was issued without a session.

        Raises:
            AuthUnavailableError: (503) The store cannot be asked.
        """
        if claims.session_id is None:
            await self._deny(claims)
        else:
            await self._sessions.close(claims.session_id, claims.subject, caller=caller)

    async def _deny(self, claims: Claims) -> None:
        until = claims.expires_at.timestamp() + LONGEST_LEEWAY
        await self._tokens.deny(claims.token_id, now=self._options.clock.time(), until=until)

    async def _introspect_refresh(self, token: str) -> dict[str, Any]:
        found = await self._sessions.find(token)
        if found is None:
            return {"active": False}
        shown, session = found
        user = await self._options.users.get(session.user_id)
        alive = user is not None and user.active and user.token_version == session.token_version
        if user is None or not alive or not hmac.compare_digest(shown.hash, session.token_hash):
            return {"active": False}
        return {
            "active": True,
            "scope": " ".join(session.scopes),
            "username": str(user.login),
            "sub": session.user_id,
            "iss": self._options.issuer,
            "iat": int(session.used_at),
            "exp": int(session.ends_at()),
            "sid": session.id,
        }
