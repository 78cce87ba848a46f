"""Engines: the pool, time limits and drivers of each address, and SQLite set up as a server would be."""

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from operator import methodcaller
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolResetState, StaticPool

BEGIN: Final = "brickwork_begin"
"""Execution option that says how SQLite begins a transaction, such as ``"IMMEDIATE"``."""

_ASYNCHRONOUS: Final[Mapping[str, str]] = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+pysqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+psycopg",
}
_SYNCHRONOUS: Final[Mapping[str, str]] = {
    "sqlite+aiosqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgresql+asyncpg": "postgresql+psycopg",
    "postgresql+psycopg_async": "postgresql+psycopg",
}
# Where the package has another name than the driver, or is of no use without more.
_PACKAGES: Final[Mapping[str, str]] = {"psycopg": "psycopg[binary]", "psycopg_async": "psycopg[binary]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineOptions:
    """How engines are made; the fields are the options of `Database`."""

    pool_size: int = 10
    max_overflow: int = 5
    pool_timeout: float = 5.0
    pool_recycle: float = 1800.0
    pre_ping: bool = True
    connect_timeout: float = 5.0
    replica_retry: float = 10.0
    echo: bool = False

    def __post_init__(self) -> None:
        if self.pool_size < 1 or self.max_overflow < 0:
            raise ValueError(
                f"a pool has pool_size >= 1 and max_overflow >= 0, got {self.pool_size} and {self.max_overflow}"
            )
        for name in ("pool_timeout", "pool_recycle", "connect_timeout", "replica_retry"):
            seconds = getattr(self, name)
            if not seconds > 0:
                raise ValueError(f"{name}={seconds}: write the seconds, more than 0")


def parse(url: str | URL) -> URL:
    """Read an address, without ever repeating the password in it.

    Raises:
        ValueError: It is none that SQLAlchemy knows, or that of a database which we do not set up.
    """
    try:
        parsed = make_url(url)
        # What hosting services write; SQLAlchemy knows the long name alone.
        if parsed.drivername == "postgres":
            parsed = parsed.set(drivername="postgresql")
        parsed.get_dialect()
    except (ArgumentError, ValueError):
        raise ValueError(
            'this is no address of a database: write one like "postgresql://user:password@host/name" or '
            '"sqlite:///app.db"'
        ) from None
    if parsed.get_backend_name() not in ("postgresql", "sqlite"):
        raise ValueError(
            "engines are made here for PostgreSQL, by psycopg or asyncpg, and for SQLite, by aiosqlite: for "
            f"{parsed.get_backend_name()} make one yourself, and write Database(engine=create_async_engine(…))"
        )
    return parsed


def shown(url: URL) -> str:
    """Give an address for people: without user, password and query."""
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def in_memory(url: URL) -> bool:
    """Tell whether the address is that of an SQLite database in memory, which belongs to one connection."""
    if url.get_backend_name() != "sqlite":
        return False
    return url.database in (None, "", ":memory:") or url.query.get("mode") == "memory"


def asynchronous(url: URL) -> URL:
    """Give the address with a driver for `AsyncEngine`."""
    return url.set(drivername=_ASYNCHRONOUS.get(url.drivername, url.drivername))


def synchronous(url: URL) -> URL:
    """Give the address with a driver for `Engine`."""
    return url.set(drivername=_SYNCHRONOUS.get(url.drivername, url.drivername))


def open_async(url: URL, options: EngineOptions, *, query_only: bool = False) -> AsyncEngine:
    """Make an asynchronous engine; nothing is connected yet.

    Args:
        url: Where the database is.
        options: Pool and time limits.
        query_only: Whether SQLite refuses to write on it.

    Raises:
        ValueError: The driver is none for asynchronous code.
        ImportError: The driver is not installed.
    """
    url = asynchronous(url)
    if not url.get_dialect().get_async_dialect_cls(url).is_async:
        raise ValueError(
            f"{url.drivername} is no asynchronous driver: write postgresql+psycopg://, postgresql+asyncpg:// or "
            "sqlite+aiosqlite://"
        )
    with _driver(url):
        engine = create_async_engine(url, **_arguments(url, options))
    set_up(engine.sync_engine, query_only=query_only)
    return engine


def open_sync(url: URL, options: EngineOptions, *, query_only: bool = False) -> Engine:
    """Make a synchronous engine; nothing is connected yet. The arguments are those of `open_async`."""
    url = synchronous(url)
    with _driver(url):
        engine = create_engine(url, **_arguments(url, options))
    set_up(engine, query_only=query_only)
    return engine


@contextmanager
def _driver(url: URL) -> Generator[None]:
    """Name the package of a driver that cannot be imported; it is imported when the engine is made."""
    try:
        yield
    except ImportError as error:
        package = _PACKAGES.get(url.get_driver_name(), url.get_driver_name())
        raise ImportError(
            f'the driver of {url.drivername}:// cannot be imported: {error}. Run: pip install "{package}"',
            name=error.name,
        ) from error


def _arguments(url: URL, options: EngineOptions) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "connect_args": _connect_arguments(url, options),
        "echo": options.echo,
        # Values are other people's data: they stay out of logs and of the messages of errors.
        "hide_parameters": not options.echo,
    }
    if in_memory(url):
        return arguments | {"poolclass": StaticPool}
    if url.get_backend_name() == "sqlite":
        # Ours does so only where there is something to undo: on its way to the driver's thread it is dear.
        arguments["pool_reset_on_return"] = None
    return arguments | {
        "pool_size": options.pool_size,
        "max_overflow": options.max_overflow,
        "pool_timeout": options.pool_timeout,
        "pool_recycle": options.pool_recycle,
        # A file has no connection to lose.
        "pool_pre_ping": options.pre_ping and url.get_backend_name() != "sqlite",
    }


def _connect_arguments(url: URL, options: EngineOptions) -> dict[str, Any]:
    """Give each driver the time limit under its own name; what the address says goes before."""
    seconds = options.connect_timeout
    known: dict[str, dict[str, Any]] = {
        "sqlite": {"timeout": seconds, "check_same_thread": False},
        "sqlite+pysqlite": {"timeout": seconds, "check_same_thread": False},
        "sqlite+aiosqlite": {"timeout": seconds, "check_same_thread": False},
        "postgresql+asyncpg": {"timeout": seconds},
        "postgresql+psycopg": {"connect_timeout": ceil(seconds)},
        "postgresql+psycopg_async": {"connect_timeout": ceil(seconds)},
        "postgresql+psycopg2": {"connect_timeout": ceil(seconds)},
    }
    return {name: value for name, value in known.get(url.drivername, {}).items() if name not in url.query}


def set_up(engine: Engine, *, query_only: bool = False) -> None:
    """Make SQLite keep foreign keys and transactions, and asyncpg give back only what can be lent again.

    Args:
        engine: The engine, or the synchronous face of an asynchronous one.
        query_only: Whether it refuses to write.
    """
    if engine.dialect.driver == "asyncpg":
        event.listen(engine, "checkin", _discard_busy)
    if engine.dialect.name != "sqlite":
        return
    pragmas = ["foreign_keys=ON"]
    if not in_memory(engine.url):
        # Readers and the writer do not wait for each other, and a commit waits for the disk only at checkpoints.
        pragmas += ["journal_mode=WAL", "synchronous=NORMAL"]
    if query_only:
        pragmas.append("query_only=ON")
    script = "".join(f"PRAGMA {pragma};" for pragma in pragmas)

    def connected(connection: Any, _record: object) -> None:
        # The driver's own transactions begin too late for SELECT and SAVEPOINT: we say BEGIN ourselves.
        connection.isolation_level = None
        _run(connection, "executescript", script)

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", _begin)
    if in_memory(engine.url):
        event.listen(engine, "handle_error", _keep_connection)
    else:
        event.listen(engine, "reset", _reset)
        event.listen(engine, "invalidate", _unlock)


def _discard_busy(connection: Any, record: ConnectionPoolEntry) -> None:
    """Discard a connection on which a task that was left behind still executes: whoever gets it next would fail."""
    # Such a connection can neither commit nor roll back, so it is still in its transaction.
    driver: Any = record.driver_connection
    if connection is not None and driver.is_in_transaction():
        record.invalidate()


def _begin(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    memory = in_memory(connection.engine.url)
    statement = f"BEGIN {connection.get_execution_options().get(BEGIN, 'DEFERRED')}"
    # In memory all sessions share one connection, and thus a transaction.
    while driver is None or not driver.in_transaction:
        try:
            _run(connection.connection.dbapi_connection, "execute", statement)
        except Exception as error:
            # Another session was quicker, and may have ended again by now.
            if not memory or "within a transaction" not in str(error):
                raise OperationalError(statement, None, error) from error
        except BaseException:
            # Whoever waited was cancelled, and the driver's thread may begin all the same: nobody is to get this one.
            if not memory:
                connection.invalidate()
            raise
        else:
            return


def _reset(connection: Any, record: ConnectionPoolEntry, state: PoolResetState) -> None:
    # What cannot be asked any more is closed, and that undoes it too.
    if state.asyncio_safe and record.driver_connection is not None and record.driver_connection.in_transaction:
        connection.rollback()


def _keep_connection(context: ExceptionContext) -> None:
    # Whoever is cancelled usually costs a connection, and with the only one a database in memory would be gone.
    context.is_disconnect = False


def _unlock(connection: Any, _record: ConnectionPoolEntry, _error: BaseException | None) -> None:
    """Undo before the connection is closed: SQLite keeps its lock for as long as anybody holds a cursor of it."""
    # Whoever is cancelled again need not wait: the driver's thread undoes first, and closes after it.
    with suppress(Exception, asyncio.CancelledError):
        connection.rollback()


def _run(connection: Any, method: str, statement: str) -> None:
    """Call the driver itself: a cursor would cost an asynchronous driver three trips to its thread, and this is one."""
    if hasattr(connection, "run_async"):
        connection.run_async(methodcaller(method, statement))
    else:
        methodcaller(method, statement)(connection)
