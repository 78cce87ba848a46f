"""What authentication needs from the outside: users, sessions, API keys, and a count of attempts.

Every method that changes something is one atomic step: of two callers at once, each sees the other's change whole or
not at all. A store that cannot be asked raises `AuthUnavailableError`; it never guesses.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar

from ._rules.values import ApiKey, Rotation, Session

UserT_co = TypeVar("UserT_co", covariant=True)


class User(Protocol):
    """What a user must have; any class will do, a SQLAlchemy model too.

    The members are typed as `Any` because a mapped column is no `str` to a type checker.
    """

    @property
    def id(self) -> Any:
        """Names the user for ever; ``str()`` of it is the subject of tokens."""

    @property
    def login(self) -> Any:
        """What the user types, in its normal form."""

    @property
    def password_hash(self) -> Any:
        """The hash of the password; None or empty for an account without one."""

    @property
    def active(self) -> Any:
        """Whether the account may be used."""

    @property
    def token_version(self) -> Any:
        """A number; every token that was issued under another one is dead."""

    @property
    def roles(self) -> Any:
        """The names of the user's roles."""

    @property
    def scopes(self) -> Any:
        """What tokens of the user may allow at most."""


class UserStore(Protocol[UserT_co]):
    """Keeps users."""

    async def get(self, user_id: str) -> UserT_co | None:
        """Give the user with an ID, or None; an ID that cannot be one finds nobody."""
        ...

    async def find(self, login: str, *, field: str = "login") -> UserT_co | None:
        """Give the user whose ``field`` is a login in its normal form, or None.

        Args:
            login: What to look for.
            field: ``login``, or another of the fields that ``Auth(login_fields=…)`` names, such as ``email``.
        """
        ...

    async def create(self, fields: Mapping[str, Any]) -> UserT_co:
        """Add a user; a login is kept as `normalise_login` gives it, for that is how it is looked up.

        Raises:
            LoginTakenError: Somebody has that login; 409.
            ValueError: It can be no login.
        """
        ...

    async def update(
        self, user_id: str, changes: Mapping[str, Any], *, end_tokens: bool = False, if_version: int | None = None
    ) -> UserT_co | None:
        """Change some fields of a user, and give the user as it is then; None where nothing was changed.

        Args:
            user_id: Whose fields.
            changes: New values by the names of `User`.
            end_tokens: Whether the token version goes up by one, in the same step.
            if_version: Change nothing unless this is the token version, looked at in the same step.
        """
        ...


class TokenStore(Protocol):
    """Keeps sessions and the IDs of single tokens."""

    async def start(self, session: Session, *, now: float, limit: int) -> None:
        """Keep a new session; beyond ``limit`` of one user, the least recently used end."""
        ...

    async def get(self, session_id: str, *, now: float) -> Session | None:
        """Give a session that has not ended, or None."""
        ...

    async def rotate(
        self,
        session_id: str,
        *,
        presented: bytes,
        successor: bytes,
        now: float,
        idle_expires_at: float,
        grace: float,
        client: str = "",
        address: str | None = None,
    ) -> Rotation:
        """Put a successor in the place of a refresh token, or end a session whose token is in two hands.

        Args:
            session_id: The session that the token belongs to.
            presented: SHA-256 of the token that was shown.
            successor: SHA-256 of the one that is to follow.
            now: The present, in seconds since 1970.
            idle_expires_at: When the session is to end unless it is refreshed again.
            grace: Seconds during which the token before the current one is answered with ``replayed``.
            client: Who asks.
            address: Where from.
        """
        ...

    async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
        """Tell whether a session (if one is named) is alive and a token not denied; one round trip."""
        ...

    async def sessions(self, user_id: str, *, now: float) -> Sequence[Session]:
        """Give the sessions of a user that have not ended, the most recently used first."""
        ...

    async def end(self, session_id: str) -> bool:
        """End a session; tell whether there was one."""
        ...

    async def end_all(self, user_id: str, *, keep: str | None = None) -> int:
        """End the sessions of a user, but for the one to ``keep``; give how many there were."""
        ...

    async def deny(self, token_id: str, *, now: float, until: float) -> None:
        """Refuse a single token until an instant, when it has expired anyway."""
        ...

    async def spend(self, token_id: str, *, now: float, until: float) -> bool:
        """Tell whether a one-time token is shown for the first time, and remember it until an instant."""
        ...


class ApiKeyStore(Protocol):
    """Keeps API keys, by their hashes."""

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        ...

    async def get(self, key_id: str) -> ApiKey | None:
        """Give a key by its ID, or None; it may have expired."""
        ...

    async def keys(self, owner: str) -> Sequence[ApiKey]:
        """Give the keys of a user, the newest first."""
        ...

    async def replace(self, key_id: str, successor: ApiKey, *, expires_at: datetime) -> bool:
        """Keep a successor, and let the key end at an instant unless it ends before; False where there is no key."""
        ...

    async def remove(self, key_id: str) -> bool:
        """Forget a key; tell whether there was one."""
        ...

    async def touch(self, key_id: str, *, at: datetime) -> None:
        """Remember when a key was last used."""
        ...


class AttemptStore(Protocol):
    """Counts attempts."""

    async def attempt(self, key: str, *, limit: int, per: float, now: float) -> float:
        """Count an attempt.

        Args:
            key: What is counted.
            limit: Attempts allowed, from the first on, before the rest are refused.
            per: Seconds after the first attempt at which the count starts anew.
            now: The present, in seconds since 1970.

        Returns:
            0.0 where it is allowed, else the seconds until the next one is.
        """
        ...

    async def undo(self, key: str) -> None:
        """Take one attempt back that was allowed, and led to nothing; where none is counted, there is none to take."""
        ...

    async def clear(self, key: str) -> None:
        """Forget the attempts."""
        ...


class Codec(Protocol):
    """Turns claims into signed tokens, and back; `JoseCodec` is ours, and any other JOSE library can take its place."""

    @property
    def version(self) -> int:
        """Goes up whenever a key comes or goes, so that nobody remembers what a former key has signed."""
        ...

    def encode(self, claims: Mapping[str, Any], *, type: str) -> str:  # noqa: A002  # the header says `typ`
        """Sign claims.

        Args:
            claims: What the token is to say.
            type: What it is for, such as ``at+jwt``: a token for one thing is refused for every other.
        """
        ...

    def decode(self, token: str, *, type: str) -> dict[str, Any]:  # noqa: A002
        """Give the claims of a token that one of the keys has signed; what they say is for others to judge.

        Raises:
            InvalidTokenError: (401) It is malformed, for something else, or signed by nobody known.
        """
        ...
