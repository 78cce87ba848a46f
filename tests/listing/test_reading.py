"""Reading a page by offset: from every kind of source, at every edge."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from sqlalchemy import Connection, Row, func, literal, select, text, union
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession, async_scoped_session, async_sessionmaker
from sqlalchemy.orm import Session, joinedload, raiseload, scoped_session, sessionmaker

from brickwork.listing import Total
from brickwork.listing.sqlalchemy.reading import AsyncSource, SyncSource, dialect_of, offset_plan, read_sync
from tests.listing.models import Category, Product, Review
from tests.listing.statements import carry_out, catalogue, numbers, page, read, recorded

ALL = select(Product).order_by(Product.id)
KINDS = ["session", "scoped session", "connection"]


@pytest.fixture(params=KINDS)
async def source(request: pytest.FixtureRequest, session: AsyncSession) -> AsyncIterator[AsyncSource]:
    """Twelve products, to be read through each kind of asynchronous source."""
    session.add_all(catalogue())
    await session.flush()
    connection = await session.connection()
    scoped = async_scoped_session(async_sessionmaker(connection), scopefunc=lambda: None)
    sources: dict[str, AsyncSource] = {"session": session, "scoped session": scoped, "connection": connection}
    yield sources[request.param]
    await scoped.remove()


@pytest.fixture(params=KINDS)
def sync_source(request: pytest.FixtureRequest, sync_session: Session) -> SyncSource:
    """The same, synchronous."""
    sync_session.add_all(catalogue())
    sync_session.flush()
    connection = sync_session.connection()
    scoped = scoped_session(sessionmaker(connection))
    sources: dict[str, SyncSource] = {"session": sync_session, "scoped session": scoped, "connection": connection}
    return sources[request.param]


@pytest.mark.promise("listing-53")
async def test_every_asynchronous_source_gives_the_page(source: AsyncSource) -> None:
    """Rows, total and what follows are the same through a session, a scoped session and a connection."""
    found = await carry_out(source, page(source, ALL, offset=5))
    estimated = await carry_out(source, page(source, ALL, total=Total.estimated()))

    assert numbers(found) == [6, 7, 8, 9, 10]
    assert (found.total, found.has_next) == (12, True)
    assert estimated.total_is_estimate is (dialect_of(source) == "postgresql")


@pytest.mark.promise("listing-53")
def test_every_synchronous_source_gives_the_page(sync_source: SyncSource) -> None:
    """The same holds for a synchronous session, scoped session and connection."""
    found = read_sync(sync_source, page(sync_source, ALL, offset=5))
    estimated = read_sync(sync_source, page(sync_source, ALL, total=Total.estimated()))

    assert numbers(found) == [6, 7, 8, 9, 10]
    assert (found.total, found.has_next) == (12, True)
    assert estimated.total_is_estimate is (dialect_of(sync_source) == "postgresql")


@pytest.mark.promise("listing-53")
def test_rows_are_what_the_source_gives(sync_source: SyncSource) -> None:
    """A session gives the one thing that is selected, or rows of several; a connection gives rows."""
    entity = read_sync(sync_source, page(sync_source, ALL)).rows[0]
    column = read_sync(sync_source, page(sync_source, select(Product.name).order_by(Product.id))).rows[0]
    several = read_sync(sync_source, page(sync_source, select(Product.id, Product.name).order_by(Product.id))).rows[0]

    assert several == (1, "product1")
    if isinstance(sync_source, Connection):
        assert isinstance(entity, Row)
        assert (entity.name, column) == ("product1", ("product1",))
    else:
        assert isinstance(entity, Product)
        assert (entity.name, column) == ("product1", "product1")


@pytest.mark.promise("listing-46")
@pytest.mark.parametrize("total", [Total.none(), Total.exact(), Total.capped(2)])
@pytest.mark.parametrize("rows", [0, 4, 5, 6])
def test_whether_rows_follow_is_known_without_a_count(sqlite_session: Session, rows: int, total: Total) -> None:
    """`has_next` is right where a page would be one row short, just full, and one row over."""
    sqlite_session.add_all(catalogue(rows))
    sqlite_session.flush()

    found = read(sqlite_session, ALL, total=total)

    assert len(found.rows) == min(rows, 5)
    assert found.has_next is (rows > 5)


@pytest.mark.promise("listing-47")
async def test_a_page_past_the_end_is_empty(session: AsyncSession) -> None:
    """Beyond the last row there is an empty page, and the total is right nevertheless."""
    session.add_all(catalogue())
    await session.flush()

    with recorded(session) as statements:
        found = await carry_out(session, page(session, ALL, offset=12))

    assert (list(found.rows), found.total, found.has_next) == ([], 12, False)
    assert len(statements) == 2


@pytest.mark.promise("listing-48")
@pytest.mark.parametrize("offset", [2**31 - 1, 2**31, 2**63 - 7, 2**63 - 1, 2**63, 10**30])
@pytest.mark.parametrize("window", [False, True])
async def test_no_offset_is_too_large(session: AsyncSession, offset: int, window: bool) -> None:
    """However large an offset is, the database is asked for no more than it can count, and answers."""
    session.add_all(catalogue(6))
    await session.flush()

    statement = ALL.limit(4).offset(1) if window else ALL
    found = await carry_out(session, page(session, statement, offset))

    assert (list(found.rows), found.total, found.has_next) == ([], 4 if window else 6, False)


@pytest.mark.promise("listing-52")
async def test_joined_collections_do_not_shorten_a_page(session: AsyncSession) -> None:
    """With `joinedload` of collections a page is full, of entities alone and beside other things."""
    session.add_all(catalogue())
    await session.flush()
    session.expunge_all()
    joined = joinedload(Product.tags), joinedload(Product.reviews)

    entities = await carry_out(session, page(session, ALL.options(*joined)))
    beside = select(Product, Category.slug).join(Product.category).order_by(Product.id).options(*joined)
    rows = await carry_out(session, page(session, beside))

    assert [(len(row.tags), len(row.reviews)) for row in entities.rows] == [(3, 2)] * 5
    assert [(row[0].id, row[1]) for row in rows.rows] == [(number, "c") for number in range(1, 6)]
    assert (entities.total, rows.total) == (12, 12)


@pytest.mark.promise("listing-53")
async def test_a_connection_gives_documents_too(session: AsyncSession) -> None:
    """An entity is its columns there, and some of them cannot be hashed."""
    session.add_all(Product(name="a", attributes={"sizes": [number]}) for number in range(7))
    await session.flush()
    connection = await session.connection()

    found = await carry_out(connection, page(connection, ALL.options(joinedload(Product.tags))))

    assert [row.attributes for row in found.rows] == [{"sizes": [number]} for number in range(5)]


@pytest.mark.promise("listing-52")
def test_equal_rows_of_columns_are_all_there(sqlite_session: Session) -> None:
    """Only entities are made unique: two rows that hold the same values are two rows."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()

    names = read(sqlite_session, select(Review.stars).where(Review.stars == 5))
    pairs = read(sqlite_session, select(Category, literal("x")).join(Category.products))

    assert list(names.rows) == [5, 5, 5, 5, 5]
    assert [row[1] for row in pairs.rows] == ["x"] * 5
    assert (names.total, pairs.total) == (12, 12)


def test_an_error_of_the_rows_is_raised(sqlite_session: Session) -> None:
    """What the rows of a page raise is not hidden by another attempt to read them."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    sqlite_session.expunge_all()
    wrong = ALL.options(joinedload(Product.tags)).execution_options(yield_per=2)

    with pytest.raises(InvalidRequestError):
        read(sqlite_session, wrong)
    with pytest.raises(InvalidRequestError):
        read(sqlite_session, ALL.options(raiseload("*"))).rows[0].tags  # noqa: B018


@pytest.mark.parametrize("statement", [text("SELECT 1"), select(Product).from_statement(text("SELECT 1"))])
def test_what_has_no_pages_is_refused(sqlite_session: Session, statement: Any) -> None:
    """Text cannot be cut into pages; the error says what can."""
    with pytest.raises(TypeError, match=r"pass what select\(\) or union\(\) gives"):
        read(sqlite_session, cast("Any", statement))


def test_a_session_is_asked_what_it_reads(sqlite_session: Session) -> None:
    """The dialect is that of the database on which a statement will run."""
    with Session(binds={Product: sqlite_session.get_bind()}) as session:
        assert dialect_of(session, ALL) == "sqlite"


def test_a_union_has_pages(sqlite_session: Session) -> None:
    """A union is cut as any other statement."""
    sqlite_session.add_all(catalogue())
    sqlite_session.flush()
    both = union(select(Product.id.label("n")), select(func.max(Product.id) + 1)).order_by("n")

    found = read(sqlite_session, both, offset=10)

    assert (list(found.rows), found.total) == ([11, 12, 13], 13)


def test_a_plan_does_nothing_by_itself() -> None:
    """A plan says what to read and is told what was read, so it needs no database."""
    plan = offset_plan(ALL, offset=10, size=2, total=Total.exact(), dialect_name="none")

    asked = next(plan)
    with pytest.raises(StopIteration) as ended:
        plan.send(["a", "b"])

    assert (asked.take, asked.unique) == ("items", False)
    assert (ended.value.value.rows, ended.value.value.total) == (["a", "b"], 12)
