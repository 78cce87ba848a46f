"""A Memcached for one test run, where the machine has the program: no package brings it."""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from tests.servers.process import ServerProcess, Source

_PATIENCE = 2.0  # seconds for one question


def memcached() -> Source | None:
    """Find the program, by ``BRICKWORK_TEST_MEMCACHED_BIN`` or on PATH."""
    program = os.environ.get("BRICKWORK_TEST_MEMCACHED_BIN") or shutil.which("memcached")
    if program is None:
        return None
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    return Source(words.strip(), f"on PATH: {program}", program=Path(program))


class MemcachedServer(ServerProcess):
    """A private Memcached."""

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"memcached://127.0.0.1:{self.port}"

    def empty(self) -> None:
        """Forget everything."""
        self._ask(b"flush_all\r\n")

    def _prepare(self) -> None:
        pass

    def _command(self) -> list[str]:
        # It refuses to run as root unless it is told whom to be.
        as_whom = ["-u", "nobody"] if os.geteuid() == 0 else []
        return [os.fspath(self.program), "-l", "127.0.0.1", "-p", str(self.port), "-U", "0", *as_whom]

    def _greet(self) -> None:
        found = re.search(rb"STAT pid (\d+)", self._ask(b"stats\r\n", until=b"END\r\n"))
        if found is None or int(found[1]) != self.pid:
            raise ConnectionError(f"another server answers on port {self.port}")

    def _ask(self, question: bytes, *, until: bytes = b"OK\r\n") -> bytes:
        answer = b""
        with socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE) as connection:
            connection.sendall(question)
            while not answer.endswith(until):
                answer += connection.recv(65_536)
        return answer
