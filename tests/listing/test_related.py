"""Filters that follow relations, and never find a row twice."""

from typing import Annotated, Any, cast

import pytest
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, configure_mappers, mapped_column, relationship

from brickwork.listing import Contains, Eq, FilterSet, In, IsNull, Related
from tests.listing.finding import found, found_sync
from tests.listing.models import Category, Product, Review, Tag


class ProductFilter(FilterSet, model=Product):
    """Paths through every kind of relation."""

    category__slug: str | None = None
    category__slug__ne: str | None = None
    category__slug__in: list[str] | None = None
    category__slug__not_in: list[str] | None = None
    category__title__isnull: bool | None = None
    category__isnull: bool | None = None
    category__parent__slug: str | None = None
    category__parent__parent__slug: str | None = None
    category__position__gt: int | None = None
    tags__name: str | None = None
    tags__name__ne: str | None = None
    tags__name__in: list[str] | None = None
    tags__name__not_in: list[str] | None = None
    tags__name__icontains: str | None = None
    tags__isnull: bool | None = None
    tags__name__isnull: bool | None = None
    reviews__stars__between: list[int] | None = None
    category__products__name: str | None = None
    shelf: Annotated[str | None, Eq(Related(Product.category, Category.parent, Category.slug))] = None
    tag: Annotated[list[str] | None, In(Related(Product.tags, Tag.name))] = None
    said: Annotated[str | None, Contains("reviews.text")] = None
    untagged: Annotated[bool | None, IsNull(Product.tags)] = None


QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({"category__slug": "chairs"}, "one two"),
    ({"category__slug__ne": "chairs"}, "three four"),
    ({"category__slug__in": "chairs,rooms"}, "one two three"),
    ({"category__slug__not_in": "chairs,rooms"}, "four"),
    ({"category__slug__in": ""}, ""),
    ({"category__slug__not_in": ""}, "one two three four"),
    ({"category__title__isnull": "true"}, "three four"),
    ({"category__title__isnull": "false"}, "one two"),
    ({"category__isnull": "true"}, "four"),
    ({"category__isnull": "false"}, "one two three"),
    ({"category__parent__slug": "rooms"}, "one two"),
    ({"category__parent__parent__slug": "house"}, "one two"),
    ({"category__parent__parent__slug": "rooms"}, ""),
    ({"category__position__gt": "1"}, "one two"),
    ({"tags__name": "red"}, "one two"),
    ({"tags__name__ne": "red"}, "three four"),
    ({"tags__name__in": "red,blue"}, "one two three"),
    ({"tags__name__not_in": "red"}, "three four"),
    ({"tags__name__icontains": "E"}, "one two three"),
    ({"tags__isnull": "true"}, "four"),
    ({"tags__isnull": "false"}, "one two three"),
    ({"tags__name__isnull": "true"}, "four"),
    ({"reviews__stars__between": "2,3"}, "one"),
    ({"category__products__name": "two"}, "one two"),
    ({"shelf": "rooms"}, "one two"),
    ({"tag": ["blue", "red"]}, "one two three"),
    ({"said": "good"}, "one"),
    ({"untagged": "true"}, "four"),
    ({"category__slug": "chairs", "tags__name": "blue"}, "one"),
]


def rows() -> list[Product]:
    """Four products: on shelves that stand in others, with tags and reviews, and one with nothing."""
    house = Category(slug="house", title=None, parent=None)
    rooms = Category(slug="rooms", title=None, position=1, parent=house)
    chairs = Category(slug="chairs", title="Chairs", position=2, parent=rooms)
    red, blue = Tag(name="red"), Tag(name="blue")
    reviews = [Review(stars=5, text="good"), Review(stars=2, text=None), Review(stars=5, text="good again")]
    return [
        Product(id=1, name="one", category=chairs, tags=[red, blue], reviews=reviews),
        Product(id=2, name="two", category=chairs, tags=[red]),
        Product(id=3, name="three", category=rooms, tags=[blue]),
        Product(id=4, name="four"),
    ]


@pytest.mark.promise("listing-4")
@pytest.mark.promise("listing-5")
async def test_relations_are_followed(session: AsyncSession) -> None:
    """A row is found once when a related row matches, and `ne` asks that none does, in SQL and in Python."""
    session.add_all(rows())
    await session.flush()

    answers = [(asked, " ".join(await _found(session, asked))) for asked, _ in QUESTIONS]

    assert answers == QUESTIONS


def test_relations_synchronously(sync_session: Session) -> None:
    """A synchronous session finds the same."""
    sync_session.add_all(rows())
    sync_session.flush()

    answers = [(asked, " ".join(_found_sync(sync_session, asked))) for asked, _ in QUESTIONS]

    assert answers == QUESTIONS


@pytest.mark.promise("listing-4")
def test_a_joined_relation_is_not_confused(sync_session: Session) -> None:
    """A statement that joins the relation itself keeps its rows; the filter looks on its own."""
    sync_session.add_all(rows())
    sync_session.flush()
    statement = select(Product.name).join(Product.tags).where(Tag.name == "blue").order_by(Product.id)

    names = sync_session.scalars(ProductFilter(tags__name="red").apply(statement)).all()

    assert names == ["one"]


@pytest.mark.promise("listing-6")
def test_models_may_be_defined_later() -> None:
    """A filter can be written before the related model; nothing is configured by it, and its far side is known then."""

    class Later(DeclarativeBase):
        pass

    class Book(Later):
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
        author: Mapped["Author"] = relationship()

    class BookFilter(FilterSet, model=Book):
        author__name__in: list[str] | None = None

    class Author(Later):
        __tablename__ = "authors"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(10))

    statement = BookFilter(author__name__in=["Ada"]).apply(select(Book.id))

    assert "EXISTS" in str(statement)


@pytest.mark.promise("listing-6")
def test_the_far_side_is_checked_when_models_are_complete() -> None:
    """A column that the far side lacks is refused when SQLAlchemy configures the models, before any request."""

    class Later(DeclarativeBase):
        pass

    class Book(Later):
        __tablename__ = "books"
        id: Mapped[int] = mapped_column(primary_key=True)
        author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))
        author: Mapped["Author"] = relationship()

    class BookFilter(FilterSet, model=Book):
        author__nam: str | None = None

    class Author(Later):
        __tablename__ = "authors"
        id: Mapped[int] = mapped_column(primary_key=True)

    with pytest.raises(TypeError, match="Author has no attribute 'nam'"):
        configure_mappers()

    assert BookFilter.__model__ is Book
    assert Author.__tablename__ == "authors"


def test_related_needs_attributes() -> None:
    """`Related` says what it takes when it is given something else."""
    with pytest.raises(TypeError, match="the relationship and a column behind it"):
        Related(Product.category)
    with pytest.raises(TypeError, match="attributes of models"):
        Related(Product.category, cast("Any", "slug"))


async def _found(session: AsyncSession, asked: dict[str, Any]) -> list[str]:
    return await found(session, ProductFilter.model_validate(asked))


def _found_sync(session: Session, asked: dict[str, Any]) -> list[str]:
    return found_sync(session, ProductFilter.model_validate(asked))
