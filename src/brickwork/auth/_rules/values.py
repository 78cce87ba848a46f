"""The things that authentication speaks of: claims, sessions, API keys, and what rotating a token came to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from math import inf
from typing import Any, Literal

from pydantic import BaseModel, Field


class Claims:
    """What a verified access token says.

    Args:
        raw: The claims by name, as the token has them.

    Reference: RFC 7519, section 4.1; RFC 9068, section 2.2.
    """

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> Any:
        return self.raw[name]

    def __contains__(self, name: object) -> bool:
        return name in self.raw

    def __repr__(self) -> str:
        return f"<Claims of {self.subject!r}>"

    def get(self, name: str, default: Any = None) -> Any:
        """Give a claim by its name, or ``default`` where the token has none."""
        return self.raw.get(name, default)

    @property
    def subject(self) -> str:
        """The ID of the user (``sub``)."""
        subject: str = self.raw["sub"]
        return subject

    @property
    def token_id(self) -> str:
        """The ID of this one token (``jti``)."""
        token_id: str = self.raw["jti"]
        return token_id

    @property
    def session_id(self) -> str | None:
        """The ID of the session that the token belongs to (``sid``)."""
        return self.raw.get("sid")

    @property
    def token_version(self) -> int:
        """The user's token version when the token was issued (``ver``)."""
        version: int = self.raw.get("ver", 0)
        return version

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """What the token allows (``scope``)."""
        return tuple(self.raw.get("scope", "").split())

    @property
    def issued_at(self) -> datetime:
        """When the token was issued (``iat``)."""
        return datetime.fromtimestamp(self.raw["iat"], UTC)

    @property
    def expires_at(self) -> datetime:
        """When the token ends (``exp``)."""
        return datetime.fromtimestamp(self.raw["exp"], UTC)

    @property
    def authenticated_at(self) -> datetime | None:
        """When the user last showed a password (``auth_time``)."""
        at = self.raw.get("auth_time")
        return None if at is None else datetime.fromtimestamp(at, UTC)


class TokenResponse(BaseModel):
    """Fresh tokens, as they go on the wire; they are shown to the client and hidden from logs.

    Attributes:
        access_token: What requests are made with.
        token_type: Always ``Bearer``.
        expires_in: Seconds for which the access token is valid.
        refresh_token: What the next access token is had for; it works once.
        scope: What the access token allows, separated by spaces.

    Reference: RFC 6749, section 5.1.
    """

    access_token: str = Field(repr=False)
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105  # the name of the scheme
    expires_in: int
    refresh_token: str | None = Field(default=None, repr=False)
    scope: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One login of one user on one client: the family of tokens that come of it.

    Instants are seconds since 1970-01-01T00:00:00Z; the routes show them as date and time.

    Attributes:
        id: Names the session; it opens nothing.
        user_id: Whose it is.
        token_hash: SHA-256 of the refresh token that works now.
        previous_hash: SHA-256 of the one before it, for a client that lost the answer.
        rotated_at: When the one became the other.
        created_at: When the user logged in.
        authenticated_at: When the user last showed a password.
        used_at: When the session was last refreshed.
        idle_expires_at: When it ends unless it is refreshed before.
        expires_at: When it ends in any case.
        token_version: The user's token version at login.
        scopes: What its access tokens may allow.
        client: The client by its own word (``User-Agent``).
        address: Where it was last used from.
    """

    id: str
    user_id: str
    token_hash: bytes = field(repr=False)
    previous_hash: bytes | None = field(default=None, repr=False)
    rotated_at: float | None = None
    created_at: float
    authenticated_at: float
    used_at: float
    idle_expires_at: float
    expires_at: float
    token_version: int = 0
    scopes: tuple[str, ...] = ()
    client: str = ""
    address: str | None = None

    def ends_at(self) -> float:
        """Give the instant at which it ends unless it is refreshed."""
        return min(self.idle_expires_at, self.expires_at)


@dataclass(frozen=True, slots=True)
class Rotation:
    """What became of a refresh token that was shown.

    Attributes:
        outcome: ``rotated``: it was the current one, and its successor now is. ``replayed``: it was the one before, and
            still within the grace; `session` holds the hash of the current one. ``reused``: it was used up before, so
            it is in two hands, and the session has been ended. ``unknown``: there is no such session any more.
        session: The session as it is now, or was when it ended; None where it is unknown.
    """

    outcome: Literal["rotated", "replayed", "reused", "unknown"]
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key by which a program calls on behalf of its owner.

    Attributes:
        id: Names the key; a part of its text, and no secret.
        owner: The ID of the user whose key it is.
        name: What the owner calls it.
        scopes: What it allows.
        created_at: When it was made.
        expires_at: When it ends; None for a key that does not.
        last_used_at: When it was last used, to the minute; None for never.
        lifetime: Seconds that it and its successors are made for, `math.inf` for ever; those until ``expires_at`` where
            left out. It stays when the key is to end earlier.
        hash: SHA-256 of the key's text.
    """

    id: str
    owner: str
    name: str
    scopes: tuple[str, ...] = ()
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    lifetime: float | None = None
    hash: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.lifetime is None:
            seconds = inf if self.expires_at is None else (self.expires_at - self.created_at).total_seconds()
            object.__setattr__(self, "lifetime", seconds)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that was just made.

    Attributes:
        key: Its text, for the owner, once: only a hash of it is kept.
        record: What is kept of it.
    """

    key: str = field(repr=False)
    record: ApiKey


EventKind = Literal[
    "registered",
    "logged-in",
    "login-failed",
    "locked-out",
    "refreshed",
    "refresh-reused",
    "logged-out",
    "logged-out-everywhere",
    "password-changed",
    "password-reset-requested",
    "password-reset",
    "email-verified",
    "key-created",
    "key-rotated",
    "key-revoked",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthEvent:
    """Something that an audit log wants to know; it holds no secret.

    Attributes:
        kind: What happened.
        at: When, in UTC.
        user_id: Whose account it is about; None where there is none.
        session_id: The session that it is about, if any.
        address: The client's address, if there was a request.
    """

    kind: EventKind
    at: datetime
    user_id: str | None = None
    session_id: str | None = None
    address: str | None = None
