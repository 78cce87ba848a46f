"""Where the benchmarks keep things: a file of SQLite, and a PostgreSQL and a Redis like those that the tests use."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from sqlalchemy import create_engine, text

from tests.servers import PostgresServer, RedisServer, Sources, readable_programs, redis
from tests.servers.postgres import create_database, describe, drop_database
from tests.servers.process import unprivileged_account

from .catalogue import Base, fill

# One statement fills the table, in PostgreSQL's words.
FILL = """
    INSERT INTO book (id, title, author, genre, copies, price, listed, added_at)
    SELECT n, 'book ' || lpad(n::text, 6, '0'), CASE WHEN n % 7 > 0 THEN 'author ' || n END,
           (ARRAY['novel', 'poetry', 'essay'])[n % 3 + 1], n % 100, (n % 977) / 7.0, n % 2 = 1,
           timestamp '2026-01-01' + n / 10 * interval '1 second'
    FROM generate_series(1, :rows) AS n
"""


@contextmanager
def sqlite(rows: int) -> Iterator[str]:
    """Give the address of a file of SQLite with so many books."""
    with TemporaryDirectory(prefix="brickwork-benchmark-") as folder:
        path = Path(folder, "books.sqlite")
        fill(path, rows)
        yield f"sqlite+aiosqlite:///{path}"


@contextmanager
def postgres(rows: int) -> Iterator[tuple[str, str]]:
    """Give the address of a PostgreSQL database with so many books, and the server's name and version."""
    with empty_postgres() as (url, server):
        _fill(url, rows)
        yield url, server


@contextmanager
def empty_postgres() -> Iterator[tuple[str, str]]:
    """Give the address of an empty PostgreSQL database, and the server's name and version."""
    with _server() as server:
        database = create_database(server)
        try:
            yield urlsplit(database)._replace(scheme="postgresql+psycopg").geturl(), describe(server)
        finally:
            drop_database(server, database)


@contextmanager
def empty_redis() -> Iterator[tuple[str, str]]:
    """Give the address of an empty Redis database, and the server's name and version."""
    source = Sources(os.environ).find("redis")
    if source.url is not None:
        redis.empty(source.url)
        yield source.url, redis.describe(source.url)
        return
    with RedisServer(source) as server:
        yield server.url, redis.describe(server.url)


@contextmanager
def _server() -> Iterator[str]:
    """Give a server's address: the one that the tests are given, or one started for the time being."""
    sources, account = Sources(os.environ), unprivileged_account()
    running = sources.find("postgres").url
    if running is not None:
        yield running
        return
    with (
        readable_programs(sources.find("postgres", private=True), account) as programs,
        PostgresServer(programs, account=account) as server,
    ):
        yield server.url


def _fill(url: str, rows: int) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        connection.execute(text(FILL), {"rows": rows})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE book"))
    engine.dispose()
