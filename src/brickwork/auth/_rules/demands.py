"""What an endpoint demands of who calls, and whether it is met."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Lack:
    """What is missing: the answer to a demand that is not met.

    Attributes:
        of: ``login``: it is too long ago. ``scope``: the token does not allow it. ``right``: the user may not.
        scopes: The scopes that are needed.
        max_age: Seconds since the login that are accepted.
    """

    of: Literal["login", "scope", "right"]
    scopes: tuple[str, ...] = ()
    max_age: float = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of who calls.

    Attributes:
        scopes: What the token allows.
        roles: The roles of the user.
        permissions: What the user may.
        age: Seconds since the login; None where it is not known.
    """

    scopes: Collection[str] = ()
    roles: Collection[str] = ()
    permissions: Collection[str] = ()
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Demand:
    """What is demanded; equal ones are one.

    Attributes:
        scopes: The token has to allow all of them.
        roles: The user has to have one of them.
        permissions: The user has to have all of them.
        fresh: Seconds since the login, at most.
        any_of: One of these has to be met as well.
        all_of: All of these have to be met as well.
    """

    scopes: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    permissions: frozenset[str] = frozenset()
    fresh: float | None = None
    any_of: tuple["Demand", ...] = ()
    all_of: tuple["Demand", ...] = ()

    def needs_permissions(self) -> bool:
        """Tell whether the permissions of the user matter."""
        return bool(self.permissions) or any(inner.needs_permissions() for inner in (*self.any_of, *self.all_of))

    def needed_scopes(self) -> frozenset[str]:
        """Give the scopes without which it is never met."""
        needed = self.scopes.union(*(inner.needed_scopes() for inner in self.all_of))
        ways = [inner.needed_scopes() for inner in self.any_of]
        return needed.union(ways[0].intersection(*ways) if ways else ())

    def lack(self, standing: Standing) -> Lack | None:
        """Give what is missing, None if nothing is.

        What the user cannot mend comes first; of several ways to meet it, the one that is mended most easily counts.
        """
        own = self._own_lack(standing)
        if not self.all_of and not self.any_of:
            return own
        lacks = [lack for inner in self.all_of if (lack := inner.lack(standing)) is not None]
        if self.any_of:
            ways = [inner.lack(standing) for inner in self.any_of]
            lacks += [min((way for way in ways if way is not None), key=_trouble)] if None not in ways else []
        return max([*lacks, *([own] if own else [])], key=_trouble, default=None)

    def _own_lack(self, standing: Standing) -> Lack | None:
        no_role = bool(self.roles) and self.roles.isdisjoint(standing.roles)
        if no_role or not self.permissions.issubset(standing.permissions):
            return Lack("right")
        if not self.scopes.issubset(standing.scopes):
            return Lack("scope", scopes=tuple(sorted(self.scopes)))
        if self.fresh is not None and (standing.age is None or standing.age > self.fresh):
            return Lack("login", max_age=self.fresh)
        return None


def _trouble(lack: Lack) -> int:
    return ("login", "scope", "right").index(lack.of)
