"""Synchronous sessions: the same promises, in threads."""

from threading import Thread
from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Response
from fastapi.responses import JSONResponse
from fastapi.testclient import TestClient
from sqlalchemy import Engine, event, text
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Session

from brickwork.database import Database, RollbackRoute
from tests.database.conftest import Note, app_with_problems


def notes_app(db: Database) -> FastAPI:
    """An app whose every endpoint writes a note and then ends in its own way."""
    app = app_with_problems()

    @app.post("/success", status_code=201)
    def success(session: Annotated[Session, db.sync_transaction()]) -> None:
        session.add(Note(id=1))

    @app.post("/commit-fails", status_code=201)
    def commit_fails(session: Annotated[Session, db.sync_transaction()]) -> None:
        session.add(Note(id=1, answers=99))
        session.flush()

    @app.post("/http-exception")
    def http_exception(session: Annotated[Session, db.sync_transaction()]) -> None:
        session.add(Note(id=1))
        session.flush()
        raise HTTPException(400)

    @app.post("/injected-status")
    def injected_status(session: Annotated[Session, db.sync_transaction()], response: Response) -> None:
        session.add(Note(id=1))
        response.status_code = 409

    @app.post("/returned-status")
    def returned_status(session: Annotated[Session, db.sync_transaction()]) -> Response:
        session.add(Note(id=1))
        return JSONResponse({}, status_code=409)

    return app


def sync_kept(db: Database) -> list[int]:
    """Give the notes that others see."""
    with db.sync_engine.connect() as connection:
        return list(connection.scalars(text("SELECT id FROM notes ORDER BY id")))


def sync_lent(db: Database) -> int:
    """Count the connections that are out of the pools."""
    pools: list[Any] = [each.pool for each in db._connections._made if isinstance(each, Engine)]
    return sum(pool.checkedout() for pool in pools)


@pytest.mark.promise("database-28")
@pytest.mark.parametrize(
    ("path", "status", "notes"),
    [
        ("/success", 201, [1]),
        ("/commit-fails", 409, []),
        ("/http-exception", 400, []),
        ("/injected-status", 409, []),
        ("/returned-status", 409, [1]),
    ],
)
def test_synchronous_sessions_have_the_same_timing(sync_db: Database, path: str, status: int, notes: list[int]) -> None:
    """Success commits before the response, errors roll back, a returned error commits."""
    seen: list[tuple[list[int], int]] = []
    inner = notes_app(sync_db)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def watch(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append((sync_kept(sync_db), sync_lent(sync_db)))
            await send(message)

        await inner(scope, receive, watch)

    answer = TestClient(app).post(path)

    assert answer.status_code == status
    assert seen == [(notes, 0)]


@pytest.mark.promise("database-28")
def test_a_returned_error_of_a_synchronous_endpoint_can_roll_back(sync_db: Database) -> None:
    """`RollbackRoute` sees what a synchronous endpoint returns, too."""
    app = FastAPI()
    app.router.route_class = RollbackRoute

    @app.post("/")
    def work(session: Annotated[Session, sync_db.sync_transaction()]) -> Response:
        session.add(Note(id=1))
        session.flush()
        return Response(status_code=404)

    answer = TestClient(app).post("/")

    assert (answer.status_code, sync_kept(sync_db), sync_lent(sync_db)) == (404, [], 0)


@pytest.mark.promise("database-28")
def test_a_closed_synchronous_session_stays_closed(sync_db: Database) -> None:
    """A background task that asks it again gets an error, and no connection."""
    app = FastAPI()
    said: list[str] = []

    @app.post("/")
    def work(
        session: Annotated[Session, sync_db.sync_transaction()],
        reader: Annotated[Session, sync_db.sync_read_only()],
        tasks: BackgroundTasks,
    ) -> list[int]:
        def later() -> None:
            for each in (session, reader):
                with pytest.raises(InvalidRequestError, match="closed") as refused:
                    each.execute(text("SELECT 1"))
                said.append(str(refused.value))

        tasks.add_task(later)
        return list(reader.scalars(text("SELECT id FROM notes")))

    answer = TestClient(app).post("/")

    assert (answer.json(), len(said), sync_lent(sync_db)) == ([], 2, 0)


@pytest.mark.promise("database-28")
def test_synchronous_blocks_and_savepoints(sync_db: Database) -> None:
    """A block commits or rolls back; a savepoint undoes its part alone."""

    def fail(session: Session | None = None) -> None:
        with sync_db.sync_begin(session) as same:
            same.add(Note(id=2))
            same.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with sync_db.sync_begin() as session:
        session.add(Note(id=1))
        with pytest.raises(ZeroDivisionError):
            fail(session)
        with sync_db.sync_begin(within=session):
            session.add(Note(id=3))
        with pytest.raises(ValueError, match="exclude each other"):
            sync_db.sync_begin(session, read_only=True)

    assert (sync_kept(sync_db), sync_lent(sync_db)) == ([1, 3], 0)


@pytest.mark.promise("database-28")
def test_a_rollback_that_fails_hides_nothing(sync_db: Database, caplog: pytest.LogCaptureFixture) -> None:
    """What went wrong first comes out, and the log has a line on the rest."""

    def lose(connection: object) -> None:
        raise ConnectionResetError("secret")

    def fail() -> None:
        with sync_db.sync_begin() as session:
            session.execute(text("SELECT 1"))
            event.listen(sync_db.sync_engine, "rollback", lose, once=True)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert "ConnectionResetError" in caplog.text
    assert "secret" not in caplog.text
    assert sync_lent(sync_db) == 0


@pytest.mark.promise("database-13")
def test_two_threads_that_come_first_get_one_engine(tmp_path: Any) -> None:
    """The engine is made once, whoever asks."""
    for number in range(20):
        db = Database(f"sqlite:///{tmp_path / str(number)}.db")
        engines: list[Engine] = []
        threads = [Thread(target=lambda found=engines, of=db: found.append(of.sync_engine)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len({id(each) for each in engines}) == 1


@pytest.mark.promise("database-30")
def test_synchronous_tests_leave_nothing(sync_db: Database) -> None:
    """All sessions share one transaction; at the end it is as if nothing had been."""
    client = TestClient(notes_app(sync_db))

    with sync_db.sync_testing() as session:
        session.add(Note(id=7))
        session.commit()
        statuses = [client.post(path).status_code for path in ("/http-exception", "/success")]
        found = list(session.scalars(text("SELECT id FROM notes ORDER BY id")))
        with sync_db.sync_begin(read_only=True) as reader:
            assert reader.get(Note, 7) is not None

    assert (statuses, found) == ([400, 201], [1, 7])
    assert (sync_kept(sync_db), sync_lent(sync_db)) == ([], 0)
    with pytest.raises(RuntimeError, match="asynchronous session"), sync_db.sync_testing():
        sync_db.begin()
