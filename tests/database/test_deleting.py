"""What a repository deletes, softly or for good."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import Repository
from tests.database.models import Book, Shelf


@pytest.mark.promise("database-42")
async def test_a_row_is_deleted_softly_or_for_good(session: AsyncSession) -> None:
    """Softly it stays in the table with the instant of the first time; `hard` takes it away."""
    books, shown = Repository(session, Book), select(Book).execution_options(include_deleted=True)
    soft, hard = await books.create_many([{"title": "soft"}, {"title": "hard"}])

    await books.delete(soft)
    first = soft.deleted_at
    await books.delete(soft)
    await books.delete(hard, hard=True)

    assert first is not None
    assert soft.deleted_at == first
    assert await books.list(limit=None) == []
    assert [book.title for book in await session.scalars(shown)] == ["soft"]


@pytest.mark.promise("database-42")
async def test_a_row_that_this_session_deleted_is_gone_for_it(session: AsyncSession) -> None:
    """The session still holds the row, and the repository does not give it."""
    books = Repository(session, Book)
    book = await books.create({"title": "a"})

    await books.delete(book)

    assert await books.get(book.id) is None


@pytest.mark.promise("database-42")
async def test_a_row_without_soft_deletion_goes_for_good(session: AsyncSession) -> None:
    """A model without `deleted_at` is deleted."""
    shelves = Repository(session, Shelf)
    shelf = await shelves.create({"name": "a"})

    await shelves.delete(shelf)

    assert (await session.scalars(select(Shelf))).all() == []
