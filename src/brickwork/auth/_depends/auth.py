"""`Auth`: how an application knows its users; the one object that all of this block hangs on."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Generic, Literal, TypeVar, overload

from fastapi import APIRouter, params
from pydantic import BaseModel

from ..._core.clock import Clock, SystemClock
from ..._core.scope import TrustedProxies
from .._routes import auth_router
from .._rules.challenges import checked_realm
from .._rules.scopes import checked
from .._rules.values import AuthEvent, Claims, NewApiKey, Session, TokenResponse
from .._service.lockout import Lockout
from .._service.options import AuthOptions
from .._service.policy import PasswordPolicy
from .._service.sessions import Caller
from .._store import ApiKeyStore, Codec, TokenStore, User, UserStore
from ..jose import JoseCodec, Keys
from ..memory import MemoryApiKeyStore, MemoryTokenStore
from ..passlib import PasswordHasher
from .acting import acting
from .api_key import CurrentApiKey, KeyRequirement
from .current import CurrentClaims, CurrentUser, OptionalUser
from .parts import Description, Parts, checked_scopes, keys_of, verifier_of
from .principals import Principal
from .require import Permissions
from .transports import Transport, TransportName, transports_of

UserT = TypeVar("UserT", bound=User)


class Auth(Generic[UserT]):
    """How an application knows its users: tokens, sessions, roles, scopes, permissions, API keys.

    ```python
    import secrets
    from typing import Annotated

    from fastapi import Depends, FastAPI

    from brickwork.auth import Auth, MemoryUser, MemoryUserStore

    auth = Auth(MemoryUserStore(), secret=secrets.token_urlsafe(64))
    CurrentUser = Annotated[MemoryUser, Depends(auth.user)]
    Admin = Annotated[MemoryUser, auth.require(roles="admin")]

    app = FastAPI()
    app.include_router(auth.router(), prefix="/auth")

    @app.get("/me")
    async def me(user: CurrentUser) -> str:
        return user.login
    ```

    Durations are seconds. ``secret=`` or ``keys=`` is all that has no default.

    Args:
        users: Keeps users.
        secret: Signs tokens (HS256), at least 32 bytes; of several, the first signs and the others verify.
        keys: Keys instead of a secret, for other algorithms, or for services that only verify.
        codec: Turns claims into tokens and back; `JoseCodec` where left out.
        tokens: Keeps sessions. ``"memory"`` is a `MemoryTokenStore`, good for one process. None makes a service that
            only verifies: it issues nothing, has no router, and learns of no end of a session but expiry.
        api_keys: Keeps API keys; in memory where left out.
        issuer: Who issues tokens (``iss``); the realm where left out, so that two `Auth` do not take each other's.
        audience: Whom they are for (``aud``); the issuer where left out.
        leeway: Seconds by which clocks may differ, at most 120.
        access_ttl: Seconds for which an access token is valid.
        refresh_ttl: Seconds after which a session ends unless it is refreshed.
        absolute_ttl: Seconds after which a session ends in any case.
        reuse_grace: Seconds for which a refresh token that was just used is answered with the same successor.
        one_time_ttl: Seconds for which the token of a link to reset a password or verify an address is valid.
        session_limit: Most sessions of one user; the least recently used ones end.
        transports: The ways tokens may travel: ``"header"``, ``"cookie"``, ``"websocket"``, or objects such as
            `CookieTransport` with options.
        hasher: Hashes passwords.
        policy: Which passwords are good enough.
        lockout: Counts attempts to log in; ``"memory"`` allows 5 in 900 s. None where something else does.
        scopes: The scopes there are, with descriptions, for the document; requiring another one is an error. Where left
            out, any name will do.
        permissions: What each role allows, or a function that gives the permissions of a user; the user's attribute
            ``permissions`` where left out.
        claims: Gives claims of your own for a user's access tokens.
        login_fields: The fields of a user that a login may match.
        key_prefix: What API keys begin with.
        clients: IDs and secrets (32 characters or more) of those who may introspect tokens.
        on_password_reset: Sends a user the one-time token to reset the password with; None leaves the routes out.
        on_verify_email: Sends a user the one-time token to verify the e-mail address with; None leaves the routes out.
        on_event: Is told what happens, for an audit log; no secret is among it.
        verified_cache: How many verified tokens are remembered, so that signatures are not checked again. Expiry,
            session and user are looked at each time.
        realm: What challenges name; it also tells the schemes of several `Auth` in one document apart.
        token_url: Where clients get tokens, for the document; `install` and `add_problem_handlers` find the router's.
        trusted_proxies: Networks whose word about the client's address is believed, such as ``["10.0.0.0/8"]``.
        clock: Tells the time.

    Raises:
        ValueError: An option makes no sense, or neither or both of ``secret`` and ``keys`` are given.
        TypeError: An option is of another type.

    Attributes:
        user: The dependency that gives the user: ``Annotated[User, Depends(auth.user)]``.
        optional_user: The dependency that gives the user, or None for a request without a token.
        claims: The dependency that gives the claims of the token, and loads no user.
        api_key: The dependency that gives the API key.
        keys: What tokens are signed and verified with; ``auth.keys.rotate(…)`` changes it while the app runs.
    """

    def __init__(
        self,
        users: UserStore[UserT],
        *,
        secret: str | bytes | Sequence[str | bytes] | None = None,
        keys: Keys | None = None,
        codec: Codec | None = None,
        tokens: TokenStore | Literal["memory"] | None = "memory",
        api_keys: ApiKeyStore | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        leeway: float = 0.0,
        access_ttl: float = 900,
        refresh_ttl: float = 14 * 86_400,
        absolute_ttl: float = 90 * 86_400,
        reuse_grace: float = 10,
        one_time_ttl: float = 3_600,
        session_limit: int = 100,
        transports: Sequence[TransportName | Transport] = ("header",),
        hasher: PasswordHasher | None = None,
        policy: PasswordPolicy | None = None,
        lockout: Lockout | Literal["memory"] | None = "memory",
        scopes: Mapping[str, str] | None = None,
        permissions: Permissions[UserT] = None,
        claims: Callable[[UserT], Mapping[str, object] | Awaitable[Mapping[str, object]]] | None = None,
        login_fields: Sequence[str] = ("login",),
        key_prefix: str = "key",
        clients: Mapping[str, str] | None = None,
        on_password_reset: Callable[[UserT, str], Awaitable[None]] | None = None,
        on_verify_email: Callable[[UserT, str], Awaitable[None]] | None = None,
        on_event: Callable[[AuthEvent], Awaitable[None] | None] | None = None,
        verified_cache: int = 0,
        realm: str = "api",
        token_url: str | None = None,
        trusted_proxies: Iterable[str] = (),
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        issuer = checked_realm(realm) if issuer is None else issuer
        self.keys: Keys = keys_of(secret, keys, clock)
        options = AuthOptions(
            users=users,
            tokens=MemoryTokenStore() if tokens == "memory" else tokens,
            api_keys=MemoryApiKeyStore() if api_keys is None else api_keys,
            keys=self.keys,
            codec=codec or JoseCodec(self.keys),
            hasher=hasher or PasswordHasher(),
            policy=policy or PasswordPolicy(),
            lockout=Lockout(5, per=900, clock=clock) if lockout == "memory" else lockout,
            issuer=issuer,
            audience=issuer if audience is None else audience,
            access_ttl=access_ttl,
            refresh_ttl=refresh_ttl,
            absolute_ttl=absolute_ttl,
            reuse_grace=reuse_grace,
            one_time_ttl=one_time_ttl,
            session_limit=session_limit,
            login_fields=login_fields,
            scopes=checked_scopes(scopes or {}),
            claims=claims,
            clients=clients or {},
            key_prefix=key_prefix,
            on_password_reset=on_password_reset,
            on_verify_email=on_verify_email,
            on_event=on_event,
            clock=clock,
        )
        verifier = verifier_of(options, leeway=leeway, cache=verified_cache)
        described = Description(checked_realm(realm), token_url, TrustedProxies(trusted_proxies))
        self._parts = parts = Parts(options, verifier, transports_of(transports), permissions, described)
        self.user: CurrentUser[UserT] = parts.user
        self.optional_user: OptionalUser[UserT] = parts.optional_user
        self.claims: CurrentClaims[UserT] = parts.claims
        self.api_key: CurrentApiKey = parts.api_key

    def __repr__(self) -> str:
        return f"<Auth {self._parts.realm!r}>"

    # --- in endpoints

    def require(
        self,
        *,
        scopes: str | Collection[str] = (),
        roles: str | Collection[str] | None = None,
        permissions: str | Collection[str] = (),
        fresh: float | None = None,
        any_of: Iterable[params.Security] | None = None,
        all_of: Iterable[params.Security] = (),
    ) -> params.Security:
        """Give the marker of a user who has to meet a demand; it yields the user.

        ```python
        import secrets
        from typing import Annotated

        from brickwork.auth import Auth, MemoryUser, MemoryUserStore

        auth = Auth(MemoryUserStore(), secret=secrets.token_urlsafe(64))
        Staff = Annotated[MemoryUser, auth.require(roles=["admin", "support"])]
        Recent = Annotated[MemoryUser, auth.require(scopes="orders:write", fresh=300)]
        Either = Annotated[MemoryUser, auth.require(any_of=[auth.require(roles="admin"), auth.require(scopes="audit")])]
        ```

        Equal arguments give equal dependencies, and the user is looked up once however many there are. What rests on
        ``auth.user`` follows its ``app.dependency_overrides``: a user who was put there may all that is theirs, but for
        what the token of the request does not allow, if anything has read one.

        Args:
            scopes: The token has to allow all of them, and the user still has to have them; a text may hold several,
                separated by spaces.
            roles: The user has to have one of them; an empty list is an error, for nobody could.
            permissions: The user has to have all of them.
            fresh: Seconds since the user last showed a password, at most.
            any_of: Markers of this `Auth`, one of which has to be met as well; an empty list is an error.
            all_of: Markers of this `Auth`, all of which have to be met as well.

        Raises:
            ValueError: A scope is none of those there are, or another argument makes no sense.
            TypeError: A marker is of another `Auth`, or is none.
        """
        return self._parts.requirements.marker(
            scopes=scopes, roles=roles, permissions=permissions, fresh=fresh, any_of=any_of, all_of=all_of
        )

    def require_key(self, *, scopes: str | Collection[str] = ()) -> params.Security:
        """Give the marker of an API key that has to allow all of some scopes; it yields the key.

        Raises:
            ValueError: A scope is none of those there are.
        """
        return KeyRequirement(self.api_key, self._parts.requirements.known(scopes)).marker()

    def router(
        self,
        *,
        exclude: Collection[str] = (),
        paths: Mapping[str, str] | None = None,
        user_model: type[BaseModel] | None = None,
        registration: type[BaseModel] | None = None,
    ) -> APIRouter:
        """Give the routes: login, tokens, sessions, passwords, API keys.

        Args:
            exclude: Names of routes to leave out, such as ``"register"``.
            paths: Other paths for routes, by their names.
            user_model: How ``/me`` and ``/register`` show a user.
            registration: What ``/register`` takes besides login and password.

        Raises:
            ValueError: A name is that of no route, or this `Auth` only verifies.
        """
        return auth_router(
            self._parts.wiring(), exclude=exclude, paths=paths or {}, user_model=user_model, registration=registration
        )

    # --- everywhere

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
        return await self._parts.api_keys.create(user, name=name, scopes=checked(scopes), expires_in=expires_in)

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

    def act_as(
        self, user: UserT, scopes: str | Iterable[str] | None = None, *, fresh: bool = True
    ) -> AbstractContextManager[None]:
        """Let all requests inside of the block come from a user, without any token: for tests.

        It reaches what runs in the same context, and what is started from there: clients of an app in process, their
        sockets and threads. No request can bring it about.

        Args:
            user: Who calls.
            scopes: What the token would allow; all that the user may where left out.
            fresh: Whether the user has just logged in.
        """
        now = self._parts.options.clock.time()
        granted = user.scopes if scopes is None else checked(scopes)
        claims = {
            "iss": self._parts.options.issuer,
            "sub": str(user.id),
            "aud": self._parts.options.audience,
            "exp": now + self._parts.options.access_ttl,
            "iat": now,
            "jti": "act-as",
            "ver": user.token_version,
            "scope": " ".join(granted),
            "auth_time": now if fresh else 0,
        }
        return acting(self._parts.principals, Principal(Claims(claims), user, is_stated=True))
