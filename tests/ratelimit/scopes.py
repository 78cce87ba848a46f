"""Requests as a server hands them over."""

from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.types import Message


def scope_of(
    headers: dict[str, str] | list[tuple[str, str]] | None = None,
    *,
    peer: str | None = "198.51.100.9",
    path: str = "/",
    method: str = "GET",
    **more: Any,
) -> dict[str, Any]:
    """Give the scope of a request."""
    pairs = headers.items() if isinstance(headers, dict) else headers or []
    return {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": b"",
        "client": None if peer is None else (peer, 50_000),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
        **more,
    }


def connection(
    headers: dict[str, str] | list[tuple[str, str]] | None = None, *, peer: str | None = "198.51.100.9", **more: Any
) -> HTTPConnection:
    """Give a request without its body."""
    return HTTPConnection(scope_of(headers, peer=peer, **more))


def request(body: bytes, content_type: str) -> Request:
    """Give a request with its body."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope_of({"content-type": content_type}, method="POST"), receive)
