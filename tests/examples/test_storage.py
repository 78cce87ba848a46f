"""The shop's database: filled once, on SQLite and PostgreSQL, and no copy in it is sold twice."""

import subprocess
import sys
from collections import Counter
from pathlib import Path

import anyio
import httpx2
import pytest
from fastapi import FastAPI

from brickwork.testing import open_client
from examples.shop import app as shop_app
from examples.shop.app import create_app
from tests.examples.people import ADMIN_PASSWORD, PASSWORD, log_in, open_customer, order, promote, register

SECRET = "a secret that two shops share, and no visitor knows"
ROOT = Path(shop_app.__file__).parents[2]
# Opens the shop on the database that it is told, and says how many books there are.
OPEN = """
import asyncio, sys
from brickwork.testing import open_client
from examples.shop.app import create_app

async def main():
    async with open_client(create_app(database_url=sys.argv[1]), base_url="http://localhost") as client:
        print((await client.get("/books")).json()["total"])

asyncio.run(main())
"""


@pytest.fixture(params=["sqlite", "postgresql+psycopg", "postgresql+asyncpg"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Address of an empty database, once for each driver."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url.replace("postgresql", request.param, 1)


@pytest.fixture
def app(database_url: str) -> FastAPI:
    """A shop on the database."""
    return create_app(database_url=database_url, secret=SECRET)


async def test_what_was_sold_is_gone_for_good(app: FastAPI, database_url: str) -> None:
    """A shop that opens again on its database has its orders, and does not fill its shelves a second time."""
    async with open_customer(app) as client:
        placed = await client.post("/orders", json=order((7, 1), (64, 2)))

    async with open_client(create_app(database_url=database_url), base_url="http://localhost") as client:
        again = await client.get(placed.headers["location"], headers=await log_in(client, "ada"))
        books = (await client.get("/books", params={"q": "sappho"})).json()

    assert placed.status_code == 201
    assert again.json() == placed.json()
    assert [(book["title"], book["stock"]) for book in books["items"]] == [("Fragments", 0)]


async def test_shops_that_open_together_fill_the_shelves_once(database_url: str) -> None:
    """Several shops that start on one empty database at the same time all open, with each book once."""
    totals: list[int] = []

    async def open_shop() -> None:
        async with open_client(create_app(database_url=database_url), base_url="http://localhost") as client:
            totals.append((await client.get("/books")).json()["total"])

    async with anyio.create_task_group() as street:
        for _ in range(4):
            street.start_soon(open_shop)

    assert totals == [406] * 4


@pytest.mark.slow
def test_processes_that_start_together_fill_the_shelves_once(tmp_path: Path) -> None:
    """The same holds for processes, as a server with several workers starts them: a file's locks tell these apart."""
    command = [sys.executable, "-c", OPEN, f"sqlite:///{tmp_path / 'shop.db'}"]

    workers = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [worker.communicate()[0].strip() for worker in workers]

    assert said == ["406"] * 2


async def test_no_copy_is_sold_twice(app: FastAPI, database_url: str) -> None:
    """Of customers who order the same copies at once, in two shops on one database, as many get one as there are."""
    other = create_app(database_url=database_url, secret=SECRET)
    statuses: list[int] = []

    async def buy(client: httpx2.AsyncClient) -> None:
        statuses.append((await client.post("/orders", json=order((266, 1)))).status_code)

    async with (
        open_customer(app) as client,
        open_client(other, base_url="http://localhost") as elsewhere,
    ):
        elsewhere.headers.update(await log_in(elsewhere, "ada"))
        async with anyio.create_task_group() as customers:
            for _ in range(4):
                customers.start_soon(buy, client)
                customers.start_soon(buy, elsewhere)
        left = (await client.get("/books/266")).json()["stock"]

    assert Counter(statuses) == {201: 3, 409: 5}
    assert left == 0


async def test_orders_for_the_same_books_do_not_wait_for_each_other_for_ever(app: FastAPI) -> None:
    """Orders that name the same two books in opposite order all get them."""
    statuses: list[int] = []

    async def buy(client: httpx2.AsyncClient, *books: int) -> None:
        answer = await client.post("/orders", json=order(*((book, 1) for book in books)))
        statuses.append(answer.status_code)

    async with open_customer(app) as client, anyio.create_task_group() as customers:
        for _ in range(3):
            customers.start_soon(buy, client, 2, 8)
            customers.start_soon(buy, client, 8, 2)

    assert statuses == [201] * 6


async def test_lists_are_the_same_on_every_database(app: FastAPI) -> None:
    """Filters, search, sort and both kinds of pages give the same books wherever these are kept."""
    query = {"category": "novel,epic", "price__lte": "9.5", "in_stock": "true", "sort": "-price,year", "size": "5"}

    async with open_client(app, base_url="http://localhost") as client:
        page = (await client.get("/books", params=query)).json()
        walked = (await client.get("/books/feed", params=query)).json()
        found = (await client.get("/books", params={"q": "LEO war"})).json()

    prices = [book["price"] for book in page["items"]]
    assert page["items"] == walked["items"]
    assert prices == sorted(prices, reverse=True)
    assert [book["title"] for book in found["items"]] == ["War and Peace"]


async def test_a_login_in_one_shop_is_a_login_in_the_other(app: FastAPI, database_url: str) -> None:
    """Processes of one shop accept each other's tokens, and what one of them ends is refused by the other at once."""
    other = create_app(database_url=database_url, secret=SECRET)
    stranger = create_app(database_url=database_url)

    async with (
        open_customer(app) as client,
        open_client(other, base_url="http://localhost") as elsewhere,
        open_client(stranger, base_url="http://localhost") as foreign,
    ):
        bearer = {"Authorization": client.headers["Authorization"]}
        accepted = [(await each.get("/auth/me", headers=bearer)).status_code for each in (elsewhere, foreign)]
        await elsewhere.post("/auth/logout", headers=bearer)
        refused = await client.get("/auth/me")

    assert accepted == [200, 401]
    assert refused.status_code == 401


async def test_the_administrator_is_made_once(database_url: str) -> None:
    """The password that a shop first starts with is the administrator's; later ones change nothing."""
    first = create_app(database_url=database_url, admin_password=ADMIN_PASSWORD)
    again = create_app(database_url=database_url, admin_password="another one of nine words")

    async with open_client(first, base_url="http://localhost") as client:
        await register(client, "mary")
        promoted = await promote(client, "mary", "staff")
    async with open_client(again, base_url="http://localhost") as client:
        entered = [
            (await client.post("/auth/login", json={"login": "admin", "password": password})).status_code
            for password in (ADMIN_PASSWORD, "another one of nine words", PASSWORD)
        ]

    assert promoted.json()["roles"] == ["staff"]
    assert (first.state.has_new_admin, again.state.has_new_admin) == (True, False)
    assert entered == [200, 401, 401]
