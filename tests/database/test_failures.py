"""What a client gets while the database cannot serve, and that the next one is served again."""

import asyncio
import random
from contextlib import suppress
from typing import Annotated

import psycopg
import pytest
from fastapi import FastAPI, HTTPException, Response
from httpx2 import AsyncClient
from sqlalchemy import event, insert, make_url, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message

from brickwork.database import Database
from brickwork.database.sqlalchemy.engines import _discard_busy
from tests.database.conftest import ClientOf, Note, Notes, app_with_problems, kept, lent, scope_of
from tests.servers.postgres import PostgresServer

DRIVERS = pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])


def asking_app(db: Database) -> FastAPI:
    """An app that tells which connection it was served by, and executes what it is sent after that."""
    app = app_with_problems()

    @app.post("/")
    async def ask(session: Annotated[AsyncSession, db.transaction()], then: str = "SELECT 1") -> int:
        number: int = await session.scalar(text("SELECT pg_backend_pid()"))
        await session.execute(text(then))
        return number

    return app


def address(url: str, driver: str) -> str:
    """Give an address with a driver in it."""
    return make_url(url).set(drivername=f"postgresql+{driver}").render_as_string(hide_password=False)


async def ask(client: AsyncClient, **query: str) -> tuple[int, str | None]:
    """Give status and Retry-After of one answer."""
    answer = await client.post("/", params=query)
    return answer.status_code, answer.headers.get("retry-after")


@pytest.mark.promise("database-31")
async def test_a_pool_that_is_spent_is_503(db: Database, client_of: ClientOf) -> None:
    """Who finds no free connection in time is told to come again, and is served when one is free."""
    app = app_with_problems()

    @app.post("/")
    async def read(session: Annotated[AsyncSession, db.transaction()]) -> None:
        await session.execute(text("SELECT 1"))

    client = client_of(app)
    held = [await db.engine.connect() for _ in range(5)]
    refused = await ask(client)
    for each in held:
        await each.close()
    served = await ask(client)

    assert (refused, served) == ((503, "5"), (200, None))


@pytest.mark.promise("database-32")
@DRIVERS
async def test_a_connection_ended_in_a_request_is_one_503(postgres_url: str, client_of: ClientOf, driver: str) -> None:
    """The request that loses its connection is 503, nothing of it is kept, and the next one has a new connection."""
    db = Database(address(postgres_url, driver))
    client = client_of(asking_app(db))
    await ask(client, then="CREATE TABLE kept (id int)")

    ended = await ask(
        client,
        then="INSERT INTO kept VALUES (1); SELECT pg_terminate_backend(pg_backend_pid())"
        if driver == "psycopg"
        else "SELECT pg_terminate_backend(pg_backend_pid())",
    )
    after = await ask(client)
    async with db.begin() as session:
        found = list(await session.scalars(text("SELECT id FROM kept")))

    assert (ended, after, found, lent(db)) == ((503, "5"), (200, None), [], 0)
    await db.dispose()


@pytest.mark.promise("database-32")
@DRIVERS
async def test_connections_ended_between_requests_are_not_noticed(
    postgres_url: str, client_of: ClientOf, driver: str
) -> None:
    """A connection is tried before it is lent, and replaced when it is dead."""
    db = Database(address(postgres_url, driver))
    client = client_of(asking_app(db))
    first = (await client.post("/")).json()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])

    answer = await client.post("/")

    assert answer.status_code == 200
    assert answer.json() != first
    await db.dispose()


@pytest.mark.promise("database-32")
@DRIVERS
async def test_a_server_that_is_killed_and_restarted(
    private_postgres: PostgresServer, client_of: ClientOf, driver: str
) -> None:
    """While it is down requests are 503; as soon as it is back they are served."""
    db = Database(address(private_postgres.url, driver))
    client = client_of(asking_app(db))
    before = await ask(client)
    private_postgres.kill()
    down = [await ask(client), await ask(client)]
    private_postgres.restart()

    after = await ask(client)

    assert (before[0], down, after[0], lent(db)) == (200, [(503, "5")] * 2, 200, 0)
    await db.dispose()


@pytest.mark.promise("database-32")
@DRIVERS
async def test_an_error_after_the_connection_was_lost_stays_what_it_is(
    postgres_url: str, client_of: ClientOf, driver: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A rollback that cannot reach the server hides nothing: what was raised first is answered."""
    db = Database(address(postgres_url, driver))
    app = app_with_problems()

    @app.post("/")
    async def work(session: Annotated[AsyncSession, db.transaction()]) -> None:
        number = await session.scalar(text("SELECT pg_backend_pid()"))
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
        raise HTTPException(404)

    answer = await client_of(app).post("/")

    assert (answer.status_code, lent(db)) == (404, 0)
    await db.ping()
    await db.dispose()


@pytest.mark.promise("database-32")
async def test_a_rollback_that_fails_is_logged_without_its_words(
    file_db: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the class of the error, and the pool gets its connection back."""

    def lose(_: object) -> None:
        raise ConnectionResetError("secret")

    async def fail() -> None:
        async with file_db.begin() as session:
            session.add(Note(id=1))
            await session.flush()
            event.listen(file_db.engine.sync_engine, "rollback", lose, once=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert "ConnectionResetError" in caplog.text
    assert "secret" not in caplog.text
    assert (await kept(file_db), lent(file_db)) == ([], 0)


class Chance:
    """Sends requests that end at random, each from the same start on every run.

    Args:
        db: The database that they use.
    """

    ends = ("success", "unused", "constraint", "exception", "problem", "status", "wait")

    def __init__(self, db: Database) -> None:
        self._random = random.Random(3)
        self.succeeded: list[int] = []
        self.app = app_with_problems()

        @self.app.post("/{number}/{end}")
        async def work(
            number: int, end: str, session: Annotated[AsyncSession, db.transaction()], response: Response
        ) -> None:
            if end != "unused":
                session.add(Note(id=number, answers=-1 if end == "constraint" else None))
                await session.flush()
                await self._end(end, response)

    async def _end(self, end: str, response: Response) -> None:
        if end == "exception":
            raise ZeroDivisionError
        if end == "problem":
            raise HTTPException(404)
        if end == "status":
            response.status_code = 422
        if end == "wait":
            # Until it is cancelled; psycopg before 3.3 loses a cancellation now and then on Python 3.11.
            async with asyncio.timeout(1):
                await asyncio.Event().wait()

    async def requests(self, numbers: range) -> None:
        """Send one request for each number, one after another."""
        for number in numbers:
            end = self._random.choices(self.ends, [2, 8, 1, 1, 1, 1, 0.2])[0]
            status = await self._request(f"/{number}/{end}", 0.02 if end == "wait" else None)
            if end == "success" and status == 200:
                self.succeeded.append(number)

    async def _request(self, path: str, limit: float | None) -> int:
        statuses = [0]

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            statuses.append(message.get("status", statuses[-1]))

        with suppress(TimeoutError, ZeroDivisionError):
            async with asyncio.timeout(limit):
                await self.app(scope_of(path), receive, send)
        return statuses[-1]


@pytest.mark.promise("database-33")
@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_ten_thousand_requests_that_fail_at_random_leave_the_pool_full(
    file_db: Database, expected_errors: list[object]
) -> None:
    """However requests end, each connection comes back, and only what was answered with success is kept."""
    await _fail_at_random(file_db, 10_000)


@pytest.mark.promise("database-33")
@pytest.mark.slow
@DRIVERS
async def test_a_thousand_requests_that_fail_at_random_on_postgresql(
    postgres_url: str, driver: str, expected_errors: list[object]
) -> None:
    """The same on PostgreSQL, where the server itself says that nothing is left open."""
    db = Database(address(postgres_url, driver), pool_size=5, max_overflow=0)
    async with db.engine.begin() as connection:
        await connection.run_sync(Notes.metadata.create_all)

    await _fail_at_random(db, 1_000)

    with psycopg.connect(postgres_url) as other:
        states = "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert {state for (state,) in other.execute(states)} == {"idle"}
    await db.dispose()


async def _fail_at_random(db: Database, requests: int) -> None:
    chance = Chance(db)

    await asyncio.gather(*(chance.requests(range(start, requests, 4)) for start in range(4)))
    lent_after = lent(db)
    held = [await db.engine.connect() for _ in range(5)]
    for each in held:
        await each.close()

    assert lent_after == 0
    assert await kept(db) == sorted(chance.succeeded)


@pytest.mark.promise("database-34")
async def test_secrets_stay_out_of_words(caplog: pytest.LogCaptureFixture, postgres_url: str) -> None:
    """Neither how a database is shown nor what is logged or raised tells the password, wherever it stands."""
    secret = "hunter2-secret"
    urls = [f"postgresql://ada:{secret}@127.0.0.1:9/d", f"postgresql://127.0.0.1:9/d?password={secret}"]
    said = [f"{Database(url)!r} {Database(url)}" for url in urls]
    caplog.set_level("DEBUG")

    for url in urls:
        db = Database(url, replicas=[url])
        with pytest.raises(Exception) as down:  # noqa: PT011 - any driver's word
            async with db.begin(read_only=True) as reader:
                await reader.execute(text("SELECT 1"))
        said.append(f"{down.value!r} {down.value}")
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - all of its words are looked at
        Database(f"postgresql://ada:{secret}@h:port/d")
    said.append(f"{refused.value!r} {refused.value.__context__!r}")

    assert secret not in " ".join(said)
    assert secret not in caplog.text
    assert "ada" not in "".join(said[:2])


@pytest.mark.promise("database-34")
async def test_values_stay_out_of_errors(db: Database) -> None:
    """What SQLAlchemy says of a statement that failed shows no parameters; with `echo=True` it does."""

    async def write() -> None:
        async with db.begin() as session:
            session.add_all([Note(id=1, answers=1, text="my secret")])
            await session.execute(insert(Note), [{"id": 1, "text": "my secret"}])

    with pytest.raises(IntegrityError) as failed:
        await write()

    assert "my secret" not in str(failed.value)
    assert "hide_parameters" in str(failed.value)


@pytest.mark.promise("database-9")
@pytest.mark.parametrize("driver", ["asyncpg", "psycopg"])
@pytest.mark.parametrize("end", ["returns", "raises"])
async def test_a_statement_that_is_left_running_spoils_no_connection(postgres_url: str, driver: str, end: str) -> None:
    """A task that outlives its endpoint harms that request alone: the next borrower gets a connection that works."""
    db = Database(postgres_url.replace("postgresql:", f"postgresql+{driver}:"), pool_size=1, max_overflow=0)
    left: list[asyncio.Task[object]] = []
    begun = asyncio.Event()

    async def work() -> None:
        async with db.begin() as session:
            await session.execute(text("SELECT 1"))
            event.listen(db.engine.sync_engine, "before_cursor_execute", lambda *_: begun.set())
            left.append(asyncio.create_task(session.execute(text("SELECT pg_sleep(0.5)"))))
            await begun.wait()
            if end == "raises":
                raise LookupError

    await asyncio.gather(work(), return_exceptions=True)
    async with db.begin() as session:
        answer = await session.scalar(text("SELECT 1"))
    await asyncio.gather(*left, return_exceptions=True)
    await db.dispose()

    assert (answer, lent(db)) == (1, 0)


@pytest.mark.promise("database-9")
@pytest.mark.parametrize(("connection", "busy", "kept"), [(None, True, True), ("a", False, True), ("a", True, False)])
def test_a_connection_is_discarded_only_if_it_is_busy(connection: str | None, busy: bool, kept: bool) -> None:
    """One that is idle goes back to the pool, and one that is lost already is nobody's business."""
    record = Record(busy)

    _discard_busy(connection, record)  # type: ignore[arg-type]

    assert record.kept == kept


class Record:
    """Stands where the pool and asyncpg do."""

    def __init__(self, busy: bool) -> None:
        self.busy = busy
        self.kept = True
        self.driver_connection = self

    def is_in_transaction(self) -> bool:
        return self.busy

    def invalidate(self) -> None:
        self.kept = False
