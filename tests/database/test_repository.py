"""The repository reads, writes and deletes the rows of one model, and leaves the transaction to its owner."""

from decimal import Decimal
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel
from sqlalchemy import Select, event, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload
from sqlalchemy.orm.exc import StaleDataError

from brickwork.database import Database, NotFoundError, Repository
from brickwork.database._rules import uuid7
from tests.database.conftest import app_with_problems
from tests.database.models import Author, Book, Copy, Letter, Note, Shelf


class BookIn(BaseModel):
    title: str
    price: Decimal | None = None
    shop: str = "north"


class BookChange(BaseModel):
    title: str | None = None
    price: Decimal | None = None
    version: int | None = None


class Cheap:
    """Narrows and sorts, as a filter or a listing's query does."""

    def apply(self, statement: Select[Book]) -> Select[Book]:
        return statement.where(Book.price < 10).order_by(Book.price.desc())


class Books(Repository[Book], model=Book):
    async def titled(self, title: str) -> Book | None:
        return await self.session.scalar(self.select().where(Book.title == title))


class Statements:
    """Counts the statements that a session's database gets."""

    def __init__(self, session: AsyncSession) -> None:
        self.sent: list[str] = []
        event.listen(session.get_bind().engine, "before_cursor_execute", self._note)

    def _note(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        self.sent.append(statement)


# --- reading


@pytest.mark.promise("database-45")
async def test_a_row_is_found_by_its_key(session: AsyncSession) -> None:
    """By one column or several; None, or a 404, where there is none."""
    book = await Repository(session, Book).create({"title": "a"})
    copy = await Repository(session, Copy).create({"book": "a", "number": 2})

    assert await Repository(session, Book).get(book.id) is book
    assert await Repository(session, Copy).get(("a", 2)) is copy
    assert await Repository(session, Copy).get(("a", 3)) is None
    assert await Repository(session, Book).get_or_404(book.id) is book
    with pytest.raises(NotFoundError, match="There is no Book with this key") as caught:
        await Repository(session, Book).get_or_404(uuid7())
    assert caught.value.status_code == 404


@pytest.mark.promise("database-45")
async def test_a_row_can_be_got_with_what_belongs_to_it(library: Database) -> None:
    """Options of the statement are obeyed, also for a row that the session holds."""
    async with library.begin() as session:
        author = await Repository(session, Author).create({"name": "Ada", "books": [Book(title="a")]})
    async with library.begin() as session:
        authors = Repository(session, Author)
        held = await authors.get_or_404(author.id)

        found = await authors.get_or_404(author.id, options=[selectinload(Author.books)])
        [listed] = await authors.list(limit=None, options=[selectinload(Author.books)])

        assert found is held is listed
        assert [book.title for book in found.books] == ["a"]


@pytest.mark.promise("database-45")
async def test_a_row_can_be_locked(session: AsyncSession) -> None:
    """With `for_update` the statement locks the row, on databases that can, and reads it afresh."""
    letter = await Repository(session, Letter).create({"text": "a"})
    statements = Statements(session)

    found = await Repository(session, Letter).get_or_404(letter.id, for_update=True)

    assert found is letter
    assert ("FOR UPDATE OF" in statements.sent[-1]) == (session.get_bind().dialect.name == "postgresql")


@pytest.mark.promise("database-46")
async def test_a_list_is_narrowed_and_sorted_by_anything_that_applies(session: AsyncSession) -> None:
    """An object with `apply(statement)` decides what is listed and how; rows that it leaves equal go by their key."""
    books = Books(session)
    await books.create_many([{"title": str(price), "price": Decimal(price)} for price in (12, 3, 7, 7)])

    cheap = await books.list(Cheap(), limit=None)
    first = await books.list(Cheap(), limit=1)
    everything = await books.list(limit=None)

    assert [book.title for book in cheap] == ["7", "7", "3"]
    assert cheap[0].id < cheap[1].id
    assert [book.title for book in first] == ["7"]
    assert [book.title for book in everything] == ["12", "3", "7", "7"]
    assert await books.list(limit=0) == []
    with pytest.raises(ValueError, match="limit=-1 must be 0 or more"):
        await books.list(limit=-1)


@pytest.mark.promise("database-46")
async def test_it_can_be_asked_whether_a_row_exists(session: AsyncSession) -> None:
    """With conditions or without; what was softly deleted does not."""
    books = Books(session)
    empty = await books.exists()
    book = await books.create({"title": "a"})
    there = [await books.exists(), await books.exists(Book.title == "a", Book.shop == "north")]

    await books.delete(book)

    assert not empty
    assert there == [True, True]
    assert not await books.exists(Book.title == "a")


async def test_a_subclass_has_methods_of_its_own(session: AsyncSession) -> None:
    """It names the model in its class line, builds on `select` and `session`, and can be built on in turn."""

    class RareBooks(Books):
        pass

    books = RareBooks(session)
    book = await books.create({"title": "a"})

    assert await books.titled("a") is book
    assert await books.titled("b") is None


def test_a_repository_knows_its_model() -> None:
    """A repository without a model, of what is none, or with a condition instead of a list is refused."""
    session = AsyncSession()

    with pytest.raises(TypeError, match="which rows"):
        Repository(session)
    with pytest.raises(TypeError, match="no mapped class"):
        Repository(session, int)
    with pytest.raises(TypeError, match="no mapped class"):
        Repository(session, Book())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no mapped class"):
        type("Strings", (Repository,), {}, model=str)
    with pytest.raises(TypeError, match="write where="):
        Repository(session, Book, where=Book.title == "a")  # type: ignore[arg-type]


# --- writing


@pytest.mark.promise("database-47")
async def test_a_row_is_made_of_a_model_or_a_mapping(session: AsyncSession) -> None:
    """Fields that were not sent have their defaults, and the app's own values go before the client's."""
    books = Repository(session, Book)

    one = await books.create(BookIn(title="a"), {"shop": "south"})
    other = await books.create({"title": "b", "author": Author(name="Ada")})

    assert (one.title, one.shop, one.version) == ("a", "south", 1)
    assert (other.shop, other.author_id) == ("north", other.author and other.author.id)


@pytest.mark.promise("database-47")
async def test_only_what_was_sent_is_changed(session: AsyncSession) -> None:
    """A field that was not sent stays as it is, and one that was sent as null becomes null."""
    books = Repository(session, Book)
    book = await books.create({"title": "a", "price": Decimal(5)})

    await books.update(book, BookChange(title="b"))
    kept = book.price
    await books.update(book, BookChange.model_validate({"price": None}), {"shop": "south"})

    assert kept == 5
    assert (book.title, book.price, book.shop, book.version) == ("b", None, "south", 3)


@pytest.mark.promise("database-47")
async def test_a_field_that_the_model_lacks_is_a_mistake(session: AsyncSession) -> None:
    """Nothing is dropped in silence, whatever is written."""
    books = Repository(session, Book)
    book = await books.create({"title": "a"})

    with pytest.raises(TypeError, match="Book has no attribute colour: leave it out"):
        await books.create({"title": "b", "colour": "red"})
    with pytest.raises(TypeError, match="Book has no attribute colour"):
        await books.update(book, {"colour": "red"})
    with pytest.raises(TypeError, match="Book has no column author"):
        await books.create_many([{"title": "b", "author": None}])


@pytest.mark.promise("database-47")
async def test_what_is_computed_is_not_written(session: AsyncSession) -> None:
    """An expression, in the mapping or in the table, is no place for a value."""
    shelves = Repository(session, Shelf)
    shelf = await shelves.create({"name": "a"})

    for computed in ("loud_name", "long_name"):
        message = f"Shelf.{computed} is computed by the database: leave it out"
        assert getattr(shelf, computed) in ("A", "a shelf")
        with pytest.raises(TypeError, match=message):
            await shelves.create({"name": "b", computed: "c"})
        with pytest.raises(TypeError, match=message):
            await shelves.create_many([{"name": "b", computed: "c"}])
        with pytest.raises(TypeError, match=message):
            await shelves.update(shelf, {computed: "c"})
        with pytest.raises(TypeError, match=message):
            await shelves.upsert({"name": "b", computed: "c"}, on=[Shelf.name])


@pytest.mark.promise("database-47")
async def test_a_key_never_changes(session: AsyncSession) -> None:
    """The key may be sent as it is; another is refused."""
    books = Repository(session, Book)
    book = await books.create({"title": "a"})

    await books.update(book, {"id": book.id, "title": "b"})

    assert book.title == "b"
    with pytest.raises(TypeError, match=r"Book\.id is its primary key"):
        await books.update(book, {"id": uuid7()})


@pytest.mark.promise("database-48")
async def test_a_version_in_the_data_is_compared(session: AsyncSession) -> None:
    """A body that names the version its sender has seen changes only that version."""
    books = Repository(session, Book)
    book = await books.create({"title": "a"})

    await books.update(book, BookChange(title="b", version=1))

    assert (book.title, book.version) == ("b", 2)
    with pytest.raises(StaleDataError):
        await books.update(book, BookChange(title="c", version=1))
    assert book.title == "b"


@pytest.mark.promise("database-48")
@pytest.mark.parametrize("change", ["update", "delete", "in the body"])
async def test_the_slower_of_two_is_told(library: Database, change: str) -> None:
    """A change to a row that somebody else changed meanwhile is answered 409, and nothing of it is kept."""
    async with library.begin() as session:
        book = await Repository(session, Book).create({"title": "a"})
    app = app_with_problems()

    @app.put("/")
    async def put() -> None:
        async with library.begin() as session:
            books = Repository(session, Book)
            mine = await books.get_or_404(book.id)
            await session.commit()
            async with library.begin() as other:
                theirs = Repository(other, Book)
                await theirs.update(await theirs.get_or_404(book.id), {"title": "faster"})
            if change == "update":
                await books.update(mine, {"title": "slower"})
            elif change == "delete":
                await books.delete(mine, hard=True)
            else:
                await session.refresh(mine)
                await books.update(mine, {"title": "slower", "version": 1})

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.put("/")

    async with library.begin() as session:
        kept = (await session.scalars(select(Book))).one()
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem-type:outdated")
    assert (kept.title, kept.version) == ("faster", 2)


@pytest.mark.promise("database-47")
async def test_what_the_database_decides_can_be_read_afterwards(session: AsyncSession) -> None:
    """Values that only the database knows are there after a write, so that a response can be made of the row."""
    shelves = Repository(session, Shelf)
    shelf = await shelves.create({"name": "a"})
    made = shelf.id, shelf.room, shelf.changed_at.tzinfo

    await shelves.update(shelf, {"name": "b"})

    assert made == (1, "hall", shelf.changed_at.tzinfo)
    assert not inspect(shelf).expired_attributes


@pytest.mark.promise("database-47")
async def test_many_rows_are_made_in_one_statement(session: AsyncSession) -> None:
    """They come back in the order of the data, with keys, defaults and versions, also where data differ in fields."""
    books, statements = Repository(session, Book), Statements(session)

    made = await books.create_many([BookIn(title=str(number)) for number in range(100)])
    sent = [each for each in statements.sent if each.startswith("INSERT")]
    mixed = await books.create_many([{"title": "x", "shop": "south"}, {"title": "y"}])

    assert [book.title for book in made] == [str(number) for number in range(100)]
    assert len(sent) == 1
    assert all((book.version, book.shop, book.id.version) == (1, "north", 7) for book in made)
    assert [(book.title, book.shop) for book in mixed] == [("x", "south"), ("y", "north")]
    assert await books.create_many([]) == []


@pytest.mark.promise("database-47")
async def test_many_rows_of_any_key_keep_their_order(session: AsyncSession) -> None:
    """Keys that the database counts out, and versions without a default, are filled in as well."""
    shelves = await Repository(session, Shelf).create_many([{"name": name} for name in "cab"])
    copies = await Repository(session, Copy).create_many([{"book": "a", "number": n} for n in (2, 1)])

    assert [shelf.name for shelf in shelves] == ["c", "a", "b"]
    assert [shelf.id for shelf in shelves] == [1, 2, 3]
    assert [(copy.number, copy.edition) for copy in copies] == [(2, 1), (1, 1)]


async def test_rows_that_are_dataclasses_are_made(session: AsyncSession) -> None:
    """A model that is a dataclass is made by its constructor."""
    note = await Repository(session, Note).create({"text": "a"})

    assert (note.text, note.version) == ("a", 1)


# --- the transaction


@pytest.mark.promise("database-49")
async def test_a_repository_never_commits(library: Database) -> None:
    """What it writes is sent to the database, and kept or undone with the session."""
    async with library.begin() as session:
        books = Repository(session, Book)
        book = await books.create({"title": "a"})
        await books.update(book, {"title": "b"})
        await books.create_many([{"title": "c"}])
        await books.upsert({"title": "d", "isbn": "1"}, on=[Book.isbn])
        await books.delete(book)
        assert session.in_transaction()
        await session.rollback()

    async with library.begin() as session:
        assert (await session.scalars(select(Book).execution_options(include_deleted=True))).all() == []


@pytest.mark.promise("database-49")
async def test_errors_of_the_database_are_raised_where_they_happen(session: AsyncSession) -> None:
    """A value that is taken already is refused by the call that writes it."""
    books = Repository(session, Book)
    await books.create({"title": "a", "isbn": "1"})

    with pytest.raises(IntegrityError):
        await books.create({"title": "b", "isbn": "1"})
