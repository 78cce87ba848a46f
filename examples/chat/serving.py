"""How one process serves the chat."""

import socket
import sys
from contextlib import suppress
from typing import Any

import uvicorn

from brickwork.accesslog import configure_logging
from brickwork.websockets import ConnectionManager

from .app import from_environment


class Server(uvicorn.Server):
    """Says goodbye to everybody before it stops.

    Uvicorn closes all sockets at once. The manager tells each client when to come back, and not all of them the same.
    """

    def __init__(self, config: uvicorn.Config, manager: ConnectionManager[Any]) -> None:
        super().__init__(config)
        self._manager = manager

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self._manager.drain(deadline=3, retry_after=(0.5, 2))
        await super().shutdown(sockets)


def serve(listener: socket.socket) -> None:
    """Serve until a signal comes."""
    configure_logging(level="INFO", json=not sys.stdout.isatty())
    app = from_environment()
    config = uvicorn.Config(
        app,
        ws_per_message_deflate=False,  # compressing for each client by itself costs more than it saves
        ws_max_size=65_536,  # what the manager would refuse need not be read
        timeout_graceful_shutdown=5,  # without it, a client that reads nothing keeps the server from ending
        log_config=None,
        log_level="warning",
        access_log=False,  # each request is reported by the app's own access log
        proxy_headers=False,  # whose word about a client counts is for the app's blocks to say
    )
    # Uvicorn closes the app first, and raises the interruption again afterwards.
    with suppress(KeyboardInterrupt):
        Server(config, app.state.chat.live.manager).run(sockets=[listener])
