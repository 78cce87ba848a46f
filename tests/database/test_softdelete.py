"""What was softly deleted is hidden from everything that a session selects, and is still there."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Select, func, inspect, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session, aliased, joinedload, selectinload, subqueryload

from brickwork.database import Database, Repository, hide_deleted
from tests.database.models import Author, Book

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def shelf(library: Database) -> None:
    """An author with a book that is there and one that is not, and a deleted author with one that is there."""
    async with library.begin() as session:
        ada = Author(name="Ada", books=[Book(title="Here"), Book(title="Gone", deleted_at=NOW)])
        session.add_all([ada, Author(name="Ghost", deleted_at=NOW, books=[Book(title="Orphan")])])


STATEMENTS: dict[str, Callable[[], Any]] = {
    "entities": lambda: select(Book.title),
    "alias": lambda: select(aliased(Book).title),
    "join": lambda: select(Book.title).select_from(Author).join(Author.books, full=False),
    "subquery": lambda: select(select(Book).subquery().c.title),
    "union": lambda: union_all(select(Book.title), select(Book.title).where(Book.shop == "none")),
    "in": lambda: select(Book.title).where(Book.id.in_(select(Book.id))),
}


@pytest.mark.promise("database-43")
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_deleted_rows_are_hidden_from_every_select(
    statement: Callable[[], Select[Any]], session: AsyncSession, shelf: None
) -> None:
    """A select of rows, aliases, joins, subqueries or unions does not show what was deleted."""
    found = (await session.scalars(statement())).all()

    assert "Here" in found
    assert "Gone" not in found


@pytest.mark.promise("database-43")
async def test_deleted_rows_are_not_counted(session: AsyncSession, shelf: None) -> None:
    """A count is of the rows that a select shows."""
    counts = [
        await session.scalar(select(func.count()).select_from(Book)),
        await session.scalar(select(func.count(Book.id))),
        await session.scalar(select(func.count()).select_from(select(Book).subquery())),
    ]

    assert counts == [2, 2, 2]


@pytest.mark.promise("database-43")
@pytest.mark.parametrize("load", [selectinload, joinedload, subqueryload])
async def test_deleted_rows_are_hidden_from_relationships(
    load: Callable[..., Any], session: AsyncSession, shelf: None
) -> None:
    """A collection that is loaded with its owner holds what is there."""
    [ada] = (await session.scalars(select(Author).options(load(Author.books)))).unique()

    assert [book.title for book in ada.books] == ["Here"]


@pytest.mark.promise("database-43")
async def test_deleted_rows_are_hidden_from_what_is_loaded_later(session: AsyncSession, shelf: None) -> None:
    """A relationship that is loaded on its own shows neither deleted rows of a collection nor a deleted owner."""
    ada = (await session.scalars(select(Author))).one()
    orphan = (await session.scalars(select(Book).where(Book.title == "Orphan"))).one()
    await session.refresh(ada, ["books"])
    await session.refresh(orphan, ["author"])

    assert [book.title for book in ada.books] == ["Here"]
    assert orphan.author is None
    assert orphan.author_id is not None


@pytest.mark.promise("database-43")
async def test_deleted_rows_are_not_got_by_their_key(library: Database, shelf: None) -> None:
    """`session.get` gives None for the key of a deleted row."""
    shown = {"include_deleted": True}
    async with library.begin() as session:
        gone = (await session.scalars(select(Book.id).where(Book.title == "Gone"), execution_options=shown)).one()

    async with library.begin() as session:
        hidden = await session.get(Book, gone)
        found = await session.get(Book, gone, execution_options=shown)

    assert hidden is None
    assert found is not None


@pytest.mark.promise("database-44")
@pytest.mark.parametrize("load", [selectinload, joinedload, subqueryload])
async def test_a_statement_can_show_deleted_rows(load: Callable[..., Any], session: AsyncSession, shelf: None) -> None:
    """With `include_deleted` a statement shows them, in relationships that it loads as well."""
    statement = select(Author).where(Author.name == "Ada").options(load(Author.books))

    [ada] = (await session.scalars(statement.execution_options(include_deleted=True))).unique()

    assert [book.title for book in ada.books] == ["Gone", "Here"]


@pytest.mark.promise("database-44")
async def test_a_deleted_row_can_be_brought_back(session: AsyncSession, shelf: None) -> None:
    """A row that is shown can be refreshed and changed; without the instant it is there again."""
    statement = select(Book).where(Book.title == "Gone").execution_options(include_deleted=True)
    gone = (await session.scalars(statement)).one()
    await session.refresh(gone)

    await Repository(session, Book).update(gone, {"deleted_at": None})

    assert await session.scalar(select(func.count(Book.id))) == 3


async def test_other_statements_are_left_alone(session: AsyncSession, shelf: None) -> None:
    """SQL of one's own, and statements on tables, are sent as they are written."""
    everything = (await session.execute(text("SELECT title FROM book"))).all()
    on_table = (await session.execute(select(Book.__table__.c.title))).all()

    assert len(everything) == len(on_table) == 3


def test_synchronous_sessions_hide_deleted_rows(sync_session: Session) -> None:
    """A synchronous session hides them in selects and in relationships that are loaded when they are touched."""
    ada = Author(name="Ada", books=[Book(title="Here"), Book(title="Gone", deleted_at=NOW)])
    sync_session.add(ada)
    sync_session.flush()
    sync_session.expire(ada)

    titles = [book.title for book in ada.books]

    assert titles == ["Here"]
    assert sync_session.scalars(select(Book.title)).all() == ["Here"]
    assert len(sync_session.scalars(select(Book).execution_options(include_deleted=True)).all()) == 2


def test_a_class_of_sessions_of_ones_own_can_hide_them(sync_session: Session) -> None:
    """`hide_deleted` does for any class of sessions what those of a `Database` do."""

    class Own(Session):
        pass

    hide_deleted(Own)
    sync_session.add(Book(title="Gone", deleted_at=NOW))
    sync_session.flush()

    with Own(sync_session.connection()) as own, Session(sync_session.connection()) as plain:
        assert own.scalars(select(Book)).all() == []
        assert len(plain.scalars(select(Book)).all()) == 1


def test_only_the_instant_is_kept() -> None:
    """A model has one column more for it."""
    assert "deleted_at" in inspect(Book).columns
    assert Book.__table__.c.deleted_at.nullable
