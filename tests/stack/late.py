"""Apps with a time-out, and requests that can be watched while they run."""

import asyncio
import time
from typing import Any

from fastapi import FastAPI
from starlette.types import Message

from brickwork.stack import TimeoutMiddleware

# Short enough for a quick test; what must not be cut takes several times as long.
SHORT = 0.05


class Exchange:
    """One request to an app, called as a server calls it: what was sent is known before the app has ended."""

    def __init__(self, app: FastAPI, path: str, method: str = "GET", http_version: str = "1.1") -> None:
        self.sent: list[Message] = []
        self.answered = asyncio.Event()
        self.answered_after = float("inf")
        self.began = time.monotonic()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": http_version, "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(b"content-type", b"application/json")], "client": ("127.0.0.1", 1), "server": ("test", 80),
        }  # fmt: skip
        self.body = asyncio.Queue[Message]()
        self.task = asyncio.create_task(app(scope, self.body.get, self.send))

    async def send(self, message: Message) -> None:
        """Note what the app sends."""
        self.sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.answered_after = time.monotonic() - self.began
            self.answered.set()

    @property
    def statuses(self) -> list[int]:
        """Every response that was started."""
        return [message["status"] for message in self.sent if message["type"] == "http.response.start"]


def limited(timeout: float = SHORT, **options: Any) -> tuple[FastAPI, list[TimeoutMiddleware]]:
    """An app with a time-out, and the middleware once it is built."""
    app = FastAPI()
    built: list[TimeoutMiddleware] = []

    class Kept(TimeoutMiddleware):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            built.append(self)

    app.add_middleware(Kept, timeout=timeout, **options)
    return app, built
