"""A client of event streams in process: it reads, stops reading, and leaves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tests.websockets.event_source import Event, EventSource

PATIENCE = 30.0  # seconds: generous, because a loaded machine is no reason to fail a test


class Listener:
    """One request for an event stream.

    Attributes:
        status: What was answered; 0 until then.
        headers: With it.
        source: What a browser makes of the stream.
        body: What came in all.
        ended: Whether the response is complete.
    """

    def __init__(self, app: Any, scope: dict[str, Any]) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.source = EventSource()
        self.body = b""
        self.ended = False
        self._left = asyncio.Event()
        self._asked = False
        self._reading = asyncio.Event()
        self._reading.set()
        self._changed = asyncio.Event()
        self.task = asyncio.create_task(self._run(app, scope))

    @property
    def events(self) -> list[Event]:
        """The events so far."""
        return self.source.events

    @property
    def data(self) -> list[str]:
        """What they carry."""
        return [event.data for event in self.source.events]

    def leave(self) -> None:
        """Hang up."""
        self._left.set()

    def stall(self) -> None:
        """Read no more."""
        self._reading.clear()

    def resume(self) -> None:
        """Read on."""
        self._reading.set()

    async def until(self, condition: Callable[["Listener"], object]) -> "Listener":
        """Wait for something that comes with what is sent."""
        async with asyncio.timeout(PATIENCE):
            while not condition(self):
                if self.task.done():
                    self.task.result()
                    raise AssertionError(f"the stream has ended: {self.status} {self.body!r}")
                self._changed.clear()
                waiting = asyncio.create_task(self._changed.wait())
                await asyncio.wait([waiting, self.task], return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        return self

    async def end(self) -> "Listener":
        """Wait until the server is done with the request."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self.task])
        self.task.result()
        return self

    async def _run(self, app: Any, scope: dict[str, Any]) -> None:
        await app(scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        await self._reading.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            assert (
                set(message) == {"type", "body", "more_body"}
                or message["type"] != "http.response.body"
                or self.status >= 400
            )
            self.body += message["body"]
            self.ended = not message.get("more_body", False)
            if self.headers.get("content-type", "").startswith("text/event-stream"):
                self.source.feed(message["body"])
        self._changed.set()


@asynccontextmanager
async def listening(
    app: Any,
    path: str = "/events",
    *,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    method: str = "GET",
    client: tuple[str, int] | None = ("127.0.0.1", 50_000),
) -> AsyncIterator[Listener]:
    """Ask an app for a stream, and hang up when left."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(b"host", b"test"), *((k.lower().encode(), v.encode()) for k, v in (headers or {}).items())],
        "client": client,
        "server": ("test", 80),
        "state": {},
        "extensions": {},
    }
    listener = Listener(app, scope)
    try:
        yield listener
    finally:
        listener.leave()
        listener.resume()
        await asyncio.wait([listener.task], timeout=PATIENCE)
