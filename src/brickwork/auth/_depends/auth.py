"""`Auth`: how an application knows its users; the one object that all of this block hangs on."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Generic, Literal, TypeVar, overload

from fastapi import APIRouter, params

from ..._core.clock import Clock, SystemClock
from ..._core.scope import TrustedProxies
from .._rules.challenges import checked_realm
from .._rules.scopes import checked
from .._rules.values import AuthEvent, Claims, NewApiKey, Session, TokenResponse
from .._service.authenticator import Authenticator
from .._service.events import Events
from .._service.keys import ApiKeys
from .._service.lockout import Lockout
from .._service.options import AuthOptions
from .._service.policy import PasswordPolicy
from .._service.service import AuthService
from .._service.sessions import Caller
from .._service.verifier import Verifier
from .._store import ApiKeyStore, Codec, TokenStore, User, UserStore
from ..jose import JoseCodec, Keys
from ..memory import MemoryApiKeyStore, MemoryTokenStore
from ..passlib import PasswordHasher
from .acting import acting
from .api_key import CurrentApiKey, KeyRequirement
from .csrf import CSRF
from .current import CurrentClaims, CurrentUser, OptionalUser
from .principals import Principal, Principals
from .require import Permissions, Requirements
from .schemes import schemes_of
from .transports import CookieTransport, Transport, TransportName, transports_of
from .wiring import Wiring

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
        issuer: Who issues tokens (``iss``).
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
        token_url: Where clients get tokens, for the document; found by itself where the router is included.
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
        issuer: str = "api",
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
        self.keys = keys = _keys(secret, keys, clock)
        options = AuthOptions(
            users=users,
            tokens=MemoryTokenStore() if tokens == "memory" else tokens,
            api_keys=MemoryApiKeyStore() if api_keys is None else api_keys,
            keys=keys,
            codec=codec or JoseCodec(keys),
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
            scopes=_checked_scopes(scopes or {}),
            claims=claims,
            clients=clients or {},
            key_prefix=key_prefix,
            on_password_reset=on_password_reset,
            on_verify_email=on_verify_email,
            on_event=on_event,
            clock=clock,
        )
