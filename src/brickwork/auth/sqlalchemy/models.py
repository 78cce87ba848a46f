"""The columns of a user, and the tables of sessions, tokens, keys and attempts."""

from typing import TYPE_CHECKING

from sqlalchemy import JSON, Boolean, Column, Double, Index, Integer, LargeBinary, MetaData, String, Table
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.schema import SchemaItem

# Declared attributes without an annotation are no fields of a dataclass, so the mix-ins serve `MappedAsDataclass` too.


class AuthUser:
    """Gives a model the columns of a user, all but its primary key ``id``.

    Roles and scopes are lists of names: to change one, assign a new list.
    """

    if TYPE_CHECKING:
        login: Mapped[str]
        password_hash: Mapped[str | None]
        active: Mapped[bool]
        token_version: Mapped[int]
        roles: Mapped[list[str]]
        scopes: Mapped[list[str]]
    else:

        @declared_attr
        def login(cls):  # noqa: ANN201, D102, N805
            return mapped_column(String(320), unique=True, nullable=False)

        @declared_attr
        def password_hash(cls):  # noqa: ANN201, D102, N805
            return mapped_column(String(255), nullable=True)

        @declared_attr
        def active(cls):  # noqa: ANN201, D102, N805
            return mapped_column(Boolean(), insert_default=True, nullable=False)

        @declared_attr
        def token_version(cls):  # noqa: ANN201, D102, N805
            return mapped_column(Integer(), insert_default=0, nullable=False)

        @declared_attr
        def roles(cls):  # noqa: ANN201, D102, N805
            return mapped_column(JSON(), insert_default=list, nullable=False)

        @declared_attr
        def scopes(cls):  # noqa: ANN201, D102, N805
            return mapped_column(JSON(), insert_default=list, nullable=False)


class AuthEmail:
    """Gives a user an e-mail address, and whether it was shown to be theirs."""

    if TYPE_CHECKING:
        email: Mapped[str | None]
        email_verified: Mapped[bool]
    else:

        @declared_attr
        def email(cls):  # noqa: ANN201, D102, N805
            return mapped_column(String(320), unique=True, nullable=True)

        @declared_attr
        def email_verified(cls):  # noqa: ANN201, D102, N805
            return mapped_column(Boolean(), insert_default=False, nullable=False)


class AuthTables:
    """The tables of sessions, single tokens, API keys and attempts.

    Instants are seconds since 1970-01-01T00:00:00Z; tokens and keys are there as hashes alone.

    Args:
        metadata: What they are to be part of, such as ``Base.metadata``.
        prefix: Put before the name of every table.
        schema: The schema that they live in.

    Attributes:
        session: Logins, one row each.
        token: IDs of tokens that are denied or spent.
        api_key: API keys.
        attempt: Attempts to log in.
    """

    session: Table
    token: Table
    api_key: Table
    attempt: Table

    def __init__(self, metadata: MetaData, *, prefix: str = "auth_", schema: str | None = None) -> None:
        self.session = Table(f"{prefix}session", metadata, *_session_columns(prefix), schema=schema)
        self.api_key = Table(f"{prefix}api_key", metadata, *_api_key_columns(prefix), schema=schema)
        self.token = Table(
            f"{prefix}token",
            metadata,
            Column("id", String(255), primary_key=True),
            _seconds("until", index=True),
            schema=schema,
        )
        self.attempt = Table(
            f"{prefix}attempt",
            metadata,
            Column("key", String(64), primary_key=True),
            Column("count", Integer(), nullable=False),
            _seconds("until", index=True),
            schema=schema,
        )


def checked_tables(tables: AuthTables) -> AuthTables:
    """Give the tables of a store.

    Raises:
        TypeError: They are something else, such as the metadata that they are part of.
    """
    if not isinstance(tables, AuthTables):  # pyright: ignore[reportUnnecessaryIsInstance] - people pass their metadata
        raise TypeError(f"a store takes its tables, got {type(tables).__name__}: write AuthTables(Base.metadata)")
    return tables


def _session_columns(prefix: str) -> list[SchemaItem]:
    return [
        Column("id", String(64), primary_key=True),
        Column("user_id", String(255), nullable=False),
        Column("token_hash", LargeBinary(32), nullable=False),
        Column("previous_hash", LargeBinary(32)),
        _seconds("rotated_at", nullable=True),
        _seconds("created_at"),
        _seconds("authenticated_at"),
        _seconds("used_at"),
        _seconds("idle_expires_at", index=True),
        _seconds("expires_at", index=True),
        Column("token_version", Integer(), nullable=False),
        Column("scopes", JSON(), nullable=False),
        Column("client", String(512), nullable=False),
        Column("address", String(64)),
        Index(f"ix_{prefix}session_user", "user_id", "used_at"),
    ]


def _api_key_columns(prefix: str) -> list[SchemaItem]:
    return [
        Column("id", String(64), primary_key=True),
        Column("owner", String(255), nullable=False),
        Column("name", String(255), nullable=False),
        Column("scopes", JSON(), nullable=False),
        _seconds("created_at"),
        _seconds("expires_at", nullable=True),
        _seconds("last_used_at", nullable=True),
        _seconds("lifetime"),
        Column("hash", LargeBinary(32), nullable=False),
        Index(f"ix_{prefix}api_key_owner", "owner", "created_at"),
    ]


def _seconds(name: str, *, nullable: bool = False, index: bool = False) -> Column[float]:
    return Column(name, Double(), nullable=nullable, index=index)
