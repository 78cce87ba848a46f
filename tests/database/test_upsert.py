"""Rows that are added or updated in one statement."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from brickwork.database import Database, Repository
from brickwork.database.sqlalchemy.rows import mapper_of
from brickwork.database.sqlalchemy.upsert import first_version, upsert_statement
from tests.database.models import Author, Book, Copy, Label, Letter, Note, Shelf, Word


class BookIn(BaseModel):
    isbn: str
    title: str
    price: Decimal | None = None


@pytest.mark.promise("database-50")
async def test_a_row_is_added_or_updated(session: AsyncSession) -> None:
    """The first adds, the second updates; key and instant of creation stay, version and instant of change go on."""
    books = Repository(session, Book)
    first = await books.upsert(BookIn(isbn="1", title="a", price=Decimal(5)), on=[Book.isbn])
    before = first.id, first.created_at, first.updated_at
    made = first.title, first.version

    second = await books.upsert(BookIn(isbn="1", title="b"), on=[Book.isbn])
    third = await books.upsert(BookIn(isbn="1", title="c"), on=[Book.isbn])

    assert made == ("a", 1)
    assert first is second is third
    assert (third.title, third.price, third.version) == ("c", None, 3)
    assert (third.id, third.created_at) == before[:2]
    assert third.updated_at > before[2]
    assert len((await session.scalars(select(Book))).all()) == 1


@pytest.mark.promise("database-50")
async def test_only_what_is_given_is_updated(session: AsyncSession) -> None:
    """A column that the data do not name keeps its value in a row that is there."""
    books = Repository(session, Book)
    await books.create({"isbn": "1", "title": "a", "shop": "south", "price": Decimal(5)})

    book = await books.upsert({"isbn": "1", "price": Decimal(6)} | {"title": "a"}, on=[Book.isbn])

    assert (book.shop, book.price) == ("south", Decimal(6))


@pytest.mark.promise("database-50")
async def test_many_rows_are_added_or_updated(session: AsyncSession) -> None:
    """Rows come back in the order of the data, whichever of them were there."""
    books = Repository(session, Book)
    await books.create_many([{"isbn": str(number), "title": "old"} for number in range(0, 40, 2)])

    found = await books.upsert_many([BookIn(isbn=str(n), title="new") for n in reversed(range(40))], on=[Book.isbn])

    assert [book.isbn for book in found] == [str(number) for number in reversed(range(40))]
    assert {book.title for book in found} == {"new"}
    assert [book.version for book in found[:4]] == [1, 2, 1, 2]
    assert await books.upsert_many([], on=[Book.isbn]) == []


@pytest.mark.promise("database-50")
async def test_thousands_are_added_or_updated(session: AsyncSession) -> None:
    """More rows than fit into one statement are written in a few."""
    authors, shelves = Repository(session, Author), Repository(session, Shelf)
    made = await authors.create_many([{"name": "a"} for _ in range(1_200)])

    found = await authors.upsert_many([{"id": each.id, "name": "b"} for each in made], on=[Author.id])
    counted = await shelves.upsert_many([{"name": str(number)} for number in range(1_200)], on=[Shelf.name])

    assert [each.id for each in found] == [each.id for each in made]
    assert [shelf.name for shelf in counted] == [str(number) for number in range(1_200)]


@pytest.mark.promise("database-50")
async def test_a_deleted_row_comes_back(session: AsyncSession) -> None:
    """A row that was softly deleted is there again, unless the data say otherwise."""
    books = Repository(session, Book)
    book = await books.create({"isbn": "1", "title": "a"})
    await books.delete(book)

    back = await books.upsert({"isbn": "1", "title": "a"}, on=[Book.isbn])
    seen = back.deleted_at
    gone = await books.upsert(
        {"isbn": "1", "title": "a", "deleted_at": datetime(2026, 1, 1, tzinfo=UTC)}, on=[Book.isbn]
    )

    assert seen is None
    assert gone.deleted_at == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.promise("database-50")
async def test_a_deleted_row_stays_away_where_the_index_leaves_it_out(session: AsyncSession) -> None:
    """With a partial index over the rows that are there, a new row takes the place of a deleted one."""
    labels = Repository(session, Label)
    first = await labels.upsert({"name": "a"}, on=[Label.name])
    again = await labels.upsert({"name": "a", "colour": "red"}, on=[Label.name])
    await labels.delete(first)

    new = await labels.upsert({"name": "a"}, on=[Label.name])

    assert (again is first, again.colour) == (True, "red")
    assert new.id != first.id
    assert first.deleted_at is not None


@pytest.mark.promise("database-50")
async def test_what_the_database_decides_is_read_back(session: AsyncSession) -> None:
    """Keys, defaults and instants of the database are those of the row that is there."""
    shelves = Repository(session, Shelf)

    first = await shelves.upsert({"name": "a"}, on=[Shelf.name])
    second = await shelves.upsert({"name": "b", "room": "cellar"}, on=[Shelf.name])
    again = await shelves.upsert({"name": "a", "room": "attic"}, on=[Shelf.name])

    assert first is again
    assert (again.id, again.room) == (first.id, "attic")
    assert (second.room, second.changed_at.tzinfo) == ("cellar", UTC)


@pytest.mark.promise("database-50")
async def test_a_version_of_ones_own_counts_on(session: AsyncSession) -> None:
    """A version column without a default begins at 1, and counts where a key of two columns is there already."""
    copies = Repository(session, Copy)

    versions = [
        (await copies.upsert({"book": "a", "number": 1}, on=[Copy.book, Copy.number])).edition for _ in range(3)
    ]

    assert versions == [1, 2, 3]


async def test_a_row_that_has_nothing_to_change_is_given(library: Database) -> None:
    """Where the data name nothing but what tells the row, the row that is there is given."""
    async with library.begin() as session:
        words = Repository(session, Word)
        first = await words.upsert({"text": "a"}, on=[Word.text])
        second = await words.upsert({"text": "a"}, on=[Word.text])

        assert first is second


@pytest.mark.promise("database-50")
async def test_rows_of_many_at_once_never_collide(library: Database) -> None:
    """Of twenty that upsert the same row at the same time none fails, and all count."""

    async def write(number: int) -> None:
        async with library.begin() as session:
            await Repository(session, Book).upsert({"isbn": "1", "title": str(number)}, on=[Book.isbn])

    await asyncio.gather(*(write(number) for number in range(20)))

    async with library.begin() as session:
        assert (await session.scalars(select(Book.version))).all() == [20]


async def test_what_one_statement_cannot_write_is_refused(session: AsyncSession) -> None:
    """The error says what to write instead, before anything is sent."""
    books = Repository(session, Book)

    with pytest.raises(TypeError, match="on= lists columns of Book"):
        await books.upsert({"isbn": "1", "title": "a"}, on=[])
    with pytest.raises(TypeError, match="on= lists columns of Book"):
        await books.upsert({"isbn": "1", "title": "a"}, on=[Book.author])
    with pytest.raises(TypeError, match="data lacks isbn"):
        await books.upsert({"title": "a"}, on=[Book.isbn])
    with pytest.raises(TypeError, match="set the same fields"):
        await books.upsert_many([{"isbn": "1", "title": "a"}, {"isbn": "2"}], on=[Book.isbn])
    with pytest.raises(ValueError, match="two of data have the same isbn"):
        await books.upsert_many([{"isbn": "1", "title": "a"}, {"isbn": "1", "title": "b"}], on=[Book.isbn])
    with pytest.raises(TypeError, match="Letter has more than one table"):
        await Repository(session, Letter).upsert({"id": None, "text": "a"}, on=[Letter.id])


def test_other_databases_are_told_what_to_do_instead() -> None:
    """A database without ``ON CONFLICT`` is refused by name."""
    with pytest.raises(TypeError, match="mysql has no INSERT … ON CONFLICT: get the row"):
        upsert_statement(mapper_of(Book), mysql.dialect.name, ["isbn"], ["isbn"], ())


def test_versions_that_the_database_makes_are_left_to_it() -> None:
    """Where the model says that the database counts, nothing is sent."""

    class Own(DeclarativeBase):
        pass

    class Counted(Own):
        __tablename__ = "counted"

        id: Mapped[int] = mapped_column(primary_key=True)
        version: Mapped[int] = mapped_column(server_default="1")

        __mapper_args__ = {"version_id_col": version, "version_id_generator": False}  # noqa: RUF012

    assert first_version(mapper_of(Counted)) == {}
    assert first_version(mapper_of(Shelf)) == {}
    assert first_version(mapper_of(Copy)) == {"edition": 1}
    assert first_version(mapper_of(Note)) == {"version": 1}
