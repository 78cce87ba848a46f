"""Keys of what a request carries and where it goes: user, header, cookie, route."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from starlette.requests import HTTPConnection

from ...._core.headers import find_all
from ...._core.scope import route_path, route_template, stated_caller
from .key import ABSENT, Identity, Key

if TYPE_CHECKING:
    from starlette.types import Scope

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOBODY_ASKED: Final = (
    "by_user() was asked before anybody knew who calls: write limiter.depends(…, key=Depends(auth.user)), or let a "
    "dependency that finds the user come first; a default= comes before all of them, and counts by_ip()"
)


@dataclass(frozen=True, slots=True)
class _User(Key):
    def find(self, connection: HTTPConnection) -> Identity:
        try:
            user_id = stated_caller(connection.scope)
        except LookupError:
            user_id = _starlette_user(connection)
        return Identity(("user", user_id)) if user_id else ABSENT

    def __str__(self) -> str:
        return "by_user"


@dataclass(frozen=True, slots=True)
class _Header(Key):
    name: str

    def find(self, connection: HTTPConnection) -> Identity:
        values = find_all(connection.scope["headers"], self.name.encode())
        value = b",".join(values).decode("latin-1").strip()
        return Identity(("header", self.name, value)) if value else ABSENT

    def __str__(self) -> str:
        return f"by_header({self.name})"


@dataclass(frozen=True, slots=True)
class _Cookie(Key):
    name: str

    def find(self, connection: HTTPConnection) -> Identity:
        value = connection.cookies.get(self.name)
        return Identity(("cookie", self.name, value)) if value else ABSENT

    def __str__(self) -> str:
        return f"by_cookie({self.name})"


@dataclass(frozen=True, slots=True)
class _Route(Key):
    @property
    def in_endpoint(self) -> bool:
        return True

    def find(self, connection: HTTPConnection) -> Identity:
        scope = connection.scope
        return Identity(("route", method_of(scope), template_of(scope)))

    def __str__(self) -> str:
        return "by_route"


def method_of(scope: "Scope") -> str:
    """Give the method that is counted; ``WEBSOCKET`` for a socket."""
    method: str = scope.get("method", "WEBSOCKET")
    # Whoever may ask for a page may ask for its headers, and costs the same.
    return "GET" if method == "HEAD" else method


def template_of(scope: "Scope") -> str:
    """Give the template of the route that is counted; the path where no route serves."""
    return route_template(scope) or route_path(scope)


def by_user() -> Key:
    """Count by the user who calls: whom ``auth`` found, or Starlette's ``AuthenticationMiddleware``.

    Anonymous callers are counted by what follows after ``|``, and otherwise together. Somebody has to have asked who
    calls before: where nobody has, the request ends in a ``RuntimeError`` that says what to write.
    """
    return _User()


def by_header(name: str) -> Key:
    """Count by a header, such as an API key.

    A client can send another value with each request unless somebody checks it: join it with an address where nobody
    does. Requests without the header, or with an empty one, are counted by what follows after ``|``, and otherwise
    together.

    Args:
        name: The header; its case does not matter.

    Raises:
        ValueError: No header can have the name.
    """
    return _Header(_checked(name).lower())


def by_cookie(name: str) -> Key:
    """Count by a cookie, such as that of a session.

    What holds for `by_header` holds here: requests without it are counted together, and somebody has to check it.

    Args:
        name: The cookie; its case does matter.

    Raises:
        ValueError: No cookie can have the name.
    """
    return _Cookie(_checked(name))


def by_route() -> Key:
    """Count by method and route, whoever calls: together with other keys, or for a limit that all callers share."""
    return _Route()


def _checked(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header or cookie")
    return name


def _starlette_user(connection: HTTPConnection) -> str | None:
    if "user" not in connection.scope:
        raise RuntimeError(_NOBODY_ASKED)
    user = connection.user
    return str(user.identity or user.display_name) if user.is_authenticated else None
