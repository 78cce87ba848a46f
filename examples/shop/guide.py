"""Who leads the tour: makes the requests, prints them and their answers, and marks what they show."""

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
from fastapi import FastAPI

from brickwork.testing import ClientSocket, open_socket

_WIDTH = 96
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _CYAN = 1, 2, 31, 32, 33, 36


class Guide:
    """Makes requests, prints them and their answers, and remembers what they failed to show.

    Args:
        client: Calls the shop.
        colour: Whether to print in colour.
    """

    def __init__(self, client: httpx2.AsyncClient, *, colour: bool) -> None:
        self.broken: list[str] = []
        self._client = client
        self._credentials: dict[str, Mapping[str, str]] = {"": {}}
        self._colour = colour

    def block(self, name: str, about: str) -> None:
        print(f"\n{self._paint(name, _BOLD, _YELLOW)} {about}")

    async def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        caller: str = "",
        show: Sequence[str] = (),
    ) -> httpx2.Response:
        """Make a request, and print what of it and its answer is worth a look.

        Args:
            method: HTTP method.
            path: Path and query.
            headers: Headers to send.
            body: Bytes, or what to send as JSON.
            caller: Who asks: somebody who has logged in or has a key.
            show: Headers of the answer to print. A problem document is always printed.
        """
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        line = _fitting(f"{method} {path}", _WIDTH)
        print(f"\n  {self._paint(line, _BOLD)}  {_shortened(content)}".rstrip())
        self._fields({**(headers or {}), **({"by": caller} if caller else {})})
        kind = {} if content is None else {"Content-Type": "application/json"}
        sent = {**kind, **self._credentials[caller], **(headers or {})}
        response = await self._client.request(method, path, headers=sent, content=content)
        shade = _GREEN if response.is_success else _RED
        print(f"  {self._paint(f'{response.status_code} {response.reason_phrase}', shade)}")
        self._fields({name: response.headers[name] for name in show if name in response.headers})
        if response.headers.get("content-type") == "application/problem+json":
            self._document(response.json())
        return response

    async def repeat(
        self, times: int, method: str, path: str, *, body: object, show: Sequence[str] = ()
    ) -> httpx2.Response:
        """Make a request so many times, and print the last."""
        print(f"\n  {self._paint(f'{times - 1} times this, and then once more:', _DIM)}")
        for _ in range(times - 1):
            await self._client.request(method, path, json=body)
        return await self.ask(method, path, body=body, show=show)

    async def log_in(self, login: str, password: str) -> None:
        """Log somebody in, who may be a caller from then on."""
        answer = await self.ask("POST", "/auth/login", body={"login": login, "password": password})
        self._credentials[login] = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    @asynccontextmanager
    async def listening(self, app: FastAPI, path: str, *, caller: str) -> AsyncIterator[ClientSocket]:
        """Open a socket, and say so."""
        print(f"\n  {self._paint(f'WebSocket {path}', _BOLD)}")
        self._fields({"by": caller})
        async with open_socket(app, f"ws://localhost:8000{path}", headers=self._credentials[caller]) as socket:
            print(f"  {self._paint('101 Switching Protocols', _GREEN)}")
            yield socket

    def heard(self, message: Mapping[str, Any]) -> None:
        """Print what a socket was sent."""
        print(f"\n  {self._paint('the socket hears', _DIM)}")
        self._document(message)

    async def make_key(self, name: str, scope: str, *, caller: str) -> None:
        """Make an API key, whose holder may be a caller from then on."""
        answer = await self.ask("POST", "/auth/keys", body={"name": name, "scopes": [scope]}, caller=caller)
        self._credentials[name] = {"X-API-Key": answer.json()["key"]}

    def books(self, page: Mapping[str, Any]) -> list[int]:
        """Print the books of a page, and give their numbers."""
        for book in page["items"]:
            print(f"    {book['year']:>6}  {book['price']:>6}  {book['title']}, {book['author']}")
        return [book["id"] for book in page["items"]]

    def shows(self, claim: str, *, proven: bool) -> None:
        """Say what the answer shows, with a mark for whether it really does."""
        print(f"  {self._paint('✓', _GREEN) if proven else self._paint('✗', _RED)} {claim}")
        if not proven:
            self.broken.append(claim)

    def record(self, record: logging.LogRecord, *names: str) -> Mapping[str, object]:
        """Print a log record with some of its fields, and give all of them."""
        fields = vars(record)
        print(f"\n    {record.levelname} {record.getMessage()}")
        self._fields({name: fields[name] for name in names})
        return fields

    def _fields(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            print(f"    {self._paint(f'{name}:', _DIM)} {_fitting(str(value), _WIDTH - len(name) - 6)}")

    def _document(self, document: Mapping[str, Any]) -> None:
        for line in json.dumps(document, indent=2, ensure_ascii=False).splitlines():
            fitting = _fitting(line, _WIDTH)
            print("    " + re.sub(r'"\w+":', lambda name: self._paint(name[0], _CYAN), fitting, count=1))

    def _paint(self, text: str, *shades: int) -> str:
        return f"\x1b[{';'.join(map(str, shades))}m{text}\x1b[0m" if self._colour else text


def _fitting(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _shortened(content: bytes | None) -> str:
    if content is None or len(content) < 100:
        return re.sub('"password": "[^"]*"', '"password": "…"', (content or b"").decode())
    return f"({len(content):,} bytes)"


class Records(logging.Handler):
    """Collects what the access log writes while the tour goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.all.append(record)

    @contextmanager
    def attached(self) -> Iterator[list[logging.LogRecord]]:
        logger = logging.getLogger("brickwork.accesslog")
        level = logger.level
        logger.addHandler(self)
        logger.setLevel(logging.INFO)
        try:
            yield self.all
        finally:
            logger.removeHandler(self)
            logger.setLevel(level)
