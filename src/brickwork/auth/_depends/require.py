"""Markers that demand something of the user: ``auth.require(roles="admin")``."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from inspect import Parameter, Signature, isawaitable
from math import ceil
from typing import Annotated, Any, Generic, Never, TypeVar, cast

from fastapi import Depends, params
from starlette.requests import HTTPConnection

from ..._core.clock import Clock
from ..._core.problem import Problem
from .._errors import ForbiddenError, InsufficientScopeError, LoginTooOldError
from .._rules import challenges
from .._rules.demands import Demand, Lack, Standing
from .._rules.scopes import declared
from .._rules.values import Claims
from .._store import User
from .current import CurrentClaims, CurrentUser
from .principals import Principals

UserT = TypeVar("UserT", bound=User)
ChoicesT = TypeVar("ChoicesT", bound=Collection[object])

Permissions = Mapping[str, Collection[str]] | Callable[[UserT], Collection[str] | Awaitable[Collection[str]]] | None


_NO_DEPENDS = "auth.require(…) needs no Depends: write Annotated[User, auth.require(…)]"


class Marker(params.Security):
    """What ``auth.require(…)`` gives; it goes into ``Annotated`` and ``dependencies=`` as it is."""

    @property
    def __signature__(self) -> Never:
        # Only who takes it for a dependency asks for this, while a route is made.
        raise TypeError(_NO_DEPENDS)

    def __call__(self) -> Never:
        """Refuse to be a dependency: inside of ``Depends`` the scopes would be lost.

        Raises:
            TypeError: Always.
        """
        raise TypeError(_NO_DEPENDS)


class Requirements(Generic[UserT]):
    """Makes markers, and decides for them.

    Args:
        current: The dependency that gives the user; requirements rest on it, so that overriding it reaches them.
        principals: Knows what the token allows.
        scopes: The scopes there are; any name will do where there are none.
        permissions: What a role allows, or what gives the permissions of a user.
        clock: Tells the time.
    """

    def __init__(
        self,
        current: CurrentUser[UserT],
        principals: Principals[UserT],
        *,
        scopes: Mapping[str, str],
        permissions: Permissions[UserT],
        clock: Clock,
    ) -> None:
        self.current = current
        self._principals = principals
        self._scopes = scopes
        self._permissions = permissions
        self._clock = clock

    def marker(
        self,
        *,
        scopes: str | Collection[str],
        roles: str | Collection[str] | None,
        permissions: str | Collection[str],
        fresh: float | None,
        any_of: Iterable[params.Security] | None,
        all_of: Iterable[params.Security],
    ) -> params.Security:
        """Make the marker of a demand.

        Raises:
            ValueError: A scope is not one of those there are, or another argument makes no sense.
            TypeError: ``any_of`` or ``all_of`` holds what is no requirement of the same `Auth`.
        """
        demand = Demand(
            frozenset(self.known(scopes)),
            frozenset() if roles is None else _choice("roles", _names("roles", roles)),
            _names("permissions", permissions),
            _checked_fresh(fresh),
            () if any_of is None else _choice("any_of", tuple(self._demand(marker) for marker in any_of)),
            tuple(self._demand(marker) for marker in all_of),
        )
        return Marker(Requirement(self, demand), scopes=tuple(sorted(demand.needed_scopes())))

    def claims_marker(
        self, current: CurrentClaims[UserT], *, scopes: str | Collection[str], fresh: float | None
    ) -> params.Security:
        """Make the marker of a demand that the claims of a token have to meet by themselves.

        Raises:
            ValueError: A scope is not one of those there are, or ``fresh`` makes no sense.
        """
        demand = Demand(frozenset(self.known(scopes)), fresh=_checked_fresh(fresh))
        return Marker(ClaimsRequirement(self, current, demand), scopes=tuple(sorted(demand.scopes)))

    def known(self, scopes: str | Iterable[str]) -> tuple[str, ...]:
        """Check scopes that a route requires.

        Raises:
            ValueError: One of them is not among those there are.
        """
        return declared(scopes, self._scopes)

    def _demand(self, marker: params.Security) -> Demand:
        requirement: object = getattr(marker, "dependency", None)
        if not isinstance(requirement, Requirement) or requirement.of is not self:
            raise TypeError(f"any_of= and all_of= take markers of the same Auth, as [auth.require(…)], not {marker!r}")
        return requirement.demand

    async def enforce(self, demand: Demand, user: UserT, connection: HTTPConnection) -> None:
        """Refuse a user who does not meet a demand.

        Raises:
            LoginTooOldError: (401) The login is too long ago.
            InsufficientScopeError: (403) The token does not allow it.
            ForbiddenError: (403) The user may not.
        """
        self._refuse(demand.lack(await self._standing(demand, user, connection)))

    def enforce_claims(self, demand: Demand, claims: Claims) -> None:
        """Refuse claims that do not meet a demand.

        Raises:
            LoginTooOldError: (401) The login is too long ago.
            InsufficientScopeError: (403) The token does not allow it.
        """
        self._refuse(demand.lack(Standing(claims.scopes, (), (), self._age(claims))))

    def _refuse(self, lack: Lack | None) -> None:
        if lack is not None:
            raise _REFUSALS[lack.of](self._principals.realm, lack)

    def _age(self, claims: Claims) -> float | None:
        """Give the seconds since the user showed a password, as far as the token knows."""
        at = claims.get("auth_time")
        return None if at is None else self._clock.time() - at

    async def _standing(self, demand: Demand, user: UserT, connection: HTTPConnection) -> Standing:
        principal = self._principals.known(connection)
        permissions = await self._permissions_of(user) if demand.needs_permissions() else ()
        if principal is None:
            if self._is_overridden(connection):
                # The application put the user there, and nothing has read a token that could be a limit.
                return Standing(user.scopes, user.roles, permissions, age=0)
            # Who called was forgotten on the way here: something put other headers into the scope.
            principal = await self._principals.claims(connection)
            if principal is None:
                raise self._principals.unknown()
        scopes = principal.claims.scopes
        if not principal.is_stated or principal.user is not user:
            # What the user has lost since the token was issued is lost at once. Where the application put another user
            # there and a token was read all the same, both are limits, too.
            scopes = tuple(scope for scope in scopes if scope in user.scopes)
        return Standing(scopes, user.roles, permissions, self._age(principal.claims))

    def _is_overridden(self, connection: HTTPConnection) -> bool:
        return self.current in getattr(connection.scope.get("app"), "dependency_overrides", ())

    async def _permissions_of(self, user: UserT) -> Collection[str]:
        permissions = self._permissions
        if permissions is None:
            return cast("Collection[str]", getattr(user, "permissions", ()))
        if callable(permissions):
            given = permissions(user)
            return await given if isawaitable(given) else given
        return {name for role in user.roles for name in permissions.get(role, ())}


class Requirement:
    """Gives the user, who meets a demand.

    Attributes:
        of: What made it.
        demand: What is demanded.
    """

    __problems__: tuple[type[Problem], ...]

    def __init__(self, of: Requirements[Any], demand: Demand) -> None:
        self.of = of
        self.demand = demand
        # FastAPI looks each dependency up several times for every request.
        self._hash = hash((id(of), demand))
        self.__problems__ = _problems(demand)
        keyword = Parameter.KEYWORD_ONLY
        self.__signature__ = Signature(
            [
                Parameter("connection", keyword, annotation=HTTPConnection),
                Parameter("user", keyword, annotation=Annotated[Any, Depends(of.current)]),
            ]
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requirement) and self.of is other.of and self.demand == other.demand

    def __hash__(self) -> int:
        return self._hash

    async def __call__(self, *, connection: HTTPConnection, user: Any) -> Any:
        """Give the user: FastAPI calls this.

        Raises:
            LoginTooOldError: (401) The login is too long ago.
            InsufficientScopeError: (403) The token does not allow it.
            ForbiddenError: (403) The user may not.
        """
        await self.of.enforce(self.demand, user, connection)
        return user


class ClaimsRequirement:
    """Gives the claims of a token, which meet a demand; no user is loaded.

    Attributes:
        of: What made it.
        current: The dependency that gives the claims; the requirement rests on it, so that overriding it reaches here.
        demand: What is demanded.
    """

    __problems__: tuple[type[Problem], ...]

    def __init__(self, of: Requirements[Any], current: CurrentClaims[Any], demand: Demand) -> None:
        self.of = of
        self.current = current
        self.demand = demand
        self._hash = hash((id(of), "claims", demand))
        self.__problems__ = _problems(demand)
        keyword = Parameter.KEYWORD_ONLY
        self.__signature__ = Signature([Parameter("claims", keyword, annotation=Annotated[Any, Depends(current)])])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClaimsRequirement) and self.of is other.of and self.demand == other.demand

    def __hash__(self) -> int:
        return self._hash

    async def __call__(self, *, claims: Claims) -> Claims:
        """Give the claims: FastAPI calls this.

        Raises:
            LoginTooOldError: (401) The login is too long ago.
            InsufficientScopeError: (403) The token does not allow it.
        """
        self.of.enforce_claims(self.demand, claims)
        return claims


def _checked_fresh(fresh: float | None) -> float | None:
    if fresh is not None and not fresh > 0:
        raise ValueError(f"fresh={fresh}: give the seconds since the login that are accepted, as in fresh=300")
    return fresh


def _names(option: str, names: str | Collection[str]) -> frozenset[str]:
    listed = frozenset([names] if isinstance(names, str) else names)
    if not all(isinstance(name, str) and name for name in cast("frozenset[object]", listed)):
        raise ValueError(f'{option}={names!r}: give a name or a list of names, as in {option}="admin"')
    return listed


def _choice(option: str, choices: ChoicesT) -> ChoicesT:
    """Refuse a choice of nothing: who wrote an empty list did not mean to let everybody in."""
    if not choices:
        raise ValueError(f"{option}= has nothing to choose from, so nobody could come in: name one, or leave it out")
    return choices


def _problems(demand: Demand) -> tuple[type[Problem], ...]:
    inner = [problem for each in (*demand.any_of, *demand.all_of) for problem in _problems(each)]
    own = {
        LoginTooOldError: demand.fresh is not None,
        InsufficientScopeError: bool(demand.scopes),
        ForbiddenError: bool(demand.roles or demand.permissions),
    }
    return tuple(dict.fromkeys([*(problem for problem, possible in own.items() if possible), *inner]))


def insufficient_scope(realm: str, scopes: Iterable[str], *, api_key: bool = False) -> InsufficientScopeError:
    """Make the answer to a token or key that does not allow what it is used for."""
    scope = " ".join(scopes)
    challenge = challenges.bearer(realm, error="insufficient_scope", scope=scope)
    return InsufficientScopeError(scope=scope, headers=None if api_key else {"WWW-Authenticate": challenge})


def _too_old(realm: str, lack: Lack) -> LoginTooOldError:
    max_age = ceil(lack.max_age)
    challenge = challenges.bearer(realm, error="insufficient_user_authentication", max_age=max_age)
    return LoginTooOldError(max_age=max_age, headers={"WWW-Authenticate": challenge})


def _out_of_scope(realm: str, lack: Lack) -> InsufficientScopeError:
    return insufficient_scope(realm, lack.scopes)


def _forbidden(_realm: str, _lack: Lack) -> ForbiddenError:
    return ForbiddenError("You may not do this.")


_REFUSALS: Mapping[str, Callable[[str, Lack], Problem]] = {
    "login": _too_old,
    "scope": _out_of_scope,
    "right": _forbidden,
}
