"""A repository with a scope neither shows nor writes what is outside of it."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from brickwork.database import NotFoundError, OutsideScopeError, Repository
from tests.database.models import Book, Copy


@pytest.fixture
def north(session: AsyncSession) -> Repository[Book]:
    """The books of one shop."""
    return Repository(session, Book, where=[Book.shop == "north"])


@pytest.fixture
async def foreign(session: AsyncSession) -> Book:
    """A book of another shop, that the session holds."""
    return await Repository(session, Book).create({"title": "foreign", "isbn": "1", "shop": "south"})


@pytest.mark.promise("database-51")
async def test_what_is_outside_is_not_found(north: Repository[Book], foreign: Book) -> None:
    """By its key, in a list, when asked for: a row outside is not there, though the session holds it."""
    own = await north.create({"title": "own"})

    assert await north.get(own.id) is own
    assert await north.get(foreign.id) is None
    assert await north.list(limit=None) == [own]
    assert not await north.exists(Book.title == "foreign")
    with pytest.raises(NotFoundError):
        await north.get_or_404(foreign.id)


@pytest.mark.promise("database-51")
async def test_what_is_outside_is_not_changed(north: Repository[Book], foreign: Book) -> None:
    """A row outside is neither updated, nor taken in, nor deleted."""
    with pytest.raises(NotFoundError):
        await north.update(foreign, {"title": "stolen", "shop": "north"})
    with pytest.raises(NotFoundError):
        await north.delete(foreign)
    with pytest.raises(NotFoundError):
        await north.delete(foreign, hard=True)

    assert (foreign.title, foreign.shop, foreign.deleted_at) == ("foreign", "south", None)


@pytest.mark.promise("database-51")
async def test_nothing_is_written_to_the_outside(north: Repository[Book], foreign: Book) -> None:
    """A row cannot be made outside, moved there, or reached there by an upsert, also where the error is caught."""
    own = await north.create({"title": "own", "isbn": "2"})

    with pytest.raises(OutsideScopeError) as caught:
        await north.create({"title": "new", "shop": "south"})
    with pytest.raises(OutsideScopeError):
        await north.create_many([{"title": "new", "shop": "north"}, {"title": "new", "shop": "south"}])
    with pytest.raises(OutsideScopeError):
        await north.update(own, {"shop": "south"})
    with pytest.raises(OutsideScopeError):
        await north.upsert({"isbn": "1", "title": "stolen", "shop": "north"}, on=[Book.isbn])
    with pytest.raises(OutsideScopeError):
        await north.upsert({"isbn": "3", "title": "new", "shop": "south"}, on=[Book.isbn])

    found = await north.session.execute(select(Book.title, Book.shop).order_by(Book.title))
    assert caught.value.status_code == 403
    assert found.all() == [("foreign", "south"), ("own", "north")]


@pytest.mark.promise("database-51")
async def test_what_is_inside_is_written_as_ever(session: AsyncSession, north: Repository[Book]) -> None:
    """Inside of the scope everything works, also for thousands of rows and for keys of several columns."""
    copies = Repository(session, Copy, where=[Copy.book == "a"])
    many = await north.create_many([{"title": str(number), "isbn": str(number)} for number in range(1_100)])
    book = await north.upsert({"isbn": "7", "title": "seven"}, on=[Book.isbn])
    await north.delete(book)
    back = await north.update(book, {"deleted_at": None})
    [first, second] = await copies.create_many([{"book": "a", "number": number} for number in (1, 2)])

    await copies.update(first, {"barcode": "x"})
    await copies.delete(second)

    assert len(many) == 1_100
    assert back.title == "seven"
    assert await copies.list(limit=None) == [first]
