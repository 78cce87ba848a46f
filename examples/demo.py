"""Serve the bookshop, or one of the examples, on this machine.

```console
$ hatch run demo
$ hatch run demo problems:app
$ hatch run demo --port 8001
$ hatch run demo --database postgresql://shop:secret@localhost/shop
```

The bookshop has an administrator, whose password is made up when the shop first starts on a database, and printed that
once. ``BOOKSHOP_ADMIN_PASSWORD`` in the environment chooses another: arguments are seen by everybody on the machine.
"""

# An old Python meets this file first, so nothing in it is newer than Python 3.6.
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the line that says so
    sys.exit("Brickwork needs Python 3.11 or newer, and this is Python %d.%d." % sys.version_info[:2])  # noqa: UP031

import argparse
import errno
import inspect
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

try:
    import uvicorn
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError
    from starlette.types import ASGIApp

    from brickwork.accesslog import configure_logging
    from brickwork.database import Database
except ModuleNotFoundError as error:
    sys.exit(f"The package {error.name} is missing: start with `hatch run demo`, which brings all that is needed.")

SHOP = "shop.app:app"
OPEN = """
  The bookshop is open.

    Landing page    {url}/
    API docs        {url}/docs
    Problem pages   {url}/problems/
    A first request curl -i {url}/books/9999
{admin}
  Ctrl-C closes it.
"""


def main() -> None:
    arguments = _arguments()
    app, welcome = _shop(arguments.database) if arguments.app == SHOP else _load(arguments.app, arguments.database)
    listener = _listen(arguments.host, arguments.port)
    configure_logging(level="INFO", json=not sys.stdout.isatty())
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,  # each request is reported by the app's own access log
        proxy_headers=False,  # whose word about a client counts is for the app's blocks to say
        timeout_graceful_shutdown=2,
    )
    server = _Server(config, lambda: welcome().replace("{url}", _url(listener)))
    # Uvicorn closes the app first, and mostly raises the interruption again afterwards.
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if server.started:
        print("\n  Closed.")


class _Server(uvicorn.Server):
    """Says that it is open when it is, and Ctrl-C is its own to handle."""

    def __init__(self, config: uvicorn.Config, welcome: Callable[[], str]) -> None:
        super().__init__(config)
        self._welcome = welcome

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        print(self._welcome(), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hatch run demo", description="Serve the bookshop, or one of the examples.")
    parser.add_argument("app", nargs="?", default=SHOP, help="an example, such as problems:app (default: the bookshop)")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", default=8000, type=_port, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--database", metavar="URL", help="where the bookshop keeps its books (default: its own file)")
    return parser.parse_args()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _load(name: str, database: str | None) -> tuple[ASGIApp, Callable[[], str]]:
    """Import ``module:attribute`` from this folder, and compose what to say when it is served."""
    module_name, _, attribute = name.partition(":")
    examples = sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py") if path.stem != "demo")
    if module_name not in examples:
        sys.exit(f"There is no example {module_name!r}. There are: {', '.join(examples)}.")
    if database is not None:
        sys.exit(f"--database is for the bookshop alone: leave out {name}.")
    module = import_module(f"examples.{module_name}")
    app = getattr(module, attribute or "app", None)
    if app is None:
        sys.exit(f"examples/{module_name}.py has no {attribute!r}: write {module_name}:app.")
    return app, lambda: _welcome(inspect.getdoc(module) or "")


def _shop(url: str | None) -> tuple[ASGIApp, Callable[[], str]]:
    """Build the bookshop, on a database once that has answered, and compose what to say when it is open."""
    try:
        if url is not None:
            _reach(Database(url))
    except (ImportError, OSError, SQLAlchemyError, ValueError) as error:
        # Messages of drivers go on for lines, and only the first says what is wrong.
        sys.exit(f"This database cannot be used: {str(getattr(error, 'orig', error)).splitlines()[0]}")
    chosen = os.environ.get("BOOKSHOP_ADMIN_PASSWORD")
    password = chosen or secrets.token_urlsafe(12)
    app = import_module("examples.shop.app").create_app(database_url=url, admin_password=password)

    def welcome() -> str:
        # On a database that had an administrator already, nobody has this password.
        new = app.state.has_new_admin and not chosen
        return OPEN.replace("{admin}", f"    Administrator   admin, with the password {password}\n" if new else "")

    return app, welcome


def _reach(database: Database) -> None:
    with database.sync_begin() as session:
        session.execute(select(1))
    database.sync_engine.dispose()


def _welcome(docstring: str) -> str:
    """Give the first line of an example's docstring, and the requests to try."""
    first, *rest = docstring.replace("localhost:8000", "{url}").splitlines()
    requests = [f"  {line.removeprefix('$ ')}" for line in rest if line.startswith("$ curl")]
    lines = ["", first, "", *requests, "", "Ctrl-C ends it.", ""]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            sys.exit(f"Port {port} is in use. Stop what listens there, or take another: --port {port % 65535 + 1}")
        reason, _, _ = str(error.strerror).partition(" (")
        sys.exit(f"Cannot listen on {host}, port {port}: {reason}.")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\n  Closed before it was open.")
