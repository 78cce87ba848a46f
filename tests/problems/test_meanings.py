"""What the errors of databases, HTTP clients, limiters and task groups mean to a client."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import httpx2
import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient
from slowapi import Limiter
from slowapi.util import get_remote_address
from sqlalchemy import CheckConstraint, ForeignKey, String, create_engine, event, exc, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool, StaticPool
from starlette.requests import ClientDisconnect

from brickwork.problems import Problem, add_problem_handlers
from brickwork.problems._service import Meanings
from tests.problems.conftest import ClientOf


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "authors"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String, unique=True)
    age: Mapped[int] = mapped_column(CheckConstraint("age < 200", name="ck_secret_age"), default=1)
    version: Mapped[int] = mapped_column(default=1)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's form


class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("authors.id"))


@pytest.fixture
def session() -> Any:
    """An SQLite database with one author in it."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add(Author(id=1, name="Ada", age=36))
        session.commit()
        yield session
    engine.dispose()


def app_doing(work: Callable[[], Any], **options: Any) -> FastAPI:
    """An app whose one route does something."""
    app = FastAPI()
    add_problem_handlers(app, **options)

    @app.get("/")
    async def do() -> None:
        result = work()
        if isinstance(result, Awaitable):
            await result

    return app


def raising(error: BaseException) -> Callable[[], None]:
    """A function that raises."""

    def work() -> None:
        raise error

    return work


VIOLATIONS = {
    "unique": "INSERT INTO authors (id, name, age, version) VALUES (2, 'Ada', 1, 1)",
    "foreign-key": "INSERT INTO books (id, author_id) VALUES (1, 99)",
    "not-null": "INSERT INTO authors (id, name, age, version) VALUES (2, NULL, 1, 1)",
    "check": "INSERT INTO authors (id, name, age, version) VALUES (2, 'Bob', 999, 1)",
}


@pytest.mark.promise("problems-15")
@pytest.mark.promise("problems-23")
@pytest.mark.parametrize("constraint", VIOLATIONS)
async def test_a_constraint_on_sqlite_is_a_conflict(client_of: ClientOf, session: Session, constraint: str) -> None:
    """409 with the kind of constraint, and nothing of the statement."""
    answer = await client_of(app_doing(lambda: session.execute(text(VIOLATIONS[constraint])))).get("/")

    document = answer.json()
    assert answer.status_code == 409
    assert (document["type"], document["constraint"]) == ("urn:problem-type:constraint-violated", constraint)
    for secret in ("INSERT", "authors", "Ada", "ck_secret", "sqlite", "name"):
        assert secret not in answer.text


async def test_a_primary_key_taken_twice_is_unique(client_of: ClientOf, session: Session) -> None:
    """A primary key is a unique one."""
    taken = "INSERT INTO authors (id, name, age, version) VALUES (1, 'Bob', 1, 1)"

    answer = await client_of(app_doing(lambda: session.execute(text(taken)))).get("/")

    assert answer.json()["constraint"] == "unique"


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ("Duplicate entry 'a@b' for key 'users.email'", "unique"),
        ("a foreign key constraint fails", "foreign-key"),
        ("Column 'x' cannot be null", "not-null"),
        ("Check constraint 'c' is violated.", "check"),
        ("something else", "other"),
    ],
)
def test_other_drivers_are_read_by_their_words(said: str, constraint: str) -> None:
    """A driver that gives no code still says which kind it was."""
    error = exc.IntegrityError("INSERT", {}, Exception(said))

    meant = Meanings({})(error)

    assert getattr(meant, "constraint", None) == constraint


@pytest.mark.promise("problems-24")
async def test_a_row_that_is_not_there_is_404(client_of: ClientOf, session: Session) -> None:
    """`scalar_one` over nothing is not found; over two rows it is a fault of the application."""
    absent = app_doing(lambda: session.scalars(select(Author).where(Author.id == 99)).one())
    several = app_doing(lambda: session.execute(text("SELECT 1 UNION SELECT 2")).one())

    assert (await client_of(absent).get("/")).status_code == 404
    assert (await client_of(several).get("/")).status_code == 500


async def test_a_row_changed_meanwhile_is_409(client_of: ClientOf, session: Session) -> None:
    """Optimistic locking that fails asks the client to read again."""

    def work() -> None:
        ada = session.get_one(Author, 1)
        session.execute(text("UPDATE authors SET version = 7"))
        ada.age = 37
        session.flush()

    answer = await client_of(app_doing(work)).get("/")

    assert (answer.status_code, answer.json()["type"]) == (409, "urn:problem-type:outdated")


@pytest.mark.promise("problems-24")
async def test_a_pool_that_is_spent_is_503(client_of: ClientOf, tmp_path: Any) -> None:
    """No free connection in time: come again."""
    engine = create_engine(
        f"sqlite:///{tmp_path}/a.db", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01
    )

    with engine.connect():
        answer = await client_of(app_doing(engine.connect)).get("/")
    engine.dispose()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


@pytest.mark.promise("problems-24")
async def test_a_database_that_is_locked_or_lost_is_503(client_of: ClientOf, tmp_path: Any) -> None:
    """What passes by itself is 503; a wrong statement is a fault of the application."""
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"timeout": 0}, isolation_level="AUTOCOMMIT")
    nowhere = create_engine(f"sqlite:///{tmp_path}/no/such/folder/a.db")

    with engine.connect() as first, engine.connect() as second:
        first.execute(text("BEGIN EXCLUSIVE"))
        locked = await client_of(app_doing(lambda: second.execute(text("CREATE TABLE t (a)")))).get("/")
        first.execute(text("ROLLBACK"))
        wrong = await client_of(app_doing(lambda: second.execute(text("SELECT * FROM no_such_table")))).get("/")
    lost = await client_of(app_doing(nowhere.connect)).get("/")
    engine.dispose()

    assert (locked.status_code, lost.status_code, wrong.status_code) == (503, 503, 500)
    assert "no_such_table" not in wrong.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exc.OperationalError("SELECT 1", {}, Exception("server closed the connection")), 503),
        (exc.ProgrammingError("SELECT 1", {}, Exception("syntax error")), None),
        (exc.InterfaceError("SELECT 1", {}, Exception("closed"), connection_invalidated=True), 503),
        (exc.TimeoutError("QueuePool limit"), 503),
        (exc.NoResultFound(), 404),
    ],
)
def test_database_errors_by_their_class(error: Exception, status: int | None) -> None:
    """A connection that was lost may come back; a statement does not get right by waiting."""
    meant = Meanings({})(error)

    assert (meant.status_code if meant else None) == status


class SqlStateError(Exception):
    """A driver's error with PostgreSQL's code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("secret")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "status"),
    [("08006", 503), ("57P01", 503), ("53300", 503), ("40P01", 503), ("22003", None), ("42P01", None)],
)
def test_postgresql_says_what_passes(state: str, status: int | None) -> None:
    """Lost connections, spent resources, shutdowns and deadlocks pass; the rest does not."""
    meant = Meanings({})(exc.OperationalError("SELECT 1", {}, SqlStateError(state)))

    assert (meant.status_code if meant else None) == status


# --- upstream


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize("client", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("ConnectError", 502),
        ("ReadError", 502),
        ("RemoteProtocolError", 502),
        ("ReadTimeout", 504),
        ("ConnectTimeout", 504),
        ("PoolTimeout", 503),
        ("UnsupportedProtocol", None),
        ("LocalProtocolError", None),
    ],
)
def test_an_upstream_that_fails(client: Any, name: str, status: int | None) -> None:
    """Failure is 502, slowness 504, a pool that is spent 503; a call made wrongly is a fault of the application."""
    meant = Meanings({})(getattr(client, name)("https://user:secret@upstream.internal"))

    assert (meant.status_code if meant else None) == status


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize("client", [httpx, httpx2], ids=["httpx", "httpx2"])
async def test_an_upstreams_refusal_is_502_and_stays_with_us(
    client_of: ClientOf, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """`raise_for_status` tells the client nothing of the upstream's answer; the log tells all."""
    request = client.Request("GET", "https://upstream.internal/secret")
    response = client.Response(403, text="secret", request=request)

    answer = await client_of(app_doing(response.raise_for_status)).get("/")

    assert answer.status_code == 502
    assert "secret" not in answer.text
    [record] = [each for each in caplog.records if each.name == "brickwork.problems"]
    assert (record.levelno, record.getMessage()) == (logging.WARNING, "HTTPStatusError is answered with 502")
    assert record.exc_info is not None


async def forever(request: httpx2.Request) -> httpx2.Response:
    """An upstream that never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def call_in_time() -> None:
    """Call it, and give up."""
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(forever)) as client, asyncio.timeout(0.01):
        await client.get("http://upstream.internal")


async def wait_in_time() -> None:
    """Wait for something of one's own, and give up."""
    async with asyncio.timeout(0.01):
        await asyncio.Event().wait()


@pytest.mark.promise("problems-25")
@pytest.mark.parametrize(("work", "status"), [(call_in_time, 504), (wait_in_time, 500)])
async def test_a_time_out_is_504_only_around_a_call(client_of: ClientOf, work: Any, status: int) -> None:
    """A deadline of one's own around an upstream call is 504; around a lock or queue it is a fault."""
    answer = await client_of(app_doing(work)).get("/")

    assert answer.status_code == status


@pytest.mark.promise("problems-24")
@pytest.mark.parametrize("error", [TimeoutError, ConnectionRefusedError])
async def test_a_driver_that_cannot_connect_is_503(client_of: ClientOf, error: type[OSError]) -> None:
    """Drivers let the socket's own errors through; what they mean depends on who raised them."""

    def connect(*_: Any, **__: Any) -> Any:
        raise error("secret-host")

    engine = create_engine("sqlite://", creator=connect)

    answer = await client_of(app_doing(engine.connect)).get("/")
    own = await client_of(app_doing(raising(error("mine")))).get("/")

    assert (answer.status_code, own.status_code) == (503, 500)
    assert "secret" not in answer.text


# --- limits, groups, clients that leave


async def test_slowapis_refusal_says_when_to_come_back(client_of: ClientOf) -> None:
    """429 with the limit and `Retry-After`."""
    app = FastAPI()
    limiter = Limiter(key_func=get_remote_address)
    app.state.limiter = limiter
    add_problem_handlers(app)

    @app.get("/")
    @limiter.limit("1/minute")
    async def limited(request: Request) -> None: ...

    client = client_of(app)
    await client.get("/")
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
    assert answer.json()["detail"] == "The limit is 1 per 1 minute."


@pytest.mark.promise("problems-26")
@pytest.mark.parametrize(
    ("errors", "status"),
    [
        ([HTTPException(409)], 409),
        ([ExceptionGroup("inner", [HTTPException(409)]), HTTPException(409)], 409),
        ([HTTPException(409), ValueError()], 500),
        ([ValueError()], 500),
    ],
)
async def test_a_group_of_one_kind_is_one_error(client_of: ClientOf, errors: list[Exception], status: int) -> None:
    """What a task group gathers is answered like its only kind of error, or as unhandled."""
    answer = await client_of(app_doing(raising(ExceptionGroup("tasks", errors)))).get("/")

    assert answer.status_code == status


@pytest.mark.promise("problems-7")
async def test_nobody_answers_a_client_that_left(client_of: ClientOf) -> None:
    """A disconnect while the body is read has no body in its answer, in the endpoint or before it."""
    answer = await client_of(app_doing(raising(ClientDisconnect()))).get("/")

    assert (answer.status_code, answer.content) == (499, b"")


@pytest.mark.promise("problems-7")
async def test_nobody_answers_a_client_that_left_before_the_endpoint() -> None:
    """FastAPI calls it an unreadable body; its cause tells."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def take(numbers: list[int]) -> None: ...

    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b"", "http_version": "1.1"}
    await app(scope, receive, send)

    assert (sent[0]["status"], sent[1]["body"]) == (499, b"")


async def test_another_failure_while_reading_the_body_stays_400(client_of: ClientOf) -> None:
    """What FastAPI could not read for another reason keeps FastAPI's answer, as a problem."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def take(numbers: list[int]) -> None: ...

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        async def receive_nothing() -> Any:
            raise OSError("secret")

        await app(scope, receive_nothing, send)

    answer = await client_of(broken).post("/", json=[])

    assert (answer.status_code, answer.json()["detail"]) == (400, "There was an error parsing the body")


# --- errors of one's own


class OwnError(Exception):
    pass


class CloserError(OwnError):
    pass


class OwnProblem(Problem, status=410, slug="own"):
    pass


class CloserProblem(Problem, status=418, slug="closer"):
    who: str


def closer(error: CloserError) -> CloserProblem | None:
    """Know some of them."""
    return None if str(error) == "unknown" else CloserProblem(who=str(error))


OWN: dict[type[Exception], Any] = {OwnError: OwnProblem, CloserError: closer}


@pytest.mark.promise("problems-20")
@pytest.mark.parametrize(
    ("error", "status"), [(OwnError(), 410), (CloserError("ada"), 418), (CloserError("unknown"), 410)]
)
async def test_the_most_specific_class_decides(client_of: ClientOf, error: Exception, status: int) -> None:
    """A class, or a function that makes the problem or leaves it to the next."""
    answer = await client_of(app_doing(raising(error), map=OWN)).get("/")

    assert answer.status_code == status


@pytest.mark.promise("problems-20")
async def test_ones_own_word_goes_before_ours(client_of: ClientOf, session: Session) -> None:
    """What the application says of a class that we know too is what counts."""

    def taken(error: exc.IntegrityError) -> Problem | None:
        return OwnProblem() if "authors.name" in str(error.orig) else None

    options: Any = {"map": {exc.IntegrityError: taken}}
    name = app_doing(lambda: session.execute(text(VIOLATIONS["unique"])), **options)
    other = app_doing(lambda: session.execute(text(VIOLATIONS["check"])), **options)

    assert (await client_of(name).get("/")).status_code == 410
    assert (await client_of(other).get("/")).json()["constraint"] == "check"


@pytest.mark.promise("problems-21")
async def test_a_mapping_that_fails_is_one_record_and_a_bare_500(
    client_of: ClientOf, expected_errors: list[logging.LogRecord]
) -> None:
    """Both errors are in the record, neither in the answer."""

    def broken(error: OwnError) -> HTTPException:
        raise KeyError("mapper secret")

    answer = await client_of(app_doing(raising(OwnError("app secret")), map={OwnError: broken})).get("/")

    assert (answer.status_code, answer.json()["type"]) == (500, "about:blank")
    assert "secret" not in answer.text
    [record] = expected_errors
    text = logging.Formatter().format(record)
    assert "mapper secret" in text
    assert "app secret" in text


@pytest.mark.promise("problems-21")
def test_a_mapping_that_fails_elsewhere_names_the_error_too(expected_errors: list[logging.LogRecord]) -> None:
    """The first error is put behind the second even where Python did not."""
    app = FastAPI()

    def broken(error: OwnError) -> HTTPException:
        raise KeyError

    add_problem_handlers(app, map={OwnError: broken})
    from brickwork._core.renderer import renderer_of

    meant = renderer_of(app).meaning({"type": "http", "headers": []}, OwnError("first"))

    assert meant is not None
    assert "first" in logging.Formatter().format(expected_errors[0])


@pytest.mark.promise("problems-29")
async def test_a_handler_of_ones_own_goes_first(client_of: ClientOf) -> None:
    """Whether registered before or after ours, for a class or for a status."""
    from starlette.responses import PlainTextResponse

    app = FastAPI()

    @app.exception_handler(OwnError)
    async def before(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("before", 400)

    add_problem_handlers(app, map={OwnError: OwnProblem})

    @app.exception_handler(404)
    async def after(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("after", 404)

    @app.get("/")
    async def fail() -> None:
        raise OwnError

    assert (await client_of(app).get("/")).text == "before"
    assert (await client_of(app).get("/nowhere")).text == "after"


@pytest.mark.promise("problems-29")
@pytest.mark.parametrize("key", [500, Exception])
async def test_a_handler_of_ones_own_for_everything_goes_first(client_of: ClientOf, key: Any) -> None:
    """Registered for `Exception` or for 500, before ours."""
    from starlette.responses import PlainTextResponse

    app = FastAPI()

    @app.exception_handler(key)
    async def mine(request: Request, error: Exception) -> PlainTextResponse:
        return PlainTextResponse("mine", 500)

    add_problem_handlers(app)

    @app.get("/")
    async def fail() -> None:
        raise OwnError

    assert (await client_of(app).get("/")).text == "mine"


@pytest.mark.promise("problems-27")
def test_no_package_is_imported_for_this() -> None:
    """Setting the handlers up, and answering an error, loads none of the packages that they know."""
    code = """
import sys
from fastapi import FastAPI
before = set(sys.modules)
from brickwork.problems import add_problem_handlers
app = FastAPI()
add_problem_handlers(app)
app.build_middleware_stack()
app.openapi()
print(*sorted({"sqlalchemy", "httpx", "httpx2", "slowapi"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


@pytest.mark.promise("problems-27")
async def test_a_package_imported_late_is_recognised(client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first error is answered rightly and still reaches the server; from the second on it is settled."""
    module = sys.modules["sqlalchemy.exc"]
    monkeypatch.delitem(sys.modules, "sqlalchemy.exc")
    app = app_doing(raising(exc.NoResultFound()))
    app.middleware_stack = app.build_middleware_stack()
    monkeypatch.setitem(sys.modules, "sqlalchemy.exc", module)

    with pytest.raises(exc.NoResultFound):
        TestClient(app).get("/")

    assert TestClient(app).get("/").status_code == 404
