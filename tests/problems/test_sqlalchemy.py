"""What the errors of databases mean to a client: SQLite here, and PostgreSQL by its codes."""

import sys
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import CheckConstraint, ForeignKey, String, create_engine, event, exc, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import QueuePool, StaticPool

from brickwork.problems import Problem
from brickwork.problems._handlers import _Invalid400Problem
from brickwork.problems._service import Meanings
from tests.problems.conftest import ClientOf, app_doing, raising


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


@pytest.mark.promise("problems-24")
@pytest.mark.parametrize("value", [10**30, "\ud800"], ids=["too large", "no character"])
async def test_a_value_that_the_driver_cannot_send_is_422(client_of: ClientOf, session: Session, value: object) -> None:
    """Drivers raise Python's own errors for it; the same ones raised by the application are its fault."""
    error = OverflowError() if isinstance(value, int) else UnicodeEncodeError("utf-8", "a", 0, 1, "mine")

    refused = await client_of(app_doing(lambda: session.scalar(text("SELECT :value"), {"value": value}))).get("/")
    own = await client_of(app_doing(raising(error))).get("/")

    assert (refused.status_code, own.status_code) == (422, 500)
    assert refused.json()["errors"] == [
        {"detail": "A value is too long, out of range, or has characters that cannot be stored.", "code": "unstorable"}
    ]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (exc.StatementError("no", "SELECT 1", {}, OverflowError("int too large to convert to float")), 400),
        (exc.StatementError("no", "SELECT 1", {}, AttributeError("hex")), None),
        (exc.DataError("SELECT 1", {}, Exception("text fields cannot contain NUL")), 400),
        (exc.DataError("SELECT 1", {}, TypeError("expected str, got int")), None),
    ],
)
def test_a_value_that_fits_no_column_is_invalid(error: Exception, status: int | None) -> None:
    """It has the status of an invalid request, whichever that is; the wrong type is a fault of the application."""
    meant = Meanings({}, validation=_Invalid400Problem)(error)

    assert (meant.status_code if meant else None) == status


class SqlStateError(Exception):
    """A driver's error with PostgreSQL's code."""

    def __init__(self, sqlstate: str) -> None:
        super().__init__("secret")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("state", "status"),
    [("08006", 503), ("57P01", 503), ("53300", 503), ("40P01", 503), ("22003", 422), ("22012", None), ("42P01", None)],
)
def test_postgresql_says_what_passes_and_what_does_not_fit(state: str, status: int | None) -> None:
    """Lost connections, spent resources, shutdowns and deadlocks pass; values do not fit; the rest is a fault."""
    meant = Meanings({})(exc.OperationalError("SELECT 1", {}, SqlStateError(state)))

    assert (meant.status_code if meant else None) == status


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


class TakenProblem(Problem, status=410, slug="taken"):
    pass


@pytest.mark.promise("problems-20")
async def test_ones_own_word_goes_before_ours(client_of: ClientOf, session: Session) -> None:
    """What the application says of a class that we know too is what counts."""

    def taken(error: exc.IntegrityError) -> Problem | None:
        return TakenProblem() if "authors.name" in str(error.orig) else None

    options: Any = {"map": {exc.IntegrityError: taken}}
    name = app_doing(lambda: session.execute(text(VIOLATIONS["unique"])), **options)
    other = app_doing(lambda: session.execute(text(VIOLATIONS["check"])), **options)

    assert (await client_of(name).get("/")).status_code == 410
    assert (await client_of(other).get("/")).json()["constraint"] == "check"


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
