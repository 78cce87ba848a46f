"""The shop's limits: logins, searches, plans, and what is free."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from brickwork.ratelimit import MemoryRateStore
from brickwork.testing import assert_problem, open_client
from examples.shop.app import create_app
from tests.examples.people import ADMIN_PASSWORD, log_in, open_customer, promote, register

HERE = "http://localhost"


@pytest.fixture
def app() -> FastAPI:
    """A shop that has just opened, with an administrator."""
    return create_app(admin_password=ADMIN_PASSWORD)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A visitor."""
    async with open_client(app, base_url=HERE) as opened:
        yield opened


def left(answer: httpx2.Response) -> dict[str, int]:
    """Give what an answer says that is left, by the names of the limits."""
    items = [item.partition(";r=") for item in answer.headers.get("ratelimit", "").split(", ") if item]
    return {name.strip('"'): int(rest.partition(";")[0]) for name, _, rest in items}


async def test_an_account_is_tried_so_often_from_one_address(client: httpx2.AsyncClient) -> None:
    """Whoever tries one account over and over is refused before any password is looked at; others log in."""
    await register(client, "ada")
    tries = [{"login": login, "password": "no"} for login in ["eve", "Eve", "EVE"] * 10]
    for each in tries:
        await client.post("/auth/login", json=each)

    refused = await client.post("/auth/login", json=tries[0])

    assert_problem(refused, 429, type="/problems/quota-exceeded")
    assert refused.json()["violated-policies"] == ["account"]
    assert await log_in(client, "ada")


async def test_logins_are_counted_by_address_as_well(client: httpx2.AsyncClient) -> None:
    """Another account does not give another try to the address; what is no login counts neither."""
    answers = [await client.post("/auth/login", json={"login": login, "password": "no"}) for login in ("ada", "eve")]
    elsewhere = await client.get("/auth/me")

    assert [left(answer)["account"] for answer in answers] == [29, 29]
    assert [left(answer)["address-minute"] for answer in answers] == [119, 118]
    assert left(elsewhere).keys() == {"default"}


@pytest.mark.parametrize("path", ["/books?q=tolstoy", "/books/feed?author__icontains=tolstoy"])
async def test_a_search_costs_more_than_a_look(client: httpx2.AsyncClient, path: str) -> None:
    """What has to read every book costs five of what finds one by its number, and all of it is one account."""
    before = left(await client.get("/books/64"))

    after = left(await client.get(path))

    assert before["catalogue"] - after["catalogue"] == 5


async def test_each_role_has_a_plan(app: FastAPI) -> None:
    """Customers, staff and programs are counted each by themselves, and by how much they may ask."""
    async with open_customer(app, base_url=HERE) as client:
        as_customer = await client.get("/orders")
        await promote(client, "ada", "staff")
        client.headers.update(await log_in(client, "ada"))
        as_staff = await client.get("/orders")
        key = await client.post("/auth/keys", json={"name": "warehouse", "scopes": ["orders:fulfil"]})
        del client.headers["authorization"]
        as_program = await client.get("/fulfilment/orders", headers={"X-API-Key": key.json()["key"]})

    assert left(as_customer).keys() == {"default", "plan-minute", "plan-hour"}
    assert left(as_customer)["plan-minute"] == 119
    assert left(as_staff)["plan"] == 599
    assert left(as_program)["program"] == 29


async def test_customers_do_not_share(app: FastAPI) -> None:
    """What one customer asks for, another still has."""
    async with open_customer(app, "ada", base_url=HERE) as client:
        await client.get("/orders")
        await register(client, "eve")

        answer = await client.get("/orders", headers=await log_in(client, "eve"))

    assert left(answer)["plan-minute"] == 119


async def test_strangers_are_counted_before_they_are_known(client: httpx2.AsyncClient) -> None:
    """Who shows no token, or a wrong one, is counted by address."""
    answers = [await client.get("/orders", headers={"Authorization": "Bearer wrong"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert left(answers[0])["default"] - left(answers[1])["default"] == 1


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/static/shop.css", "/guides/stack.md", "/problems/"])
async def test_files_are_free(client: httpx2.AsyncClient, path: str) -> None:
    """Pages, documents and files are not counted."""
    answer = await client.get(path)

    assert answer.status_code == 200
    assert left(answer) == {}


async def test_what_is_nowhere_counts(client: httpx2.AsyncClient) -> None:
    """Who tries paths that are not there is counted."""
    assert left(await client.get("/wp-login.php"))["default"] == 1199


async def test_two_shops_may_count_together() -> None:
    """Processes that share a store share the limits."""
    store = MemoryRateStore()
    found = []

    for app in (create_app(rate_store=store), create_app(rate_store=store)):
        async with open_client(app, base_url=HERE) as client:
            found.append(left(await client.get("/books/64"))["catalogue"])

    assert found == [1199, 1198]


async def test_nothing_is_counted_where_nothing_shall_be() -> None:
    """A shop may be opened without limits, for a load test."""
    async with open_client(create_app(rate_limits=False), base_url=HERE) as client:
        answer = await client.get("/books/64")

    assert left(answer) == {}
