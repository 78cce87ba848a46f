"""How an `Auth` was set up, checked once."""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ..._core.clock import Clock, SystemClock
from .._rules.values import AuthEvent
from .._store import ApiKeyStore, Codec, TokenStore, User, UserStore
from ..jose import Keys
from ..passlib import PasswordHasher
from .lockout import Lockout
from .objects import check_objects
from .policy import PasswordPolicy

UserT = TypeVar("UserT", bound=User)

# Sends a user a one-time token.
Send = Callable[[UserT, str], Awaitable[None]]

# What is remembered of a token that expires is remembered for as long as any verifier may still accept it.
LONGEST_LEEWAY: Final = 120

_SHORTEST_CLIENT_SECRET: Final = 32
_PREFIX_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthOptions(Generic[UserT]):
    """How an `Auth` was set up.

    Attributes:
        users: Keeps users.
        tokens: Keeps sessions; None for a service that only verifies.
        api_keys: Keeps API keys.
        keys: What tokens are signed and verified with.
        codec: Turns claims into tokens and back.
        hasher: Hashes passwords.
        policy: Which passwords are good enough.
        lockout: Counts attempts to log in; None where something else does.
        issuer: Who issues tokens (``iss``).
        audience: Whom tokens are for (``aud``).
        access_ttl: Seconds for which an access token is valid.
        refresh_ttl: Seconds after which a session ends unless it is refreshed.
        absolute_ttl: Seconds after which a session ends in any case.
        reuse_grace: Seconds for which a refresh token that was just used up is answered once more with its successor.
        one_time_ttl: Seconds for which the token of a link is valid.
        session_limit: Most sessions of one user; the least recently used ones end.
        login_fields: The fields of a user that a login may match, the first match counts.
        scopes: The scopes there are, with descriptions; empty where any name will do.
        claims: Gives more claims for a user's access tokens.
        clients: IDs and secrets of those who may introspect tokens.
        key_prefix: What API keys begin with.
        on_password_reset: Sends a user the token to reset the password with.
        on_verify_email: Sends a user the token to verify the e-mail address with.
        on_event: Is told what happens.
        clock: Tells the time.

    Raises:
        ValueError: A value makes no sense.
        TypeError: An object is of no use for what it is to do.
    """

    users: UserStore[UserT]
    tokens: TokenStore | None
    api_keys: ApiKeyStore
    keys: Keys = field(repr=False)
    codec: Codec
    hasher: PasswordHasher
    policy: PasswordPolicy
    lockout: Lockout | None = None
    issuer: str = "api"
    audience: str = "api"
    access_ttl: float = 900
    refresh_ttl: float = 14 * 86_400
    absolute_ttl: float = 90 * 86_400
    reuse_grace: float = 10
    one_time_ttl: float = 3_600
    session_limit: int = 100
    login_fields: Sequence[str] = ("login",)
    scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    claims: Callable[[UserT], Mapping[str, object] | Awaitable[Mapping[str, object]]] | None = None
    clients: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    key_prefix: str = "key"
    on_password_reset: Send[UserT] | None = None
    on_verify_email: Send[UserT] | None = None
    on_event: Callable[[AuthEvent], Awaitable[None] | None] | None = None
    clock: Clock = field(default_factory=SystemClock)

    def __post_init__(self) -> None:
        check_objects(self)
        for name in ("access_ttl", "refresh_ttl", "absolute_ttl", "one_time_ttl", "session_limit"):
            if not 1 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name}={getattr(self, name)} makes no sense: use a number of 1 or more")
        if not self.access_ttl <= self.refresh_ttl <= self.absolute_ttl:
            raise ValueError("access tokens end before sessions do: keep access_ttl <= refresh_ttl <= absolute_ttl")
        if not 0 <= self.reuse_grace < math.inf:
            raise ValueError(f"reuse_grace={self.reuse_grace} makes no sense: use 0 to have none")
        if isinstance(self.login_fields, str) or not self.login_fields:
            raise ValueError('login_fields takes a list of names: write ("login",) or ("login", "email")')
        if not self.key_prefix or not _PREFIX_CHARACTERS.issuperset(self.key_prefix):
            raise ValueError(f'key_prefix={self.key_prefix!r} must be letters and digits, such as "key"')
        self._check_clients()

    def _check_clients(self) -> None:
        for client, secret in self.clients.items():
            if not client:
                raise ValueError("a client needs an ID that is not empty")
            if len(secret) < _SHORTEST_CLIENT_SECRET:
                raise ValueError(
                    f"the secret of client {client!r} is shorter than {_SHORTEST_CLIENT_SECRET} characters: "
                    "make one with secrets.token_urlsafe(32)"
                )
