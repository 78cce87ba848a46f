"""A real server for an app with sockets, in a thread of this process."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn

from brickwork.websockets import listen_socket
from tests.attack.server import running

Protocol = Literal["websockets-sansio", "wsproto"]


@contextmanager
def serving(app: Any, *, ws: Protocol = "websockets-sansio", graceful: int = 5, **options: Any) -> Iterator[int]:
    """Serve an app on a free port of the loopback interface, and stop when left; give the port."""
    listener = listen_socket("127.0.0.1", 0)
    config = uvicorn.Config(
        app,
        ws=ws,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=graceful,
        ws_per_message_deflate=False,
        **options,
    )
    with running(config, listener, starting=30, stopping=graceful + 30) as port:
        yield port
