"""Applications with the access log around them, in each of its forms, and what they log."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
from fastapi import BackgroundTasks, FastAPI, HTTPException
from starlette.responses import StreamingResponse

from brickwork import install
from brickwork._core.clock import Clock
from brickwork._core.frame import Frame
from brickwork.accesslog import AccessLog, AccessLogMiddleware
from brickwork.requestid import RequestID

Form = Callable[..., Any]


class Records(logging.Handler):
    """Keeps the records of the access log."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self.all.append(record)

    @property
    def only(self) -> dict[str, Any]:
        """The fields of the one record there is."""
        [record] = self.all
        return vars(record)


def alone(app: FastAPI, *, clock: Clock | None = None, **options: Any) -> Any:
    """Add the middleware to the application."""
    app.add_middleware(AccessLogMiddleware, clock=clock, **options)
    return app


def around(app: FastAPI, *, clock: Clock | None = None, **options: Any) -> Any:
    """Wrap the whole application."""
    return AccessLogMiddleware(app, clock=clock, **options)


def fused(app: FastAPI, *, clock: Clock | None = None, **options: Any) -> Any:
    """Run the piece in a frame with others."""
    app.add_middleware(Frame, pieces=[AccessLog(**options), RequestID()], clock=clock)
    return app


def installed(app: FastAPI, *, clock: Clock | None = None, **options: Any) -> Any:
    """Install the whole stack."""
    install(app, access_log=options or True, clock=clock)  # type: ignore[arg-type]
    return app


async def get(app: Any, path: str = "/", peer: str = "192.0.2.7", **options: Any) -> httpx2.Response:
    """Make one GET request."""
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False, client=(peer, 123))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.get(path, **options)


def scope(path: str = "/", headers: list[tuple[bytes, bytes]] | None = None, query: bytes = b"") -> dict[str, Any]:
    """Give the scope of a GET request, as a server would."""
    return {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path, "raw_path": b"/",
        "query_string": query, "root_path": "", "headers": headers or [], "client": ("192.0.2.7", 1),
        "server": ("test", 80), "asgi": {"version": "3.0", "spec_version": "2.3"},
    }  # fmt: skip


def connection(*, leaves: bool = False) -> Any:
    """Give the receiving side of a connection: an empty body, then silence, or the end where the client leaves."""
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Any:
        message = next(messages, {"type": "http.disconnect"})
        if message["type"] == "http.disconnect" and not leaves:
            await asyncio.Event().wait()
        return message

    return receive


async def send(message: dict[str, Any]) -> None:
    """Send nowhere."""


class Stopwatch:
    """A clock that others push."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def time(self) -> float:
        """Give the seconds."""
        return self.seconds

    def monotonic(self) -> float:
        """Give the seconds."""
        return self.seconds


def application(clock: Stopwatch) -> FastAPI:
    """An application that answers in every way, and takes its time."""
    app = FastAPI()

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            clock.seconds += 1
            yield b"12345"

    async def cut() -> AsyncIterator[bytes]:
        yield b"12345"
        raise ZeroDivisionError("the secret text")

    @app.get("/books/{book_id}")
    async def book(book_id: int, tasks: BackgroundTasks) -> str:
        clock.seconds += 0.25
        tasks.add_task(lambda: setattr(clock, "seconds", clock.seconds + 60))
        return "ok"

    @app.get("/refused")
    async def refused() -> None:
        raise HTTPException(409)

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("the secret text")

    app.add_api_route("/stream", lambda: StreamingResponse(chunks()), response_model=None)
    app.add_api_route("/half", lambda: StreamingResponse(cut()), response_model=None)
    return app
