"""Sessions: a login starts one, refreshing keeps it alive, and it can be ended from anywhere."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic

from .._errors import InvalidTokenError, SessionNotFoundError
from .._rules.refresh import RefreshToken
from .._rules.scopes import narrow
from .._rules.values import Rotation, Session, TokenResponse
from .._store import TokenStore
from .access import AccessTokens
from .events import Events
from .options import AuthOptions, UserT

_LONGEST_AGENT: Final = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Attributes:
        agent: The client by its own word (``User-Agent``).
        address: Where it calls from.
    """

    agent: str = ""
    address: str | None = None


UNKNOWN: Final = Caller()


@dataclass(frozen=True, slots=True)
class Issued(Generic[UserT]):
    """Tokens that were just issued, and what for."""

    user: UserT
    session: Session
    tokens: TokenResponse


class Sessions(Generic[UserT]):
    """Starts sessions, refreshes, lists and ends them.

    Args:
        options: How the block was set up.
        tokens: Where sessions are kept.
        events: Is told what happens.

    Raises:
        ValueError: There is no private key or secret to derive refresh tokens from.
    """

    def __init__(self, options: AuthOptions[UserT], tokens: TokenStore, events: Events) -> None:
        self._options = options
        self._tokens = tokens
        self._events = events
        self._access = AccessTokens(options)
        self._successor_keys()

    async def start(
        self, user: UserT, *, scopes: Sequence[str] | None = None, caller: Caller = UNKNOWN
    ) -> Issued[UserT]:
        """Start a session of a user who has just shown to be the one.

        Args:
            user: Whose session.
            scopes: What its tokens may allow; all that the user may where left out.
            caller: Who asks.

        Raises:
            InvalidTokenError: The user is gone or disabled by now, or all tokens of the user have been ended.
            InvalidScopeError: The user may not have one of the scopes.
            AuthUnavailableError: The session cannot be kept.
        """
        granted = narrow(scopes, user.scopes)
        now = self._options.clock.time()
        token = RefreshToken.new(self._options.audience)
        session = Session(
            id=token.session_id,
            user_id=str(user.id),
            token_hash=token.hash,
            created_at=now,
            authenticated_at=now,
            used_at=now,
            idle_expires_at=now + self._options.refresh_ttl,
            expires_at=now + self._options.absolute_ttl,
            token_version=user.token_version,
            scopes=granted,
            client=_shown(caller.agent),
            address=caller.address,
        )
        await self._tokens.start(session, now=now, limit=self._options.session_limit)
        # Whoever ended all sessions while the password was looked at has not seen this one.
        await self._user_of(session)
        return await self._issued(user, session, token, granted)

    async def refresh(
        self, text: str, *, scopes: Sequence[str] | None = None, caller: Caller = UNKNOWN
    ) -> Issued[UserT]:
        """Take a refresh token for its successor and a new access token.

        Args:
            text: The refresh token.
            scopes: What the access token is to allow; all that the session may where left out.
            caller: Who asks.

        Raises:
            InvalidTokenError: The token is unknown, expired or used up, or its user may not log in any more.
            InvalidScopeError: The session was not given one of the scopes, or the user has lost it since.
            AuthUnavailableError: A store cannot be asked; the token is still good.
        """
        found = await self.find(text)
        if found is None:
            raise InvalidTokenError
        token, session = found
        now = self._options.clock.time()
        user = await self._user_of(session)
        granted = narrow(scopes, [scope for scope in session.scopes if scope in user.scopes])
        rotation = await self._tokens.rotate(
            session.id,
            presented=token.hash,
            successor=token.successor(self._successor_keys()[0]).hash,
            now=now,
            idle_expires_at=now + self._options.refresh_ttl,
            grace=self._options.reuse_grace,
            client=_shown(caller.agent),
            address=caller.address,
        )
        successor = self._successor(token, rotation)
        if successor is None or rotation.session is None:
            await self._refused(session, rotation, caller)
            raise InvalidTokenError
        await self._events.tell("refreshed", user_id=session.user_id, session_id=session.id, address=caller.address)
        return await self._issued(user, rotation.session, successor, granted)

    async def of(self, user_id: str) -> Sequence[Session]:
        """Give the sessions of a user, the most recently used first."""
        return await self._tokens.sessions(user_id, now=self._options.clock.time())

    async def end(self, session_id: str, *, owner: str | None = None, caller: Caller = UNKNOWN) -> None:
        """End a session; its tokens are refused from the next request on.

        Args:
            session_id: Which one.
            owner: The ID of the user who asks for it; None for the application itself.
            caller: Who asks.

        Raises:
            SessionNotFoundError: The owner has no such session.
            AuthUnavailableError: The session could not be ended.
        """
        session = await self._tokens.get(session_id, now=self._options.clock.time())
        if session is None or owner not in (None, session.user_id):
            raise SessionNotFoundError
        await self.close(session_id, session.user_id, caller=caller)

    async def close(self, session_id: str, user_id: str, *, caller: Caller = UNKNOWN) -> None:
        """End a session that was seen a moment ago, whether it is still there or not.

        Raises:
            AuthUnavailableError: The session could not be ended.
        """
        if await self._tokens.end(session_id):
            await self._events.tell("logged-out", user_id=user_id, session_id=session_id, address=caller.address)

    async def end_all(self, user_id: str, *, caller: Caller = UNKNOWN) -> None:
        """End all sessions of a user, and refuse every token that was ever issued to the user.

        Raises:
            AuthUnavailableError: A store cannot be asked.
        """
        async with self.all_ended(user_id):
            await self._options.users.update(user_id, {}, end_tokens=True)
        await self._events.tell("logged-out-everywhere", user_id=user_id, address=caller.address)

    @asynccontextmanager
    async def all_ended(self, user_id: str) -> AsyncGenerator[None]:
        """End all sessions of a user around a change that refuses the user's tokens.

        Before it, since a change that was made would go on with sessions that could not be ended; and after it, for the
        sessions that were started meanwhile.

        Raises:
            AuthUnavailableError: The sessions could not be ended; where it is raised at once, nothing was changed.
        """
        await self._tokens.end_all(user_id)
        yield
        await self._tokens.end_all(user_id)

    def read(self, text: str) -> RefreshToken | None:
        """Read a refresh token as a client shows it; None for what cannot be one."""
        return RefreshToken.read(text, self._options.audience)

    async def find(self, text: str) -> tuple[RefreshToken, Session] | None:
        """Give the session that a refresh token belongs to, be the token used up or not."""
        token = self.read(text)
        if token is None:
            return None
        session = await self._tokens.get(token.session_id, now=self._options.clock.time())
        return None if session is None else (token, session)

    async def _user_of(self, session: Session) -> UserT:
        user = await self._options.users.get(session.user_id)
        if user is None or not user.active or user.token_version != session.token_version:
            await self._tokens.end(session.id)
            raise InvalidTokenError
        return user

    async def _issued(
        self, user: UserT, session: Session, token: RefreshToken, scopes: tuple[str, ...]
    ) -> Issued[UserT]:
        text, expires_in = await self._access.issue(user, session, scopes)
        tokens = TokenResponse(
            access_token=text, expires_in=expires_in, refresh_token=token.text, scope=" ".join(scopes)
        )
        return Issued(user, session, tokens)

    def _successor_keys(self) -> Sequence[bytes]:
        return self._options.keys.derive(b"refresh")

    def _successor(self, token: RefreshToken, rotation: Rotation) -> RefreshToken | None:
        """Give the token that follows, under the key it was made with: keys may have changed since."""
        session = rotation.session
        if session is None or rotation.outcome not in ("rotated", "replayed"):
            return None
        candidates = (token.successor(key) for key in self._successor_keys())
        return next((each for each in candidates if each.hash == session.token_hash), None)

    async def _refused(self, session: Session, rotation: Rotation, caller: Caller) -> None:
        if rotation.outcome == "reused":
            await self._events.tell(
                "refresh-reused", user_id=session.user_id, session_id=session.id, address=caller.address
            )


def _shown(agent: str) -> str:
    """Give what a client says of itself as it can be kept and shown."""
    return "".join(filter(str.isprintable, agent))[:_LONGEST_AGENT]
