"""Responses on their way through the compression."""

from typing import Any

from starlette.types import Message, Receive, Scope, Send

from brickwork._core.headers import find
from brickwork.stack import CompressionMiddleware

TEXT = b"All happy families are alike. " * 100
START: Message = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


def scope(accept: str | None = "gzip", method: str = "GET", **more: Any) -> Scope:
    """The scope of a request."""
    headers = [] if accept is None else [(b"accept-encoding", accept.encode("latin-1"))]
    return {"type": "http", "method": method, "path": "/", "headers": headers, **more}


async def exchange(messages: list[Message], request: Scope | None = None, **options: Any) -> list[Message]:
    """Let an app send these messages, and give what leaves."""
    sent: list[Message] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    async def receive() -> Message:
        raise AssertionError("nobody reads")

    async def send(message: Message) -> None:
        sent.append(message)

    await CompressionMiddleware(app, **options)(request or scope(), receive, send)
    return sent


def whole(body: bytes = TEXT, *headers: tuple[bytes, bytes], status: int = 200) -> list[Message]:
    """A response whose length is known."""
    length = (b"content-length", b"%d" % len(body))
    return [
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain"), length, *headers],
        },
        {"type": "http.response.body", "body": body},
    ]


def header(sent: list[Message], name: bytes) -> bytes | None:
    """A header of the response."""
    return find(next(message for message in sent if message["type"] == "http.response.start")["headers"], name)


def body(sent: list[Message]) -> bytes:
    """The response's body as it leaves."""
    return b"".join(message["body"] for message in sent if message["type"] == "http.response.body")
