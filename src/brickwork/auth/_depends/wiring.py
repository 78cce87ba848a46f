"""What the routes need of an `Auth`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..._core.scope import TrustedProxies
from .._service.service import AuthService
from .._store import User
from .csrf import CSRF
from .current import CurrentClaims, CurrentUser
from .transports import CookieTransport

UserT = TypeVar("UserT", bound=User)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring(Generic[UserT]):
    """What the routes need of an `Auth`.

    Attributes:
        service: What the routes do.
        user: The dependency that gives the user.
        claims: The dependency that gives the claims.
        transports: The names of the ways that tokens may travel; the first is how they are delivered unless asked.
        cookies: Reads and sets the cookies; None where there are none.
        csrf: Makes and checks CSRF tokens: ``cookies.guard(scope, session_id, csrf)``.
        token_endpoint: The name of the scheme whose tokens ``POST /token`` hands out, for the endpoint's
            ``__token_endpoint__``; None where the document is to show another address.
        realm: What challenges name.
        proxies: Whose word about the client's address is believed.
    """

    service: AuthService[UserT]
    user: CurrentUser[UserT]
    claims: CurrentClaims[UserT]
    transports: Sequence[str]
    cookies: CookieTransport | None
    csrf: CSRF
    token_endpoint: str | None
    realm: str
    proxies: TrustedProxies
