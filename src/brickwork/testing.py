"""A test kit for apps built with Brickwork: a client, sockets, a clock that can be moved, captured logs, problems.

Opt in with one line in the topmost `conftest.py`, and say which app is meant:

```python
import pytest
from fastapi import FastAPI

pytest_plugins = ["brickwork.testing"]


@pytest.fixture
def app() -> FastAPI:
    return FastAPI()
```

Tests then take the fixtures `client`, `clock` and `logs` as arguments. Needs `pytest`, and for the client `httpx2`.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol, cast

import pytest

from ._core.context import current, mark_of
from ._core.problem import MEDIA_TYPE
from ._testing.sockets import ClientSocket, SocketRefusedError, open_socket

if TYPE_CHECKING:
    from types import ModuleType

    from httpx2 import AsyncClient
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "Answer",
    "CapturedLogs",
    "ClientSocket",
    "ManualClock",
    "SocketRefusedError",
    "app",
    "assert_problem",
    "client",
    "clock",
    "logs",
    "open_client",
    "open_socket",
]


# --- time


class ManualClock:
    """A clock that stands still until it is moved; give it wherever a `clock=` is taken.

    Args:
        start: The time of day it shows at first, in seconds since 1970-01-01T00:00:00Z.
    """

    def __init__(self, start: float = 1_767_225_600.0) -> None:
        self._time = start
        self._monotonic = 0.0

    def time(self) -> float:
        """Give the seconds since 1970-01-01T00:00:00Z; by default the year 2026 has just begun."""
        return self._time

    def monotonic(self) -> float:
        """Give the seconds by which the clock was advanced so far."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Args:
            seconds: How much of it; not negative.

        Raises:
            ValueError: Time was to run backwards.
        """
        if seconds < 0:
            raise ValueError("time does not run backwards; to set the time of day back, use jump()")
        self._time += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the time of day forth or back, as an administrator does; no time passes meanwhile."""
        self._time += seconds


@pytest.fixture
def clock() -> ManualClock:
    """Give a clock that the test moves; pass it to what is under test."""
    return ManualClock()


# --- requests


@pytest.fixture
def app() -> "ASGIApp":
    """Give the app under test; to be replaced by a fixture of this name in the tests' `conftest.py`."""
    raise pytest.UsageError("brickwork.testing does not know your app: define a fixture named `app` that returns it")


@pytest.fixture
async def client(app: "ASGIApp") -> "AsyncGenerator[AsyncClient]":
    """Give a client that calls `app` in process, between the start and the end of the app's lifespan."""
    async with open_client(app) as opened:
        yield opened


@asynccontextmanager
async def open_client(
    app: "ASGIApp",
    *,
    raise_errors: bool = True,
    base_url: str = "http://testserver",
    address: tuple[str, int] = ("127.0.0.1", 50_000),
) -> "AsyncGenerator[AsyncClient]":
    """Open a client that calls an app in process, between the start and the end of the app's lifespan.

    Args:
        app: The app, or anything else that speaks ASGI.
        raise_errors: Whether an error that the app did not handle is raised in the test, with its traceback. Turn it
            off to see the 500 that a real client gets.
        base_url: What relative URLs are joined to.
        address: Host and port that the app sees as the client's.

    Raises:
        ImportError: Neither `httpx2` nor `httpx` is installed.
        Exception: Whatever the app's lifespan raises.
    """
    http = _client_library()
    async with _lifespan(app) as state:

        async def served(scope: "Scope", receive: "Receive", send: "Send") -> None:
            scope["state"] = state.copy()
            await app(scope, receive, send)

        transport = http.ASGITransport(app=served, raise_app_exceptions=raise_errors, client=address)
        async with http.AsyncClient(transport=transport, base_url=base_url) as opened:
            yield opened


def _client_library() -> "ModuleType":
    """Import what Starlette's own TestClient prefers, or its predecessor with the same names."""
    for name in ("httpx2", "httpx"):
        with suppress(ModuleNotFoundError):
            return import_module(name)
    raise ImportError("brickwork.testing calls the app through httpx2. Run: pip install httpx2")


@asynccontextmanager
async def _lifespan(app: "ASGIApp") -> AsyncGenerator[dict[str, Any]]:
    """Start an app and stop it again, as a server does, in one task of its own; give the state it keeps."""
    state: dict[str, Any] = {}
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    answers: list[Message] = []
    answered = asyncio.Event()

    async def send(message: "Message") -> None:
        answers.append(message)
        answered.set()

    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}
    running = asyncio.ensure_future(app(scope, to_app.get, send))
    running.add_done_callback(lambda _: answered.set())
    to_app.put_nowait({"type": "lifespan.startup"})
    await answered.wait()
    if answers and answers[0]["type"] == "lifespan.startup.failed":
        await running
        raise RuntimeError(answers[0].get("message") or "the app could not be started")
    try:
        yield state
    finally:
        to_app.put_nowait({"type": "lifespan.shutdown"})
        # An app that ended without a word has no lifespan, and was served all the same.
        await asyncio.gather(running, return_exceptions=not answers)


# --- logs


class CapturedLogs:
    """The log records that a test caused, each with the request it belongs to.

    Records are seen where they are made, so no handler, filter or `propagate` hides one.
    """

    def __init__(self, seen: list[tuple[logging.LogRecord, str | None]]) -> None:
        self._seen = seen

    @property
    def records(self) -> list[logging.LogRecord]:
        """The records, in the order in which they were made."""
        return [record for record, _ in self._seen]

    @property
    def messages(self) -> list[str]:
        """The records' texts, with their arguments put in."""
        return [record.getMessage() for record in self.records]

    def for_request(self, request_id: str) -> "CapturedLogs":
        """Give the part that was logged during one request, or later about an error of it."""
        return CapturedLogs([(record, request) for record, request in self._seen if request == request_id])

    def from_logger(self, name: str) -> "CapturedLogs":
        """Give the part that was logged through the logger ``name`` or one below it."""
        below = f"{name}."
        return CapturedLogs([(each, request) for each, request in self._seen if f"{each.name}.".startswith(below)])

    def clear(self) -> None:
        """Forget all records so far."""
        self._seen.clear()


@pytest.fixture
def logs() -> Iterator[CapturedLogs]:
    """Give the log records of the test, from INFO up; a logger with a level of its own keeps it."""
    seen: list[tuple[logging.LogRecord, str | None]] = []
    make = logging.getLogRecordFactory()
    root = logging.getLogger()
    level = root.level

    def make_and_note(*args: object, **kwargs: object) -> logging.LogRecord:
        record: logging.LogRecord = make(*args, **kwargs)
        context = current()
        error = record.exc_info[1] if record.exc_info else None
        seen.append((record, context.request_id if context else mark_of(error)))
        return record

    logging.setLogRecordFactory(make_and_note)
    root.setLevel(min(level, logging.INFO))
    yield CapturedLogs(seen)
    root.setLevel(level)
    logging.setLogRecordFactory(make)


# --- problems


class Answer(Protocol):
    """What `assert_problem` reads of a response: one of httpx2, of httpx or of Starlette's TestClient."""

    @property
    def status_code(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by names of any case."""
        ...

    @property
    def content(self) -> bytes:
        """The whole body."""
        ...


def assert_problem(response: Answer, status: int, *, slug: str | None = None, **members: object) -> dict[str, Any]:
    """Assert that a response is a well-formed problem, and the one that is meant.

    Args:
        response: The response.
        status: The status that it must have, in its first line and in its body.
        slug: The last part of its type URI.
        **members: Members that the problem must have, with these values, such as `detail` or one of its own.

    Returns:
        The problem document, for further questions.

    Raises:
        AssertionError: It is something else; the message shows the response.

    Reference: RFC 9457, section 3.
    """
    __tracebackhide__ = True
    if response.status_code != status:
        raise _unexpected(f"not a problem with status {status}", response)
    document = _document(response)
    faults = [*_misshapen(document, response), *_different(document, slug, members)]
    if faults:
        raise _unexpected("; ".join(faults), response)
    return document


def _document(response: Answer) -> dict[str, Any]:
    __tracebackhide__ = True
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise _unexpected(f"not {MEDIA_TYPE}, but {media_type or 'no media type'}", response)
    try:
        document: object = json.loads(response.content, parse_constant=_refuse)
    except ValueError as error:
        raise _unexpected(f"not JSON: {error}", response) from None
    if isinstance(document, dict):
        return cast("dict[str, Any]", document)
    raise _unexpected("not a JSON object", response)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not allowed")


def _misshapen(document: dict[str, Any], response: Answer) -> list[str]:
    faults = [f"{name} is no text" for name in ("type", "title") if not isinstance(document.get(name), str)]
    faults += [f"{name} is no text" for name in ("detail", "instance") if not isinstance(document.get(name, ""), str)]
    if document.get("status") != response.status_code:
        faults.append(f"the body's status is {document.get('status')!r}")
    request_id = response.headers.get("x-request-id")
    if request_id and document.get("request_id", request_id) != request_id:
        faults.append(f"the body's request_id is {document['request_id']!r}, the header's {request_id!r}")
    return faults


def _different(document: dict[str, Any], slug: str | None, members: Mapping[str, object]) -> list[str]:
    missing = object()
    faults = [
        f"{name} is {document.get(name)!r}, not {value!r}"
        for name, value in members.items()
        if document.get(name, missing) != value
    ]
    if slug is not None and re.split("[/:#]", str(document.get("type")))[-1] != slug:
        faults.append(f"type is {document.get('type')!r}, not of slug {slug!r}")
    return faults


def _unexpected(message: str, response: Answer) -> AssertionError:
    headers = [f"{name}: {value}" for name, value in response.headers.items()]
    body = response.content[:2_000].decode(errors="replace")
    return AssertionError("\n".join([message, "", f"status {response.status_code}", *headers, "", body]))
