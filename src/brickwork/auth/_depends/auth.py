"""`Auth`: how an application knows its users; the one object that all of this block hangs on."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Never, TypeVar, overload

from fastapi import APIRouter, params
from pydantic import BaseModel

from ..._core.clock import Clock, SystemClock
from ..._core.scope import TrustedProxies
from .._routes import auth_router
from .._rules.challenges import checked_realm
from .._rules.values import AuthEvent, Claims
from .._service.lockout import Lockout
from .._service.options import AuthOptions
from .._service.policy import PasswordPolicy
from .._store import ApiKeyStore, Codec, TokenStore, User, UserStore
from ..jose import JoseCodec, Keys
from ..memory import MemoryApiKeyStore, MemoryTokenStore
from ..passlib import PasswordHasher
from .acting import acting, check_actor
from .administration import Administration
from .api_key import CurrentApiKey, KeyRequirement, OptionalApiKey
from .current import CurrentClaims, CurrentUser, OptionalUser
from .parts import Description, Parts, checked_scopes, keys_of, users_of, verifier_of
from .principals import Principal
from .require import Permissions
from .transports import Transport, TransportName, transports_of

UserT = TypeVar("UserT", bound=User)


class Auth(Administration[UserT]):
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
        users: Keeps users; None for a service that only verifies tokens and knows nobody.
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
        claims: The dependency that gives the claims of the token, and loads no user.
        keys: What tokens are signed and verified with; ``auth.keys.rotate(…)`` changes it while the app runs.
    """

    @overload
    def __init__(
        self: "Auth[Never]",
        users: None,
        *,
        tokens: None,
        secret: str | bytes | Sequence[str | bytes] | None = None,
        keys: Keys | None = None,
        codec: Codec | None = None,
        issuer: str | None = None,
        audience: str | None = None,
        leeway: float = 0.0,
        transports: Sequence[TransportName | Transport] = ("header",),
        scopes: Mapping[str, str] | None = None,
        verified_cache: int = 0,
        realm: str = "api",
        token_url: str | None = None,
        clock: Clock | None = None,
    ) -> None: ...

    @overload
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
    ) -> None: ...

    def __init__(
        self,
        users: UserStore[UserT] | None,
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
            users=users_of(users, tokens),
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
        self.claims: CurrentClaims[UserT] = parts.claims

    def __repr__(self) -> str:
        return f"<Auth {self._parts.realm!r}>"

    # --- in endpoints

    @property
    def user(self) -> CurrentUser[UserT]:
        """The dependency that gives the user: ``Annotated[User, Depends(auth.user)]``."""
        return self._parts.with_users().user

    @property
    def optional_user(self) -> OptionalUser[UserT]:
        """The dependency that gives the user, or None for who shows no token, or has a cookie that has ended."""
        return self._parts.with_users().optional_user

    @property
    def api_key(self) -> CurrentApiKey:
        """The dependency that gives the API key."""
        return self._parts.with_users().api_key

    @property
    def optional_api_key(self) -> OptionalApiKey:
        """The dependency that gives the API key, or None for who shows none; one that is not good is refused."""
        return self._parts.with_users().optional_api_key

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
        return self._parts.with_users().requirements.marker(
            scopes=scopes, roles=roles, permissions=permissions, fresh=fresh, any_of=any_of, all_of=all_of
        )

    def require_claims(self, *, scopes: str | Collection[str] = (), fresh: float | None = None) -> params.Security:
        """Give the marker of a token that has to meet a demand; it yields the claims, and loads no user.

        What a user has lost since the token was issued, the token still allows until it expires or its session ends:
        `require` looks.

        Args:
            scopes: The token has to allow all of them; a text may hold several, separated by spaces.
            fresh: Seconds since the user last showed a password, at most.

        Raises:
            ValueError: A scope is none of those there are, or ``fresh`` makes no sense.
        """
        return self._parts.requirements.claims_marker(self.claims, scopes=scopes, fresh=fresh)

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
        new_user: Mapping[str, Any] | None = None,
    ) -> APIRouter:
        """Give the routes: login, tokens, sessions, passwords, API keys.

        Args:
            exclude: Names of routes to leave out, such as ``"register"``.
            paths: Other paths for routes, by their names.
            user_model: How ``/me`` and ``/register`` show a user.
            registration: What ``/register`` takes besides login and password.
            new_user: Fields of everybody who registers: ``{"roles": ["member"], "scopes": ["orders:read"]}``.

        Raises:
            ValueError: A name is that of no route, or an option makes no sense, or this `Auth` only verifies.
            TypeError: An option is of another type.
        """
        return auth_router(
            self._parts.wiring(),
            exclude=exclude,
            paths=paths,
            user_model=user_model,
            registration=registration,
            new_user=new_user,
        )

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

        Raises:
            TypeError: The user's ID, roles or scopes are not set.
            ValueError: The user is not active, or a scope is none of those there are.
        """
        check_actor(user)
        now = self._parts.options.clock.time()
        granted = user.scopes if scopes is None else self._parts.requirements.known(scopes)
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
