"""What the routes take and give."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

from fastapi import Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from .._rules.logins import UserName
from .._rules.values import ApiKey, NewApiKey, Session

_Login = Annotated[str, Field(max_length=1_000)]
_Token = Annotated[str, Field(max_length=2_000, repr=False)]
_Password = Annotated[
    str, Field(max_length=4_000, repr=False, json_schema_extra={"format": "password", "writeOnly": True})
]
_Name = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]+$")]
_Secret = Annotated[str, Field(repr=False)]

_MOST_UNKNOWN: Final = 16

# What names sessions and keys in a path: nothing else gets as far as a store.
Id = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,255}$")]


class _Body(BaseModel):
    """What a client sends: nothing but what is named here."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _few_members(cls, sent: Any) -> Any:
        # Each that was not asked for would be an error of its own: ten thousand of them take their time.
        if isinstance(sent, dict) and len(cast("dict[object, object]", sent)) > len(cls.model_fields) + _MOST_UNKNOWN:
            raise ValueError("too many members")
        return cast("object", sent)


class Registration(_Body):
    """What somebody sends to register; add fields of your users in a subclass.

    A field that is not declared is refused, so nobody registers with roles of their own making.

    Attributes:
        login: What the user will type; kept in its normal form.
        password: Checked by the policy, and kept as a hash alone.
    """

    login: UserName
    password: _Password


class UserOut(BaseModel):
    """A user, as shown to the user.

    Attributes:
        id: Names the user for ever.
        login: What the user types.
        roles: The names of the user's roles.
        scopes: What tokens of the user may allow at most.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(from_attributes=True)

    id: Annotated[str, BeforeValidator(str)]
    login: str
    roles: list[str]
    scopes: list[str]


class LoginBody(_Body):
    """Login and password."""

    login: _Login
    password: _Password


class LoginWithTransportBody(LoginBody):
    """Login and password, and how the tokens are to be delivered."""

    transport: Literal["header", "cookie"] | None = None


class RefreshBody(_Body):
    """A refresh token."""

    refresh_token: _Token


class PasswordBody(_Body):
    """A password, and the one that takes its place."""

    current_password: _Password
    new_password: _Password


class LoginNameBody(_Body):
    """A login alone."""

    login: _Login


class OneTimeTokenBody(_Body):
    """The token of a link."""

    token: _Token


class ResetBody(OneTimeTokenBody):
    """The token of a link, and the new password."""

    new_password: _Password


class Accepted(BaseModel):
    """The answer to a request for a mail: the same for everybody.

    Attributes:
        detail: What happens next.
    """

    detail: str = "If there is such an account, a message is on its way."


class CookieTokens(BaseModel):
    """The answer to a login whose tokens are in cookies.

    Attributes:
        expires_in: Seconds for which the access token is valid.
        scope: What it allows, separated by spaces.
        csrf_token: What goes into the header ``X-CSRF-Token`` of requests that change something.
    """

    expires_in: int
    scope: str
    csrf_token: _Secret


class SessionOut(BaseModel):
    """A session, as shown to its user.

    Attributes:
        id: Names the session.
        client: The client by its own word.
        address: Where it was last used from.
        created_at: When the user logged in.
        used_at: When it was last refreshed.
        expires_at: When it ends unless it is refreshed.
        current: Whether it is the one that asks.
    """

    id: str
    client: str
    address: str | None
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    current: bool

    @classmethod
    def of(cls, session: Session, *, current: bool) -> Self:
        """Show a session."""
        return cls(
            id=session.id,
            client=session.client,
            address=session.address,
            created_at=datetime.fromtimestamp(session.created_at, UTC),
            used_at=datetime.fromtimestamp(session.used_at, UTC),
            expires_at=datetime.fromtimestamp(session.ends_at(), UTC),
            current=current,
        )


class KeyBody(_Body):
    """What an API key is to be.

    Attributes:
        name: What the owner calls it.
        scopes: What it allows.
        expires_in: Seconds after which it ends; never where left out.
    """

    name: _Name
    scopes: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=100)] = []
    expires_in: Annotated[int, Field(ge=1, le=100 * 366 * 86_400)] | None = None


class RotateBody(_Body):
    """How an API key is to be replaced.

    Attributes:
        overlap: Seconds for which the old key still works.
    """

    overlap: Annotated[int, Field(ge=0, le=30 * 86_400)] = 0


class KeyOut(BaseModel):
    """An API key, as shown to its owner.

    Attributes:
        id: Names the key.
        name: What the owner calls it.
        scopes: What it allows.
        created_at: When it was made.
        expires_at: When it ends.
        last_used_at: When it was last used, to the minute.
    """

    id: str
    name: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Show a key."""
        return cls(**_shown(key))


class NewKeyOut(KeyOut):
    """An API key that was just made, shown this once.

    Attributes:
        key: Its text.
    """

    key: _Secret

    @classmethod
    def made(cls, new: NewApiKey) -> Self:
        """Show a new key."""
        return cls(key=new.key, **_shown(new.record))


class JwksOut(BaseModel):
    """The public keys that tokens are verified with.

    Reference: RFC 7517, section 5.
    """

    keys: Sequence[dict[str, str]]


class Introspection(BaseModel):
    """What a token is worth.

    Reference: RFC 7662, section 2.2.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="allow")

    active: bool


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
