"""A small library: books that are softly deleted and versioned, their authors, and what they are kept in."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Computed, Enum, ForeignKey, Index, Integer, Numeric, String, UniqueConstraint, Uuid, func
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, column_property, mapped_column, relationship

from brickwork.database import SoftDelete, Timestamps, UTCDateTime, UUIDKey, Versioned


class Base(DeclarativeBase):
    """Holds the tables of the library."""


class Author(UUIDKey, SoftDelete, Base):
    __tablename__ = "author"

    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.title")


class Book(UUIDKey, Timestamps, SoftDelete, Versioned, Base):
    __tablename__ = "book"

    title: Mapped[str] = mapped_column(String(200))
    isbn: Mapped[str | None] = mapped_column(String(20), unique=True)
    price: Mapped[Decimal | None] = mapped_column(Numeric(10, 2))
    pages: Mapped[int | None]
    shop: Mapped[str] = mapped_column(default="north")
    author_id: Mapped[UUID | None] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author | None] = relationship(back_populates="books")


class Shelf(Base):
    """Counts on the database for its key and its time of change."""

    __tablename__ = "shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    room: Mapped[str] = mapped_column(default="hall", server_default="hall")
    changed_at: Mapped[datetime] = mapped_column(UTCDateTime(), server_default=func.now(), onupdate=func.now())
    long_name: Mapped[str] = mapped_column(Computed("name || ' shelf'", persisted=True))
    loud_name: Mapped[str] = column_property(func.upper(name))


class Kind(StrEnum):
    DAY = "day"


class Ticket(Base):
    """Has a key of types that take text."""

    __tablename__ = "ticket"

    id: Mapped[str] = mapped_column(Uuid(as_uuid=False), primary_key=True)
    kind: Mapped[Kind] = mapped_column(
        Enum(Kind, native_enum=False, values_callable=lambda kinds: [kind.value for kind in kinds]), primary_key=True
    )


class Label(UUIDKey, SoftDelete, Base):
    """Is unique among those that are there."""

    __tablename__ = "label"

    name: Mapped[str]
    colour: Mapped[str] = mapped_column(default="grey")


Index(
    "one_of_each",
    Label.name,
    unique=True,
    postgresql_where=Label.deleted_at.is_(None),
    sqlite_where=Label.deleted_at.is_(None),
)


class Word(Base):
    """Is nothing but its key."""

    __tablename__ = "word"

    text: Mapped[str] = mapped_column(primary_key=True)


class Copy(Base):
    """Has a key of two columns, and a version of its own making."""

    __tablename__ = "copy"
    __table_args__ = (UniqueConstraint("barcode"),)

    book: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    barcode: Mapped[str | None]
    edition: Mapped[int] = mapped_column(Integer())

    __mapper_args__ = {"version_id_col": edition}  # noqa: RUF012 - so SQLAlchemy reads it


class Document(UUIDKey, Versioned, Base):
    """The head of an inheritance with options of its own."""

    __tablename__ = "document"

    kind: Mapped[str]

    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "document"}  # noqa: RUF012


class Letter(Document):
    __tablename__ = "letter"

    id: Mapped[UUID] = mapped_column(ForeignKey("document.id"), primary_key=True)
    text: Mapped[str] = mapped_column(default="")

    __mapper_args__ = {"polymorphic_identity": "letter"}  # noqa: RUF012


class DataclassBase(MappedAsDataclass, DeclarativeBase):
    """Makes dataclasses of models."""


class Note(UUIDKey, Timestamps, SoftDelete, Versioned, DataclassBase):
    __tablename__ = "note"

    text: Mapped[str]
