"""The bookshop over HTTP: what it sells, what it refuses, and that its document says so."""

from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import FastAPI

from brickwork.testing import assert_problem, open_client
from examples.shop.app import create_app
from tests.examples.people import open_customer, order


@pytest.fixture
def app() -> FastAPI:
    """A shop that has just opened."""
    return create_app()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who looks around."""
    async with open_client(app, base_url="http://localhost:8000") as opened:
        yield opened


@pytest.fixture
async def customer(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who is logged in, and buys."""
    async with open_customer(app) as opened:
        yield opened


async def walk(client: httpx2.AsyncClient, path: str) -> list[dict[str, Any]]:
    """Follow the links from page to page, and give all items."""
    items: list[dict[str, Any]] = []
    while path:
        answer = await client.get(path)
        items += answer.json()["items"]
        path = answer.links.get("next", {}).get("url", "")
    return items


async def test_the_catalogue_is_paged(client: httpx2.AsyncClient) -> None:
    """Pages follow each other without a gap, and every one says how much there is."""
    first = (await client.get("/books", params={"size": 50})).json()
    second = (await client.get("/books", params={"size": 50, "page": 2})).json()

    assert [book["id"] for book in first["items"] + second["items"]] == list(range(1, 101))
    assert (first["page"], first["size"]) == (1, 50)
    assert first["total"] == second["total"] > 200


async def test_a_page_past_the_end_is_empty(client: httpx2.AsyncClient) -> None:
    """Where nothing is left there are no items, and no error."""
    answer = await client.get("/books", params={"page": 400})

    assert answer.status_code == 200
    assert answer.json()["items"] == []


async def test_a_page_too_deep_is_refused(client: httpx2.AsyncClient) -> None:
    """A page so deep that the database would read thousands of books to skip them is 422, and names the last one."""
    answer = await client.get("/books", params={"page": 1000})

    document = assert_problem(answer, 422)
    assert document["errors"][0]["parameter"] == "page"
    assert "501" in document["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("category=drama,epic", lambda book: book["category"] in {"drama", "epic"}),
        ("category=drama&category=epic", lambda book: book["category"] in {"drama", "epic"}),
        ("language=grc", lambda book: book["language"] == "grc"),
        ("author__icontains=HOMER", lambda book: book["author"] == "Homer"),
        ("year__gte=-700&year__lte=100", lambda book: -700 <= book["year"] <= 100),
        ("price__gte=9.50&price__lte=12", lambda book: 9.5 <= float(book["price"]) <= 12),
        ("in_stock=false", lambda book: book["stock"] == 0),
        ("in_stock=true&q=fyodor", lambda book: book["stock"] > 0 and book["author"] == "Fyodor Dostoevsky"),
    ],
)
async def test_filters_keep_what_fits(
    client: httpx2.AsyncClient, query: str, holds: Callable[[dict[str, Any]], bool]
) -> None:
    """Each filter leaves the books that fit it, all of them and no others."""
    everything = await walk(client, "/books?size=100")

    found = await walk(client, f"/books?size=100&{query}")

    assert 0 < len(found) < len(everything)
    assert found == [book for book in everything if holds(book)]


@pytest.mark.parametrize("path", ["/books?size=90", "/books/feed?size=90"])
@pytest.mark.parametrize("sort", ["title", "-author,year", "price", "-year"])
async def test_pages_follow_each_other_in_every_order(client: httpx2.AsyncClient, path: str, sort: str) -> None:
    """Whatever the order, the links lead through all books, each of them once."""
    books = await walk(client, f"{path}&sort={sort}")

    first = sort.split(",", maxsplit=1)[0].lstrip("-")
    values = [float(book[first]) if first == "price" else book[first] for book in books]
    assert sorted(book["id"] for book in books) == list(range(1, 407))
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_a_cursor_is_for_one_list(client: httpx2.AsyncClient) -> None:
    """A cursor that was tampered with, is for another filter or from another shop is 400, and says which."""
    page = (await client.get("/books/feed", params={"q": "tolstoy", "size": 1})).json()
    cursor = page["next"]

    tampered = await client.get("/books/feed", params={"q": "tolstoy", "cursor": cursor[:-1] + "_"})
    elsewhere = await client.get("/books/feed", params={"q": "austen", "cursor": cursor})
    async with open_client(create_app(), base_url="http://localhost") as other:
        foreign = await other.get("/books/feed", params={"q": "tolstoy", "cursor": cursor})

    assert_problem(tampered, 400, slug="invalid-cursor", reason="malformed")
    assert_problem(elsewhere, 400, slug="invalid-cursor", reason="other-query")
    assert_problem(foreign, 400, slug="invalid-cursor", reason="malformed")


async def test_shops_with_one_secret_open_each_others_cursors() -> None:
    """Processes that serve one shop are given one secret, and a walk may go from one to the other."""
    secret = "0123456789abcdef0123456789abcdef"
    async with open_client(create_app(cursor_secret=secret), base_url="http://localhost") as client:
        first = (await client.get("/books/feed?size=2")).json()

    async with open_client(create_app(cursor_secret=secret), base_url="http://localhost") as client:
        second = (await client.get("/books/feed", params={"size": 2, "cursor": first["next"]})).json()

    assert [book["id"] for book in first["items"] + second["items"]] == [1, 2, 3, 4]


async def test_a_walk_is_not_disturbed_by_orders(customer: httpx2.AsyncClient) -> None:
    """Who walks through the books in stock meets each once, although others are sold out meanwhile."""
    everything = await walk(customer, "/books?in_stock=true&size=100")
    first = await customer.get("/books/feed?in_stock=true&size=5")
    await customer.post("/orders", json=order((1, 4), (2, 1)))

    rest = await walk(customer, first.links["next"]["url"])

    assert first.json()["items"][0]["id"] == 1
    assert first.json()["items"] + rest == everything


async def test_books_are_found_by_category_and_words(client: httpx2.AsyncClient) -> None:
    """A search looks at title and author, whatever the case, and a category narrows it."""
    tolstoy = (await client.get("/books", params={"q": "tolstoy"})).json()
    short = (await client.get("/books", params={"q": "TOLSTOY", "category": "story"})).json()

    assert {book["title"] for book in tolstoy["items"]} >= {"War and Peace", "Anna Karenina"}
    assert [book["title"] for book in short["items"]] == ["The Death of Ivan Ilyich"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("category=cookery", "category"),
        ("size=101", "size"),
        ("page=0", "page"),
        ("page=1&page=2", "page"),
        ("q=", "q"),
        ("q=%00", "q"),
        ("colour=red", "colour"),
        ("categroy=drama", "categroy"),
        ("sort=stock", "sort"),
        ("sort=year,-year", "sort"),
        ("price__lte=cheap", "price__lte"),
        ("price__gte=NaN", "price__gte"),
        ("year__gte=1e30", "year__gte"),
        ("in_stock=perhaps", "in_stock"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(client: httpx2.AsyncClient, query: str, parameter: str) -> None:
    """A wrong, an outsize, a repeated and an unknown parameter are each named."""
    answer = await client.get(f"/books?{query}")

    document = assert_problem(answer, 422)
    assert [(error["in"], error["parameter"]) for error in document["errors"]] == [("query", parameter)]


async def test_a_book_has_an_entry(client: httpx2.AsyncClient) -> None:
    """An entry tells what the book is, what it costs and how many there are."""
    answer = await client.get("/books/217")

    assert answer.json() == {
        "id": 217,
        "title": "Dead Souls",
        "author": "Nikolai Gogol",
        "year": 1842,
        "language": "ru",
        "category": "novel",
        "price": "11.50",
        "stock": 0,
    }


async def test_an_unknown_book_is_a_problem(client: httpx2.AsyncClient) -> None:
    """A number that no book has is 404, with the number; a number that none can have is 422."""
    unknown = await client.get("/books/9999")
    impossible = await client.get("/books/0")

    assert_problem(unknown, 404, slug="book-not-found", book_id=9999)
    assert_problem(impossible, 422)


async def test_an_order_takes_copies_off_the_shelf(customer: httpx2.AsyncClient) -> None:
    """An order is 201 with its address; its prices are added up exactly, and the copies are gone."""
    before = (await customer.get("/books/64")).json()

    answer = await customer.post("/orders", json=order((64, 3), (194, 1)))

    placed = answer.json()
    after = (await customer.get("/books/64")).json()
    assert answer.status_code == 201
    assert Decimal(placed["total"]) == 3 * Decimal(before["price"]) + Decimal("11.00")
    assert after["stock"] == before["stock"] - 3
    assert (await customer.get(answer.headers["location"])).json() == placed


async def test_lines_for_the_same_book_are_one(customer: httpx2.AsyncClient) -> None:
    """A book that is named twice is ordered once, with both quantities."""
    answer = await customer.post("/orders", json=order((64, 1), (64, 2)))

    assert [(line["book_id"], line["quantity"]) for line in answer.json()["lines"]] == [(64, 3)]


async def test_an_order_for_more_than_there_is_is_refused(customer: httpx2.AsyncClient) -> None:
    """409 says how many were asked for and how many there are."""
    sold_out = await customer.post("/orders", json=order((217, 1)))
    too_many = await customer.post("/orders", json=order((266, 4)))

    assert_problem(sold_out, 409, slug="out-of-stock", book_id=217, requested=1, available=0)
    assert_problem(too_many, 409, detail="Only 3 left of “War and Peace”.")


async def test_a_refused_order_takes_nothing(customer: httpx2.AsyncClient) -> None:
    """Where one line cannot be had, the copies of the others stay on the shelf."""
    before = (await customer.get("/books/64")).json()

    answer = await customer.post("/orders", json=order((64, 1), (217, 1)))

    assert_problem(answer, 409)
    assert (await customer.get("/books/64")).json() == before


async def test_an_order_for_an_unknown_book_is_refused(customer: httpx2.AsyncClient) -> None:
    """A line for a book that does not exist is 422, with its number."""
    answer = await customer.post("/orders", json=order((9999, 1)))

    assert_problem(answer, 422, slug="unknown-book", book_id=9999)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({}, ["#/lines"]),
        ({"lines": []}, ["#/lines"]),
        ({"lines": [{"book_id": 64, "quantity": 0}]}, ["#/lines/0/quantity"]),
        (
            {"lines": [{"book_id": "64", "quantity": 1}, {}]},
            ["#/lines/0/book_id", "#/lines/1/book_id", "#/lines/1/quantity"],
        ),
        ({"lines": [{"book_id": 64, "quantity": 1}], "voucher": "x"}, ["#/voucher"]),
    ],
)
async def test_a_malformed_order_is_pointed_at(
    customer: httpx2.AsyncClient, body: dict[str, Any], pointers: list[str]
) -> None:
    """Every mistake in an order has its place."""
    answer = await customer.post("/orders", json=body)

    document = assert_problem(answer, 422)
    assert [error["pointer"] for error in document["errors"]] == pointers


async def test_the_last_copy_is_sold_once(customer: httpx2.AsyncClient) -> None:
    """Of many who order the last copy at the same time one gets it."""
    statuses: list[int] = []

    async def buy() -> None:
        statuses.append((await customer.post("/orders", json=order((7, 1)))).status_code)

    async with anyio.create_task_group() as customers:
        for _ in range(20):
            customers.start_soon(buy)

    assert sorted(statuses) == [201] + [409] * 19


async def test_shops_share_nothing(customer: httpx2.AsyncClient) -> None:
    """What is sold in one shop is still there in another."""
    await customer.post("/orders", json=order((7, 1)))

    async with open_client(create_app(), base_url="http://localhost") as other:
        answer = await other.get("/books/7")

    assert answer.json()["stock"] == 1


async def test_an_unknown_order_is_a_problem(customer: httpx2.AsyncClient) -> None:
    """An order number that was never given out is 404; what is no order number is 422."""
    unknown = await customer.get("/orders/00000000-0000-4000-8000-000000000000")
    impossible = await customer.get("/orders/1")

    assert_problem(unknown, 404, slug="order-not-found")
    assert_problem(impossible, 422)


async def test_what_reaches_no_endpoint_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    """Unknown paths, wrong methods, foreign hosts and huge bodies get whole answers: body, ID and headers."""
    answers = {
        404: await client.get("/nowhere"),
        405: await client.delete("/books"),
        400: await client.get("/books", headers={"Host": "evil.example"}),
        413: await client.post("/orders", content=b" " * 70_000),
    }

    for status, answer in answers.items():
        assert_problem(answer, status, request_id=answer.headers["x-request-id"])
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_proxy_on_this_machine_may_name_the_request(app: FastAPI) -> None:
    """An ID from 127.0.0.1 is kept, one from elsewhere is not."""
    named = {"X-Request-ID": "checkout-4711"}

    async with open_client(app, base_url="http://localhost") as near:
        kept = await near.get("/books/64", headers=named)
    async with open_client(app, base_url="http://localhost", address=("203.0.113.9", 4711)) as far:
        replaced = await far.get("/books/64", headers=named)

    assert kept.headers["x-request-id"] == "checkout-4711"
    assert replaced.headers["x-request-id"] != "checkout-4711"


async def test_the_document_names_every_answer(client: httpx2.AsyncClient) -> None:
    """Each operation lists the problems of its own, and those that any request can meet."""
    paths = (await client.get("/openapi.json")).json()["paths"]

    own = {(path, method): set(paths[path][method]["responses"]) for path in paths for method in paths[path]}
    assert own["/books", "get"] >= {"200", "422"}
    assert own["/books/feed", "get"] >= {"200", "400", "422"}
    assert own["/books/{book_id}", "get"] >= {"200", "404", "422"}
    assert own["/books/{book_id}", "patch"] >= {"200", "401", "403", "404", "412", "422", "428"}
    assert own["/orders", "post"] >= {"201", "401", "403", "409", "422"}
    assert own["/orders/{order_id}", "get"] >= {"200", "401", "403", "404", "422"}
    assert own["/accounts/{login}/role", "put"] >= {"200", "401", "403", "404", "422"}
    assert own["/fulfilment/orders/{order_id}/shipment", "put"] >= {"200", "401", "403", "404", "422"}


async def test_every_problem_has_a_page(client: httpx2.AsyncClient) -> None:
    """The type of a problem leads to a page that explains it."""
    answer = await client.get("/books/9999")

    page = await client.get(answer.json()["type"], headers={"Accept": "text/html"})

    assert page.status_code == 200
    assert "Book not found" in page.text
