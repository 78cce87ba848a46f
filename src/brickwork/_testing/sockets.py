"""A client's side of a socket, for tests: in process, and never waited for without end."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Scope

_NORMAL: Final = 1000
_GONE: Final = 1006  # what a client sees where the server ends without a close frame


class SocketRefusedError(Exception):
    """The handshake was answered with a response, or with nothing but a close; `assert_problem` takes it, too.

    Attributes:
        status_code: The response's status; 403 where the app just closed.
        headers: Its headers, with lower-case names.
        content: Its body.
    """

    def __init__(self, status_code: int, headers: Mapping[str, str], content: bytes) -> None:
        super().__init__(f"the handshake was refused with {status_code}: {content[:200].decode(errors='replace')}")
        self.status_code = status_code
        self.headers = headers
        self.content = content


class _Line:
    """What is between a client and the app: messages on their way, and what became of the handshake."""

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.inbox: deque[Any] = deque()
        self.reading: asyncio.Event = asyncio.Event()
        self.reading.set()
        self.accepted: bool = False
        self.subprotocol: str | None = None
        self.close_code: int | None = None
        self.close_reason: str = ""
        self.status: int = 403
        self.headers: dict[str, str] = {}
        self.content: bytes = b""
        self._changed = asyncio.Event()

    async def take(self, message: "Message") -> None:
        """Take a message of the app, as a server does."""
        kind = message["type"]
        if kind == "websocket.send":
            await self.reading.wait()
            self.inbox.append(_read(message))
        elif kind == "websocket.accept":
            self.accepted = True
            self.subprotocol = message.get("subprotocol")
            self.headers = _texts(message.get("headers", ()))
        elif kind == "websocket.close":
            self.end(message.get("code", _NORMAL), message.get("reason") or "")
        elif kind == "websocket.http.response.start":
            self.status, self.headers = message["status"], _texts(message.get("headers", ()))
        else:
            self.content += message.get("body", b"")
        self._changed.set()

    def end(self, code: int, reason: str) -> None:
        """Note why the socket is closed, unless that is known."""
        if self.close_code is None:
            self.close_code, self.close_reason = code, reason
        self._changed.set()

    def ended(self, running: "asyncio.Future[None]") -> None:
        """Note that the app has ended; its error is for who waits for it."""
        if not running.cancelled():
            running.exception()
        self.end(_GONE, "")

    async def change(self) -> None:
        """Wait until something came, or was closed."""
        self._changed.clear()
        await self._changed.wait()

    async def next(self) -> Any:
        """Give the next message.

        Raises:
            EOFError: None will come.
        """
        while not self.inbox:
            if self.close_code is not None:
                raise EOFError
            await self.change()
        return self.inbox.popleft()

    async def opened(self, running: "asyncio.Future[None]") -> None:
        """Wait for the answer to the handshake."""
        while not (self.accepted or running.done()):
            await self.change()
        if not self.accepted:
            await running
            raise SocketRefusedError(self.status, self.headers, self.content)


class ClientSocket:
    """What a test holds of an open socket; `open_socket` gives it."""

    def __init__(self, line: _Line) -> None:
        self._line = line

    @property
    def subprotocol(self) -> str | None:
        """What the app accepted; None where it named none."""
        return self._line.subprotocol

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the accepted handshake, with lower-case names."""
        return self._line.headers

    @property
    def close_code(self) -> int | None:
        """What the app closed with; None while the socket is open."""
        return self._line.close_code

    @property
    def close_reason(self) -> str:
        """What the app gave as the reason."""
        return self._line.close_reason

    async def send(self, message: object) -> None:
        """Send a message: a text or bytes as they are, anything else as JSON."""
        if isinstance(message, bytes):
            self._line.to_app.put_nowait({"type": "websocket.receive", "bytes": message})
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self._line.to_app.put_nowait({"type": "websocket.receive", "text": text})
        await asyncio.sleep(0)

    async def receive(self, kind: str | None = None, *, timeout: float = 5.0) -> Any:  # noqa: ASYNC109 - tests want it
        """Give the next message: JSON objects and arrays decoded, other texts and bytes as they are.

        Args:
            kind: Pass over messages until one has this ``type``.
            timeout: Seconds to wait for it.

        Raises:
            AssertionError: It did not come, or the socket was closed; the message tells what came instead.
        """
        __tracebackhide__ = True
        passed: list[Any] = []
        try:
            async with asyncio.timeout(timeout):
                while True:
                    message = await self._line.next()
                    if kind is None or _type_of(message) == kind:
                        return message
                    passed.append(message)
        except (TimeoutError, EOFError):
            state = "is open" if self.close_code is None else f"was closed with {self.close_code} {self.close_reason}"
            wanted = "message" if kind is None else f"message of type {kind!r}"
            raise AssertionError(f"no {wanted} came; the socket {state}; what came: {passed}") from None

    def unread(self) -> list[Any]:
        """Take what has come and was not received yet, without waiting."""
        messages = list(self._line.inbox)
        self._line.inbox.clear()
        return messages

    async def closed(self, *, timeout: float = 5.0) -> int:  # noqa: ASYNC109 - tests want it
        """Wait until the app closes the socket, and give the close code.

        Args:
            timeout: Seconds to wait for it.

        Raises:
            AssertionError: It stayed open.
        """
        __tracebackhide__ = True
        try:
            async with asyncio.timeout(timeout):
                while self._line.close_code is None:
                    await self._line.change()
        except TimeoutError:
            raise AssertionError(f"the socket is open; not read yet: {self.unread()}") from None
        return self._line.close_code

    def stall(self) -> None:
        """Read nothing any more: the app's next send waits, as it does for a client whose connection is full."""
        self._line.reading.clear()

    def resume(self) -> None:
        """Read again."""
        self._line.reading.set()


@asynccontextmanager
async def open_socket(
    app: "ASGIApp",
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: Sequence[str] = (),
    address: tuple[str, int] = ("127.0.0.1", 50_000),
    timeout: float = 10.0,  # noqa: ASYNC109 - tests want it
) -> AsyncGenerator[ClientSocket]:
    """Open a socket to an app in process, and leave as a client does at the end of the block.

    The app's lifespan is not run: the fixture `client`, or `open_client`, does that around it where the app needs it.

    Args:
        app: The app, or anything else that speaks ASGI.
        url: Path and query, or a whole ``ws://`` or ``wss://`` address.
        headers: Headers of the handshake besides ``Host``.
        subprotocols: Subprotocols that the client offers.
        address: Host and port that the app sees as the client's.
        timeout: Seconds that the handshake may take, and the endpoint's end after the client has left.

    Raises:
        SocketRefusedError: The app refused the handshake.
        AssertionError: The handshake was not answered, or the endpoint does not end although its client has left.
        Exception: Whatever the app raises.
    """
    line = _Line()
    line.to_app.put_nowait({"type": "websocket.connect"})
    scope = _scope(url, headers or {}, subprotocols, address)
    running = asyncio.ensure_future(app(scope, line.to_app.get, line.take))
    running.add_done_callback(line.ended)
    try:
        async with asyncio.timeout(timeout):
            await line.opened(running)
    except TimeoutError:
        await _cancelled(running)
        raise AssertionError(f"the handshake was not answered within {timeout} s") from None
    try:
        yield ClientSocket(line)
    finally:
        line.reading.set()
        line.to_app.put_nowait({"type": "websocket.disconnect", "code": _NORMAL, "reason": ""})
        await asyncio.wait([running], timeout=timeout)
        if not running.done():
            await _cancelled(running)
            raise AssertionError(f"the endpoint did not end within {timeout} s after its client had left")
    await running


async def _cancelled(running: "asyncio.Future[None]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _scope(url: str, headers: Mapping[str, str], subprotocols: Sequence[str], address: tuple[str, int]) -> "Scope":
    parts = urlsplit(url)
    host = parts.netloc or "testserver"
    sent = {"host": host, **{name.lower(): value for name, value in headers.items()}}
    if subprotocols:
        sent["sec-websocket-protocol"] = ", ".join(subprotocols)
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": parts.scheme or "ws",
        "path": unquote(parts.path),
        "raw_path": parts.path.encode("ascii"),
        "query_string": parts.query.encode("ascii"),
        "root_path": "",
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.items()],
        "client": address,
        "server": (parts.hostname or "testserver", parts.port or 80),
        "subprotocols": list(subprotocols),
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


def _texts(headers: Any) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}


def _type_of(message: object) -> object:
    return cast("dict[str, object]", message).get("type") if isinstance(message, dict) else None


def _read(message: "Message") -> object:
    text = message.get("text")
    if text is None:
        return message["bytes"]
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
