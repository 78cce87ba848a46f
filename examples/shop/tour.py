"""Thirty seconds through the bookshop: requests, their answers, and what each block did.

```console
$ hatch run tour
```
"""

import asyncio
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe

import httpx2
from fastapi import FastAPI

from brickwork.stack import time_limit

from .app import create_app
from .guide import Guide, Records

_PASSWORD = token_urlsafe(16)


async def auth(guide: Guide) -> None:
    guide.block("auth", "knows who calls, and what they may.")

    wanted = _order({"book_id": 64, "quantity": 1})
    answer = await guide.ask("POST", "/orders", body=wanted, show=["www-authenticate"])
    proven = answer.status_code == 401 and answer.headers["www-authenticate"].startswith("Bearer")
    guide.shows("Everybody may browse; buying needs a login.", proven=proven)

    for login in ("ada", "eve"):
        await guide.ask("POST", "/auth/register", body={"login": login, "password": _PASSWORD})
        await guide.log_in(login, _PASSWORD)
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

    await guide.log_in("admin", _PASSWORD)
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


async def websockets(guide: Guide, app: FastAPI) -> None:
    guide.block("websockets", "tells pages what happens, as it happens.")

    placed = await guide.ask("POST", "/orders", body=_order({"book_id": 64, "quantity": 1}), caller="ada")
    async with guide.listening(app, "/orders/live", caller="ada") as page:
        await guide.ask("PUT", f"/fulfilment{placed.headers['location']}/shipment", caller="warehouse")
        news = await page.receive()
        guide.heard(news)
    proven = (news["type"], news["order_id"]) == ("order_shipped", placed.json()["id"])
    guide.shows("Every page of the customer hears that the order was shipped.", proven=proven)


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
            await websockets(guide, app)
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
