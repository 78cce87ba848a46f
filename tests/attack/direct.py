"""Calls an app without a client, when there are thousands of calls to make."""

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message


class Called:
    """One call and its answer.

    Attributes:
        status: The answer's status; 0 where none came.
        body: Its body.
        error: What the app raised to the server.
    """

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.error: Exception | None = None
        self._headers: list[tuple[bytes, bytes]] = []

    def all(self, name: str) -> list[str]:
        """Give every value of a header."""
        return [value.decode("latin-1") for key, value in self._headers if key.decode("latin-1").lower() == name]

    async def send(self, message: Message) -> None:
        """Take what the app sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = list(message["headers"])
        else:
            self.body += message.get("body", b"")


async def call(
    app: ASGIApp, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> Called:
    """Send one request to an app, as a server does."""
    called = Called()
    given = {"host": "127.0.0.1", **(headers or {})}
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    try:
        await app(scope, receive, called.send)
    except Exception as error:  # noqa: BLE001 - what an app may raise is what is asked
        called.error = error
    return called
