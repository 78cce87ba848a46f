"""The tables of the shop; those of its people are in accounts.py."""

from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Numeric, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from brickwork.database import Timestamps, UTCDateTime, UUIDKey, Versioned

Category = Literal[
    "children", "drama", "epic", "essays", "history", "memoir", "novel", "philosophy", "poetry", "science", "story",
    "travel",
]  # fmt: skip


class Base(DeclarativeBase):
    pass


class Book(Versioned, Base):
    __tablename__ = "book"
    __table_args__ = (CheckConstraint("stock >= 0", name="no_copy_is_sold_twice"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    title: Mapped[str] = mapped_column(String(120), index=True)
    author: Mapped[str] = mapped_column(String(80), index=True)
    year: Mapped[int] = mapped_column(index=True)
    language: Mapped[str] = mapped_column(String(12))
    category: Mapped[Category] = mapped_column(index=True)
    price: Mapped[Decimal] = mapped_column(Numeric(6, 2), index=True)
    stock: Mapped[int]


class Order(UUIDKey, Timestamps, Base):
    __tablename__ = "purchase"  # ORDER is a word of SQL

    customer_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    shipped_at: Mapped[datetime | None] = mapped_column(UTCDateTime())
    lines: Mapped[list["OrderLine"]] = relationship(order_by="OrderLine.number", lazy="selectin")

    @property
    def total(self) -> Decimal:
        return sum((line.price * line.quantity for line in self.lines), Decimal(0))


class OrderLine(Base):
    __tablename__ = "purchase_line"

    order_id: Mapped[UUID] = mapped_column(ForeignKey("purchase.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    book_id: Mapped[int] = mapped_column(ForeignKey("book.id"), index=True)
    # Title and price as they were on the day.
    title: Mapped[str] = mapped_column(String(120))
    quantity: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Numeric(6, 2))
