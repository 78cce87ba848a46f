"""Joins: which repeat an entity, and that pages and totals are of entities nevertheless."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Select,
    Table,
    UniqueConstraint,
    and_,
    create_engine,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    aliased,
    contains_eager,
    foreign,
    joinedload,
    mapped_column,
    relationship,
    selectinload,
)

from brickwork.listing import Total
from brickwork.listing.sqlalchemy.joins import page_of_entities
from brickwork.listing.sqlalchemy.structure import entity_of, is_joined
from tests.listing.models import Category, Product, Review, Tag
from tests.listing.statements import carry_out, catalogue, numbers, page, read, recorded


class Base(DeclarativeBase):
    """What the tables of a shop share."""


class Person(Base):
    """A person, who may be a customer."""

    __tablename__ = "people"
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "person"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)


class Customer(Person):
    """A person who orders, in a table of its own beside that of people."""

    __tablename__ = "customers"
    __mapper_args__ = {"polymorphic_identity": "customer"}  # noqa: RUF012

    id: Mapped[int] = mapped_column(ForeignKey("people.id"), primary_key=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="customer", lazy="joined")


class Order(Base):
    """What was ordered; its key is of two columns."""

    __tablename__ = "orders"

    year: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column("no", primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customers.id"))
    seller_email: Mapped[str | None]
    slot: Mapped[int | None]
    half: Mapped[int | None]
    partial: Mapped[int | None]
    ticket: Mapped[int | None] = mapped_column(index=True, unique=True)
    lowered: Mapped[str | None]

    customer: Mapped[Customer] = relationship(back_populates="orders")
    seller: Mapped[Person | None] = relationship(primaryjoin=lambda: Person.email == foreign(Order.seller_email))
    earlier: Mapped[Person | None] = relationship(
        primaryjoin=lambda: Person.id < Order.customer_id, foreign_keys=customer_id, viewonly=True
    )

    __table_args__ = (
        UniqueConstraint("slot", "half"),
        Index("unique_partial", "partial", unique=True, sqlite_where=text("no > 1")),
        Index("unique_lowered", text("lower(lowered)"), unique=True),
    )


notes = Table("notes", Base.metadata, Column("text", Integer))
other = aliased(Order)
counts = select(Order.customer_id, func.count().label("n")).group_by(Order.customer_id).subquery()
by_half = select(func.count().label("n")).group_by(Order.customer_id).subquery()
once = select(Order.customer_id).group_by(Order.customer_id).cte()

SINGLE: dict[str, Select[Any]] = {
    "to one": select(Order).join(Order.customer),
    "to one, outer": select(Order).outerjoin(Order.seller),
    "to one, with more conditions": select(Order).join(Order.seller.and_(Person.kind == "x")),
    "to an alias": select(Order).join(Order.seller.of_type(aliased(Person))),
    "from an alias": select(other).join(other.customer),
    "two alike": select(Order).join(Order.customer).join(Order.seller.of_type(aliased(Person))),
    "inferred": select(Order).join(Customer),
    "by primary key": select(Customer).join(Person.__table__, Person.__table__.c.id == Customer.id),
    "by unique column": select(Order).join(Person, Person.email == Order.seller_email),
    "by unique constraint": select(Person).join(Order, and_(Order.slot == Person.id, Order.half == 1)),
    "by unique index": select(Person).join(Order, Order.ticket == Person.id),
    "by composite key": select(Person).join(Order, and_(Order.year == 2000, Person.id == Order.number)),
    "by grouped subquery": select(Customer).join(counts, counts.c.customer_id == Customer.id),
    "by grouped expression": select(Customer).outerjoin(once, once.c.customer_id == Customer.id),
    "one after the other": select(Person)
    .join(Order, and_(Order.year == 1, Order.number == Person.id))
    .join(Order.seller.of_type(aliased(Person))),
    "from the other side": select(Order).select_from(Customer).join(Customer.orders),
    "grouped": select(Customer).join(Customer.orders).group_by(Customer.id),
    "distinct": select(Customer).join(Customer.orders).distinct(),
}
MULTIPLE: dict[str, Select[Any]] = {
    "to many": select(Customer).join(Customer.orders),
    "to many, outer": select(Customer).outerjoin(Customer.orders),
    "to many, then to one": select(Customer).join(Customer.orders).join(Order.seller.of_type(aliased(Person))),
    "on nothing": select(Person).join(Order, true()),
    "on a part of the key": select(Person).join(Order, Order.number == Person.id),
    "on one of two": select(Person).join(Order, or_(Order.slot == 1, Order.half == 2)),
    "on its own columns": select(Person).join(Order, and_(Order.slot == Order.year, Order.half == Order.number)),
    "on a partial index": select(Person).join(Order, Order.partial == Person.id),
    "on an indexed expression": select(Person).join(Order, Order.lowered == Person.email),
    "on an inequality": select(Order).join(Order.earlier),
    "on a correlated subquery": select(Order).join(
        Person, Person.id == select(func.max(Customer.id)).where(Customer.id == Person.id).scalar_subquery()
    ),
    "without key": select(Person).join(notes, notes.c.text == Person.id),
    "by what hides its key": select(Customer).join(by_half, by_half.c.n == Customer.id),
    "full": select(Order).join(Order.seller, full=True),
    "outer from the other side": select(Order).select_from(Person).outerjoin(Order, Order.seller_email == Person.email),
    "from another entity": select(Person).join(Order.customer.of_type(aliased(Customer))),
    "grouped by more": select(Customer).join(Customer.orders).group_by(Customer.id, Order.year),
    "for other rows of an outer join": select(Person)
    .outerjoin(Order, Order.slot == 1)
    .outerjoin(other, and_(other.year == 1, other.number == 1, Order.half == 1)),
}


@pytest.mark.parametrize("form", SINGLE)
def test_a_join_that_repeats_nothing_stays(form: str) -> None:
    """A statement whose joins add one row at most is read as it was written."""
    statement = SINGLE[form]

    assert page_of_entities(statement, entity_of(statement)) is statement


@pytest.mark.promise("listing-50")
@pytest.mark.parametrize("form", MULTIPLE)
def test_a_join_that_may_repeat_is_asked_for_keys_alone(form: str) -> None:
    """A statement whose joins may repeat the entity becomes a condition on its key, which repeats nothing."""
    statement = MULTIPLE[form]

    found = page_of_entities(statement, entity_of(statement))

    assert not is_joined(found)
    assert " IN (SELECT " in str(found)


def test_a_key_of_two_columns_is_compared_as_one() -> None:
    """An entity whose key is of several columns keeps its pages, in its order."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        customer = Customer(id=1, email="a")
        session.add_all([Order(year=year, number=number, customer=customer) for year in (1, 2) for number in range(4)])
        session.add_all([Person(id=number, email=str(number), kind="person") for number in range(2, 5)])
        session.flush()

        found = read(session, select(Order).join(Person, true()).order_by(Order.year.desc(), Order.number))
    engine.dispose()

    assert [(row.year, row.number) for row in found.rows] == [(2, 0), (2, 1), (2, 2), (2, 3), (1, 0)]
    assert found.total == 8


@pytest.mark.promise("listing-52")
def test_collections_that_the_model_always_joins_do_not_shorten_a_page() -> None:
    """A model with `lazy="joined"` has full pages, whole collections and a total of entities."""
    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        customers = [Customer(id=number, email=str(number)) for number in range(1, 9)]
        session.add_all([Order(year=year, number=each.id, customer=each) for year in (1, 2, 3) for each in customers])
        session.flush()
        session.expunge_all()

        found = read(session, select(Customer).order_by(Customer.id))
        joined = read(session, select(Customer).join(Customer.orders).order_by(Customer.id), offset=5)
        pairs = read(session, select(Customer, Customer.email).order_by(Customer.id))
    engine.dispose()

    assert numbers(found) == [1, 2, 3, 4, 5]
    assert [len(row.orders) for row in found.rows] == [3] * 5
    assert (found.total, joined.total, pairs.total) == (8, 8, 8)
    assert numbers(joined) == [6, 7, 8]
    assert [(row[0].id, row[1]) for row in pairs.rows] == [(number, str(number)) for number in range(1, 6)]


@pytest.mark.promise("listing-50")
@pytest.mark.parametrize("total", [Total.exact(), Total.capped(100)])
async def test_a_page_of_a_join_to_many_is_full(session: AsyncSession, total: Total) -> None:
    """Each entity comes once, a page is full, and the total counts entities."""
    session.add_all(catalogue())
    await session.flush()
    statement = (
        select(Product).join(Product.tags).join(Product.reviews).where(Tag.name != "tag2", Product.id > 1)
    ).order_by(Product.price.desc())

    pages = [await carry_out(session, page(session, statement, offset, total=total)) for offset in (0, 5, 10, 15)]

    assert [numbers(each) for each in pages] == [[12, 11, 10, 9, 8], [7, 6, 5, 4, 3], [2], []]
    assert [(each.total, each.has_next) for each in pages] == [(11, True), (11, True), (11, False), (11, False)]


@pytest.mark.promise("listing-50")
async def test_a_join_within_a_limit_gives_entities(session: AsyncSession) -> None:
    """Of a join to many that is limited itself, a page holds each entity of the limited rows once."""
    session.add_all(catalogue())
    await session.flush()

    statement = select(Product).join(Product.reviews).order_by(Product.id).limit(8)
    found = await carry_out(session, page(session, statement, size=3))

    assert numbers(found) == [1, 2, 3]
    assert found.total == 4


@pytest.mark.promise("listing-50")
def test_options_outlive_the_change(sqlite_session: Session) -> None:
    """Loader options and execution options of the statement are those of its page."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    sqlite_session.expunge_all()
    statement = select(Product).join(Product.reviews).options(selectinload(Product.tags), joinedload(Product.category))

    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, statement.order_by(Product.id))
        loaded = [(row.category.slug, [tag.name for tag in row.tags]) for row in found.rows]

    assert loaded == [("c", ["tag1", "tag2", "tag3"])] * 5
    assert len(statements) == 3
    assert page_of_entities(statement.execution_options(mark=1), Product).get_execution_options() == {"mark": 1}


@pytest.mark.promise("listing-51")
@pytest.mark.parametrize(
    "order",
    [
        lambda: Review.stars,
        lambda: Review.stars.desc().nulls_last(),
        lambda: func.coalesce(Review.text, Product.name),
        lambda: func.max(Review.stars),
    ],
    ids=["column", "descending", "mixed", "aggregate"],
)
def test_an_order_by_what_repeats_is_refused(sqlite_session: Session, order: Callable[[], Any]) -> None:
    """Entities have no place in an order by one of their many; the error says what to write."""
    with pytest.raises(TypeError, match="filter with EXISTS"):
        read(sqlite_session, select(Product).join(Product.reviews).order_by(order()))


@pytest.mark.promise("listing-51")
@pytest.mark.parametrize("options", [contains_eager(Product.reviews), contains_eager(Product.reviews, Review.product)])
def test_loading_from_a_join_to_many_is_refused(sqlite_session: Session, options: Any) -> None:
    """A collection cannot be filled from a part of its rows; the error names `selectinload`."""
    with pytest.raises(TypeError, match=r"write selectinload\(\)"):
        read(sqlite_session, select(Product).join(Product.reviews).options(options))


def test_an_order_by_a_subquery_is_of_the_entity(sqlite_session: Session) -> None:
    """A subquery that aggregates the many, and an EXISTS, are keys like any other."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    stars = select(func.min(Review.stars)).where(Review.product_id == Product.id).correlate(Product).scalar_subquery()
    joined = select(Product).join(Product.reviews)

    found = read(
        sqlite_session,
        joined.order_by(stars.desc(), Product.reviews.any(Review.stars == 9), literal_column("products.id")),
    )

    assert numbers(found) == [4, 9, 3, 8, 2]
    assert found.total == 12


def test_loading_from_a_join_to_one_is_read_as_written(sqlite_session: Session) -> None:
    """`contains_eager` of what is one takes the join of the statement."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    sqlite_session.expunge_all()

    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, select(Product).join(Product.category).options(contains_eager(Product.category)))
        slugs = {row.category.slug for row in found.rows}

    assert slugs == {"c"}
    assert len(statements) == 2


def test_rows_of_several_things_are_not_entities(sqlite_session: Session) -> None:
    """Where a statement selects more than one thing, a row of a join is a row of the page."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()

    found = read(sqlite_session, select(Category.slug).join(Category.products), size=20)

    assert list(found.rows) == ["c"] * 12
