"""Pages by keyset: every row once, whatever it is sorted by and wherever one comes from."""

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import DateTime, GenerativeSelect, String, cast, event, func, insert, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from brickwork.listing import Sort, SortKey
from brickwork.listing._rules.cursors import CursorError, Position
from brickwork.listing.sqlalchemy.keyset import Walk
from tests.listing import kinds
from tests.listing.kinds import Kind
from tests.listing.models import Category, Product
from tests.listing.shelves import RANKS, ids, stocked
from tests.listing.walking import END, ordered, read_page, walk, walk_async


@pytest.fixture
def shop(sqlite_session: Session) -> Session:
    """Ten products whose ranks repeat and are missing, in two categories and none."""
    return stocked(sqlite_session)


@pytest.fixture
def every_shop(sync_session: Session) -> Session:
    """The same on each database."""
    return stocked(sync_session)


@pytest.mark.promise("listing-19")
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


@pytest.mark.promise("listing-20")
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


@pytest.mark.promise("listing-20")
def test_next_then_previous_is_the_same_page(shop: Session) -> None:
    """There and back leads to where one was, cursors included."""
    keys = Sort(Product.rank).order(["rank"], Product)
    first = read_page(shop, select(Product), keys)
    second = read_page(shop, select(Product), keys, first.next)
    third = read_page(shop, select(Product), keys, second.next)

    back = read_page(shop, select(Product), keys, third.previous)

    assert (ids(back.rows), back.next, back.previous) == (ids(second.rows), second.next, second.previous)


@pytest.mark.promise("listing-22")
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


@pytest.mark.promise("listing-22")
def test_an_empty_table_has_one_empty_page(sync_session: Session) -> None:
    """Nothing leads to it and nothing leads away."""
    keys = Sort().order([], Product)

    for position in (None, END):
        page = read_page(sync_session, select(Product), keys, position)

        assert (page.rows, page.next, page.previous) == ([], None, None)


@pytest.mark.promise("listing-21")
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


@pytest.mark.promise("listing-21")
def test_changes_elsewhere_neither_repeat_nor_hide_a_row(shop: Session) -> None:
    """Rows come and go before the cursor, and the cursor's own row goes: the rest is read as it would have been."""
    keys = Sort(Product.id).order(["id"], Product)
    page = read_page(shop, select(Product), keys)
    shop.add(Product(id=0, name="before"))
    shop.execute(text("DELETE FROM products WHERE id IN (1, 3)"))
    shop.flush()

    rest = walk(shop, select(Product), keys, page.next)

    assert ids(rest) == [4, 5, 6, 7, 8, 9, 10]


@pytest.mark.promise("listing-31")
def test_the_size_may_change_on_the_way(shop: Session) -> None:
    """A cursor says where to go on, not how far."""
    keys = Sort(Product.rank).order(["-rank"], Product)
    rows, position = list[Any](), None
    for size in (1, 4, 2, 9):
        page = read_page(shop, select(Product), keys, position, size=size)
        rows, position = [*rows, *page.rows], page.next

    assert position is None
    assert ids(rows) == ids(ordered(shop, select(Product), keys))


@pytest.mark.promise("listing-25")
@pytest.mark.promise("listing-24")
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


@pytest.mark.promise("listing-34")
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


@pytest.mark.promise("listing-23")
@pytest.mark.promise("listing-38")
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


@pytest.mark.promise("listing-38")
def test_decimals_that_sqlite_rounds_for_python_are_compared_unrounded(sqlite_session: Session) -> None:
    """SQLAlchemy gives ten places of what SQLite holds; the rows between two of those are not lost."""
    kinds.Base.metadata.create_all(sqlite_session.connection())
    sqlite_session.add_all(Kind(id=at, fine=Decimal(at) / 10**13) for at in range(20))
    sqlite_session.flush()
    keys = Sort(Kind.fine).order(["fine"], Kind)

    assert ids(walk(sqlite_session, select(Kind), keys)) == list(range(20))
    assert ids(walk(sqlite_session, select(Kind), keys, END)) == list(range(20))


@pytest.mark.promise("listing-33")
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


@pytest.mark.promise("listing-33")
def test_orders_without_null_take_one_query_a_page(shop: Session) -> None:
    """So does the last page."""
    statements: list[str] = []
    event.listen(shop.connection(), "before_cursor_execute", lambda *args: statements.append(args[2]))

    walk(shop, select(Product), Sort(Product.name, Product.stock).order(["-name", "stock"], Product), size=2)

    assert len(statements) == 5


@pytest.mark.promise("listing-26")
@pytest.mark.parametrize("terms", [["-rank"], ["name"], ["rank", "name"]])
def test_a_position_of_another_order_is_refused(shop: Session, terms: list[str]) -> None:
    """The order itself tells, whatever else the cursor is bound to."""
    sort = Sort(Product.rank, Product.name)
    position = read_page(shop, select(Product), sort.order(["rank"], Product)).next

    with pytest.raises(CursorError) as refused:
        read_page(shop, select(Product), sort.order(terms, Product), position)

    assert refused.value.reason == "other-query"


@pytest.mark.promise("listing-26")
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
