"""Users in memory."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from threading import Lock
from typing import Any, Final, Generic, TypeVar, cast, overload
from uuid import uuid4

from .._errors import LoginTakenError
from .._rules.logins import normal_or_none, with_normal_logins
from .._store import User

UserT = TypeVar("UserT", bound=User)

# Nobody shares them with another user; whoever finds users by further fields has to look at all of them.
_UNIQUE: Final = frozenset({"login", "email"})


@dataclass(frozen=True)
class MemoryUser:
    """A user of `MemoryUserStore`, for those who have no class of their own.

    Attributes:
        id: Names the user for ever.
        login: What the user types, in its normal form.
        password_hash: The hash of the password; None for an account without one.
        active: Whether the account may be used.
        token_version: A number; every token that was issued under another one is dead.
        roles: The names of the user's roles; any list of names becomes a tuple.
        scopes: What tokens of the user may allow at most; any list of names becomes a tuple.
        email: The e-mail address, if there is one.
        email_verified: Whether it was shown to be the user's.
        extra: Further fields, by name; each can be read as an attribute.

    Raises:
        TypeError: Roles or scopes are no list of names.
    """

    login: str
    password_hash: str | None = field(default=None, repr=False)
    active: bool = True
    token_version: int = 0
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    email: str | None = None
    email_verified: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False, hash=False)

    def __post_init__(self) -> None:
        for name in ("roles", "scopes"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))

    def __getattr__(self, name: str) -> Any:
        # Copying asks for names before there are any.
        try:
            return self.__dict__["extra"][name]
        except KeyError:
            raise AttributeError(f"a user has no {name!r}", name=name, obj=self) from None


class MemoryUserStore(Generic[UserT]):
    """Keeps users in this process; they end with it.

    What it gives is the state of a user at that moment: to change it, call `update`.

    Args:
        user_class: Makes a user from fields, by name: a dataclass, a pydantic model, any class with the members of
            `User`. `MemoryUser` where left out.
    """

    @overload
    def __init__(self: "MemoryUserStore[MemoryUser]") -> None: ...

    @overload
    def __init__(self, user_class: Callable[..., UserT]) -> None: ...

    def __init__(self, user_class: Callable[..., Any] = MemoryUser) -> None:
        self._make = user_class
        self._users: dict[str, UserT] = {}
        self._indexes: dict[str, dict[str, str]] = {name: {} for name in _UNIQUE}
        self._lock = Lock()

    async def get(self, user_id: str) -> UserT | None:
        """Give the user with an ID, or None."""
        user = self._users.get(user_id)
        return None if user is None else _snapshot(user)

    async def find(self, login: str, *, field: str = "login") -> UserT | None:
        """Give the user whose ``field`` is a login, or None; a login is found however it is spelled."""
        with self._lock:
            if field in _UNIQUE:
                user = self._users.get(self._indexes[field].get(normal_or_none(login) or "", ""))
            else:
                found = [each for each in self._users.values() if getattr(each, field, None) == login]
                # What two users have in common names neither.
                user = found[0] if len(found) == 1 else None
        return None if user is None else _snapshot(user)

    async def create(self, fields: Mapping[str, Any]) -> UserT:
        """Add a user; ``login`` and ``email`` are kept in their normal form.

        Raises:
            LoginTakenError: (409) Somebody has that login, or that e-mail address.
            ValueError: One of them can be no login.
            TypeError: A `MemoryUser` is to keep a password, which it would show to everybody.
        """
        user = cast("UserT", self._make(**_fitting(self._make, with_normal_logins(fields, _UNIQUE))))
        with self._lock:
            self._keep(user)
        return _snapshot(user)

    async def update(
        self, user_id: str, changes: Mapping[str, Any], *, end_tokens: bool = False, if_version: int | None = None
    ) -> UserT | None:
        """Change some fields of a user, and give the user as it is then.

        Nothing is changed, and None given, where there is no such user, or its token version is not ``if_version``.

        Raises:
            LoginTakenError: (409) Somebody else has that login, or that e-mail address.
            ValueError: One of them can be no login.
            TypeError: A `MemoryUser` is to keep a password, which it would show to everybody.
        """
        changes = with_normal_logins(changes, _UNIQUE)
        with self._lock:
            user = self._users.get(user_id)
            if user is None or if_version not in (None, user.token_version):
                return None
            version = {"token_version": user.token_version + 1} if end_tokens else {}
            changed = _changed(user, {**changes, **version})
            self._keep(changed, user)
        return _snapshot(changed)

    def _keep(self, user: UserT, former: UserT | None = None) -> None:
        """Put a user in the place of what it was, if that takes nothing from another one."""
        user_id = str(user.id)
        values = {name: value for name in _UNIQUE if (value := getattr(user, name, None))}
        if any(self._indexes[name].get(value, user_id) != user_id for name, value in values.items()):
            raise LoginTakenError
        for name in _UNIQUE:
            self._indexes[name].pop(getattr(former, name, None) or "", None)
        for name, value in values.items():
            self._indexes[name][value] = user_id
        self._users[user_id] = user


def _names(field: str, names: object) -> tuple[str, ...]:
    """Give a list of names as a tuple; a text would be a list of letters, and a mapping describes what there is."""
    is_list = isinstance(names, Iterable) and not isinstance(names, str | Mapping)
    listed = tuple(cast("Iterable[object]", names)) if is_list else (None,)
    if not all(isinstance(each, str) for each in listed):
        raise TypeError(f'{field}= of a user takes a list of names, and nothing else: write {field}=["…"]')
    return cast("tuple[str, ...]", listed)


def _snapshot(user: UserT) -> UserT:
    """Give what its owner may change without changing what is kept."""
    return user if isinstance(user, MemoryUser) else copy.copy(user)


def _changed(user: UserT, changes: Mapping[str, Any]) -> UserT:
    if is_dataclass(user) and not isinstance(user, type):
        return cast("UserT", replace(user, **_fitting(type(user), changes, user)))
    changed = copy.copy(user)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed


def _fitting(user_class: Callable[..., Any], values: Mapping[str, Any], user: object = None) -> dict[str, Any]:
    """Move the fields that `MemoryUser` does not know to ``extra``, beside those that are there; others know theirs."""
    if user_class is not MemoryUser:
        return dict(values)
    if "password" in values or "password" in (values.get("extra") or {}):
        raise TypeError("no user keeps a password: write auth.create_user(login, password), or give password_hash")
    known = {each.name for each in fields(MemoryUser)}
    fitting = {name: value for name, value in values.items() if name in known}
    if len(fitting) < len(values):
        others = {name: value for name, value in values.items() if name not in known}
        fitting["extra"] = {**getattr(user, "extra", {}), **fitting.get("extra", {}), **others}
    return fitting
