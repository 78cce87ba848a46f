"""Migrations by Alembic: an ``env.py`` of three lines for every driver, SQLite included.

Make the folder by ``alembic init migrations``, and let this be all of ``migrations/env.py``:

    from brickwork.database.alembic import run_migrations
    from shop.database import Base, db

    run_migrations(db, Base.metadata)
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from .._core.extras import extra

with extra("alembic"):
    from alembic import context

with extra("sqlalchemy"):
    from sqlalchemy import Connection, Engine, MetaData, create_engine, event
    from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
    from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext


class HasEngine(Protocol):
    """A `Database`, or anything else with an asynchronous engine."""

    @property
    def engine(self) -> AsyncEngine:
        """The engine whose database is migrated."""
        ...


def run_migrations(
    database: HasEngine | AsyncEngine | Engine,
    metadata: MetaData | Sequence[MetaData],
    *,
    configure: Mapping[str, Any] | None = None,
) -> None:
    """Do what the ``alembic`` command asks for; to be called from ``env.py``, as its last line.

    Migrations run on a connection of their own, in one transaction where the database can undo changes of tables, as
    PostgreSQL and, set up for it here, SQLite do. Changes of types are found by ``--autogenerate``.
    SQLite changes tables by copying them, which foreign keys would get in the way of, so they are not kept meanwhile.
    With ``--sql`` nothing is connected, and SQL is written.

    A connection under ``connection`` in the attributes of Alembic's `Config` is used as it is: for a program that
    migrates inside of a transaction of its own.

    Args:
        database: The `Database` of the app, or an engine. For synchronous drivers alone: ``db.sync_engine``.
        metadata: The tables as they should be: ``Base.metadata``.
        configure: Further options of Alembic's ``context.configure``; they go before those set here.

    Raises:
        RuntimeError: An event loop runs in this thread. Call Alembic from another one:
            ``await asyncio.to_thread(command.upgrade, config, "head")``.
    """
    engine = database if isinstance(database, AsyncEngine | Engine) else database.engine
    options = _options(engine.dialect.name, metadata) | dict(configure or {})
    given: Connection | None = context.config.attributes.get("connection")
    if context.is_offline_mode():
        context.configure(url=engine.url, literal_binds=True, dialect_opts={"paramstyle": "named"}, **options)
        with context.begin_transaction():
            context.run_migrations()
    elif given is not None:
        _migrate(given, options)
    elif isinstance(engine, Engine):
        _run(engine, options)
    else:
        _refuse_in_loop()
        asyncio.run(_run_async(engine, options))


def _options(dialect: str, metadata: MetaData | Sequence[MetaData]) -> dict[str, Any]:
    options: dict[str, Any] = {"target_metadata": metadata, "compare_type": True, "render_item": _render}
    if dialect == "sqlite":
        # SQLite cannot alter most of a table, so Alembic copies it; and set up as below it can undo all of it.
        options |= {"render_as_batch": True, "transactional_ddl": True}
    return options


def _run(engine: Engine, options: Mapping[str, Any]) -> None:
    # The pool of the app is left alone: it may be in use, and its connections keep foreign keys.
    own = create_engine(engine.url, pool=engine.pool.recreate())
    _prepare(own)
    try:
        with own.connect() as connection:
            _migrate(connection, options)
    finally:
        own.dispose()


async def _run_async(engine: AsyncEngine, options: Mapping[str, Any]) -> None:
    # The connections of the app's pool belong to another event loop.
    own = create_async_engine(engine.url, pool=engine.pool.recreate())
    _prepare(own.sync_engine)
    try:
        async with own.connect() as connection:
            await connection.run_sync(_migrate, options)
    finally:
        await own.dispose()


def _migrate(connection: Connection, options: Mapping[str, Any]) -> None:
    context.configure(connection=connection, **options)
    with context.begin_transaction():
        context.run_migrations()


def _prepare(engine: Engine) -> None:
    """Let SQLite undo changes of tables with the transaction, and copy tables that others refer to."""
    if engine.dialect.name != "sqlite":
        return

    def connected(connection: Any, _record: object) -> None:
        # The driver's own transactions leave out what changes tables.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=OFF")
        cursor.close()

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begin)


def _refuse_in_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        "an event loop runs in this thread, so migrations cannot start one: call Alembic from another thread, "
        'await asyncio.to_thread(command.upgrade, config, "head")'
    )


def _render(kind: str, item: Any, _context: "AutogenContext") -> str | Literal[False]:
    """Write our own types as what they store, so that a migration runs without Brickwork, whatever becomes of it."""
    if kind == "type" and isinstance(item, TypeDecorator) and item.__module__.startswith("brickwork."):
        return f"sa.{item.impl_instance!r}"
    return False
