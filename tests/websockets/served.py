"""A real server for an app with sockets, in a thread of this process."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn

from brickwork.websockets import listen_socket

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
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(graceful + 30)
        listener.close()
        if thread.is_alive():
            raise RuntimeError("the server did not stop")
