"""Changes that start from the state their client has seen, and reads that send nothing twice: RFC 9110, section 13."""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import FastAPI, Response
from httpx2 import AsyncClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException

from brickwork.database import (
    Conditional,
    Database,
    EntityTag,
    NotFoundError,
    NotModifiedError,
    Precondition,
    PreconditionFailedError,
    Repository,
    uuid7,
)
from brickwork.problems import add_problem_handlers
from tests.database.conftest import ClientOf
from tests.database.models import Base, Book, Shelf


class BookIn(BaseModel):
    title: str


class Books(Repository[Book], model=Book):
    """Books with a class of their own."""


KEY = uuid7()
URL = f"/books/{KEY}"


def books_app(db: Database, app: FastAPI) -> FastAPI:
    """An app that reads, makes and changes books under conditions."""

    @app.head("/books/{key}")
    @app.get("/books/{key}")
    async def read(
        key: UUID, books: Annotated[Books, db.repository(Books)], response: Response, precondition: Conditional
    ) -> BookIn:
        response.headers["Cache-Control"] = "private"
        response.headers["X-Other"] = "1"
        book = await books.get_or_404(key)
        precondition.fresh(book)
        return BookIn(title=book.title)

    @app.put("/books/{key}")
    async def put(
        key: UUID, data: BookIn, books: Annotated[Books, db.repository(Books)], precondition: Conditional
    ) -> BookIn:
        book = await books.get(key)
        precondition.check(book)
        book = await books.update(book, data) if book else await books.create(data, {"id": key})
        precondition.fresh(book)
        return data

    @app.patch("/books/{key}")
    async def patch(
        key: UUID, data: BookIn, books: Annotated[Books, db.repository(Books)], precondition: Conditional
    ) -> BookIn:
        book = await books.get_or_404(key)
        precondition.check(book, required=False, allow_weak=True)
        await books.update(book, data)
        return data

    return app


@pytest.fixture
async def books(tmp_path: Any) -> AsyncIterator[Database]:
    """A library in an SQLite file, with one book."""
    db = Database(f"sqlite:///{tmp_path / 'books.db'}")
    async with db.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with db.begin() as session:
        session.add(Book(id=KEY, title="first"))
    yield db
    await db.dispose()


@pytest.fixture(params=["bare", "problems"])
def client(request: pytest.FixtureRequest, books: Database, client_of: ClientOf) -> AsyncClient:
    """A client of the app, without and with the handlers of problems."""
    app = FastAPI()
    if request.param == "problems":
        add_problem_handlers(app)
    return client_of(books_app(books, app))


async def tag_of(client: AsyncClient) -> str:
    """Give the tag of the book as it is."""
    tag: str = (await client.get(URL)).headers["etag"]
    return tag


@pytest.mark.promise("database-53")
async def test_a_change_must_name_the_state_it_starts_from(client: AsyncClient) -> None:
    """Without If-Match a change is 428, from an outdated state 412, and from the present one it is made."""
    tag = await tag_of(client)

    blind = await client.put(URL, json={"title": "blind"})
    first = await client.put(URL, json={"title": "second"}, headers={"If-Match": tag})
    late = await client.put(URL, json={"title": "third"}, headers={"If-Match": tag})
    again = await client.put(URL, json={"title": "third"}, headers={"If-Match": first.headers["etag"]})

    assert [blind.status_code, first.status_code, late.status_code, again.status_code] == [428, 200, 412, 200]
    assert "ETag as If-Match" in blind.json()["detail"]
    assert "changed since you read it" in late.json()["detail"]
    assert (await client.get(URL)).json() == {"title": "third"}


@pytest.mark.promise("database-53")
@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("{tag}", 200),
        ('"other", {tag}', 200),
        ('"other",\t{tag} ,', 200),
        ("*", 200),
        ('"other"', 412),
        ("W/{tag}", 412),
        ('""', 412),
        ("", 400),
        ("3", 400),
        ("{tag}, *", 400),
        ('"never closed', 400),
    ],
)
async def test_conditions_are_read_as_the_standard_has_them(client: AsyncClient, value: str, status: int) -> None:
    """One of a list is enough, ``*`` is any state, a weak tag never matches, and what cannot be read is refused."""
    value = value.format(tag=await tag_of(client))

    answer = await client.put(URL, json={"title": "second"}, headers={"If-Match": value})

    assert answer.status_code == status
    assert (await client.get(URL)).json() == {"title": "second" if status == 200 else "first"}


@pytest.mark.promise("database-53")
async def test_several_lines_are_one_list(client: AsyncClient) -> None:
    """A header that is sent twice is read as one list."""
    lines = [("If-Match", '"other"'), ("If-Match", await tag_of(client))]

    answer = await client.put(URL, json={"title": "second"}, headers=lines)

    assert answer.status_code == 200


@pytest.mark.promise("database-53")
async def test_a_weak_tag_passes_where_it_is_allowed(client: AsyncClient) -> None:
    """What compression has made weak is named in the refusal, and passes with `allow_weak`."""
    weak = {"If-Match": f"W/{await tag_of(client)}"}

    refused = await client.put(URL, json={"title": "second"}, headers=weak)
    passed = await client.patch(URL, json={"title": "second"}, headers=weak)
    outdated = await client.patch(URL, json={"title": "third"}, headers=weak)

    assert [refused.status_code, passed.status_code, outdated.status_code] == [412, 200, 412]
    assert "Accept-Encoding: identity" in refused.json()["detail"]


async def test_a_condition_can_be_optional(client: AsyncClient) -> None:
    """With `required=False` a change without a condition is made."""
    answer = await client.patch(URL, json={"title": "second"})

    assert answer.status_code == 200


@pytest.mark.promise("database-54")
async def test_a_thing_is_made_only_where_there_is_none(client: AsyncClient) -> None:
    """``If-None-Match: *`` makes what is not there, and never overwrites."""
    new, only_new = f"/books/{uuid7()}", {"If-None-Match": "*"}

    made = await client.put(new, json={"title": "made"}, headers=only_new)
    again = await client.put(new, json={"title": "again"}, headers=only_new)
    blind = await client.put(f"/books/{uuid7()}", json={"title": "blind"})
    wrong = await client.put(f"/books/{uuid7()}", json={"title": "wrong"}, headers={"If-Match": "*"})
    junk = await client.put(f"/books/{uuid7()}", json={"title": "junk"}, headers={"If-None-Match": "*, *"})

    statuses = [each.status_code for each in (made, again, blind, wrong, junk)]
    assert statuses == [200, 412, 428, 412, 400]
    assert "If-None-Match: *" in blind.json()["detail"]
    assert (await client.get(new)).json() == {"title": "made"}


@pytest.mark.promise("database-54")
async def test_a_change_that_excludes_another_state_is_still_blind(client: AsyncClient) -> None:
    """If-None-Match with a tag that is not the present one says nothing of the state the change starts from."""
    answer = await client.put(URL, json={"title": "blind"}, headers={"If-None-Match": '"other"'})

    assert answer.status_code == 428


@pytest.mark.promise("database-55")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("value", ["{tag}", "W/{tag}", '"other", W/{tag}', "*"])
async def test_what_the_client_has_is_not_sent_again(client: AsyncClient, method: str, value: str) -> None:
    """GET and HEAD answer 304 without a body, with the ETag and what else a 200 would say of the content."""
    tag = await tag_of(client)

    answer = await client.request(method, URL, headers={"If-None-Match": value.format(tag=tag)})

    assert (answer.status_code, answer.content) == (304, b"")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == (tag, "private")
    assert not {"content-type", "content-length", "x-other"} & answer.headers.keys()


@pytest.mark.promise("database-55")
@pytest.mark.parametrize("value", ['"other"', "junk", "", 'W/"'])
async def test_everything_else_is_sent(client: AsyncClient, value: str) -> None:
    """Another tag, or what is none, gets the whole answer with its ETag."""
    answer = await client.get(URL, headers={"If-None-Match": value})

    assert (answer.status_code, answer.json()) == (200, {"title": "first"})
    assert answer.headers["etag"].startswith('"')


@pytest.mark.promise("database-55")
async def test_a_changed_thing_is_sent(client: AsyncClient) -> None:
    """After a change the old tag gets the new state."""
    old = await tag_of(client)
    await client.put(URL, json={"title": "second"}, headers={"If-Match": old})

    answer = await client.get(URL, headers={"If-None-Match": old})

    assert (answer.status_code, answer.json()) == (200, {"title": "second"})
    assert answer.headers["etag"] != old


async def test_a_read_may_ask_for_a_state(client: AsyncClient) -> None:
    """If-Match of a GET goes before If-None-Match, and is 412 where it does not hold."""
    tag = await tag_of(client)

    held = await client.get(URL, headers={"If-Match": tag})
    missed = await client.get(URL, headers={"If-Match": '"other"', "If-None-Match": tag})

    assert [held.status_code, missed.status_code] == [200, 412]


@pytest.mark.promise("database-56")
async def test_the_document_tells_of_conditions(books: Database, client_of: ClientOf) -> None:
    """OpenAPI names the headers, and the answers 400, 412 and 428 of what takes the precondition."""
    app = FastAPI()
    add_problem_handlers(app)

    document = (await client_of(books_app(books, app)).get("/openapi.json")).json()

    operation = document["paths"]["/books/{key}"]["put"]
    headers = {each["name"]: each["required"] for each in operation["parameters"] if each["in"] == "header"}
    assert headers == {"if-match": False, "if-none-match": False}
    assert {"400", "412", "428"} <= operation["responses"].keys()


@pytest.mark.promise("database-52")
def test_the_same_repository_is_the_same_dependency() -> None:
    """Two parameters of a request get one object, and FastAPI makes it once."""
    books = Database("sqlite://")

    marker, same = books.repository(Book), books.repository(Book)
    own, reader = books.repository(Books), books.repository(Book, read_only=True)

    assert marker == same
    assert marker not in (own, reader)


@pytest.mark.promise("database-52")
async def test_repositories_share_the_session_of_the_endpoint(books: Database, client_of: ClientOf) -> None:
    """All repositories of an endpoint, and its session, are one transaction; a reading one cannot write."""
    app = FastAPI()

    @app.post("/")
    async def post(
        own: Annotated[Books, books.repository(Books)],
        plain: Annotated[Repository[Book], books.repository(Book)],
        shelves: Annotated[Repository[Shelf], books.repository(Shelf)],
        reader: Annotated[Repository[Book], books.repository(Book, read_only=True)],
        session: Annotated[AsyncSession, books.transaction()],
    ) -> list[bool]:
        await shelves.create({"name": "a"})
        return [own.session is session, plain.session is session, reader.session is session, type(own) is Books]

    answer = await client_of(app).post("/")

    async with books.begin() as session:
        assert len(await Repository(session, Shelf).list(limit=None)) == 1
    assert answer.json() == [True, True, False, True]


def test_what_is_no_model_has_no_repository() -> None:
    """The marker is refused where it is written."""
    books = Database("sqlite://")

    with pytest.raises(TypeError, match="no mapped class"):
        books.repository(int)
    with pytest.raises(TypeError, match="Repository of which rows"):
        books.repository(Repository)


# --- without an app


def test_a_tag_of_ones_own_serves_as_well() -> None:
    """What has no row, such as a report, is guarded by an `EntityTag`."""
    response = Response()
    changing = Precondition("PUT", response, ['"a"'])
    reading = Precondition("GET", response, None, ['"a"'])

    changing.check(EntityTag("a"))
    with pytest.raises(PreconditionFailedError):
        changing.check(EntityTag("b"))
    with pytest.raises(NotModifiedError):
        reading.fresh(EntityTag("a"))

    assert response.headers["etag"] == '"a"'


def test_nothing_has_no_state() -> None:
    """To send nothing is a mistake that is named; a thing that is not there is a 404."""
    with pytest.raises(TypeError, match="raise NotFoundError first"):
        Precondition("GET", Response()).fresh(None)
    assert NotFoundError().status_code == 404


@given(st.text(st.characters(max_codepoint=0xFF)))
def test_no_header_is_a_server_error(value: str) -> None:
    """Whatever If-Match holds, a change passes or is refused with 400 or 412."""
    try:
        Precondition("PUT", Response(), [value]).check(EntityTag("a"))
    except HTTPException as refusal:
        status = refusal.status_code
    else:
        status = 200

    assert status in (200, 400, 412)
