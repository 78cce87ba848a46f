"""Keys that no row can have: they are not found, where drivers would fail."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import NotFoundError, Repository, uuid7
from tests.database.models import Book, Copy, Kind, Shelf, Ticket


@pytest.mark.promise("database-45")
@pytest.mark.parametrize("key", [10**30, -(10**30), 2**63, True, None, "1", 1.5])
async def test_a_number_that_no_row_can_have_is_not_found(session: AsyncSession, key: Any) -> None:
    """A key beyond the range of its column is that of no row, where drivers would fail."""
    assert await Repository(session, Shelf).get(key) is None


@pytest.mark.promise("database-45")
@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "", 1, b"a"])
async def test_a_text_that_no_row_can_have_is_not_found(session: AsyncSession, text: object) -> None:
    """Text that the database cannot store, and what is no text, is the key of no row."""
    assert await Repository(session, Copy).get((text, 1)) is None


@pytest.mark.promise("database-45")
@pytest.mark.parametrize("key", ["text", "", "a\x00b", "9" * 32, 7, b"bytes", date(2030, 1, 1)])
async def test_what_is_no_uuid_is_not_found(session: AsyncSession, key: object) -> None:
    """A UUID is asked for by a UUID; anything else is the key of no row, and the transaction goes on."""
    books = Repository(session, Book)
    book = await books.create({"title": "a"})

    assert await books.get(key) is None
    assert await books.get(key, for_update=True) is None
    with pytest.raises(NotFoundError):
        await books.get_or_404(key)
    assert await books.get(book.id, for_update=True) is book


@pytest.mark.promise("database-45")
async def test_a_uuid_may_be_text(session: AsyncSession) -> None:
    """A column that gives UUIDs as text is asked for by text that is a UUID."""
    tickets = Repository(session, Ticket)
    ticket = await tickets.create({"id": str(uuid7()), "kind": "day"})

    assert await tickets.get((ticket.id, "day")) is ticket
    assert await tickets.get((ticket.id, Kind.DAY), for_update=True) is ticket
    assert [await tickets.get((key, "day")) for key in ("text", uuid7(), 7)] == [None, None, None]


async def test_a_key_of_the_wrong_length_is_a_mistake(session: AsyncSession) -> None:
    """The error names the columns of the key."""
    with pytest.raises(TypeError, match=r"the key of Copy is \(book, number\): pass 2 values"):
        await Repository(session, Copy).get("a")
