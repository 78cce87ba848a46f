"""Calling an app several times over, in process or through a socket."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient


def statuses(client: TestClient, path: str, times: int = 1, *, method: str = "GET", **headers: str) -> list[int]:
    """Call a path, and give the statuses of the answers."""
    return [client.request(method, path, headers=headers).status_code for _ in range(times)]


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an app on a socket; give where."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()
