"""A server that is told over HTTP what to say to its sockets, and how much it has taken for it.

``python -m benchmarks.websockets_server WAY FD`` serves one way to broadcast on a socket that is open already.
"""

import asyncio
import gc
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs

from starlette.types import Receive, Scope, Send
from uvicorn import Config, Server

from .websockets_peers import MESSAGE, WAYS, Made

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Told:
    """Hands sockets to the app under test, and does itself what is asked for over HTTP."""

    def __init__(self, made: Made) -> None:
        self._app, self._say = made
        self._saying: set[asyncio.Future[object]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
        body = f"{await self._do(scope['path'], query):020.9f}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"20")]})
        await send({"type": "http.response.body", "body": body})

    async def _do(self, path: str, query: dict[str, str]) -> float:
        if path == "/say":
            text = "x" * int(query["size"])
            saying = asyncio.ensure_future(self._say({**MESSAGE, "text": text}))
            self._saying.add(saying)
            saying.add_done_callback(self._saying.discard)
        elif path == "/memory":
            gc.collect()
            return _memory()
        return time.process_time()


def _memory() -> float:
    return float(Path("/proc/self/statm").read_text("ascii").split()[1]) * _PAGE


def main(name: str, listening: str) -> None:
    """Serve one way until told to stop."""
    made = next(way for way in WAYS if way.name == name).make()
    config = Config(
        Told(made), log_level="critical", access_log=False, proxy_headers=False, ws_per_message_deflate=False,
        ws_ping_interval=None, timeout_keep_alive=3_600, timeout_graceful_shutdown=1,
    )  # fmt: skip
    Server(config).run(sockets=[socket.socket(fileno=int(listening))])


if __name__ == "__main__":
    main(*sys.argv[1:])
