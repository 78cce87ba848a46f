"""A real server for the app under attack, in a thread of this process, so that its log and coverage are ours."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import uvicorn

Parser = Literal["h11", "httptools"]


@contextmanager
def serving(app: Any, parser: Parser) -> Iterator[int]:
    """Serve an app on a free port of the loopback interface, and stop when left; give the port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=parser,
        log_config=None,
        access_log=False,
        timeout_keep_alive=2,
        timeout_graceful_shutdown=5,
        backlog=512,
    )
    with running(config, listener, starting=20, stopping=20) as port:
        yield port


@contextmanager
def running(config: uvicorn.Config, listener: socket.socket, *, starting: float, stopping: float) -> Iterator[int]:
    """Run a server on a socket that is bound already; to start and to stop it has so many seconds."""
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + starting
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(stopping)
        listener.close()
        if thread.is_alive():
            raise RuntimeError("the server did not stop")
