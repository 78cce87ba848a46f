"""A small catalogue whose tables hold every kind of column that a listing can filter or sort by."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Status(StrEnum):
    """Where a product stands; the database stores the names, clients send the values."""

    DRAFT = "draft"
    ON_SALE = "on-sale"
    SOLD_OUT = "sold-out"


class Base(DeclarativeBase):
    """What all tables of the catalogue share."""


product_tags = Table(
    "product_tags",
    Base.metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)


class Category(Base):
    """A shelf, which may stand in another."""

    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    title: Mapped[str | None] = mapped_column(String(80))
    position: Mapped[int] = mapped_column(SmallInteger, default=0)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))

    parent: Mapped["Category | None"] = relationship(remote_side="Category.id")
    products: Mapped[list["Product"]] = relationship(back_populates="category", order_by="Product.id")


class Tag(Base):
    """A word that many products may carry."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))

    products: Mapped[list["Product"]] = relationship(secondary=product_tags, back_populates="tags")


class Review(Base):
    """What a buyer said of a product."""

    __tablename__ = "reviews"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id"))
    stars: Mapped[int] = mapped_column(SmallInteger)
    text: Mapped[str | None] = mapped_column(Text)

    product: Mapped["Product"] = relationship(back_populates="reviews")


class Product(Base):
    """What is sold: a column of every kind, many of them nullable."""

    __tablename__ = "products"

    id: Mapped[int] = mapped_column(primary_key=True)
    sku: Mapped[UUID | None]
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str | None] = mapped_column(Text)
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), default=Decimal("1.00"))
    discount: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    stock: Mapped[int] = mapped_column(SmallInteger, default=0)
    rank: Mapped[int | None]
    views: Mapped[int] = mapped_column(BigInteger, default=0)
    rating: Mapped[float | None]
    active: Mapped[bool] = mapped_column(default=True)
    featured: Mapped[bool | None]
    status: Mapped[Status] = mapped_column(default=Status.ON_SALE)
    previous_status: Mapped[Status | None]
    released_on: Mapped[date | None]
    opens_at: Mapped[time | None]
    delivery: Mapped[timedelta | None]
    created_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    local_time: Mapped[datetime | None] = mapped_column(DateTime(timezone=False))
    attributes: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSON().with_variant(JSONB(), "postgresql"))
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)
    category_id: Mapped[int | None] = mapped_column(ForeignKey("categories.id"))

    category: Mapped[Category | None] = relationship(back_populates="products")
    tags: Mapped[list[Tag]] = relationship(secondary=product_tags, back_populates="products", order_by=Tag.id)
    reviews: Mapped[list[Review]] = relationship(back_populates="product", order_by=Review.id)
