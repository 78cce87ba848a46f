"""Thirty seconds through the bookshop: requests, their answers, and what each block did.

```console
$ hatch run tour
```
"""

import asyncio
import json
import logging
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from secrets import token_urlsafe
from typing import Any

import httpx2
from fastapi import FastAPI

from brickwork.stack import time_limit

from .app import create_app

_PASSWORD = token_urlsafe(16)
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

    async def log_in(self, login: str) -> None:
        """Log somebody in, who may be a caller from then on."""
        answer = await self.ask("POST", "/auth/login", body={"login": login, "password": _PASSWORD})
        self._credentials[login] = {"Authorization": f"Bearer {answer.json()['access_token']}"}

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


async def auth(guide: Guide) -> None:
    guide.block("auth", "knows who calls, and what they may.")

    wanted = _order({"book_id": 64, "quantity": 1})
    answer = await guide.ask("POST", "/orders", body=wanted, show=["www-authenticate"])
    proven = answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
    guide.shows("Everybody may browse; buying needs a login.", proven=proven)

    for login in ("ada", "eve"):
        await guide.ask("POST", "/auth/register", body={"login": login, "password": _PASSWORD})
        await guide.log_in(login)
    placed = await guide.ask("POST", "/orders", body=wanted, caller="ada")
    guide.shows("Whoever registers is a customer.", proven=placed.status_code == 201)

    answer = await guide.ask("GET", placed.headers["location"], caller="eve")
    guide.shows(
        "An order of somebody else is not there, so its number tells nothing.", proven=answer.status_code == 404
    )

    answer = await guide.ask("PATCH", "/books/64", body={"price": "0.10"}, caller="eve")
    guide.shows("A book is there for all to see: only staff may change it.", proven=answer.status_code == 403)

    await guide.ask("POST", "/auth/logout-all", caller="eve")
    answer = await guide.ask("GET", "/orders", caller="eve")
    guide.shows("Who logs out everywhere is out, before any token expires.", proven=answer.status_code == 401)

    await guide.log_in("admin")
    await guide.make_key("warehouse", "orders:fulfil", caller="admin")
    await guide.ask("PUT", f"/fulfilment{placed.headers['location']}/shipment", caller="warehouse")
    answer = await guide.ask("GET", "/orders?shipped=true", caller="ada")
    shipped = [order["id"] for order in answer.json()["items"]]
    guide.shows("A program has an API key, for one thing alone.", proven=shipped == [placed.json()["id"]])

    answer = await guide.ask("GET", "/auth/keys", caller="warehouse")
    guide.shows("Elsewhere it opens nothing.", proven=answer.status_code == 401)


async def ratelimit(guide: Guide) -> None:
    guide.block("ratelimit", "counts who asks how often, and tells what is left.")

    shown = ["ratelimit-policy", "ratelimit"]
    look = await guide.ask("GET", "/books/64", show=shown)
    search = await guide.ask("GET", "/books?q=moby&size=1", show=shown)
    left = [int(re.findall(r";r=(\d+)", answer.headers["ratelimit"])[0]) for answer in (look, search)]
    guide.shows("A search reads every book, so it counts for five.", proven=left[0] - left[1] == 5)

    guess = {"login": "mallory", "password": "letmein"}
    answer = await guide.repeat(31, "POST", "/auth/login", body=guess, show=["retry-after"])
    proven = answer.status_code == 429 and answer.json()["violated-policies"] == ["account"]
    guide.shows("Whoever tries one account over and over has to wait.", proven=proven)


async def problems(guide: Guide) -> None:
    guide.block("problems", "gives every error one form, with the facts that a program needs.")

    answer = await guide.ask("POST", "/orders", body=_order({"book_id": 217, "quantity": 2}), caller="ada")
    guide.shows("A refusal has a type, and members of its own.", proven=answer.json()["available"] == 0)

    answer = await guide.ask(
        "POST", "/orders", body=_order({"book_id": 64, "quantity": 0}, {"quantity": 1}), caller="ada"
    )
    pointers = [error["pointer"] for error in answer.json()["errors"]]
    guide.shows(
        "Each mistake in a body is pointed to, and what was sent is not repeated.",
        proven=pointers == ["#/lines/0/quantity", "#/lines/1/book_id"] and "input" not in answer.json()["errors"][0],
    )

    answer = await guide.ask("DELETE", "/books", show=["allow"])
    guide.shows("What the framework refuses is a problem too.", proven=answer.json()["status"] == 405)


async def listing(guide: Guide) -> None:
    guide.block("listing", "filters, searches, sorts and cuts lists into pages.")

    answer = await guide.ask("GET", "/books?category=drama,poetry&price__lte=9&in_stock=true&sort=-year&size=3")
    guide.books(answer.json())
    years = [book["year"] for book in answer.json()["items"]]
    proven = years == sorted(years, reverse=True) and answer.json()["total"] > 3
    guide.shows(f"These are 3 of {answer.json()['total']}, the newest first.", proven=proven)

    answer = await guide.ask("GET", "/books?categroy=drama")
    told = answer.json()["errors"][0]["detail"]
    guide.shows("A typo is no ignored filter.", proven="did you mean 'category'?" in told)

    first = await guide.ask("GET", "/books/feed?q=austen&size=2")
    walked = guide.books(first.json())
    await guide.ask("POST", "/orders", body=_order({"book_id": walked[0], "quantity": 1}), caller="ada")
    answer = await guide.ask("GET", first.links["next"]["url"])
    walked += guide.books(answer.json())
    proven = len(walked) == len(set(walked)) == 3 and answer.json()["next"] is None
    guide.shows("A cursor goes on where the last page ended, whatever is sold meanwhile.", proven=proven)

    cursor = first.json()["next"]
    tampered = cursor[:20] + ("B" if cursor[20] == "A" else "A") + cursor[21:]
    answer = await guide.ask("GET", f"/books/feed?q=austen&size=2&cursor={tampered}")
    guide.shows("One that was tampered with is refused.", proven=answer.json()["reason"] == "malformed")


async def database(guide: Guide) -> None:
    guide.block("database", "commits before the answer leaves, and knows the state of every row by its version.")

    before = await guide.ask("GET", "/books/266", show=["etag"])
    known = {"If-None-Match": before.headers["etag"]}
    answer = await guide.ask("GET", "/books/266", headers=known)
    guide.shows("What a client has already is not sent again.", proven=answer.status_code == 304)

    await guide.ask(
        "POST", "/orders", body=_order({"book_id": 266, "quantity": 2}, {"book_id": 217, "quantity": 1}), caller="ada"
    )
    answer = await guide.ask("GET", "/books/266", headers=known)
    guide.shows("An order that was refused has changed nothing.", proven=answer.status_code == 304)

    await guide.ask("POST", "/orders", body=_order({"book_id": 266, "quantity": 2}), caller="ada")
    answer = await guide.ask("GET", "/books/266", headers=known, show=["etag"])
    proven = answer.json()["stock"] == before.json()["stock"] - 2
    guide.shows("One that was placed has, and the client is told.", proven=proven)


async def requestid(guide: Guide) -> None:
    guide.block("requestid", "names every request: in its answer, on its log lines, on the calls it makes.")

    answer = await guide.ask("GET", "/books/64", show=["x-request-id"])
    guide.shows("A request without an ID gets one.", proven=len(answer.headers["x-request-id"]) == 32)

    answer = await guide.ask("GET", "/books/64", headers={"X-Request-ID": "checkout-4711"}, show=["x-request-id"])
    guide.shows("The ID of a trusted proxy is kept.", proven=answer.headers["x-request-id"] == "checkout-4711")

    answer = await guide.ask("GET", "/books/64", headers={"X-Request-ID": "<script>"}, show=["x-request-id"])
    guide.shows("Anything that is no ID is replaced.", proven="script" not in answer.headers["x-request-id"])


async def headers(guide: Guide) -> None:
    guide.block("headers", "puts strict security headers on every answer.")

    names = ["content-security-policy", "referrer-policy", "x-content-type-options"]
    answer = await guide.ask("GET", "/books/64", show=names)
    guide.shows("Answers of the API may load nothing at all.", proven=all(name in answer.headers for name in names))

    answer = await guide.ask("GET", "/", show=names[:1])
    guide.shows("A page has a policy of its own.", proven="style-src 'self'" in answer.headers[names[0]])


async def stack(guide: Guide) -> None:
    guide.block("stack", "answers also what never reaches an endpoint, or never leaves it.")

    answer = await guide.ask("GET", "/books", headers={"Host": "evil.example"})
    guide.shows("A foreign host is refused.", proven=answer.status_code == 400 and "request_id" in answer.json())

    origin = {"Origin": "http://localhost:3000"}
    allowed = "access-control-allow-origin"
    preflight = {**origin, "Access-Control-Request-Method": "POST"}
    answer = await guide.ask("OPTIONS", "/orders", headers=preflight, show=[allowed, "x-request-id"])
    guide.shows("A browser's preflight is answered, and has an ID.", proven="x-request-id" in answer.headers)

    answer = await guide.ask("POST", "/orders", body=b" " * 70_000)
    guide.shows("A body that is too large is refused.", proven=answer.status_code == 413)

    answer = await guide.ask("GET", "/slow")
    guide.shows("An endpoint that takes too long is given up.", proven=answer.status_code == 504)

    answer = await guide.ask("GET", "/broken", headers=origin, show=[allowed])
    proven = answer.status_code == 500 and allowed in answer.headers and "hunter2" not in answer.text
    guide.shows("A crash tells the client its ID and nothing else, and its page may read it.", proven=proven)


async def accesslog(guide: Guide, records: Sequence[logging.LogRecord]) -> None:
    guide.block("accesslog", "writes one record for each request.")

    await guide.ask("GET", "/books/64?token=hunter2")
    fields = guide.record(records[-1], "route", "client", "sent_bytes", "request_id")
    guide.shows("It has the route's template, and secrets are struck out.", proven=fields["query"] == "token=***")

    crash = next(record for record in records if record.getMessage().startswith("GET /broken"))
    fields = guide.record(crash, "error", "request_id")
    guide.shows(
        "The crash is there too, by its class.",
        proven=fields["error"] == "ConnectionError",
    )


def _order(*lines: Mapping[str, int]) -> Mapping[str, object]:
    return {"lines": lines}


def _shop() -> FastAPI:
    """Open the shop with two routes that a good one does not have."""
    app = create_app(admin_password=_PASSWORD)

    @app.get("/slow", dependencies=[time_limit(0.2)])
    async def slow() -> None:
        await asyncio.sleep(60)

    @app.get("/broken")
    async def broken() -> None:
        raise ConnectionError("postgresql://shop:hunter2@db/shop")

    return app


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


async def tour(*, colour: bool) -> list[str]:
    """Walk through the shop.

    Returns:
        The claims that did not hold.
    """
    app = _shop()
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://localhost:8000") as client,
    ):
        guide = Guide(client, colour=colour)
        with Records().attached() as records:
            await auth(guide)
            await ratelimit(guide)
            await problems(guide)
            await listing(guide)
            await database(guide)
            await requestid(guide)
            await headers(guide)
            await stack(guide)
            await accesslog(guide, records)
    return guide.broken


def main() -> None:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    broken = asyncio.run(tour(colour=colour))
    if broken:
        sys.exit(f"\n{len(broken)} of these claims did not hold.")
    print("\nNow in your browser: hatch run demo")


if __name__ == "__main__":
    main()
