"""A private PostgreSQL server."""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
from psycopg import sql

from .process import Account, ServerProcess, ServerStartError, Source, new_folder

_PATIENCE = 2  # seconds for one connection
_IPC_RMID = 0
_SHARED_MEMORY_LINE = 6  # of postmaster.pid, counted from nought: "<key> <identifier>"


def describe(url: str) -> str:
    """Give name and version of the server at ``url``."""
    with psycopg.connect(url, connect_timeout=_PATIENCE) as connection:
        version = connection.info.parameter_status("server_version") or "of unknown version"
    return f"PostgreSQL {version.split()[0]}"


def create_database(url: str) -> str:
    """Create a database with a new name on the server at ``url``, and give its address."""
    name = f"brickwork_{uuid4().hex[:12]}"
    _run(url, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlsplit(url)._replace(path=f"/{name}").geturl()


def drop_database(url: str, database: str) -> None:
    """Drop the database at the address ``database``, and every connection that is left to it."""
    name = sql.Identifier(urlsplit(database).path.removeprefix("/"))
    _run(url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))


def _run(url: str, statement: sql.Composed) -> None:
    with psycopg.connect(url, connect_timeout=_PATIENCE, autocommit=True) as connection:
        connection.execute(statement)


class PostgresServer(ServerProcess):
    """A private PostgreSQL; it refuses to run as root, so root names another account that can read its programs."""

    stop_signal = signal.SIGINT  # "fast": ends sessions instead of waiting for them

    @property
    def url(self) -> str:
        """Address for clients, of the database ``postgres``."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    @property
    def data(self) -> Path:
        """The data folder that the server itself knows."""
        return self.folder / "data"

    def _prepare(self) -> None:
        command = [os.fspath(self.program / "initdb"), "--pgdata", str(self.data), "--username=postgres"]
        command += ["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        with self._log_file.open("ab") as log:
            ended = self._spawn(command, log.fileno()).wait()
        if ended != 0:
            raise ServerStartError(f"{command[0]} failed; its output ends:\n{self.log[-2000:]}")

    def _command(self) -> list[str]:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            # Data has to outlive the process, not the machine.
            "fsync": "off",
            "full_page_writes": "off",
            # In files of the data folder, so that a killed server leaves nothing in /dev/shm.
            "dynamic_shared_memory_type": "mmap",
        }
        command = [os.fspath(self.program / "postgres"), "-D", str(self.data)]
        return [*command, *(word for name, value in options.items() for word in ("-c", f"{name}={value}"))]

    def _greet(self) -> None:
        with psycopg.connect(self.url, connect_timeout=_PATIENCE) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
        if row != (str(self.data),):
            raise ConnectionError(f"another server answers on port {self.port}")

    def kill(self) -> None:
        """End the server and its children at once (``SIGKILL``), with no chance to tidy up."""
        segment = self.shared_memory()
        super().kill()
        if segment is not None:
            # The one thing that outlives the process and is not in its folder.
            ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)

    def shared_memory(self) -> int | None:
        """Identify the System V shared memory that a running or killed server holds."""
        notes = self.data / "postmaster.pid"
        lines = notes.read_text().splitlines() if notes.exists() else []
        if len(lines) <= _SHARED_MEMORY_LINE or not lines[_SHARED_MEMORY_LINE].strip():
            return None
        return int(lines[_SHARED_MEMORY_LINE].split()[1])


@contextmanager
def readable_programs(source: Source, account: Account | None) -> Iterator[Source]:
    """Give a source whose programs ``account`` can run.

    Programs below a private home are copied for the time being: opening that home to others is not ours to do.

    Args:
        source: Where the programs are.
        account: Who is to run them; ourselves if missing.
    """
    if source.program is None or account is None or _runs_as(account, source.program):
        yield source
        return
    folder = new_folder("brickwork-postgres-programs-", account)
    try:
        yield replace(source, program=_copy(source.program, folder))
    finally:
        shutil.rmtree(folder)


def _copy(programs: Path, folder: Path) -> Path:
    # The programs look for ../share and ../lib, and those of a wheel for the libraries next to its package.
    installation = programs.parent
    package = installation.parent
    copy = folder / package.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    _open_for_reading(folder)
    return copy / programs.name


def _runs_as(account: Account, folder: Path) -> bool:
    try:
        for name in ("initdb", "postgres"):
            command = [os.fspath(folder / name), "--version"]
            subprocess.run(
                command, user=account.name, group=account.gid, extra_groups=[], cwd="/", capture_output=True, check=True
            )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _open_for_reading(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        mode = path.stat().st_mode
        may_enter = stat.S_IXGRP | stat.S_IXOTH if mode & stat.S_IXUSR else 0
        path.chmod(mode | stat.S_IRGRP | stat.S_IROTH | may_enter)
