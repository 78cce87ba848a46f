"""All connections of one database: its primary and replicas, asynchronous and synchronous, each made when needed."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from threading import Lock
from typing import TypeVar

from anyio import to_thread
from sqlalchemy import URL, Engine, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from ..._core.clock import Clock
from .engines import EngineOptions, asynchronous, in_memory, open_async, open_sync, parse, shown
from .replicas import fall_back
from .sessions import AsyncSessions, SyncSessions

_E = TypeVar("_E", AsyncEngine, Engine)


class Connections:
    """Makes the engines of a database when they are first asked for, and closes those that it made.

    The arguments are those of `Database`.
    """

    def __init__(
        self,
        url: str | URL | None,
        engine: AsyncEngine | None,
        sync_engine: Engine | None,
        replicas: Sequence[str | URL | AsyncEngine],
        options: EngineOptions,
        *,
        session_class: type[AsyncSession],
        clock: Clock,
    ) -> None:
        self._url = _address(url, engine, sync_engine)
        self._engine = engine
        self._sync_engine = sync_engine
        if isinstance(replicas, str | URL):
            raise TypeError("replicas= takes a list: write [...] around the address")
        self._replicas = [_replica(each, asynchronous(self._url)) for each in replicas]
        self._options = options
        self._session_class = session_class
        self._clock = clock
        self._made: list[AsyncEngine | Engine] = []
        self._async_sessions: AsyncSessions | None = None
        self._sync_sessions: SyncSessions | None = None
        self._making = Lock()
        self._confined_by: str | None = None

    @property
    def name(self) -> str:
        """The address without its secrets."""
        return shown(self._url)

    @property
    def asynchronous(self) -> AsyncSessions:
        """The asynchronous sessions."""
        self._keep_apart("sync_testing")
        if self._async_sessions is None:
            self._check_memory(self._sync_sessions)
            primary = self._engine or self._make(open_async, self._url)
            readers = self._readers(open_async, primary, self._engine)
            self._async_sessions = AsyncSessions(primary, readers, self._session_class)
        return self._async_sessions

    @property
    def synchronous(self) -> SyncSessions:
        """The synchronous sessions."""
        self._keep_apart("testing")
        # Synchronous endpoints run in threads, and two of them may be the first at once.
        with self._making:
            if self._sync_sessions is None:
                self._check_memory(self._async_sessions)
                primary = self._sync_engine or self._make(open_sync, self._url)
                readers = self._readers(open_sync, primary, self._sync_engine)
                self._sync_sessions = SyncSessions(primary, readers, self._session_class.sync_session_class)
            return self._sync_sessions

    def _make(self, opened: Callable[..., _E], url: URL, *, query_only: bool = False) -> _E:
        engine = opened(url, self._options, query_only=query_only)
        self._made.append(engine)
        return engine

    def _readers(self, opened: Callable[..., _E], primary: _E, given: _E | None) -> list[_E]:
        kind = type(primary)
        readers: list[_E] = []
        for each in self._replicas:
            url = each.url if isinstance(each, AsyncEngine) else each
            readers.append(each if isinstance(each, kind) else self._make(opened, url, query_only=True))
        for reader in readers:
            fall_back(_core(reader), _core(primary), retry=self._options.replica_retry, clock=self._clock)
        if readers or given is not None or self._url.get_backend_name() != "sqlite" or in_memory(self._url):
            return readers or [primary]
        # The same file once more, on connections that refuse to write.
        return [self._make(opened, self._url, query_only=True)]

    def _check_memory(self, other: AsyncSessions | SyncSessions | None) -> None:
        if other is not None and in_memory(self._url):
            raise ValueError(
                "a database in memory belongs to one connection, so it is either for asynchronous or for synchronous "
                'sessions: write a file, such as "sqlite:///app.db"'
            )

    # --- health and end

    async def ping(self, seconds: float) -> None:
        """Ask the primary for an answer, through whichever engine is in use."""
        async with asyncio.timeout(seconds):
            if self._engine is None and self._async_sessions is None and (self._sync_engine or self._sync_sessions):
                await to_thread.run_sync(self._sync_ping, abandon_on_cancel=True)
                return
            async with self.asynchronous.engine.connect() as connection:
                await connection.execute(select(1))

    def _sync_ping(self) -> None:
        with self.synchronous.engine.connect() as connection:
            connection.execute(select(1))

    async def dispose(self) -> None:
        """Close what the engines that were made here hold open; they may be used again."""
        if self._confined_by is not None:
            # An app that ends within a test would close the one connection of a database in memory.
            return
        for engine in self._made:
            if isinstance(engine, AsyncEngine):
                await engine.dispose()
            else:
                engine.dispose()

    # --- tests

    @asynccontextmanager
    async def testing(self) -> AsyncGenerator[AsyncSession]:
        """Let all sessions work in one transaction that is rolled back at the end."""
        sessions = self.asynchronous
        with self._confine("testing"):
            async with sessions.confined() as session:
                yield session

    @contextmanager
    def sync_testing(self) -> Generator[Session]:
        """Do the same with synchronous sessions."""
        sessions = self.synchronous
        with self._confine("sync_testing"), sessions.confined() as session:
            yield session

    @contextmanager
    def _confine(self, by: str) -> Generator[None]:
        if self._confined_by is not None:
            raise RuntimeError(f"db.{self._confined_by}() is in use already: leave it before you enter it again")
        self._confined_by = by
        try:
            yield
        finally:
            self._confined_by = None

    def _keep_apart(self, other: str) -> None:
        if self._confined_by == other:
            kind = "a synchronous" if other == "testing" else "an asynchronous"
            raise RuntimeError(
                f"inside db.{other}() {kind} session would have a connection of its own, and keep its work"
            )


def _core(engine: AsyncEngine | Engine) -> Engine:
    return engine.sync_engine if isinstance(engine, AsyncEngine) else engine


def _address(url: str | URL | None, engine: AsyncEngine | None, sync_engine: Engine | None) -> URL:
    """Give the address of a database, after checking that it is given once."""
    _check("engine", engine, AsyncEngine, "sync_engine= for an Engine")
    _check("sync_engine", sync_engine, Engine, "engine= for an AsyncEngine")
    given = engine or sync_engine
    if given is not None and url is None:
        return given.url
    if given is not None or url is None:
        raise TypeError('write either the address, Database("postgresql://…"), or an engine, Database(engine=…)')
    return parse(url)


def _check(name: str, given: object, kind: type, instead: str) -> None:
    if given is not None and not isinstance(given, kind):
        raise TypeError(f"{name}= takes an {kind.__name__}, got {type(given).__name__}; write {instead}")


def _replica(replica: str | URL | AsyncEngine, primary: URL) -> URL | AsyncEngine:
    """Check that the primary could stand in for a replica: it speaks the same language by the same driver."""
    if isinstance(replica, AsyncEngine):
        url = replica.url
    else:
        url = parse(replica)
        if url.drivername == primary.get_backend_name():
            url = url.set(drivername=primary.drivername)
        url = asynchronous(url)
    if url.drivername != primary.drivername:
        raise ValueError(
            f"the primary stands in for a replica that is down, so both need one driver: write {primary.drivername} "
            f"instead of {url.drivername}"
        )
    return replica if isinstance(replica, AsyncEngine) else url
