"""A server process of our own: started, stopped, killed, frozen and restarted by its process id."""

import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_START_LIMIT = 30.0  # seconds; generous, because a loaded machine is no reason to fail a test
_STOP_LIMIT = 15.0
_POLL = 0.01
# Below every system's range for outgoing connections, so that none of them takes the port while a server is down.
_PORTS = range(20_000, 32_000)


class ServerStartError(RuntimeError):
    """A server that was started did not become ready; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Account:
    """The system account a server runs as when the tests themselves run as root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Source:
    """A server that can be had.

    Attributes:
        version: Name and version of the server.
        origin: Where it is from, for people.
        url: Its address, if it runs already.
        program: What to run otherwise: the server program of Redis, the folder of PostgreSQL's programs.
    """

    version: str
    origin: str
    url: str | None = None
    program: Path | None = None


def unprivileged_account() -> Account | None:
    """Give the account ``nobody`` when we are root, for servers that refuse to run as root."""
    if os.geteuid() != 0:
        return None
    import pwd

    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    for port in random.sample(_PORTS, 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerStartError("200 ports in a row are taken")


def new_folder(prefix: str, account: Account | None) -> Path:
    """Make a temporary folder that ``account`` owns and can reach.

    A temporary folder below a private home is closed to other accounts; opening it is not ours to do.
    """
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    if account is not None:
        places = [place for place in places if _open_to_all(place)]
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=places[0]))
    if account is not None:
        os.chown(folder, account.uid, account.gid)
    return folder


def _open_to_all(folder: Path) -> bool:
    parts = (folder.resolve(), *folder.resolve().parents)
    return all(part.is_dir() and part.stat().st_mode & stat.S_IXOTH for part in parts)


def wait_until(condition: Callable[[], bool], *, limit: float) -> bool:
    """Ask ``condition`` until it holds; ``False`` after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def children(pid: int) -> list[int]:
    """List the living child processes of ``pid``."""
    return [child for child, (parent, state) in _processes().items() if parent == pid and state not in "ZX"]


def alive(pid: int) -> bool:
    """Tell whether ``pid`` is running; one that is dead and only waits to be collected is not."""
    return _processes().get(pid, (0, "X"))[1] not in "ZX"


def moving(pid: int) -> bool:
    """Tell whether ``pid`` is alive and not stopped by a signal."""
    return _processes().get(pid, (0, "X"))[1] not in "TtZX"


def _processes() -> dict[int, tuple[int, str]]:
    """Map every process id to its parent and its state letter."""
    if sys.platform != "linux":  # pragma: no cover
        table = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid=,state="], text=True)
        return {int(pid): (int(parent), state[0]) for pid, parent, state in map(str.split, table.splitlines())}
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            # The name of the program stands in brackets and may itself hold blanks and brackets.
            state, parent = entry.read_text(errors="replace").rpartition(")")[2].split()[:2]
        except OSError:
            continue  # It ended while we read.
        found[int(entry.parent.name)] = (int(parent), state)
    return found


class ServerProcess(ABC):
    """One private server on a port and a folder of its own.

    Args:
        source: The program to run.
        account: Account to run it as; our own if missing.

    Raises:
        ValueError: The source is a server that runs already, which is not ours to start or stop.
    """

    stop_signal = signal.SIGTERM

    def __init__(self, source: Source, *, account: Account | None = None) -> None:
        if source.program is None:
            raise ValueError(f"{source.origin} names no program to start; write Sources.find(..., private=True)")
        self.program = source.program
        self.version = source.version
        self.source = source.origin
        self.account = account
        self.port = 0
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Address for clients."""

    @abstractmethod
    def _prepare(self) -> None:
        """Fill the new folder with what the server needs before its first start."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line that runs the server in the foreground."""

    @abstractmethod
    def _greet(self) -> None:
        """Speak the protocol with the server, and raise unless it is this one that answers."""

    @property
    def folder(self) -> Path:
        """The folder that holds the data and the log."""
        if self._folder is None:
            raise RuntimeError("the server has no folder: call start() first")
        return self._folder

    @property
    def pid(self) -> int:
        """Process id of the running server."""
        if self._process is None:
            raise RuntimeError("the server is not running: call start() or restart() first")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log_file.read_text(errors="replace") if self._log_file.exists() else ""

    @property
    def _log_file(self) -> Path:
        return self.folder / "server.log"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start with an empty folder on a free port, and return once clients are answered.

        Raises:
            ServerStartError: It ended or stayed silent.
        """
        self._folder = new_folder(f"brickwork-{type(self).__name__.lower()}-", self.account)
        try:
            self._prepare()
            self._launch_on_free_port()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the server and remove everything it kept."""
        self._halt()
        if self._folder is not None:
            shutil.rmtree(self._folder)
            self._folder = None

    def restart(self) -> None:
        """End the server if it runs, and start it again on the same port with the same data.

        Raises:
            ServerStartError: It ended or stayed silent.
        """
        self._halt()
        self._launch()

    def kill(self) -> None:
        """End the server and its children at once (``SIGKILL``), with no chance to tidy up."""
        if self._process is None or self._process.poll() is not None:
            self._process = None
            return
        family = self.freeze()
        self._signal(family, signal.SIGKILL)
        self._process.wait()
        self._process = None
        if not wait_until(lambda: not any(map(alive, family)), limit=_STOP_LIMIT):
            raise RuntimeError(f"still alive after SIGKILL: {family}")

    def freeze(self) -> list[int]:
        """Stop the server and its children in their tracks (``SIGSTOP``): connections stay, answers do not come.

        Returns:
            The process ids, the server's own first.
        """
        # The parent first and for certain: after that it starts no child that we would miss.
        self._signal([self.pid], signal.SIGSTOP)
        family = [self.pid, *children(self.pid)]
        self._signal(family, signal.SIGSTOP)
        return family

    def thaw(self) -> None:
        """Let a frozen server go on (``SIGCONT``)."""
        self._signal([*children(self.pid), self.pid], signal.SIGCONT)

    def _signal(self, family: list[int], number: signal.Signals) -> None:
        for pid in family:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue  # A child that ended by itself.
        if number == signal.SIGSTOP and not wait_until(lambda: not any(map(moving, family)), limit=_STOP_LIMIT):
            raise RuntimeError(f"still moving after SIGSTOP: {family}")

    def _halt(self) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self.thaw()
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None

    def _launch_on_free_port(self) -> None:
        for attempts_left in (2, 1, 0):
            self.port = free_port()
            try:
                self._launch()
                break
            except ServerStartError as error:
                if "already in use" not in str(error) or not attempts_left:
                    raise

    def _launch(self) -> None:
        with self._log_file.open("ab") as log:
            # A session of its own, so that Ctrl-C reaches the tests and not the server they are still using.
            self._process = self._spawn(self._command(), log.fileno())
        if not wait_until(self._answers_or_ended, limit=_START_LIMIT) or self._process.poll() is not None:
            self.kill()
            raise ServerStartError(f"{self.version} ({self.source}) did not start; its log ends:\n{self.log[-2000:]}")

    def _spawn(self, command: list[str], output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.folder,
            env={**os.environ, "LC_ALL": "C"},
            user=None if self.account is None else self.account.name,
            group=None if self.account is None else self.account.gid,
            extra_groups=None if self.account is None else [],
            start_new_session=True,
        )

    def _answers_or_ended(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            return True
        try:
            self._greet()
        except Exception:  # noqa: BLE001 - whatever the client raises, the server is not ready; the log will tell why
            return False
        return True
