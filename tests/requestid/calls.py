"""Applications with the block around them, in each of its forms, and calls to them in process."""

from collections.abc import Callable
from typing import Any

import httpx2
from fastapi import FastAPI

from brickwork import install
from brickwork._core.frame import Frame
from brickwork.accesslog import AccessLog
from brickwork.requestid import RequestID, RequestIDMiddleware

Form = Callable[..., Any]


def alone(app: FastAPI, **options: Any) -> Any:
    """Add the middleware to the application."""
    app.add_middleware(RequestIDMiddleware, **options)
    return app


def around(app: FastAPI, **options: Any) -> Any:
    """Wrap the whole application."""
    return RequestIDMiddleware(app, **options)


def fused(app: FastAPI, **options: Any) -> Any:
    """Run the piece in a frame with others."""
    app.add_middleware(Frame, pieces=[AccessLog(), RequestID(**options)])
    return app


def installed(app: FastAPI, **options: Any) -> Any:
    """Install the whole stack."""
    install(app, request_id=options or True)  # type: ignore[arg-type]
    return app


def client(app: Any, peer: str = "127.0.0.1") -> httpx2.AsyncClient:
    """Open a client whose requests come from ``peer``."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(peer, 123))
    return httpx2.AsyncClient(transport=transport, base_url="http://test")


async def get(app: Any, path: str = "/", peer: str = "127.0.0.1", **options: Any) -> httpx2.Response:
    """Make one GET request."""
    async with client(app, peer) as opened:
        return await opened.get(path, **options)


def sent_id(answer: httpx2.Response) -> str:
    """Give the ID of a response, which has exactly one."""
    [sent] = answer.headers.get_list("x-request-id")
    return sent
