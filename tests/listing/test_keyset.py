"""Pages by keyset: every row once, whatever it is sorted by and wherever one comes from."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, DateTime, GenerativeSelect, String, cast, event, func, insert, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, aliased, joinedload, mapped_column, selectinload

from brickwork.listing import Sort, SortKey
from brickwork.listing._rules.cursors import CursorError, Position
from brickwork.listing.sqlalchemy.keyset import Walk
from brickwork.listing.sqlalchemy.related import Related
from tests.listing import kinds
from tests.listing.kinds import Kind
from tests.listing.models import Category, Product, Review
from tests.listing.walking import END, ordered, read_page, walk, walk_async

RANKS = [None, 2, 0, None, 1, 1, 2, 0, None, -1]


@pytest.fixture
def shop(sqlite_session: Session) -> Session:
    """Ten products whose ranks repeat and are missing, in two categories and none."""
    return stocked(sqlite_session)


@pytest.fixture
def every_shop(sync_session: Session) -> Session:
    """The same on each database."""
    return stocked(sync_session)


def stocked(session: Session) -> Session:
    """Fill an empty catalogue."""
    session.add_all([Category(id=1, slug="a", title=None), Category(id=2, slug="b", title="B")])
    session.flush()
    session.add_all(
        Product(id=at, name=f"product {at % 3}", rank=rank, category_id=(None, 1, 2)[at % 3], stock=at % 2)
        for at, rank in enumerate(RANKS, start=1)
    )
    session.commit()
    return session


def ids(rows: Sequence[Any]) -> list[int]:
    """Give the primary keys of rows."""
    return [row.id for row in rows]


@pytest.mark.promise("listing-30")
@pytest.mark.parametrize("size", [1, 2, 3, 9, 10, 11])
@pytest.mark.parametrize("nulls", ["first", "last", None])
@pytest.mark.parametrize(
    "terms", [["rank"], ["-rank"], ["name", "-rank"], ["-name", "rank", "stock"], ["stock", "-id"], []]
)
def test_a_walk_gives_every_row_once(sqlite_session: Session, terms: list[str], nulls: Any, size: int) -> None:
    """Ties, NULLs first and last, in front and inside, and mixed directions: the walk is what ORDER BY gives."""
    sqlite_session.add_all(Product(id=at, name=f"p{at % 3}", rank=rank, stock=at % 2) for at, rank in enumerate(RANKS))
    sqlite_session.flush()
    keys = Sort(SortKey(Product.rank, nulls=nulls), Product.name, Product.stock, Product.id).order(terms, Product)

    forward = walk(sqlite_session, select(Product), keys, size=size)
    backward = walk(sqlite_session, select(Product), keys, END, size=size)

    assert ids(forward) == ids(backward) == ids(ordered(sqlite_session, select(Product), keys))


@pytest.mark.promise("listing-31")
@pytest.mark.parametrize("term", ["rank", "-rank"])
def test_going_back_from_any_row_gives_what_was_before_it(shop: Session, term: str) -> None:
    """Forward by one row a page, then back from each of them."""
    keys = Sort(Product.rank).order([term], Product)
    everything = ids(ordered(shop, select(Product), keys))
    position = None
    for passed in range(1, len(everything)):
        position = read_page(shop, select(Product), keys, position, size=1).next
        assert position is not None

        before = walk(shop, select(Product), keys, Position(position.values, True, position.order))

        assert ids(before) == everything[: passed - 1]


@pytest.mark.promise("listing-31")
def test_next_then_previous_is_the_same_page(shop: Session) -> None:
    """There and back leads to where one was, cursors included."""
    keys = Sort(Product.rank).order(["rank"], Product)
    first = read_page(shop, select(Product), keys)
    second = read_page(shop, select(Product), keys, first.next)
    third = read_page(shop, select(Product), keys, second.next)

    back = read_page(shop, select(Product), keys, third.previous)

    assert (ids(back.rows), back.next, back.previous) == (ids(second.rows), second.next, second.previous)


@pytest.mark.promise("listing-33")
@pytest.mark.parametrize("size", [2, 3, 5, 10, 20])
def test_the_ends_have_no_neighbours(shop: Session, size: int) -> None:
    """The last page leads nowhere further, also when it is full; nor does the first one, however it was reached."""
    keys = Sort(Product.rank).order(["rank"], Product)

    first = page = read_page(shop, select(Product), keys, size=size)
    while page.next is not None:
        page = read_page(shop, select(Product), keys, page.next, size=size)
        assert page.rows
    while page.previous is not None:
        page = read_page(shop, select(Product), keys, page.previous, size=size)

    assert first.previous is page.previous is None
    assert page.rows[0] == first.rows[0]


@pytest.mark.promise("listing-33")
def test_an_empty_table_has_one_empty_page(sync_session: Session) -> None:
    """Nothing leads to it and nothing leads away."""
    keys = Sort().order([], Product)

    for position in (None, END):
        page = read_page(sync_session, select(Product), keys, position)

        assert (page.rows, page.next, page.previous) == ([], None, None)


@pytest.mark.promise("listing-32")
def test_a_page_whose_rows_are_gone_leads_back(shop: Session) -> None:
    """What is left can be reached from an empty page: from the end of all rows, or from their beginning."""
    keys = Sort(Product.id).order(["id"], Product)
    first = read_page(shop, select(Product), keys)
    second = read_page(shop, select(Product), keys, first.next)
    shop.execute(text("DELETE FROM products WHERE id > 3"))

    empty = read_page(shop, select(Product), keys, second.next)
    assert (empty.rows, empty.next) == ([], None)
    assert ids(read_page(shop, select(Product), keys, empty.previous).rows) == [1, 2, 3]

    shop.execute(text("DELETE FROM products"))
    shop.add(Product(id=9, name="new"))
    shop.flush()
    empty = read_page(shop, select(Product), keys, second.previous)
    assert (empty.rows, empty.previous) == ([], None)
    assert ids(read_page(shop, select(Product), keys, empty.next).rows) == [9]


@pytest.mark.promise("listing-32")
def test_changes_elsewhere_neither_repeat_nor_hide_a_row(shop: Session) -> None:
    """Rows come and go before the cursor, and the cursor's own row goes: the rest is read as it would have been."""
    keys = Sort(Product.id).order(["id"], Product)
    page = read_page(shop, select(Product), keys)
    shop.add(Product(id=0, name="before"))
    shop.execute(text("DELETE FROM products WHERE id IN (1, 3)"))
    shop.flush()

    rest = walk(shop, select(Product), keys, page.next)

    assert ids(rest) == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.promise("listing-42")
def test_the_size_may_change_on_the_way(shop: Session) -> None:
    """A cursor says where to go on, not how far."""
    keys = Sort(Product.rank).order(["-rank"], Product)
    rows, position = list[Any](), None
    for size in (1, 4, 2, 9):
        page = read_page(shop, select(Product), keys, position, size=size)
        rows, position = [*rows, *page.rows], page.next

    assert position is None
    assert ids(rows) == ids(ordered(shop, select(Product), keys))


@pytest.mark.promise("listing-36")
@pytest.mark.promise("listing-35")
async def test_every_kind_of_column_can_be_walked(session: AsyncSession) -> None:
    """Types come back from the cursor so that the database finds the same place: on each database and driver."""
    await (await session.connection()).run_sync(kinds.Base.metadata.create_all)
    session.add_all(Kind(**row) for row in kinds.rows())
    await session.flush()
    session.expunge_all()
    sort = Sort(*(getattr(Kind, name) for name in kinds.VALUES))

    for name in kinds.VALUES:
        for term in (name, f"-{name}"):
            keys = sort.order([term], Kind)
            everything = ids(await session.run_sync(ordered, select(Kind), keys))

            assert ids(await walk_async(session, select(Kind), keys, size=2)) == everything, term
            assert ids(await walk_async(session, select(Kind), keys, END, size=4)) == everything, term


@pytest.mark.promise("listing-45")
async def test_not_a_number_has_its_place(session: AsyncSession) -> None:
    """PostgreSQL sorts NaN above all, SQLite stores it as NULL: either way the walk is complete."""
    await (await session.connection()).run_sync(kinds.Base.metadata.create_all)
    values = [1.0, float("nan"), None, float("nan"), -1.0, float("inf"), None]
    session.add_all(Kind(id=at, double=value, single=value) for at, value in enumerate(values))
    await session.flush()

    for term in ("double", "-double", "single", "-single"):
        keys = Sort(Kind.double, Kind.single).order([term], Kind)
        everything = ids(await session.run_sync(ordered, select(Kind), keys))

        assert ids(await walk_async(session, select(Kind), keys, size=1)) == everything


class Own(DeclarativeBase):
    """The base of tables for single tests."""


class Note(Own):
    """Has a key of two columns, and a time that the database sets."""

    __tablename__ = "notes"

    book: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(unique=True)
    written: Mapped[Any] = mapped_column(DateTime, server_default=func.now())


@pytest.mark.promise("listing-34")
@pytest.mark.promise("listing-50")
@pytest.mark.parametrize("term", ["written", "-written"])
def test_times_that_the_database_set_repeat_without_loss(sqlite_session: Session, term: str) -> None:
    """SQLite's own clock writes no microseconds, so that Python's spelling of the same time would not equal it."""
    Own.metadata.create_all(sqlite_session.connection())
    rows_to_be = [{"book": book, "number": number} for book in "ab" for number in range(4)]
    sqlite_session.execute(insert(Note), rows_to_be)
    keys = Sort(Note.written).order([term], Note)

    rows = walk(sqlite_session, select(Note), keys)

    assert [(row.book, row.number) for row in rows] == sorted(
        ((row.book, row.number) for row in rows), reverse=term.startswith("-")
    )
    assert len(rows) == 8


@pytest.mark.promise("listing-50")
def test_decimals_that_sqlite_rounds_for_python_are_compared_unrounded(sqlite_session: Session) -> None:
    """SQLAlchemy gives ten places of what SQLite holds; the rows between two of those are not lost."""
    kinds.Base.metadata.create_all(sqlite_session.connection())
    sqlite_session.add_all(Kind(id=at, fine=Decimal(at) / 10**13) for at in range(20))
    sqlite_session.flush()
    keys = Sort(Kind.fine).order(["fine"], Kind)

    assert ids(walk(sqlite_session, select(Kind), keys)) == list(range(20))
    assert ids(walk(sqlite_session, select(Kind), keys, END)) == list(range(20))


@pytest.mark.promise("listing-48")
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
    for term in ("category.title", "-category.title"):
        keys = Sort(Related(Product.category, Category.title)).order([term], Product)
        rows = walk(every_shop, select(Product), keys, size=2)

        assert ids(rows) == ids(ordered(every_shop, select(Product), keys))
        assert {row.category and row.category.title for row in rows[-3:] + rows[:3]} == {None, "B"}


def test_a_table_may_meet_itself_on_the_way(shop: Session) -> None:
    """Each step to a related row has a name of its own in SQL."""
    shop.add_all([Category(id=3, slug="c", parent_id=2), Category(id=4, slug="d", parent_id=3)])
    shop.flush()
    keys = Sort(Related(Category.parent, Category.parent, Category.slug)).order(["-parent.parent.slug"], Category)

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


@pytest.mark.promise("listing-51")
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


@pytest.mark.promise("listing-51")
def test_distinct_rows_can_be_walked(every_shop: Session) -> None:
    """By columns that are among the distinct ones, also where NULL is one of the values that only one row has."""
    ranks = Sort(Product.rank, tie_breaker=Product.rank)
    for term in ("rank", "-rank"):
        values = walk(every_shop, select(Product.rank).distinct(), ranks.order([term]), size=1)
        assert (len(values), set(values)) == (5, {-1, 0, 1, 2, None})
    statement = select(Product.rank, Product.stock).distinct()
    keys = Sort(Product.rank, tie_breaker=[Product.rank, Product.stock]).order(["-rank"])

    assert walk(every_shop, statement, keys, size=2) == ordered(every_shop, statement, keys)


def test_subqueries_of_unions_can_be_walked(shop: Session) -> None:
    """What cannot be cut itself can be selected from."""
    both = union(select(Product.id, Product.name), select(Category.id, Category.slug)).subquery()
    keys = Sort(both.c.name, tie_breaker=[both.c.name, both.c.id]).order(["name"])

    assert walk(shop, select(both), keys) == ordered(shop, select(both), keys)


@pytest.mark.promise("listing-44")
@pytest.mark.parametrize(
    ("term", "nulls"), [("rank", "last"), ("-rank", "last"), ("rank", "first"), ("-rank", "first")]
)
@pytest.mark.parametrize("backward", [False, True])
def test_only_the_page_on_the_seam_takes_two_queries(shop: Session, term: str, nulls: Any, backward: bool) -> None:
    """Where values end and NULLs begin, or the other way round, and nowhere else; the end counts as a seam."""
    statements: list[str] = []
    event.listen(shop.connection(), "before_cursor_execute", lambda *args: statements.append(args[2]))
    keys = Sort(SortKey(Product.rank, nulls=nulls)).order([term], Product)
    counts, position = list[int](), END if backward else None
    while True:
        statements.clear()
        page = read_page(shop, select(Product), keys, position, size=2)
        counts.append(len(statements))
        position = page.previous if backward else page.next
        if position is None:
            break

    assert len(counts) == 5
    assert sum(counts) <= 6
    assert counts[0] == 1


@pytest.mark.promise("listing-44")
def test_orders_without_null_take_one_query_a_page(shop: Session) -> None:
    """So does the last page."""
    statements: list[str] = []
    event.listen(shop.connection(), "before_cursor_execute", lambda *args: statements.append(args[2]))

    walk(shop, select(Product), Sort(Product.name, Product.stock).order(["-name", "stock"], Product), size=2)

    assert len(statements) == 5


@pytest.mark.promise("listing-37")
@pytest.mark.parametrize("terms", [["-rank"], ["name"], ["rank", "name"]])
def test_a_position_of_another_order_is_refused(shop: Session, terms: list[str]) -> None:
    """The order itself tells, whatever else the cursor is bound to."""
    sort = Sort(Product.rank, Product.name)
    position = read_page(shop, select(Product), sort.order(["rank"], Product)).next

    with pytest.raises(CursorError) as refused:
        read_page(shop, select(Product), sort.order(terms, Product), position)

    assert refused.value.reason == "other-query"


@pytest.mark.promise("listing-37")
def test_a_position_from_before_a_change_of_type_is_refused(every_shop: Session) -> None:
    """A column that was a number and is text now gives 400 for an old cursor, and not an error of the driver."""
    before = Sort(Product.stock).order(["stock"], Product)
    after = Sort(SortKey(cast(Product.stock, String), name="stock", nullable=False)).order(["stock"], Product)
    position = read_page(every_shop, select(Product), before).next

    if every_shop.get_bind().dialect.name == "sqlite":  # any value can be compared there
        assert read_page(every_shop, select(Product), after, position).rows is not None
        return
    with pytest.raises(CursorError):
        read_page(every_shop, select(Product), after, position)


def test_a_member_that_is_gone_is_refused() -> None:
    """An enumeration may have lost the member that an old cursor names."""
    keys = Sort(Kind.colour).order(["colour"], Kind)
    plan = Walk(select(Kind), keys, "postgresql").plan(size=1, scalars=True)
    next(plan)
    with pytest.raises(StopIteration) as stop:
        plan.send([_row(Kind(id=1), kinds.Colour.RED, 1), _row(Kind(id=2), kinds.Colour.RED, 2)])
    position: Position = stop.value.value.next
    old = Position(("PINK", *position.values[1:]), False, position.order)

    with pytest.raises(CursorError) as refused:
        next(Walk(select(Kind), keys, "postgresql").plan(old, size=1, scalars=True))

    assert refused.value.reason == "other-query"


def _row(*values: Any) -> Any:
    from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData

    return IteratorResult(SimpleResultMetaData(["Kind", "a", "b"]), iter([values])).one()


@pytest.mark.parametrize(
    ("statement", "sort", "message"),
    [
        (select(Product).limit(5), Sort(Product.rank, tie_breaker=Product.id), "as a subquery"),
        (select(Product).offset(5), Sort(Product.rank, tie_breaker=Product.id), "as a subquery"),
        (union(select(Product.id), select(Category.id)), Sort(Product.rank, tie_breaker=Product.id), "as a subquery"),
        (select(Product), Sort(Product.rank), "tie_breaker="),
        (select(Product), Sort(), "tie_breaker="),
        (select(Product), Sort("rank", tie_breaker="id"), "give Sort a column"),
    ],
    ids=["limit", "offset", "union", "no tie-breaker", "no order", "attributes of items"],
)
def test_what_cannot_be_cut_is_refused_with_advice(statement: GenerativeSelect, sort: Sort, message: str) -> None:
    """The error of the developer says what to write instead."""
    keys = sort.order(sort.names[:1])

    with pytest.raises(TypeError, match=message):
        next(Walk(statement, keys, "sqlite").plan(size=3, scalars=True))
