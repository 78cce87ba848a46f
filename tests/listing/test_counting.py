"""The statements that count: what they leave out, and what they must not."""

from typing import Any

import pytest
from sqlalchemy import Select, func, literal, select, union, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Bundle, Session, aliased, joinedload, selectinload

from brickwork.listing import Total
from brickwork.listing.sqlalchemy import structure
from brickwork.listing.sqlalchemy.counting import count_of
from brickwork.listing.sqlalchemy.structure import Statement
from tests.listing.models import Category, Product, Review, Tag
from tests.listing.statements import carry_out, catalogue, page, read, recorded

other = aliased(Product)
STATEMENTS: dict[str, tuple[Statement, int]] = {
    "entity": (select(Product), 12),
    "alias": (select(other).where(other.id > 2), 10),
    "columns": (select(Product.id, Product.name), 12),
    "column": (select(Product.category_id), 12),
    "bundle": (select(Bundle("both", Product.id, Product.name)), 12),
    "expression": (select(func.lower(Product.name)), 12),
    "table": (select(Product.__table__), 12),
    "two entities": (select(Review, Product).join(Review.product), 24),
    "several rows": (select(Product, Review).join(Product.reviews), 24),
    "group by": (select(Review.product_id, func.count()).group_by(Review.product_id), 12),
    "having": (select(Review.stars, func.count().label("n")).group_by(Review.stars).having(func.count() > 2), 3),
    "grouped entity": (select(Category, func.count(Product.id)).join(Category.products).group_by(Category.id), 1),
    "distinct": (select(Review.stars).distinct(), 6),
    "aggregate": (select(func.count(Product.id)), 1),
    "window": (select(Product.id, func.row_number().over(order_by=Product.id)), 12),
    "union": (union(select(Product.id), select(Tag.id)), 12),
    "union all": (union_all(select(Product.id), select(Tag.id)), 15),
    "union with limit": (union_all(select(Product.id), select(Tag.id)).limit(7), 7),
    "limit": (select(Product).limit(9), 9),
    "limit and offset": (select(Product).limit(9).offset(5), 7),
    "offset": (select(Product).offset(5), 7),
    "subquery": (select(select(Product.id).limit(8).subquery()), 8),
    "origin": (select(literal(1)).select_from(Product), 12),
    "origin of a join": (select(Review).select_from(Product).join(Product.reviews), 24),
    "exists": (select(Product).where(Product.tags.any(Tag.name == "tag1")), 12),
    "prefix": (select(Review.stars).prefix_with("DISTINCT"), 6),
    "for update": (select(Product).where(Product.id > 1).with_for_update(), 11),
}


@pytest.mark.promise("listing-45")
@pytest.mark.parametrize("form", STATEMENTS)
async def test_every_form_of_statement_is_counted(session: AsyncSession, form: str) -> None:
    """Grouped, distinct, united, limited: the total is the number of rows on all pages, however it is counted."""
    statement, expected = STATEMENTS[form]
    session.add_all(catalogue())
    await session.flush()
    is_postgresql = session.get_bind().dialect.name == "postgresql"

    pages = [await carry_out(session, page(session, statement, offset, 3)) for offset in range(0, 27, 3)]
    capped = await carry_out(session, page(session, statement, 0, 1, Total.capped(100)))
    estimated = await carry_out(session, page(session, statement, 0, 1, Total.estimated()))

    assert {each.total for each in pages} == {expected}
    assert sum(len(each.rows) for each in pages) == expected
    assert [each.has_next for each in pages] == [offset + 3 < expected for offset in range(0, 27, 3)]
    assert (capped.total, capped.total_is_estimate) == (expected, False)
    assert estimated.total_is_estimate is (is_postgresql and expected > 1)


@pytest.mark.promise("listing-44")
def test_a_count_holds_only_what_decides(sqlite_session: Session) -> None:
    """Order, columns and eager loading are left out of the count, and the condition stays."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    statement = (
        select(Product)
        .where(Product.price > 1)
        .order_by(Product.price)
        .options(joinedload(Product.tags), selectinload(Product.reviews), joinedload(Product.category))
    )

    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, statement)

    assert found.total == 11
    assert statements[-1] == "SELECT count(*) AS count_1 FROM products WHERE products.price > ?"


@pytest.mark.promise("listing-44")
def test_a_join_to_one_is_counted_where_it_stands() -> None:
    """A join that repeats nothing stays in the count, for it may take rows away."""
    counted = str(count_of(select(Product).join(Product.category).order_by(Product.id)))

    assert " ".join(counted.split()) == (
        "SELECT count(*) AS count_1 FROM products JOIN categories ON categories.id = products.category_id"
    )


@pytest.mark.promise("listing-45")
def test_a_limit_of_the_statement_bounds_its_pages(sqlite_session: Session) -> None:
    """Pages are cut from the rows that the statement's own limit and offset leave."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    statement = select(Product.id).order_by(Product.id).limit(7).offset(2)

    pages = [read(sqlite_session, statement, offset) for offset in (0, 5, 10)]

    assert [list(each.rows) for each in pages] == [[3, 4, 5, 6, 7], [8, 9], []]


@pytest.mark.promise("listing-45")
@pytest.mark.parametrize(
    "statement",
    [
        select(Product.id).limit(func.length("abc")),
        select(Product.id).offset(select(func.count(Tag.id)).scalar_subquery()),
        select(Product.id).fetch(3),
    ],
)
def test_a_limit_that_is_no_number_is_refused(sqlite_session: Session, statement: Select[Any]) -> None:
    """What cannot be bounded is refused with a sentence, rather than answered with other rows."""
    with pytest.raises(TypeError, match="a page cannot be cut"):
        read(sqlite_session, statement)


def test_the_clauses_of_a_select_have_the_names_we_read() -> None:
    """Every private name of SQLAlchemy that is read exists, and says what it is read for."""
    full = select(Product).join(Product.tags).where(Product.id > 1).group_by(Product.id).order_by(Product.id).limit(3)

    assert not structure.is_plain(full)
    assert structure.is_joined(full)
    assert not structure.is_joined(union(full, full))
    assert structure.window_of(full) == (3, 0)
    assert structure.entity_of(full) is Product
    assert len(structure.order_of(full)) == len(structure.grouping_of(full)) == 1
    assert not structure.is_distinct(full)
    assert not structure.distinct_on(full)
    assert structure.is_distinct(full.distinct())
    assert len(structure.options_of(full.options(selectinload(Product.tags)))) == 1
    assert structure.is_plain(select(Product).where(Product.id > 1).order_by(Product.id))
    for added in (
        select(Product).group_by(Product.id),
        select(Product).having(Product.id > 1),
        select(Product).distinct(),
        select(Product).limit(1),
        select(Product).offset(1),
        select(Product).fetch(1),
        select(Product).prefix_with("x"),
        select(Product).suffix_with("x"),
        select(Product).with_for_update(),
        select(Product).select_from(Product),
        select(func.count(Product.id)),
    ):
        assert not structure.is_plain(added)
