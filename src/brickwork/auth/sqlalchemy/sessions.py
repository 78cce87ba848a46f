"""How the stores come by their sessions, and what becomes of a database that cannot be asked."""

import asyncio
import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Any, Final, Protocol, cast

from sqlalchemy import Table, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from .._errors import unavailable

_DATABASE: Final = "the database"

_INSERTS: Final[Mapping[str, Callable[[Table], postgresql.Insert | sqlite.Insert]]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


class Sessions(Protocol):
    """Opens sessions: a `brickwork.database.Database`, or an `async_sessionmaker`."""

    def begin(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session whose work is committed at the end of the block, and undone when it raises."""
        ...


class Work:
    """Opens the sessions of a store.

    Args:
        sessions: What opens them.
        deadline: Seconds within which the work has to be done, opening included.

    Raises:
        TypeError: ``sessions`` has no ``begin``.
        ValueError: The deadline is not above 0.
    """

    def __init__(self, sessions: Sessions, deadline: float) -> None:
        if not callable(getattr(sessions, "begin", None)):
            raise TypeError(
                f"a store takes a Database or an async_sessionmaker, got {type(sessions).__name__}: "
                "write async_sessionmaker(engine) for an engine"
            )
        if deadline <= 0:
            raise ValueError(f"a deadline is above 0 seconds, got {deadline}")
        self._deadline = deadline
        self._begin = sessions.begin
        self._begin_reading = self._begin
        if "read_only" in inspect.signature(self._begin).parameters:
            # Reading the primary: a replica may not know yet what was revoked, and SQLite's lock is for writers.
            self._begin_reading = partial(cast("Any", self._begin), read_only="primary")

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncSession]:
        """Open a session that only reads, and sees what was committed last."""
        async with _asking(self._deadline), self._begin_reading() as session:
            yield session

    @asynccontextmanager
    async def writing(self) -> AsyncGenerator[AsyncSession]:
        """Open a session that writes."""
        async with _asking(self._deadline), self._begin() as session:
            yield session

    @asynccontextmanager
    async def sweeping(self) -> AsyncGenerator[AsyncSession]:
        """Open a session that drops what has expired, for as long as it takes: no request waits for it."""
        async with _asking(None), self._begin() as session:
            yield session


@asynccontextmanager
async def _asking(deadline: float | None) -> AsyncGenerator[None]:
    try:
        # No driver gives up by itself on a server that hangs once it is connected.
        async with asyncio.timeout(deadline):
            yield
    except (PoolTimeoutError, TimeoutError, OSError) as error:
        raise unavailable(_DATABASE, error) from error
    except StatementError as error:
        # Its text would show logins and hashes to whoever logs it.
        error.hide_parameters = True
        if not isinstance(error, DBAPIError) or not _is_away(error):
            raise
        raise unavailable(_DATABASE, error.orig or error) from error
    except Exception as error:
        if type(error).__module__ != "asyncpg.exceptions":
            raise
        # The server refuses connections, as while it starts; until 2.1, SQLAlchemy lets that through as it is.
        raise unavailable(_DATABASE, error) from error


def _is_away(error: DBAPIError) -> bool:
    """Tell an outage from a mistake; to SQLite a table that is missing is an operational error too."""
    operational = isinstance(error, OperationalError | InterfaceError)
    mistaken = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_ERROR"
    return error.connection_invalidated or (operational and not mistaken) or _is_refused(error)


def _is_refused(error: DBAPIError) -> bool:
    """Tell whether the server took no connection, or gave up on a transaction: asyncpg has no class for either."""
    given_up = str(getattr(error.orig, "sqlstate", "")).startswith("40")
    return type(error) is DBAPIError and (error.statement is None or given_up)


def insert(session: AsyncSession, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Give the INSERT of the database's own dialect, which knows what to do on a conflict.

    Raises:
        TypeError: The database is neither PostgreSQL nor SQLite.
    """
    name = session.get_bind().dialect.name
    if name not in _INSERTS:
        raise TypeError(
            f"the stores of brickwork.auth serve PostgreSQL and SQLite, not {name}: write a store of your own"
        )
    return _INSERTS[name](table)


async def one_at_a_time(session: AsyncSession, name: str) -> None:
    """Let no other transaction past this line under the same name until this one ends; SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        number = int.from_bytes(sha256(name.encode()).digest()[:8], signed=True)
        await session.execute(select(func.pg_advisory_xact_lock(number)))
