"""The mix-ins of models: keys, instants, versions, alone and in dataclasses; and the tag of a row's state."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, inspect, select
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from brickwork.database import Database, UTCDateTime, etag_of
from brickwork.database._rules import uuid7
from tests.database.models import Author, Book, Copy, Document, Letter, Note, Shelf

LOCAL = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.promise("database-36")
async def test_keys_sort_by_age(session: AsyncSession) -> None:
    """Rows have a UUID as key before they are written for good, and sort by age under it in the database."""
    for number in range(5):
        session.add(Author(name=str(number)))
        await session.flush()

    found = (await session.scalars(select(Author).order_by(Author.id))).all()

    assert [author.name for author in found] == ["0", "1", "2", "3", "4"]
    assert all(isinstance(author.id, UUID) and author.id.version == 7 for author in found)


@pytest.mark.promise("database-37")
async def test_a_row_tells_when_it_was_made_and_changed(library: Database) -> None:
    """`created_at` and `updated_at` are aware and in UTC on every database, and a change moves only the second."""
    before = datetime.now(UTC)
    async with library.begin() as session:
        session.add(Book(title="first"))
    async with library.begin() as session:
        book = (await session.scalars(select(Book))).one()
        made = book.created_at, book.updated_at
        book.title = "second"
    async with library.begin() as session:
        book = (await session.scalars(select(Book))).one()
        changed = book.created_at, book.updated_at

    assert all(instant.tzinfo is UTC for instant in made + changed)
    assert before <= made[0] <= made[1] < changed[1] <= datetime.now(UTC)
    assert changed[0] == made[0]


@pytest.mark.promise("database-38")
@pytest.mark.parametrize(
    "instant",
    [
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 7, 0, 0, 123456, tzinfo=LOCAL),
        datetime(1, 1, 2, tzinfo=LOCAL),
        datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=UTC),
    ],
    ids=str,
)
async def test_instants_come_back_in_utc(library: Database, instant: datetime) -> None:
    """An aware datetime of any zone comes back as the same instant, to the microsecond, in UTC."""
    async with library.begin() as session:
        session.add(Author(name="Ada", deleted_at=instant))
    async with library.begin() as session:
        found = (await session.scalars(select(Author.deleted_at).execution_options(include_deleted=True))).one()

    assert found == instant
    assert found is not None
    assert found.tzinfo is UTC


@pytest.mark.promise("database-38")
async def test_a_naive_instant_is_refused(session: AsyncSession) -> None:
    """A datetime without a zone is neither stored nor compared with, and the error says what to write."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001

    with pytest.raises(StatementError, match=r"has no time zone: write datetime\.now"):
        await session.scalars(select(Book).where(Book.created_at > naive))


async def test_what_is_no_instant_is_refused(session: AsyncSession) -> None:
    """A value of another type is refused where it is bound."""
    session.add(Author(name="Ada", deleted_at="2026-01-01"))

    with pytest.raises(StatementError, match="an instant is an aware datetime, not str"):
        await session.flush()


async def test_instants_are_compared_in_the_database(session: AsyncSession) -> None:
    """Comparing, taking the greatest, and comparing with nothing work as with any column."""
    early, late = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 18, tzinfo=LOCAL)
    session.add_all([Book(title="early", created_at=early), Book(title="late", created_at=late)])
    await session.flush()

    after = (await session.scalars(select(Book.title).where(Book.created_at > early))).all()
    greatest = await session.scalar(select(func.max(Book.created_at)))
    empty = (await session.scalars(select(Book.title).where(Book.deleted_at == None))).all()  # noqa: E711

    assert after == ["late"]
    assert greatest == late
    assert set(empty) == {"early", "late"}


async def test_a_duration_can_be_added_in_the_database(session: AsyncSession) -> None:
    """What stands beside the column keeps its own type: a duration is no instant."""
    added = Book.created_at + timedelta(days=1)

    assert isinstance(added.right.type.python_type(), timedelta)


def test_instants_are_read_where_a_driver_gives_another_zone() -> None:
    """An aware datetime of any zone is given in UTC, and one without is taken to be in it."""
    kind, dialect = UTCDateTime(), Any
    local = datetime(2026, 1, 1, 5, 30, tzinfo=LOCAL)

    read = [kind.process_result_value(each, dialect) for each in (local, local.replace(tzinfo=None), None)]  # type: ignore[arg-type]
    bound = [kind.process_bind_param(each, dialect) for each in (local, None)]  # type: ignore[arg-type]

    assert read == [datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 5, 30, tzinfo=UTC), None]
    assert bound == [datetime(2026, 1, 1, tzinfo=UTC), None]


@pytest.mark.promise("database-39")
async def test_a_change_counts(session: AsyncSession) -> None:
    """A row begins with version 1, and each change adds one."""
    book = Book(title="first")
    session.add(book)
    await session.flush()
    versions = [book.version]

    for title in ("second", "third"):
        book.title = title
        await session.flush()
        versions.append(book.version)

    assert versions == [1, 2, 3]


@pytest.mark.promise("database-39")
async def test_a_change_to_an_outdated_row_is_refused(library: Database) -> None:
    """Of two who read the same state only the first can change or delete it."""
    async with library.begin() as session:
        session.add(Book(id=(key := uuid7()), title="first"))
    async with library.begin(read_only=True) as session:
        outdated = await session.get_one(Book, key)
    async with library.begin() as session:
        (await session.get_one(Book, key)).title = "second"

    async with library.begin() as session:
        session.add(outdated)
        outdated.title = "third"
        with pytest.raises(StaleDataError):
            await session.flush()
        await session.rollback()

    async with library.begin() as session:
        assert (await session.get_one(Book, key)).title == "second"


@pytest.mark.promise("database-39")
async def test_a_model_with_options_of_its_own_keeps_its_version(session: AsyncSession) -> None:
    """`__mapper_args__` of the model do not take the version away, and the tables below count in the same."""
    letter, document = Letter(text="a"), Document()
    session.add_all([letter, document])
    await session.flush()

    letter.text = "b"
    await session.flush()

    assert (letter.version, document.version) == (2, 1)
    assert "version" not in inspect(Letter).local_table.c


@pytest.mark.promise("database-40")
async def test_the_mix_ins_serve_dataclasses(session: AsyncSession) -> None:
    """In a model that is a dataclass the columns are there, and are no arguments of its constructor."""
    note = Note(text="first")
    session.add(note)
    await session.flush()

    note.text = "second"
    await session.flush()

    assert repr(note) == "Note(text='second')"
    assert (note.version, note.deleted_at, note.id.version) == (2, None, 7)
    assert note.created_at <= note.updated_at


def test_the_columns_stand_where_people_look_for_them() -> None:
    """The key comes first, the model's own columns next, what is kept about a row last."""
    names = Book.__table__.c.keys()

    assert names[:2] == ["id", "title"]
    assert names[-4:] == ["created_at", "updated_at", "deleted_at", "version"]


def test_a_synchronous_session_binds_and_reads_instants(sync_session: Session) -> None:
    """A synchronous driver stores and gives instants in the same way."""
    sync_session.add(Author(name="Ada", deleted_at=datetime(2026, 1, 1, 5, 30, tzinfo=LOCAL)))
    sync_session.flush()

    found = sync_session.scalars(select(Author.deleted_at).execution_options(include_deleted=True)).one()

    assert found == datetime(2026, 1, 1, tzinfo=UTC)


# --- entity tags


@pytest.mark.promise("database-41")
async def test_a_tag_names_one_state_of_one_row(session: AsyncSession) -> None:
    """It is the same as long as the row is, and differs from that of every other row, state and table."""
    one, other, letter = Book(title="same"), Book(title="same"), Letter()
    session.add_all([one, other, letter])
    await session.flush()
    first = etag_of(one)
    again = etag_of(one)

    one.title = "changed"
    await session.flush()

    tags = {first, etag_of(one), etag_of(other), etag_of(letter)}
    assert again == first
    assert len(tags) == 4
    assert not any(tag.weak for tag in tags)


@pytest.mark.promise("database-41")
def test_a_tag_is_the_same_everywhere() -> None:
    """Another process, or the same after a restart, gives the same tag, which shows neither key nor version."""
    book = Book(id=UUID(int=7), version=3, title="any")
    copy = Copy(book="a", number=1, edition=3)

    assert str(etag_of(book)) == '"95768fa0ac665064b09f4cae"'
    assert etag_of(copy) != etag_of(Copy(book="a", number=13, edition=3))


def test_what_has_no_version_has_no_tag() -> None:
    """A model without a version column, a row that was not written, and what is no row are refused by name."""
    with pytest.raises(TypeError, match=r"Shelf has no version column.*add the mix-in Versioned"):
        etag_of(Shelf(id=1, name="any"))
    with pytest.raises(ValueError, match="this Book has no version yet: flush"):
        etag_of(Book(title="any"))
    with pytest.raises(TypeError, match="str is no row"):
        etag_of("book")
    with pytest.raises(TypeError, match="no row of a model"):
        etag_of(Book)
