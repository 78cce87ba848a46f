"""Walks through any statement: expressions, joins, groups, subqueries, and rows that are no entities."""

import pytest
from sqlalchemy import Connection, func, select, union
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from brickwork.listing import Sort, SortKey
from brickwork.listing.sqlalchemy.related import Related
from tests.listing.models import Category, Product, Review
from tests.listing.shelves import RANKS, ids, stocked
from tests.listing.walking import END, ordered, read_page, walk


@pytest.fixture
def shop(sqlite_session: Session) -> Session:
    """Ten products whose ranks repeat and are missing, in two categories and none."""
    return stocked(sqlite_session)


@pytest.fixture
def every_shop(sync_session: Session) -> Session:
    """The same on each database."""
    return stocked(sync_session)


@pytest.mark.promise("listing-36")
def test_a_declared_place_of_null_is_the_same_everywhere(every_shop: Session) -> None:
    """First is first and last is last, whichever way the key runs."""
    nulls_first, nulls_last = Sort(SortKey(Product.rank, nulls="first")), Sort(SortKey(Product.rank, nulls="last"))
    known, missing = sorted(rank for rank in RANKS if rank is not None), [None] * 3

    def ranks(sort: Sort, term: str) -> list[int | None]:
        return [row.rank for row in walk(every_shop, select(Product), sort.order([term], Product))]

    assert ranks(nulls_first, "rank") == [*missing, *known]
    assert ranks(nulls_first, "-rank") == [*missing, *known[::-1]]
    assert ranks(nulls_last, "rank") == [*known, *missing]
    assert ranks(nulls_last, "-rank") == [*known[::-1], *missing]


def test_an_expression_can_be_sorted_by(every_shop: Session) -> None:
    """Its value is read along with the rows, and is no part of them."""
    keys = Sort(SortKey(func.upper(Product.name), name="name"), SortKey(Product.stock * -1, name="stock")).order(
        ["-name", "stock"], Product
    )

    rows = walk(every_shop, select(Product), keys)

    assert all(isinstance(row, Product) for row in rows)
    assert ids(rows) == ids(ordered(every_shop, select(Product), keys))


def test_a_column_of_a_related_row_can_be_sorted_by(every_shop: Session) -> None:
    """A product without a category, or whose category has no title, has its place too."""
    for term in ("category__title", "-category__title"):
        keys = Sort(Related(Product.category, Category.title)).order([term], Product)
        rows = walk(every_shop, select(Product), keys, size=2)

        assert ids(rows) == ids(ordered(every_shop, select(Product), keys))
        assert {row.category and row.category.title for row in rows[-3:] + rows[:3]} == {None, "B"}


def test_a_table_may_meet_itself_on_the_way(shop: Session) -> None:
    """Each step to a related row has a name of its own in SQL."""
    shop.add_all([Category(id=3, slug="c", parent_id=2), Category(id=4, slug="d", parent_id=3)])
    shop.flush()
    keys = Sort(Related(Category.parent, Category.parent, Category.slug)).order(["-parent__parent__slug"], Category)

    rows = walk(shop, select(Category).where(Category.id == 4), keys)

    assert ids(rows) == [4]
    assert ids(walk(shop, select(Category), keys, size=1)) == ids(ordered(shop, select(Category), keys))


def test_columns_of_an_outer_join_may_be_missing(shop: Session) -> None:
    """A column that is never NULL in its table can be, where a row has no partner."""
    statement = select(Product).outerjoin(Product.category)
    keys = Sort(SortKey(Category.slug, name="category"), Category.position).order(["category", "-position"], Product)

    rows = walk(shop, statement, keys)

    assert ids(rows) == ids(ordered(shop, statement, keys))
    assert len(rows) == 10


def test_loader_options_and_collections_stay(every_shop: Session) -> None:
    """Eager loading of a collection does not cut the page, and rows are the entities."""
    every_shop.add_all(Review(product_id=product, stars=stars) for product in (1, 2, 3, 4) for stars in (1, 5, 3))
    every_shop.flush()
    keys = Sort(Product.rank).order(["-rank"], Product)
    for option in (joinedload(Product.reviews), selectinload(Product.reviews)):
        every_shop.expunge_all()

        rows = walk(every_shop, select(Product).options(option), keys)

        assert ids(rows) == ids(ordered(every_shop, select(Product), keys))
        assert [len(row.reviews) for row in sorted(rows, key=lambda row: row.id)] == [3, 3, 3, 3, 0, 0, 0, 0, 0, 0]


def test_an_entity_that_the_session_holds_changed_does_not_mislead(shop: Session) -> None:
    """What the cursor holds is what the database sorted by, not what an entity in the session has become."""
    keys = Sort(Product.rank).order(["rank"], Product)
    everything = ids(ordered(shop, select(Product), keys))
    shop.autoflush = False
    for product in shop.scalars(select(Product)):
        product.rank = 99

    assert ids(walk(shop, select(Product), keys)) == everything


def test_an_alias_can_be_listed(shop: Session) -> None:
    """Keys of an alias, with the tie-breaker of the alias; it may have no name in the row."""
    other = aliased(Product)
    keys = Sort(other.rank).order(["rank"], other)
    statement = select(other, other.name).where(other.id > 2)

    rows = walk(shop, statement.with_only_columns(other), keys)
    pairs = walk(shop, statement, keys)

    assert ids(rows) == [row[0].id for row in pairs] == ids(ordered(shop, statement.with_only_columns(other), keys))
    assert [row.name for row in pairs] == [row.name for row in rows]


def test_rows_of_columns_keep_their_names(every_shop: Session) -> None:
    """A session gives rows of the columns that were selected and nothing else; of one column, its values."""
    keys = Sort(Product.rank).order(["rank"], Product)

    page = read_page(every_shop, select(Product.id, Product.name.label("title")), keys)
    numbers = walk(every_shop, select(Product.id), keys)

    assert [row._fields for row in page.rows] == [("id", "title")] * 3
    assert page.rows[0]._mapping == {"id": page.rows[0].id, "title": page.rows[0].title}
    assert numbers == ids(ordered(every_shop, select(Product), keys))


def test_connections_give_rows(every_shop: Session) -> None:
    """On a connection an entity is its columns, and one column is a row of one."""
    connection: Connection = every_shop.connection()
    keys = Sort(Product.rank).order(["rank"], Product)

    whole = walk(connection, select(Product), keys)
    single = walk(connection, select(Product.id), keys)

    assert ids(whole) == [row[0] for row in single] == ids(ordered(every_shop, select(Product), keys))
    assert whole[0]._fields == single[0]._fields + whole[0]._fields[1:]


@pytest.mark.promise("listing-39")
def test_groups_can_be_walked(every_shop: Session) -> None:
    """By what they are grouped by, and by what is made of each group."""
    count = func.count(Product.id)
    statement = select(Product.name, count.label("count")).group_by(Product.name)
    sort = Sort(Product.name, SortKey(count, name="count"), tie_breaker=Product.name)

    for term in ("name", "-count", "count"):
        keys = sort.order([term])
        rows = walk(every_shop, statement, keys, size=1)

        assert rows == ordered(every_shop, statement, keys)
        assert sorted(rows) == [("product 0", 3), ("product 1", 4), ("product 2", 3)]


@pytest.mark.promise("listing-39")
def test_distinct_rows_can_be_walked(every_shop: Session) -> None:
    """By columns that are among the distinct ones, also where NULL is one of the values that only one row has."""
    ranks = Sort(Product.rank, tie_breaker=Product.rank)
    for term in ("rank", "-rank"):
        values = walk(every_shop, select(Product.rank).distinct(), ranks.order([term]), size=1)
        assert (len(values), set(values)) == (5, {-1, 0, 1, 2, None})
    statement = select(Product.rank, Product.stock).distinct()
    keys = Sort(Product.rank, tie_breaker=[Product.rank, Product.stock]).order(["-rank"])

    assert walk(every_shop, statement, keys, size=2) == ordered(every_shop, statement, keys)


@pytest.mark.promise("listing-39")
def test_distinct_rows_stay_distinct(shop: Session) -> None:
    """What is not among their columns would make several rows of one, and is refused."""
    keys = Sort(Product.stock, tie_breaker=Product.rank).order(["stock"])

    with pytest.raises(TypeError, match="need 'stock' among its columns"):
        walk(shop, select(Product.rank).distinct(), keys)


def test_subqueries_of_unions_can_be_walked(shop: Session) -> None:
    """What cannot be cut itself can be selected from."""
    both = union(select(Product.id, Product.name), select(Category.id, Category.slug)).subquery()
    keys = Sort(both.c.name, tie_breaker=[both.c.name, both.c.id]).order(["name"])

    assert walk(shop, select(both), keys) == ordered(shop, select(both), keys)


@pytest.mark.promise("listing-75")
@pytest.mark.parametrize("terms", [["description"], ["-description", "name"], ["name", "-description"]])
def test_long_texts_are_walked(every_shop: Session, terms: list[str]) -> None:
    """Texts that no cursor could hold, and that begin alike for pages, hide no row and repeat none."""
    for product in every_shop.scalars(select(Product)):
        product.description = None if product.id % 4 == 0 else "long " * 1000 + str(product.id % 7)
    every_shop.commit()
    keys = Sort(Product.description, Product.name).order(terms, Product)

    forward = walk(every_shop, select(Product), keys, size=2)
    backward = walk(every_shop, select(Product), keys, END, size=2)

    assert ids(forward) == ids(backward) == ids(ordered(every_shop, select(Product), keys))


@pytest.mark.promise("listing-75")
def test_a_long_text_that_is_gone_ends_no_walk(every_shop: Session) -> None:
    """Where the row of a cursor was deleted, the beginning of its text says where to go on."""
    for product in every_shop.scalars(select(Product)):
        product.description = f"{product.id:02} " + "long " * 1000
    every_shop.commit()
    keys = Sort(Product.description).order(["description"], Product)
    first = read_page(every_shop, select(Product), keys, size=3)

    every_shop.delete(first.rows[-1])
    every_shop.commit()
    second = read_page(every_shop, select(Product), keys, first.next, size=3)

    assert ids(second.rows) == [4, 5, 6]
