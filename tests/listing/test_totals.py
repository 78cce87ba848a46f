"""Totals: which there are, what each costs, and what it tells."""

from decimal import Decimal

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from brickwork.listing import Total
from brickwork.listing._rules.slices import offset_items
from brickwork.listing._rules.totals import Kind
from tests.listing.models import Product
from tests.listing.statements import carry_out, catalogue, page, read, recorded

ALL = select(Product).order_by(Product.id)


@pytest.mark.promise("listing-40")
async def test_an_exact_total_takes_a_query_of_its_own(session: AsyncSession) -> None:
    """A full page and its exact total are two queries."""
    session.add_all(catalogue())

    await session.flush()
    with recorded(session) as statements:
        found = await carry_out(session, page(session, ALL))

    assert (found.total, found.total_is_estimate, found.has_next) == (12, False, True)
    assert len(statements) == 2


@pytest.mark.promise("listing-40")
@pytest.mark.parametrize("total", [Total.exact(), Total.capped(3), Total.estimated(), Total.none()])
@pytest.mark.parametrize(("offset", "size"), [(0, 12), (0, 20), (10, 5), (7, 5)])
def test_a_last_page_is_not_counted(sqlite_session: Session, total: Total, offset: int, size: int) -> None:
    """Where the rows end on the page, they tell the exact total, and one query is enough."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()

    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, ALL, offset, size, total)

    assert (found.total, found.total_is_estimate, found.has_next) == (12, False, False)
    assert len(statements) == 1


@pytest.mark.promise("listing-40")
def test_an_empty_table_is_not_counted(sqlite_session: Session) -> None:
    """An empty first page says that there is nothing, in one query."""
    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, ALL)

    assert (list(found.rows), found.total, found.has_next) == ([], 0, False)
    assert len(statements) == 1


@pytest.mark.promise("listing-41")
@pytest.mark.parametrize("offset", [0, 5, 30])
def test_no_total_is_one_query(sqlite_session: Session, offset: int) -> None:
    """Without a total there is one query, on any page."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()

    with recorded(sqlite_session) as statements:
        found = read(sqlite_session, ALL, offset, total=Total.none())

    assert found.total is None
    assert len(statements) == 1


@pytest.mark.promise("listing-42")
@pytest.mark.parametrize(
    ("limit", "offset", "expected"),
    [
        (20, 0, (12, False, 2)),
        (12, 0, (12, False, 2)),
        (11, 0, (11, True, 2)),
        (6, 0, (6, True, 2)),
        (5, 0, (6, True, 1)),  # six rows were seen
        (5, 5, (11, True, 1)),
        (20, 40, (12, False, 2)),
        (5, 40, (5, True, 2)),
    ],
)
async def test_a_cap_ends_the_count(
    session: AsyncSession, limit: int, offset: int, expected: tuple[int, bool, int]
) -> None:
    """Beyond the cap the total is an estimate, never above the truth, and never below what was seen."""
    session.add_all(catalogue())
    await session.flush()

    with recorded(session) as statements:
        found = await carry_out(session, page(session, ALL, offset, total=Total.capped(limit)))

    assert (found.total, found.total_is_estimate, len(statements)) == expected


@pytest.mark.promise("listing-42")
def test_a_capped_count_reads_one_row_beyond_the_cap(sync_session: Session) -> None:
    """The count has a limit of its own, so that no more rows are read than the cap and one."""
    sync_session.add_all(catalogue())
    sync_session.flush()
    limits: list[object] = []

    def note(*arguments: object) -> None:
        limits.append(arguments[3])

    event.listen(sync_session.get_bind(), "before_cursor_execute", note)
    read(sync_session, ALL, total=Total.capped(7))

    assert 8 in (limits[1].values() if isinstance(limits[1], dict) else limits[1])  # type: ignore[operator]


@pytest.mark.promise("listing-43")
async def test_an_estimate_asks_the_planner(session: AsyncSession) -> None:
    """PostgreSQL is asked what it expects, with the values of the filter; SQLite counts."""
    session.add_all(catalogue(400))
    await session.flush()
    is_postgresql = session.get_bind().dialect.name == "postgresql"
    await session.execute(text("ANALYZE"))

    with recorded(session) as statements:
        every = await carry_out(session, page(session, ALL, total=Total.estimated()))
        few = await carry_out(session, page(session, ALL.where(Product.price <= 40), total=Total.estimated()))

    assert every.total is not None
    assert few.total is not None
    assert 380 <= every.total <= 420
    assert 30 <= few.total <= 50
    assert every.total_is_estimate == few.total_is_estimate == is_postgresql
    assert any(each.startswith("EXPLAIN (FORMAT JSON) SELECT") for each in statements) is is_postgresql
    assert any("count(*)" in each for each in statements) is not is_postgresql


@pytest.mark.promise("listing-43")
def test_an_estimate_agrees_with_the_page(sync_session: Session) -> None:
    """An estimate is never below what was seen, and never beyond the end of the rows."""
    sync_session.add_all(catalogue(60))
    sync_session.flush()
    is_postgresql = sync_session.get_bind().dialect.name == "postgresql"

    many = ALL.where(Product.price + 0 == Product.price - Decimal(0), Product.name.like("product%"))
    low = read(sync_session, many, offset=20, total=Total.estimated())
    past = read(sync_session, ALL, offset=70, total=Total.estimated())

    assert low.total is not None
    assert past.total is not None
    assert low.total >= 26
    assert past.total <= 70
    assert low.total_is_estimate is is_postgresql


@pytest.mark.promise("listing-43")
def test_what_is_flushed_on_the_way_is_not_explained(sync_session: Session) -> None:
    """Rows that wait in the session are written before they are estimated."""
    sync_session.add_all(catalogue(20))
    late = [Product(id=1000, name="late")]

    @event.listens_for(sync_session, "do_orm_execute")
    def add(state: ORMExecuteState) -> None:
        while late:
            state.session.add(late.pop())

    found = read(sync_session, ALL, total=Total.estimated())

    sync_session.expire_all()
    assert found.has_next
    assert sync_session.get_one(Product, 1000).name == "late"


@pytest.mark.promise("listing-49")
async def test_criteria_of_a_listener_apply_to_the_total(session: AsyncSession) -> None:
    """Rows that a listener hides, as soft deletion does, are neither shown nor counted nor expected."""
    session.add_all(catalogue(400))
    await session.flush()
    await session.execute(text("ANALYZE"))

    @event.listens_for(session.sync_session, "do_orm_execute")
    def hide(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(with_loader_criteria(Product, Product.price > 300))

    exact = await carry_out(session, page(session, ALL))
    capped = await carry_out(session, page(session, ALL, total=Total.capped(200)))
    distinct = await carry_out(session, page(session, select(Product.category_id, Product.price).distinct()))
    estimated = await carry_out(session, page(session, ALL, total=Total.estimated()))

    assert (exact.total, capped.total, distinct.total) == (100, 100, 100)
    assert estimated.total is not None
    assert 80 <= estimated.total <= 120
    assert exact.rows[0].id == 301


@pytest.mark.promise("listing-49")
@pytest.mark.parametrize("distinct", [True, False])
def test_options_of_the_statement_apply_to_the_total(sqlite_session: Session, distinct: bool) -> None:
    """Loader criteria and execution options of a statement are there when its rows are counted."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    seen: list[object] = []
    statement = ALL.options(with_loader_criteria(Product, Product.price > 2)).execution_options(include_deleted=True)

    @event.listens_for(sqlite_session, "do_orm_execute")
    def note(state: ORMExecuteState) -> None:
        seen.append(state.execution_options.get("include_deleted"))

    found = read(sqlite_session, statement.distinct() if distinct else statement)
    capped = read(sqlite_session, statement.distinct() if distinct else statement, total=Total.capped(8))

    assert found.total == 10
    assert (capped.total, capped.total_is_estimate) == (8, True)
    assert seen == [True] * 4


@pytest.mark.parametrize("offset", [0, 3, 6, 9, 10**30])
def test_a_sequence_is_cut_as_a_table_is(offset: int) -> None:
    """A page of a sequence knows its rows, the exact total and whether more follow."""
    items = list(range(9))

    found = offset_items(items, offset, 3)

    assert found.rows == items[offset : offset + 3]
    assert found.total == 9
    assert found.has_next == (offset < 6)


@pytest.mark.parametrize(("kind", "limit"), [("capped", 0), ("capped", -1), ("exact", 5), ("none", -1)])
def test_a_total_that_makes_no_sense_is_refused(kind: Kind, limit: int) -> None:
    """A cap of no rows, or a limit on what is not capped, is refused with what to write instead."""
    with pytest.raises(ValueError, match=r"write Total\.exact\(\)"):
        Total(kind, limit)
