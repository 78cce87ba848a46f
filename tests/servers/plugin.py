"""Fixtures that give tests real servers, and end the run when there are none to give."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass

import pytest

from . import postgres, redis
from .postgres import PostgresServer, readable_programs
from .process import Source, unprivileged_account
from .proxy import FaultyProxy
from .redis import ClusterServer, RedisServer, SentinelServer
from .sources import ServerNotFoundError, Sources

_ALLOW = "BRICKWORK_TEST_ALLOW_MISSING"
_NAMES = ("redis", "postgres")
# The fixtures that all others here rest on: the server each needs, and whether it must be one that we can start.
_NEEDS = {
    "redis_server": ("redis", False),
    "private_redis": ("redis", True),
    "private_cluster": ("redis", True),
    "postgres_server": ("postgres", False),
    "private_postgres": ("postgres", True),
}
_SOURCES = pytest.StashKey[Sources]()
_ONE_DATABASE = """\
BRICKWORK_TEST_REDIS_URL gives one database, which workers would empty while others use it: \
add -n 0 for a run in one process."""


@dataclass(frozen=True, slots=True)
class SharedServer:
    """A server that all tests of a process use, and none can stop.

    Attributes:
        url: Address for clients.
        version: Name and version of the server.
        source: Where it is from, for people.
    """

    url: str
    version: str
    source: str


def pytest_configure(config: pytest.Config) -> None:
    """Prepare the search; it starts when the header or a test asks."""
    if unknown := _may_be_missing() - set(_NAMES):
        raise pytest.UsageError(f"{_ALLOW} names {', '.join(sorted(unknown))}; it knows {' and '.join(_NAMES)}")
    config.stash[_SOURCES] = Sources(os.environ)
    # Our servers have no TLS. Asking for it, asyncpg forgets an exception when it is cancelled at that moment.
    os.environ.setdefault("PGSSLMODE", "disable")


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Name each server, its version and where it is from."""
    return [f"{name}: {_in_one_line(config, name)}" for name in _NAMES]


def pytest_sessionstart(session: pytest.Session) -> None:
    """End a run that pytest-xdist shares out, unless each worker can have servers of its own.

    Workers look again, but one of them cannot end the run in one sentence.
    """
    if session.config.getoption("dist", "no") == "no":
        return
    if os.environ.get("BRICKWORK_TEST_REDIS_URL"):
        pytest.exit(_ONE_DATABASE, returncode=3)
    for fixture in _NEEDS:
        with suppress(pytest.skip.Exception):
            _find(session.config, fixture)


@pytest.hookimpl(trylast=True)  # after -k and -m, because tests that do not run need no server
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """End the run, or skip where that is allowed, when a test needs a server that is missing."""
    if config.option.collectonly:
        return
    for item in items:
        for fixture in _NEEDS.keys() & getattr(item, "fixturenames", ()):
            try:
                _find(config, fixture)
            except pytest.skip.Exception as missing:
                item.add_marker(pytest.mark.skip(reason=str(missing)))


@pytest.fixture(scope="session")
def redis_server(pytestconfig: pytest.Config) -> Iterator[SharedServer]:
    """One Redis for all tests of this process; tests take ``redis_url``."""
    source = _find(pytestconfig, "redis_server")
    if source.url is not None:
        yield SharedServer(source.url, source.version, source.origin)
        return
    with RedisServer(source) as server:
        yield SharedServer(server.url, server.version, server.source)


@pytest.fixture
def redis_url(redis_server: SharedServer) -> str:
    """Address of an empty Redis database."""
    redis.empty(redis_server.url)
    return redis_server.url


@pytest.fixture
async def redis_proxy(redis_url: str) -> AsyncIterator[FaultyProxy]:
    """A proxy before an empty Redis database, which fails on demand."""
    async with FaultyProxy(redis_url) as proxy:
        yield proxy


@pytest.fixture
def private_redis(pytestconfig: pytest.Config) -> Iterator[RedisServer]:
    """A Redis for one test, to kill, freeze and restart."""
    with RedisServer(_find(pytestconfig, "private_redis")) as server:
        yield server


@pytest.fixture
def private_cluster(pytestconfig: pytest.Config) -> Iterator[ClusterServer]:
    """A Redis Cluster of one server for one test."""
    with ClusterServer(_find(pytestconfig, "private_cluster")) as server:
        yield server


@pytest.fixture
def sentinel(pytestconfig: pytest.Config, private_redis: RedisServer) -> Iterator[SentinelServer]:
    """A Sentinel that watches ``private_redis``."""
    with SentinelServer(_find(pytestconfig, "private_redis"), private_redis) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(pytestconfig: pytest.Config, request: pytest.FixtureRequest) -> Iterator[SharedServer]:
    """One PostgreSQL for all tests of this process; tests take ``postgres_url``."""
    source = _find(pytestconfig, "postgres_server")
    if source.url is not None:
        yield SharedServer(source.url, source.version, source.origin)
        return
    programs: Source = request.getfixturevalue("postgres_programs")
    with PostgresServer(programs, account=unprivileged_account()) as server:
        yield SharedServer(server.url, server.version, server.source)


@pytest.fixture
def postgres_url(postgres_server: SharedServer) -> Iterator[str]:
    """Address of an empty PostgreSQL database, dropped after the test."""
    database = postgres.create_database(postgres_server.url)
    yield database
    postgres.drop_database(postgres_server.url, database)


@pytest.fixture(scope="session")
def postgres_programs(pytestconfig: pytest.Config) -> Iterator[Source]:
    """PostgreSQL's programs, where the account that runs them can read them."""
    with readable_programs(_find(pytestconfig, "private_postgres"), unprivileged_account()) as source:
        yield source


@pytest.fixture
def private_postgres(postgres_programs: Source) -> Iterator[PostgresServer]:
    """A PostgreSQL for one test, to kill, freeze and restart."""
    with PostgresServer(postgres_programs, account=unprivileged_account()) as server:
        yield server


def _find(config: pytest.Config, fixture: str) -> Source:
    """Find the server that ``fixture`` needs; a missing one ends the run, or skips the test where that is allowed."""
    name, private = _NEEDS[fixture]
    try:
        return config.stash[_SOURCES].find(name, private=private)
    except ServerNotFoundError as missing:
        if name in _may_be_missing():
            pytest.skip(f"no {name} server, as {_ALLOW} allows")
        pytest.exit(str(missing), returncode=3)


def _in_one_line(config: pytest.Config, name: str) -> str:
    try:
        source = config.stash[_SOURCES].find(name)
    except ServerNotFoundError as missing:
        allowed = f"; tests that need it are skipped, as {_ALLOW} allows" if name in _may_be_missing() else ""
        return f"missing, {missing.reason}{allowed}"
    return f"{source.version}, {source.origin}"


def _may_be_missing() -> set[str]:
    return {name.strip() for name in os.environ.get(_ALLOW, "").split(",")} - {""}
