"""The shop's data file: many books, from everywhere, and none that somebody still owns."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from examples.shop import catalogue

FILE = Path(catalogue.__file__).with_name("data") / "books.json"


@pytest.fixture(scope="module")
def books() -> list[dict[str, Any]]:
    """The entries as the file has them."""
    entries: list[dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return entries


def test_there_is_enough_to_page_through(books: list[dict[str, Any]]) -> None:
    """More books than four pages of fifty, each a different one."""
    assert len(books) > 200
    assert len({(book["title"], book["author"]) for book in books}) == len(books)


def test_numbers_are_stable(books: list[dict[str, Any]]) -> None:
    """Books are numbered from 1 in the order of the file, so a number can be written down in a page or a test."""
    assert [book["id"] for book in books] == list(range(1, len(books) + 1))
    assert books[216]["title"] == "Dead Souls"


def test_every_book_is_in_the_public_domain(books: list[dict[str, Any]]) -> None:
    """All were published before 1929, and stand in the order of their years."""
    years = [book["year"] for book in books]

    assert max(years) < 1929
    assert years == sorted(years)


def test_books_come_from_everywhere(books: list[dict[str, Any]]) -> None:
    """No language has most of the shelf, and every category more than a few books."""
    languages = Counter(book["language"] for book in books)
    categories = Counter(book["category"] for book in books)

    assert len(languages) >= 40
    assert max(languages.values()) < len(books) / 3
    assert min(categories.values()) >= 5


def test_some_books_are_sold_out_or_nearly(books: list[dict[str, Any]]) -> None:
    """There are books with none, one and two copies, to run out of."""
    stock = Counter(book["stock"] for book in books)

    assert {0, 1, 2} <= stock.keys()
    assert stock[0] < len(books) / 10


def test_prices_have_two_decimals(books: list[dict[str, Any]]) -> None:
    """A price is a text with cents, so that no reader makes a binary fraction of it."""
    assert all(isinstance(book["price"], str) and book["price"][-3] == "." for book in books)
