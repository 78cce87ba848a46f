"""What an `Auth` does when code calls it, without a request: for users, tokens, sessions and API keys."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from .._rules.scopes import checked
from .._rules.values import Claims, NewApiKey, Session, TokenResponse
from .._service.sessions import UNKNOWN, Caller
from .._store import User
from .parts import Parts

UserT = TypeVar("UserT", bound=User)


class Administration(Generic[UserT]):
    """What an `Auth` does when code calls it: scripts, workers, sockets that stay open, other ways to log in."""

    _parts: Parts[UserT]

    async def create_user(
        self,
        login: str,
        password: str | None,
        *,
        roles: str | Collection[str] = (),
        scopes: str | Collection[str] = (),
        fields: Mapping[str, Any] | None = None,
    ) -> UserT:
        """Add a user as registering does, and with rights: the password meets the policy, and a hash of it is kept.

        Nothing is sent to the user.

        Args:
            login: What the user will type; it is kept in its normal form.
            password: The password; None for an account that nobody logs in to, such as that of a program.
            roles: The names of the user's roles; what the class of users gives where left out.
            scopes: What tokens of the user may allow at most; what the class of users gives where left out.
            fields: More fields of the user, by name.

        Raises:
            ValueError: The login can be none, a scope is none of those there are, or this `Auth` only verifies.
            LoginTakenError: (409) Somebody has the login, or another field that users log in with.
            WeakPasswordError: (422) The password does not meet the policy.
            HasherBusyError: (503) Too many passwords wait to be hashed.
            AuthUnavailableError: (503) The users cannot be asked.
        """
        accounts = self._parts.acting_service().accounts
        rights = {
            "roles": [roles] if isinstance(roles, str) and roles else list(roles),
            "scopes": list(self._parts.requirements.known(scopes)),
        }
        given = {**(fields or {}), **{name: names for name, names in rights.items() if names}}
        return await accounts.register(login, password, given, caller=UNKNOWN)

    async def verify(self, token: str) -> Claims:
        """Give what an access token says, if it and its session are good: as `claims`, without a request.

        Raises:
            InvalidTokenError: (401) One of them is not.
            AuthUnavailableError: (503) The store of sessions cannot be asked.
        """
        return await self._parts.authenticator.claims(token)

    async def authenticate(self, token: str) -> UserT:
        """Give the user of an access token, if it, its session and the user are good: as `user`, without a request.

        Raises:
            InvalidTokenError: (401) One of them is not.
            AuthUnavailableError: (503) A store cannot be asked.
            ValueError: This `Auth` has no users.
        """
        authenticator = self._parts.with_users().authenticator
        return await authenticator.user(await authenticator.claims(token))

    async def issue(
        self, user: UserT, scopes: Iterable[str] | None = None, *, client: str | None = None
    ) -> TokenResponse:
        """Start a session of a user without asking for a password: for tests, and for other ways to log in.

        Args:
            user: Whose session.
            scopes: What its tokens allow; all that the user may where left out.
            client: What the list of sessions calls the client.

        Raises:
            ValueError: The user may not have one of the scopes.
            InvalidTokenError: (401) The store does not know the user, or not as active, or has ended all tokens since.
            AuthUnavailableError: (503) The session cannot be kept.
        """
        granted = None if scopes is None else checked(scopes)
        issued = await self._parts.acting_service().sessions.start(
            user, scopes=granted, caller=Caller(agent=client or "")
        )
        return issued.tokens

    @overload
    async def revoke(self, token: str, /) -> None: ...

    @overload
    async def revoke(self, *, session: str) -> None: ...

    @overload
    async def revoke(self, *, user: UserT) -> None: ...

    async def revoke(self, token: str | None = None, *, session: str | None = None, user: UserT | None = None) -> None:
        """End a token, a session, or all sessions of a user; they are refused from the next request on.

        Args:
            token: A refresh token, which ends with its session, or an access token, which ends alone.
            session: The ID of a session.
            user: Whose sessions and tokens all end.

        Raises:
            SessionNotFoundError: (404) There is no such session.
            TypeError: Not exactly one of the three is given.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        if [token, session, user].count(None) != 2:
            raise TypeError("revoke one thing: a token, session= or user=")
        service = self._parts.acting_service()
        if user is not None:
            await service.sessions.end_all(str(user.id))
        elif session is not None:
            await service.sessions.end(session)
        else:
            await service.inspection.revoke(token or "")

    async def sessions(self, user: UserT) -> Sequence[Session]:
        """Give the sessions of a user, the most recently used first."""
        return await self._parts.acting_service().sessions.of(str(user.id))

    async def create_key(
        self, user: UserT, *, name: str, scopes: str | Iterable[str] = (), expires_in: float | None = None
    ) -> NewApiKey:
        """Make an API key of a user; its text is in the answer and nowhere else.

        Args:
            user: Whose key.
            name: What the user calls it.
            scopes: What it allows; no more than the user may.
            expires_in: Seconds after which it ends; never where left out.

        Raises:
            ValueError: The user may not have one of the scopes, or ``expires_in`` is not positive.
            AuthUnavailableError: (503) The key cannot be kept.
        """
        return await self._parts.with_users().api_keys.create(
            user, name=name, scopes=checked(scopes), expires_in=expires_in
        )

    async def rotate_key(self, key_id: str, *, overlap: float = 0) -> NewApiKey:
        """Make a successor of an API key, with its name, scopes and lifetime.

        Args:
            key_id: Which key.
            overlap: Seconds for which the key itself still works.

        Raises:
            ApiKeyNotFoundError: (404) There is no such key.
            ValueError: ``overlap`` is negative.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        return await self._parts.api_keys.rotate(key_id, overlap=overlap)

    async def revoke_key(self, key_id: str) -> None:
        """Take an API key back; it is refused from the next request on.

        Raises:
            ApiKeyNotFoundError: (404) There is no such key.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        await self._parts.api_keys.revoke(key_id)
