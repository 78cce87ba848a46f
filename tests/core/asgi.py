"""The two sides of an ASGI application, for tests that speak it themselves."""

from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send


def scope(kind: str = "http", **more: Any) -> Scope:
    """An ASGI scope as a server makes it."""
    return {"type": kind, "method": "GET", "path": "/", "headers": [], "http_version": "1.1", **more}


async def receive() -> Message:
    """A request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}


class Sent(list[Message]):
    """What reached the server."""

    async def __call__(self, message: Message) -> None:
        self.append(message)


async def plain(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer every request with two bytes."""
    await PlainTextResponse("ok")(scope, receive, send)
