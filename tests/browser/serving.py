"""The app's server, as a process that is killed and started again."""

import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

from .chromium import PATIENCE

ROOT = Path(__file__).parent.parent.parent


class Server:
    """A server of `tests.browser.app`.

    Its listening socket is ours and outlives the process: nobody else can take the port meanwhile, and who connects
    while no process is there waits for the next.

    Args:
        redis_url: Where what was sent is kept.
    """

    def __init__(self, redis_url: str) -> None:
        self._redis_url = redis_url
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self, *, sockets: bool = True) -> None:
        """Start a process.

        Args:
            sockets: Whether it lets WebSockets through.
        """
        number = self._listener.fileno()
        implementation = "websockets-sansio" if sockets else "none"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.browser.app", str(number), self._redis_url, implementation],
            cwd=ROOT,
            pass_fds=[number],
        )
        self.post("/ready")

    def kill(self) -> None:
        """End the process without a word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Have the process end as a server does that is stopped."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """End the process, and give the address up."""
        self.kill()
        self._listener.close()

    def post(self, path: str) -> None:
        """Ask the app for something; it has been done when this returns."""
        with urlopen(Request(self.url + path, method="POST"), timeout=PATIENCE) as answer:
            answer.read()

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(PATIENCE)
            self._process = None
