"""Serve the chat on this machine.

```console
$ hatch run python -m examples.chat
$ REDIS_URL=redis://localhost:6379 hatch run python -m examples.chat --workers 2
```

What is said is kept in a folder, so that it is there again after a restart. Stop the server and start it again while
two browsers have the page open, and look what they do.
"""

import argparse
import os
import secrets
import socket
import sys
from contextlib import suppress
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from brickwork.accesslog import configure_logging
from brickwork.websockets import listen_socket

OPEN = """
  The chat is open: {url}/
  Ctrl-C closes it. Open the page in two windows, and close it for a moment.
"""


class Server(uvicorn.Server):
    """Says goodbye to everybody before it stops.

    Uvicorn closes all sockets at once. The manager tells each client when to come back, and not all of them the same.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.config.loaded_app.state.chat.live.manager.drain(deadline=3)
        await super().shutdown(sockets)


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
    configure_logging(level="INFO", json=not sys.stdout.isatty())
    server = Server(_config(options.workers))
    print(OPEN.format(url=f"http://{options.host}:{listener.getsockname()[1]}"), flush=True)
    with suppress(KeyboardInterrupt):
        if options.workers > 1:
            Multiprocess(server.config, target=server.run, sockets=[listener]).run()
        else:
            server.run(sockets=[listener])


def _config(workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        "examples.chat.app:from_environment",
        factory=True,
        workers=workers,
        ws_per_message_deflate=False,  # compressing for each client by itself costs more than it saves
        ws_max_size=65_536,  # what the manager would refuse need not be read
        timeout_graceful_shutdown=5,  # without it, a client that reads nothing keeps the server from ending
        log_config=None,
        log_level="warning",
        access_log=False,  # each request is reported by the app's own access log
        proxy_headers=False,  # whose word about a client counts is for the app's blocks to say
    )


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
