"""Columns that most tables have, as mix-ins: key, instants, soft deletion, version."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import DateTime, Dialect, Integer, Uuid, event
from sqlalchemy.orm import Mapped, Mapper, declared_attr, mapped_column
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeDecorator, TypeEngine

from .._rules import uuid7


def _now() -> datetime:
    return datetime.now(UTC)


class UTCDateTime(TypeDecorator[datetime]):
    """A column of instants: takes aware datetimes only, and gives them back in UTC, on every database.

    PostgreSQL stores `timestamptz`; SQLite, which knows no zones, stores the time in UTC.

    Raises:
        ValueError: A naive datetime was given: nobody can tell which instant it means. SQLAlchemy wraps it in a
            `StatementError`.
    """

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = DateTime(timezone=True)
    cache_ok: bool | None = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant as the driver takes it."""
        if value is None:
            return None
        if not isinstance(value, datetime):  # pyright: ignore[reportUnnecessaryIsInstance] - people compare with text
            raise TypeError(f"an instant is an aware datetime, not {type(value).__name__}")
        if value.utcoffset() is None:
            raise ValueError(f"{value!r} has no time zone: write datetime.now(UTC), or .replace(tzinfo=UTC) if it is")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the instant as Python has it."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def coerce_compared_value(self, op: OperatorType | None, value: Any) -> TypeEngine[Any]:
        """Give the type of what stands beside the column: another instant, or a duration to add to it."""
        return self if isinstance(value, datetime) else self.impl_instance.coerce_compared_value(op, value)


# Declared attributes without an annotation are no fields of a dataclass, so the mix-ins serve `MappedAsDataclass` too.


class UUIDKey:
    """Gives a model the primary key ``id``: a UUID of version 7, made where the row is made.

    Rows sort by age under it, and the key is there before the row is written.
    """

    if TYPE_CHECKING:
        id: Mapped[UUID]
    else:

        @declared_attr
        def id(cls):  # noqa: ANN201, D102, N805
            return mapped_column(Uuid(), primary_key=True, insert_default=uuid7, sort_order=-100)


class Timestamps:
    """Gives a model ``created_at`` and ``updated_at``: aware instants in UTC, set by the application."""

    if TYPE_CHECKING:
        created_at: Mapped[datetime]
        updated_at: Mapped[datetime]
    else:

        @declared_attr
        def created_at(cls):  # noqa: ANN201, D102, N805
            return mapped_column(UTCDateTime(), insert_default=_now, nullable=False, sort_order=900)

        @declared_attr
        def updated_at(cls):  # noqa: ANN201, D102, N805
            return mapped_column(UTCDateTime(), insert_default=_now, onupdate=_now, nullable=False, sort_order=901)


class SoftDelete:
    """Gives a model ``deleted_at``: a row that has it is hidden from the selects of a `Database`'s sessions.

    Hidden are rows of the model itself, counts of them, and what relationships load. A statement shows them with
    ``execution_options(include_deleted=True)``. `Repository.delete` sets it; setting it to None brings the row back.
    """

    if TYPE_CHECKING:
        deleted_at: Mapped[datetime | None]
    else:

        @declared_attr
        def deleted_at(cls):  # noqa: ANN201, D102, N805
            return mapped_column(UTCDateTime(), nullable=True, sort_order=902)


class Versioned:
    """Gives a model ``version``: it counts the changes of a row, and a change to an outdated row is refused.

    The refusal is SQLAlchemy's `StaleDataError`, which `brickwork.problems` answers with 409.
    """

    if TYPE_CHECKING:
        version: Mapped[int]
    else:

        @declared_attr
        def version(cls):  # noqa: ANN201, D102, N805
            return mapped_column(Integer(), insert_default=1, nullable=False, sort_order=903)


# Not `__mapper_args__`: a model that has its own would silently lose the version.
@event.listens_for(Versioned, "instrument_class", propagate=True)
def _count_versions(mapper: Mapper[Any], _model: type) -> None:
    if mapper.version_id_col is None and mapper.inherits is None:
        mapper.version_id_col = mapper.local_table.c["version"]
