"""Serve the chat on this machine.

```console
$ hatch run python -m examples.chat
$ REDIS_URL=redis://localhost:6379 hatch run python -m examples.chat --workers 2
```

What is said is kept in a folder, so that it is there again after a restart. Stop the server and start it again while
two browsers have the page open, and look what they do.
"""

import argparse
import multiprocessing
import os
import secrets
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

from brickwork.websockets import listen_socket

from .serving import serve

OPEN = """
  The chat is open: {url}/
  Ctrl-C closes it. Open the page in two windows, and close it for a moment.
"""


def main() -> None:
    options = _arguments()
    if options.workers > 1 and "REDIS_URL" not in os.environ:
        sys.exit("Several workers meet in Redis: say where it is, REDIS_URL=redis://localhost:6379")
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.environ["CHAT_DATABASE"] = f"sqlite:///{options.folder.absolute() / 'chat.db'}"
    os.environ["CHAT_SECRET"] = _secret(options.folder / "secret")
    try:
        listener = listen_socket(options.host, options.port)
    except OSError as error:
        sys.exit(f"Cannot listen on {options.host}, port {options.port}: {error.strerror}.")
    print(OPEN.format(url=f"http://{options.host}:{listener.getsockname()[1]}"), flush=True)
    if options.workers == 1:
        serve(listener)
    else:
        _serve_in(options.workers, listener)


def _serve_in(workers: int, listener: socket.socket) -> None:
    """Serve in several processes, which take connections from one socket."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=serve, args=[listener]) for _ in range(workers)]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.join()
    except KeyboardInterrupt:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join()


def _secret(file: Path) -> str:
    """Read what tokens are signed with, and make it up at the first start."""
    with suppress(FileExistsError):
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_hex(32), "utf-8")
    return file.read_text("utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.chat", description="Serve the chat on this machine.")
    parser.add_argument("--host", default="localhost", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=8000, type=int, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--workers", default=1, type=int, help="processes; more than one need REDIS_URL")
    parser.add_argument(
        "--folder", default=Path("chat-data"), type=Path, help="where all is kept (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
