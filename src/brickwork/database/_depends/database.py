"""`Database`: the engines of one database, and sessions whose transaction ends before the response leaves."""

from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Depends, params
from sqlalchemy import URL, Engine
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection
from starlette.responses import Response

from ..._core.clock import Clock, SystemClock
from ..sqlalchemy.connections import Connections
from ..sqlalchemy.engines import EngineOptions
from ..sqlalchemy.repository import Repository, opener
from ..sqlalchemy.sessions import sync_working, working
from .routing import is_refused


class Database:
    """One database: its connections, and sessions for endpoints and for everything else.

    ```python
    from typing import Annotated

    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncSession

    from brickwork.database import Database

    db = Database("sqlite:///app.db")
    Session = Annotated[AsyncSession, db.transaction()]
    Reader = Annotated[AsyncSession, db.read_only()]
    app = FastAPI(lifespan=db.lifespan)
    ```

    Nothing is connected before a session is used. A session in an endpoint is committed when the endpoint is done and
    its result is serialised, and *before* the first byte of the response; it is rolled back when anything was raised,
    the request was cancelled, or the injected ``response.status_code`` was set to 400 or more. A *returned* error
    response commits, because no dependency can see it: raise instead, or use `RollbackRoute`.

    The pool options are for the engines that are made from addresses, each of which has a pool of its own.

    Args:
        url: Where the database is, such as ``"postgresql://user:password@host/name"`` or ``"sqlite:///app.db"``.
            Without a driver, psycopg and aiosqlite are taken. An SQLite database in memory has one connection for all.
        engine: An engine of your own instead; it is used as it is, and yours to dispose of.
        sync_engine: The same for synchronous sessions.
        replicas: Addresses or engines that read-only sessions use in turn.
        pool_size: Connections that are kept open.
        max_overflow: Connections beyond these when all are in use.
        pool_timeout: Seconds to wait for a free connection, before ``sqlalchemy.exc.TimeoutError``.
        pool_recycle: Seconds after which a connection is replaced.
        pre_ping: Whether a connection is tried before it is lent, so that a restarted server is not noticed.
        connect_timeout: Seconds until connecting is given up; on SQLite, waiting for a lock.
        replica_retry: Seconds during which a replica that could not be connected is left alone.
        echo: Whether statements are logged with their values; for development.
        session_class: What sessions are; synchronous ones are its ``sync_session_class``.
        clock: Tells the time for ``replica_retry``.

    Raises:
        ValueError: Options make no sense, or the address is none, or of another database than PostgreSQL and SQLite.
        TypeError: Neither or both of ``url`` and engines are given, or a replica is neither address nor engine.
    """

    def __init__(
        self,
        url: str | URL | None = None,
        *,
        engine: AsyncEngine | None = None,
        sync_engine: Engine | None = None,
        replicas: Sequence[str | URL | AsyncEngine] = (),
        pool_size: int = 10,
        max_overflow: int = 5,
        pool_timeout: float = 5.0,
        pool_recycle: float = 1800.0,
        pre_ping: bool = True,
        connect_timeout: float = 5.0,
        replica_retry: float = 10.0,
        echo: bool = False,
        session_class: type[AsyncSession] = AsyncSession,
        clock: Clock | None = None,
    ) -> None:
        options = EngineOptions(
            pool_size=pool_size,
            max_overflow=max_overflow,
            pool_timeout=pool_timeout,
            pool_recycle=pool_recycle,
            pre_ping=pre_ping,
            connect_timeout=connect_timeout,
            replica_retry=replica_retry,
            echo=echo,
        )
        self._connections = Connections(
            url, engine, sync_engine, replicas, options, session_class=session_class, clock=clock or SystemClock()
        )
        self._repositories: dict[tuple[type[Any], bool], params.Depends] = {}

    def __repr__(self) -> str:
        return f"<Database {self._connections.name}>"

    @property
    def engine(self) -> AsyncEngine:
        """The asynchronous engine of the primary."""
        return self._connections.asynchronous.engine

    @property
    def sync_engine(self) -> Engine:
        """The synchronous engine of the primary."""
        return self._connections.synchronous.engine

    # --- in endpoints

    def transaction(self) -> params.Depends:
        """Give the marker of a session that is committed before the response leaves.

        ```python
        from typing import Annotated

        from sqlalchemy.ext.asyncio import AsyncSession

        from brickwork.database import Database

        db = Database("sqlite:///app.db")
        Session = Annotated[AsyncSession, db.transaction()]
        ```

        A stream or background task comes after the commit, and finds the session closed: take one of `begin` there.
        """
        return _in_function(self.session, self._connections.asynchronous)

    def read_only(self) -> params.Depends:
        """Give the marker of a session that only reads, on a replica if there is one that answers."""
        return _in_function(self.reader, self._connections.asynchronous)

    def sync_transaction(self) -> params.Depends:
        """Give the marker of a synchronous session that is committed before the response leaves."""
        return _in_function(self.sync_session, self._connections.synchronous)

    def sync_read_only(self) -> params.Depends:
        """Give the marker of a synchronous session that only reads, on a replica if there is one that answers."""
        return _in_function(self.sync_reader, self._connections.synchronous)

    def repository(self, of: type[Any], *, read_only: bool = False) -> params.Depends:
        """Give the marker of a repository in the session of `transaction`, or of `read_only`.

        ```python
        from typing import Annotated

        from sqlalchemy.orm import DeclarativeBase, Mapped

        from brickwork.database import Database, Repository, UUIDKey

        class Base(DeclarativeBase): ...

        class Book(UUIDKey, Base):
            __tablename__ = "book"
            title: Mapped[str]

        db = Database("sqlite:///app.db")
        Books = Annotated[Repository[Book], db.repository(Book)]
        ```

        An endpoint that takes the session as well, or several repositories, has one session for all; the same
        arguments give the same dependency. A repository with a scope, such as the rows of one user, is made in a
        dependency of your own.

        Args:
            of: A model, or a subclass of `Repository` that names one.
            read_only: Whether it only reads, on a replica if there is one that answers.

        Raises:
            TypeError: It is neither.
        """
        marker = self._repositories.get((of, read_only))
        if marker is None:
            session = self.read_only() if read_only else self.transaction()
            marker = self._repositories[of, read_only] = _repository(opener(of), session)
        return marker

    async def session(self, connection: HTTPConnection, response: Response) -> AsyncGenerator[AsyncSession]:
        """Give the session of `transaction`; this is the key for ``app.dependency_overrides``."""
        opened = self._connections.asynchronous.open()
        async with working(opened, partial(is_refused, connection, response)) as session:
            yield session

    async def reader(self) -> AsyncGenerator[AsyncSession]:
        """Give the session of `read_only`; this is the key for ``app.dependency_overrides``."""
        async with working(self._connections.asynchronous.open(read_only=True)) as session:
            yield session

    def sync_session(self, connection: HTTPConnection, response: Response) -> Generator[Session]:
        """Give the session of `sync_transaction`; this is the key for ``app.dependency_overrides``."""
        opened = self._connections.synchronous.open()
        with sync_working(opened, partial(is_refused, connection, response)) as session:
            yield session

    def sync_reader(self) -> Generator[Session]:
        """Give the session of `sync_read_only`; this is the key for ``app.dependency_overrides``."""
        with sync_working(self._connections.synchronous.open(read_only=True)) as session:
            yield session

    # --- everywhere

    def begin(
        self, within: AsyncSession | None = None, *, read_only: bool | Literal["primary"] = False
    ) -> AbstractAsyncContextManager[AsyncSession]:
        """Open a session outside of a request, or a savepoint in one that is open.

        ```python
        from sqlalchemy import text

        from brickwork.database import Database

        db = Database("sqlite:///app.db")

        async def job() -> None:
            async with db.begin() as session:
                await session.execute(text("SELECT 1"))
                async with db.begin(within=session):
                    ...  # an error undoes this part; catch it outside of the block to keep the rest
        ```

        What was done is committed at the end of the block, and rolled back when it raises.

        Args:
            within: The session to set a savepoint in.
            read_only: Whether to open a session that only reads; ``"primary"`` for one that reads no replica, which
                may lag behind.

        Raises:
            ValueError: Both are given: a savepoint is as its session is.
        """
        if within is None:
            return working(self._connections.asynchronous.open(read_only=read_only))
        _no_choice(read_only=read_only)
        return _savepoint(within)

    def sync_begin(
        self, within: Session | None = None, *, read_only: bool | Literal["primary"] = False
    ) -> AbstractContextManager[Session]:
        """Do the same as `begin` with synchronous sessions."""
        if within is None:
            return sync_working(self._connections.synchronous.open(read_only=read_only))
        _no_choice(read_only=read_only)
        return _sync_savepoint(within)

    async def release(self, session: AsyncSession) -> None:
        """Commit, and give the connection back before the endpoint ends: before a long call or a stream.

        Any later use of the session raises. A synchronous one does the same by ``session.commit(); session.close()``.
        """
        if session.in_transaction():
            await session.commit()
        await session.close()

    async def ping(self, *, timeout: float = 2.0) -> None:  # noqa: ASYNC109 - a limit is what a health check is about
        """Ask the primary for an answer; for health checks.

        Args:
            timeout: Seconds to wait for it.

        Raises:
            TimeoutError: It did not come in time.
            SQLAlchemyError: The database cannot be reached; or an error of its driver.
        """
        await self._connections.ping(timeout)

    # --- from start to end

    @asynccontextmanager
    async def lifespan(self, app: object) -> AsyncGenerator[None]:
        """Close what is open when the app ends: ``FastAPI(lifespan=db.lifespan)``, or one of `combine_lifespans`."""
        try:
            yield
        finally:
            await self.dispose()

    async def dispose(self) -> None:
        """Close the connections of the engines that were made here; those given are their owner's.

        Inside of `testing` nothing is closed: the test goes on after the app.
        """
        await self._connections.dispose()

    def testing(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Let everything that uses this database, requests too, work in one transaction that is rolled back at the end.

        ```python
        from collections.abc import AsyncIterator

        import pytest
        from sqlalchemy.ext.asyncio import AsyncSession

        from brickwork.database import Database

        db = Database("sqlite:///app.db")

        @pytest.fixture
        async def session() -> AsyncIterator[AsyncSession]:
            async with db.testing() as session:
                yield session
        ```

        A commit ends a savepoint, so that what is tested runs as it is. There is one connection: one request at a time.

        Returns:
            A context manager that gives a session of the test's own; it is to commit what requests should see.

        Raises:
            RuntimeError: It is in use already; or a synchronous session is opened meanwhile, which would not take part.
        """
        return self._connections.testing()

    def sync_testing(self) -> AbstractContextManager[Session]:
        """Do the same as `testing` for an app with synchronous sessions."""
        return self._connections.sync_testing()


def _in_function(dependency: Any, _sessions: object) -> params.Depends:
    # The engine was asked for by the caller: one that cannot be made is an error here, and not of the first request.
    marker: params.Depends = Depends(dependency, scope="function")
    return marker


def _repository(opened: Callable[[AsyncSession], Repository[Any]], marker: params.Depends) -> params.Depends:
    async def repository(session: Annotated[AsyncSession, marker]) -> Repository[Any]:
        return opened(session)

    made: params.Depends = Depends(repository, scope="function")
    return made


def _no_choice(*, read_only: bool | Literal["primary"]) -> None:
    if read_only:
        raise ValueError("within= and read_only= exclude each other: a savepoint is as its session is")


@asynccontextmanager
async def _savepoint(session: AsyncSession) -> AsyncGenerator[AsyncSession]:
    async with session.begin_nested():
        yield session


@contextmanager
def _sync_savepoint(session: Session) -> Generator[Session]:
    with session.begin_nested():
        yield session
