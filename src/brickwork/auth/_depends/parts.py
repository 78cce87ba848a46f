"""The parts of an `Auth`, put together: each gets what it needs, and no more."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Never, Self, TypeVar, cast

from ..._core.clock import Clock
from ..._core.scope import TrustedProxies
from .._rules.scopes import checked
from .._service.authenticator import Authenticator
from .._service.events import Events
from .._service.keys import ApiKeys
from .._service.options import AuthOptions
from .._service.service import AuthService
from .._service.verifier import Verifier
from .._store import User, UserStore
from ..jose import Keys
from .api_key import CurrentApiKey, OptionalApiKey
from .csrf import CSRF
from .current import CurrentClaims, CurrentUser, OptionalUser
from .principals import Principals
from .require import Permissions, Requirements
from .schemes import name_of, schemes_of
from .transports import CookieTransport, Transport
from .wiring import Wiring

UserT = TypeVar("UserT", bound=User)

_TOKEN_URL = "auth/token"  # noqa: S105  # where the router is included more often than not
_NO_USERS = (
    "this Auth has no users: give it a store of them, or ask for the token alone, with auth.claims, "
    "auth.require_claims(…) and auth.verify(token)"
)


@dataclass(frozen=True, slots=True)
class Description:
    """How an `Auth` shows itself to the outside.

    Attributes:
        realm: What challenges name.
        token_url: Where clients get tokens; None for the usual place, if there are tokens to get.
        proxies: Whose word about the client's address is believed.
    """

    realm: str
    token_url: str | None
    proxies: TrustedProxies


class Parts(Generic[UserT]):
    """The parts of an `Auth`.

    Args:
        options: How it was set up.
        verifier: Reads tokens.
        transports: The ways tokens may travel.
        permissions: What roles allow.
        description: How it shows itself.

    Raises:
        ValueError: What is wanted needs a secret that the keys do not have.
    """

    def __init__(
        self,
        options: AuthOptions[UserT],
        verifier: Verifier,
        transports: Sequence[Transport],
        permissions: Permissions[UserT],
        description: Description,
    ) -> None:
        self.options = options
        self.realm = realm = description.realm
        self._transports = transports
        self._cookies = next((each for each in transports if isinstance(each, CookieTransport)), None)
        self._csrf = _csrf(options.keys, needed=self._cookies is not None)
        self._proxies = description.proxies
        self.authenticator = authenticator = Authenticator(verifier, options.users, options.tokens, options.clock)
        self.principals = principals = Principals(authenticator, transports, self._csrf, realm)
        token_url = description.token_url or (_TOKEN_URL if options.tokens is not None else None)
        schemes = schemes_of(transports, realm=realm, token_url=token_url, scopes=options.scopes)
        self._finds_token_url = description.token_url is None
        self.user = CurrentUser(principals, schemes)
        self.optional_user = OptionalUser(principals, schemes)
        self.claims = CurrentClaims(principals, schemes)
        self.requirements = Requirements(
            self.user, principals, scopes=options.scopes, permissions=permissions, clock=options.clock
        )
        self.api_keys = ApiKeys(options, Events(options.on_event, options.clock))
        self.api_key = CurrentApiKey(self.api_keys, realm)
        self.optional_api_key = OptionalApiKey(self.api_key)
        self._service: AuthService[UserT] | None = None
        if options.tokens is not None:
            self._service = AuthService(
                options, tokens=options.tokens, authenticator=authenticator, verifier=verifier, keys=self.api_keys
            )

    def with_users(self) -> Self:
        """Give the parts to what needs users.

        Raises:
            ValueError: This `Auth` has none.
        """
        if isinstance(self.options.users, _NoUsers):
            raise ValueError(_NO_USERS)  # noqa: TRY004 - an `Auth` without users is right until somebody asks for one
        return self

    def acting_service(self) -> AuthService[UserT]:
        """Give what acts.

        Raises:
            ValueError: This `Auth` only verifies.
        """
        if self._service is None:
            raise ValueError("this Auth only verifies tokens: give it tokens=, where sessions are kept")
        return self._service

    def wiring(self) -> Wiring[UserT]:
        """Give what the routes need.

        Raises:
            ValueError: This `Auth` only verifies.
        """
        return Wiring(
            service=self.acting_service(),
            user=self.user,
            claims=self.claims,
            transports=[transport.name for transport in self._transports],
            cookies=self._cookies,
            csrf=self._csrf,
            token_endpoint=name_of("OAuth2", self.realm) if self._finds_token_url else None,
            realm=self.realm,
            proxies=self._proxies,
        )


class _NoUsers:
    """Stands in for the users of a service that has none."""

    async def _refuse(self, *_: Any, **__: Any) -> Never:
        raise ValueError(_NO_USERS)

    get = find = create = update = _refuse


def users_of(users: UserStore[UserT] | None, tokens: object) -> UserStore[UserT]:
    """Give who keeps users; for a service that knows nobody, what says so.

    Raises:
        ValueError: Sessions are to be kept of users that nobody keeps.
    """
    if users is not None:
        return users
    if tokens is not None:
        raise ValueError("an Auth without users only verifies: write Auth(None, tokens=None, …), or give it users")
    return cast("UserStore[UserT]", _NoUsers())


def keys_of(secret: str | bytes | Sequence[str | bytes] | None, keys: Keys | None, clock: Clock) -> Keys:
    """Give the keys that are meant.

    Raises:
        ValueError: Neither or both of them are given, or the secret is too weak.
    """
    if keys is not None and secret is None:
        return keys
    if secret is None or keys is not None:
        raise ValueError("an Auth needs a secret or keys: write secret=settings.secret, or keys=Keys(…)")
    return Keys.from_secret(secret, clock=clock)


def checked_scopes(scopes: Mapping[str, str]) -> Mapping[str, str]:
    """Give scopes and descriptions.

    Raises:
        TypeError: They are no mapping.
        ValueError: One of them can be no scope.
    """
    if not isinstance(scopes, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass lists
        raise TypeError('scopes= takes names and descriptions: write {"orders:read": "Read your orders"}')
    checked(scopes)
    return dict(scopes)


def verifier_of(options: AuthOptions[UserT], *, leeway: float, cache: int) -> Verifier:
    """Give what reads the tokens of an `Auth`.

    Raises:
        ValueError: An option makes no sense.
    """
    return Verifier(
        options.codec,
        issuer=options.issuer,
        audience=options.audience,
        leeway=leeway,
        clock=options.clock,
        cache=cache,
    )


def _csrf(keys: Keys, *, needed: bool) -> CSRF:
    if needed:
        try:
            keys.derive(b"csrf")
        except ValueError as error:
            raise ValueError("cookies need a secret or a private key, for their CSRF tokens") from error
    return CSRF(lambda: keys.derive(b"csrf"))
