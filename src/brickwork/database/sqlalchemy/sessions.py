"""Sessions: how they are opened, how their work is kept or undone, and how they let go of their connection."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any, Final, Literal, NoReturn

from anyio import CancelScope
from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession
from sqlalchemy.orm import ORMExecuteState, Session

from .._errors import ReadOnlySessionError
from .engines import BEGIN
from .softdelete import hide_deleted

_logger = logging.getLogger("brickwork.database")

# Objects stay readable after the commit, and a session that was closed never opens another connection.
_OPTIONS: Final[dict[str, Any]] = {"expire_on_commit": False, "close_resets_only": False}


def _never() -> bool:
    return False


class AsyncSessions:
    """Opens asynchronous sessions.

    Args:
        primary: Where sessions write.
        readers: Where read-only sessions go, in turn.
        session_class: What they are.
    """

    def __init__(
        self, primary: AsyncEngine, readers: Sequence[AsyncEngine], session_class: type[AsyncSession] = AsyncSession
    ) -> None:
        self.engine = primary
        self._writer = primary.execution_options(**{BEGIN: "IMMEDIATE"})
        self._reader = primary.execution_options(postgresql_readonly=True)
        self._readers = [reader.execution_options(postgresql_readonly=True) for reader in readers]
        self._turn = count()
        self._class = session_class
        self._write_class = write_class(session_class.sync_session_class)
        self._read_class = read_class(session_class.sync_session_class)
        self.instead: Callable[[bool], AsyncSession] | None = None

    def open(self, *, read_only: bool | Literal["primary"] = False) -> AsyncSession:
        """Open a session; it connects when it is first used."""
        if self.instead is not None:
            return self.instead(bool(read_only))
        if not read_only:
            return self._class(self._writer, sync_session_class=self._write_class, **_OPTIONS)
        primary = read_only == "primary"
        reader = self._reader if primary else self._readers[next(self._turn) % len(self._readers)]
        return self._class(reader, sync_session_class=self._read_class, **_OPTIONS)

    @asynccontextmanager
    async def confined(self) -> AsyncGenerator[AsyncSession]:
        """Let all sessions work in savepoints of one transaction, which is rolled back at the end."""

        def within(read_only: bool) -> AsyncSession:  # noqa: FBT001 - the one thing there is to say
            kind = self._read_class if read_only else self._write_class
            return self._class(
                connection, sync_session_class=kind, join_transaction_mode="create_savepoint", **_OPTIONS
            )

        connection: AsyncConnection
        async with self._writer.connect() as connection, connection.begin() as transaction:
            self.instead = within
            try:
                async with within(read_only=False) as session:
                    yield session
            finally:
                self.instead = None
                await transaction.rollback()


class SyncSessions:
    """Opens synchronous sessions; the arguments are those of `AsyncSessions`."""

    def __init__(self, primary: Engine, readers: Sequence[Engine], session_class: type[Session] = Session) -> None:
        self.engine = primary
        self._writer = primary.execution_options(**{BEGIN: "IMMEDIATE"})
        self._reader = primary.execution_options(postgresql_readonly=True)
        self._readers = [reader.execution_options(postgresql_readonly=True) for reader in readers]
        self._turn = count()
        self._write_class = write_class(session_class)
        self._read_class = read_class(session_class)
        self.instead: Callable[[bool], Session] | None = None

    def open(self, *, read_only: bool | Literal["primary"] = False) -> Session:
        """Open a session; it connects when it is first used."""
        if self.instead is not None:
            return self.instead(bool(read_only))
        if not read_only:
            return self._write_class(self._writer, **_OPTIONS)
        primary = read_only == "primary"
        reader = self._reader if primary else self._readers[next(self._turn) % len(self._readers)]
        return self._read_class(reader, **_OPTIONS)

    @contextmanager
    def confined(self) -> Generator[Session]:
        """Let all sessions work in savepoints of one transaction, which is rolled back at the end."""

        def within(read_only: bool) -> Session:  # noqa: FBT001 - the one thing there is to say
            kind = self._read_class if read_only else self._write_class
            return kind(connection, join_transaction_mode="create_savepoint", **_OPTIONS)

        connection: Connection
        with self._writer.connect() as connection, connection.begin() as transaction:
            self.instead = within
            try:
                with within(read_only=False) as session:
                    yield session
            finally:
                self.instead = None
                transaction.rollback()


# --- classes


def write_class(base: type[Session]) -> type[Session]:
    """Make a class of sessions that hide what was softly deleted; our listeners meet no session of anybody else."""
    made = type(base.__name__, (base,), {})
    hide_deleted(made)
    return made


def read_class(base: type[Session]) -> type[Session]:
    """Make a class of sessions that refuse to write, whatever the database would say."""
    made = write_class(base)
    event.listen(made, "before_flush", _refuse_flush)
    event.listen(made, "do_orm_execute", _refuse_statement)
    return made


def _refuse_flush(session: Session, _context: object, _instances: object) -> None:
    if session.new or session.deleted or any(session.is_modified(each) for each in session.dirty):
        _refuse()


def _refuse_statement(state: ORMExecuteState) -> None:
    if state.is_insert or state.is_update or state.is_delete:
        _refuse()


def _refuse() -> NoReturn:
    raise ReadOnlySessionError("this session only reads: take one of db.transaction() or db.begin() to write")


# --- the course of a transaction


@asynccontextmanager
async def working(session: AsyncSession, refused: Callable[[], bool] = _never) -> AsyncGenerator[AsyncSession]:
    """Keep the work of a session when all went well, undo it when not, and close the session for good.

    Args:
        session: A session that was just opened.
        refused: Tells at the end whether the work is to be undone although nothing was raised.
    """
    try:
        yield session
        # One that was not used, or was committed or released by hand, has nothing to settle.
        if session.in_transaction():
            if refused():
                await undo(session)
            else:
                await session.commit()
    except BaseException:
        await undo(session)
        raise
    finally:
        # It holds no connection any more, so there is nothing to wait for; or its rollback still runs, and closes it.
        if not session.in_transaction():
            session.sync_session.close()


async def undo(session: AsyncSession) -> None:
    """Roll back, give the connection back and close the session, also while the task is being cancelled."""
    if not session.in_transaction():
        return
    # Two ways to be cancelled: by a scope of anyio, again at every await, and by the loop, once.
    with CancelScope(shield=True):
        await asyncio.shield(asyncio.ensure_future(_roll_back(session)))


async def _roll_back(session: AsyncSession) -> None:
    try:
        await session.rollback()
    except Exception as error:  # noqa: BLE001 - what went wrong first is what counts
        _lost(error)
    finally:
        session.sync_session.close()


@contextmanager
def sync_working(session: Session, refused: Callable[[], bool] = _never) -> Generator[Session]:
    """Do the same as `working` with a synchronous session."""
    try:
        yield session
        if session.in_transaction():
            if refused():
                sync_undo(session)
            else:
                session.commit()
    except BaseException:
        sync_undo(session)
        raise
    finally:
        session.close()


def sync_undo(session: Session) -> None:
    """Roll back and give the connection back."""
    try:
        session.rollback()
    except Exception as error:  # noqa: BLE001 - what went wrong first is what counts
        _lost(error)


def _lost(error: Exception) -> None:
    # The database undoes by itself what a lost connection has left. Messages of drivers may hold values.
    _logger.warning("the connection was lost before the rollback: %s", type(error).__name__)
