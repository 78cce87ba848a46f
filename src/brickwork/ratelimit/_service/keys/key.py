"""`Key`: who is counted, and how keys are joined."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple
from uuid import UUID

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

Missing = Literal["", "absent", "nothing", "address"]
Caller = Callable[[HTTPConnection], str | Awaitable[str | None] | None]


class KeyFailedError(Exception):
    """A key of the application's own raised; the cause is what it raised."""


class Identity(NamedTuple):
    """Whom a key found.

    Attributes:
        parts: What tells callers apart. The first names the kind of key, and each kind has a fixed number of parts, so
            that nothing a client sends can be taken for what another key found.
        missing: Empty where a caller was found. Otherwise what was not: ``absent``, what the client may leave out;
            ``nothing``, what the application's own key was to give; ``address``, that of the client.
    """

    parts: tuple[str, ...]
    missing: Missing = ""


# Whoever leaves out what a rule counts by shares one bucket with all who do: leaving it out is no way out.
ABSENT: Final = Identity(("absent",), "absent")
NOTHING: Final = Identity(("absent",), "nothing")


class Key(ABC):
    """Says whose requests are counted together.

    ``a | b`` counts by ``b`` where ``a`` finds nobody; ``a & b`` counts by both at once.
    """

    __slots__ = ()

    @property
    def in_endpoint(self) -> bool:
        """Whether it can only be asked once the route is known: by a dependency, and not by a middleware."""
        return False

    @abstractmethod
    def find(self, connection: HTTPConnection) -> Identity | Awaitable[Identity]:
        """Find who calls.

        Raises:
            KeyFailedError: The application's own key raised.
        """

    def __or__(self, other: "Key | Caller") -> "Key":
        return FirstOf((*alternatives(self), *alternatives(as_key(other))))

    def __ror__(self, other: Caller) -> "Key":
        return as_key(other) | self

    def __and__(self, other: "Key | Caller") -> "Key":
        return AllOf((self, as_key(other)))

    def __rand__(self, other: Caller) -> "Key":
        return as_key(other) & self


@dataclass(frozen=True, slots=True)
class FirstOf(Key):
    """Counts by the first key that finds somebody."""

    keys: tuple[Key, ...]

    @property
    def in_endpoint(self) -> bool:
        """Whether one of them can only be asked once the route is known."""
        return any(key.in_endpoint for key in self.keys)

    async def find(self, connection: HTTPConnection) -> Identity:
        """Ask one key after the other."""
        identity = ABSENT
        for key in self.keys:
            identity = await found_by(key, connection)
            if not identity.missing:
                break
        return identity

    def __str__(self) -> str:
        return " | ".join(map(str, self.keys))


@dataclass(frozen=True, slots=True)
class AllOf(Key):
    """Counts by all keys at once."""

    keys: tuple[Key, ...]

    @property
    def in_endpoint(self) -> bool:
        """Whether one of them can only be asked once the route is known."""
        return any(key.in_endpoint for key in self.keys)

    async def find(self, connection: HTTPConnection) -> Identity:
        """Ask all keys. Where one finds nobody, what the others find still counts."""
        parts: tuple[str, ...] = ()
        missing: Missing = ""
        for key in self.keys:
            identity = await found_by(key, connection)
            parts += identity.parts
            missing = missing if missing == "address" else identity.missing or missing
        return Identity(parts, missing)

    def __str__(self) -> str:
        return " & ".join(map(str, self.keys))


@dataclass(frozen=True, slots=True)
class OwnKey(Key):
    """Counts by what a function of the application gives."""

    call: Caller

    async def find(self, connection: HTTPConnection) -> Identity:
        """Ask the function."""
        try:
            given = self.call(connection)
            return stated(await given if isinstance(given, Awaitable) else given)
        except HTTPException:
            raise  # it is the answer that the application wants to give
        except Exception as error:
            raise KeyFailedError from error

    def __str__(self) -> str:
        name: str = getattr(self.call, "__qualname__", type(self.call).__qualname__)
        return name


def alternatives(key: Key) -> tuple[Key, ...]:
    """Give the keys that a key asks in turn."""
    return key.keys if isinstance(key, FirstOf) else (key,)


async def found_by(key: Key, connection: HTTPConnection) -> Identity:
    """Give whom a key finds."""
    found = key.find(connection)
    return found if isinstance(found, Identity) else await found


def stated(value: object) -> Identity:
    """Give the identity that an application states: a text, a number, a UUID, or somebody who has one as ``id``.

    Raises:
        TypeError: It is none of these.
    """
    if value is None or value == "":
        return NOTHING
    named = getattr(value, "id", value)
    if not isinstance(named, str | int | UUID):
        raise TypeError(f"a key gives a text, or somebody with an id, got {type(value).__name__}")
    return Identity(("own", str(named)))


def as_key(key: Key | Caller) -> Key:
    """Give a key for what may be a function.

    Raises:
        TypeError: It is neither, or it makes keys and was not called.
    """
    if isinstance(key, Key):
        return key
    if not callable(key):
        raise TypeError(f"a key is by_ip() or the like, or a function of the connection, got {key!r}")
    if getattr(key, "__module__", "").startswith(__package__ or ""):
        name = getattr(key, "__name__", "by_ip")
        raise TypeError(f"{name} makes keys: write {name}(…)")
    return OwnKey(key)
