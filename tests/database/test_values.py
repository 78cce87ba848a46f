"""Values that fit the model of a request and no column: refused as the client's, and never a server error."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import pytest
from httpx2 import ASGITransport, AsyncClient
from pydantic import BaseModel
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from brickwork.database import Database, Repository
from tests.database.conftest import ClientOf, app_with_problems
from tests.database.models import Base, Book

Books = Repository[Book]


class BookIn(BaseModel):
    title: Any = "a"
    isbn: str = "1"
    pages: int = 1


async def update(books: Books, data: BookIn) -> None:
    """Change a row to the data."""
    await books.update(await books.create({"title": "before"}), data)


WRITES: dict[str, Callable[[Books, BookIn], Awaitable[object]]] = {
    "create": lambda books, data: books.create(data),
    "create_many": lambda books, data: books.create_many([data]),
    "update": update,
    "upsert": lambda books, data: books.upsert(data, on=[Book.isbn]),
}
# With the answers on PostgreSQL and on SQLite, which stores what it can.
VALUES: dict[str, tuple[dict[str, object], int, int]] = {
    "beyond every number": ({"pages": 10**30}, 422, 422),
    "beyond the column": ({"pages": 2**40}, 422, 201),
    "half a character": ({"title": "\ud800"}, 422, 422),
    "NUL": ({"title": "a\x00b"}, 422, 201),
    "too long": ({"isbn": "97" * 20}, 422, 201),
}
JSON = {"content-type": "application/json"}
SECRETS = ("INSERT", "UPDATE", "book", "isbn", "97" * 6, "0" * 12, "ud800", "utf-8", "int32", "VARCHAR")


def answer_of(value: str, dialect: str) -> int:
    """Give the status that a value is answered with."""
    _, on_postgresql, on_sqlite = VALUES[value]
    return on_sqlite if dialect == "sqlite" else on_postgresql


@pytest.mark.promise("database-49")
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("value", VALUES)
async def test_a_value_that_no_column_holds_is_422(
    library: Database, client_of: ClientOf, value: str, write: str
) -> None:
    """Whatever writes it and by whichever driver, nothing is kept, and the answer shows neither value nor statement."""
    app = app_with_problems()

    @app.post("/", status_code=201)
    async def post(data: BookIn, books: Annotated[Books, library.repository(Book)]) -> None:
        await WRITES[write](books, data)

    answer = await client_of(app).post("/", content=json.dumps(VALUES[value][0]), headers=JSON)

    async with library.begin() as session:
        kept = await session.scalar(select(func.count()).select_from(Book))
    assert answer.status_code == answer_of(value, library.engine.dialect.name)
    assert kept == (answer.status_code == 201)
    assert ("unstorable" in answer.text) == (answer.status_code == 422)
    assert not any(secret in answer.text for secret in SECRETS)


@pytest.mark.promise("database-28")
@pytest.mark.parametrize("value", VALUES)
async def test_so_it_is_in_synchronous_sessions(sync_db: Database, value: str) -> None:
    """The drivers of synchronous sessions are understood as well."""
    Base.metadata.create_all(sync_db.sync_engine)
    app = app_with_problems()

    @app.post("/", status_code=201)
    def post(data: BookIn, session: Annotated[Session, sync_db.sync_transaction()]) -> None:
        session.add(Book(**data.model_dump()))

    async with AsyncClient(transport=ASGITransport(app=app), base_url="http://test") as client:
        answer = await client.post("/", content=json.dumps(VALUES[value][0]), headers=JSON)

    assert answer.status_code == answer_of(value, sync_db.sync_engine.dialect.name)
    assert ("unstorable" in answer.text) == (answer.status_code == 422)
