"""The landing page: it tells the truth, leads somewhere, and needs nothing that its policy forbids."""

import json
import logging
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import get_args

import httpx2
import pytest
from fastapi import FastAPI

from brickwork.accesslog import TextFormatter
from brickwork.testing import assert_problem, open_client
from examples.shop import app as shop_app
from examples.shop import pages
from examples.shop.app import create_app
from examples.shop.models import Category
from tests.examples.console import agrees, curl, text_of

PAGE = (Path(pages.__file__).with_name("pages") / "landing.html").read_text("utf-8")
SCRIPTS = {
    name: (Path(pages.__file__).with_name("pages") / name).read_text("utf-8")
    for name in ("shop.js", "account.js", "api.js")
}
TALKS = re.findall(
    r'<pre class="ask"[^>]*>(.*?)</pre>\s*<pre class="(answer|log)"[^>]*>(.*?)</pre>', PAGE, flags=re.DOTALL
)


class Elements(HTMLParser):
    """Every element of a page, with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.all.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute, in the order of the page."""
        return [value for _, attributes in self.all if (value := attributes.get(attribute)) is not None]


ELEMENTS = Elements(PAGE)
LINKS = ELEMENTS.values("href") + ELEMENTS.values("src")


@pytest.fixture
def app() -> FastAPI:
    """A shop that has just opened."""
    return create_app()


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A visitor."""
    async with open_client(app, base_url="http://localhost:8000") as opened:
        yield opened


async def test_the_page_is_served(client: httpx2.AsyncClient) -> None:
    """The page is HTML with its own policy and the other headers of the shop, for GET and for HEAD."""
    answer, head = await client.get("/"), await client.head("/")

    assert answer.text == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'"} <= set(policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path", ["/", "/static/shop.css", *(f"/static/{name}" for name in SCRIPTS), "/guides/stack.md"]
)
async def test_files_are_kept_and_asked_about(client: httpx2.AsyncClient, path: str) -> None:
    """A browser may keep a file, asks for it again each time, and is told when it is the same."""
    first = await client.get(path)
    again = await client.get(path, headers={"If-None-Match": first.headers["etag"]})

    assert first.status_code == 200
    assert first.headers["cache-control"] == again.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


async def test_guides_are_shown_rather_than_saved(client: httpx2.AsyncClient) -> None:
    """A guide opens in the browser."""
    answer = await client.get("/guides/stack.md")

    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", ["/static/", "/static/nothing", "/static/..%2fapp.py", "/static/%00", "/guides/%ff"])
async def test_what_is_no_file_is_a_problem(client: httpx2.AsyncClient, path: str) -> None:
    """Nothing outside the folder is served, and a wrong name is 404."""
    answer = await client.get(path)

    assert_problem(answer, 404)


@pytest.mark.parametrize("link", sorted({link for link in LINKS if not link.startswith("#")}))
async def test_links_lead_somewhere(client: httpx2.AsyncClient, link: str) -> None:
    """No link on the page is dead, and none leaves the shop."""
    answer = await client.get(link, headers={"Accept": "text/html"}, follow_redirects=True)

    assert answer.status_code == 200


def test_links_within_the_page_lead_somewhere() -> None:
    """What the page jumps to is there."""
    assert {link[1:] for link in LINKS if link.startswith("#")} <= set(ELEMENTS.values("id"))


def test_the_page_keeps_to_its_policy() -> None:
    """The script is a file of the shop's own, and there is no inline style, nor any attribute that would be one."""
    scripts = re.findall(r"<script.*?</script>", PAGE, flags=re.DOTALL)

    assert scripts == ['<script src="/static/shop.js" type="module"></script>']
    assert not {tag for tag, _ in ELEMENTS.all} & {"style", "iframe", "object"}
    assert not {
        name for _, attributes in ELEMENTS.all for name in attributes if name == "style" or name.startswith("on")
    }


def test_the_page_has_landmarks_and_one_order_of_headings() -> None:
    """Those who hear the page find their way: a language, landmarks, headings without a gap, names for regions."""
    tags = [tag for tag, _ in ELEMENTS.all]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]

    assert dict(ELEMENTS.all)["html"]["lang"] == "en"
    assert {"header", "nav", "main", "footer"} <= set(tags)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert set(ELEMENTS.values("aria-labelledby")) <= set(ELEMENTS.values("id"))
    assert all("alt" in attributes for tag, attributes in ELEMENTS.all if tag == "img")


def test_every_field_has_a_name_for_those_who_hear_it() -> None:
    """Each field and box stands inside its label, and what changes by itself is announced."""
    labelled = "".join(re.findall(r"<label.*?</label>", PAGE, flags=re.DOTALL))
    fields = [attributes["name"] for tag, attributes in ELEMENTS.all if tag in {"input", "select"}]
    roles = {attributes.get("id"): attributes.get("role") for _, attributes in ELEMENTS.all}

    assert fields
    assert len(re.findall(r"<(?:input|select)", labelled)) == len(fields)
    assert (roles["finder"], roles["count"], roles["trouble"]) == ("search", "status", "alert")
    assert (roles["said"], roles["refusal"]) == ("status", "alert")


def test_password_managers_know_the_form() -> None:
    """Login and password are named as browsers and their helpers expect it, and a password is not shown by itself."""
    fields = {attributes["name"]: attributes for tag, attributes in ELEMENTS.all if tag == "input"}

    assert fields["login"]["autocomplete"] == "username"
    assert (fields["password"]["autocomplete"], fields["password"]["type"]) == ("current-password", "password")
    assert "new-password" in SCRIPTS["account.js"]


async def test_the_search_asks_for_what_there_is(client: httpx2.AsyncClient) -> None:
    """Each field, box and order of the search is one that the API knows, and there is a box for each category."""
    operation = (await client.get("/openapi.json")).json()["paths"]["/books/feed"]["get"]
    known = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    boxes = [attributes for tag, attributes in ELEMENTS.all if tag == "input" and attributes.get("type") == "checkbox"]
    orders = [attributes["value"] for tag, attributes in ELEMENTS.all if tag == "option"]

    for order in filter(None, orders):
        assert (await client.get("/books/feed", params={"sort": order})).status_code == 200
    (finder,) = re.findall(r'<form class="finder".*?</form>', PAGE, flags=re.DOTALL)
    assert set(Elements(finder).values("name")) <= known.keys()
    assert [box["value"] for box in boxes if box["name"] == "category"] == sorted(get_args(Category))


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_find_their_elements_and_write_no_markup(name: str) -> None:
    """Whatever a script looks for by its ID is on the page, and text from the API never becomes HTML."""
    listed = "".join(re.findall(r"= \[([^\]]+)\]\.map\(find\)", SCRIPTS[name]))
    wanted = re.findall(r'"([\w-]+)"', listed) + re.findall(r'find\("([\w-]+)"\)', SCRIPTS[name])

    assert bool(wanted) is (name != "api.js")
    assert set(wanted) <= set(ELEMENTS.values("id"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", SCRIPTS[name])


async def test_scripts_call_what_there_is(client: httpx2.AsyncClient) -> None:
    """Every path that a script asks for is one of the API's, or the socket's, which the document does not know."""
    known = {*(await client.get("/openapi.json")).json()["paths"], "/orders/live"}
    asked = {path for script in SCRIPTS.values() for path in re.findall(r'["`](/(?:auth|orders|books)[\w/-]*)', script)}

    assert {"/auth/login", "/auth/refresh", "/orders"} <= asked
    assert {path.rstrip("/") for path in asked} <= known


async def test_bricks_are_books(client: httpx2.AsyncClient) -> None:
    """Each brick has the title of the book that it leads to, oldest first, and only those sold out are missing."""
    bricks = re.findall(r'<li( class="gone")?><a href="(/books/\d+)">([^<]+)</a>', PAGE)
    books = [(await client.get(path)).json() for _, path, _ in bricks]

    assert [text_of(title).replace("\u2019", "'") for _, _, title in bricks] == [book["title"] for book in books]
    assert [bool(gone) for gone, _, _ in bricks] == [book["stock"] == 0 for book in books]
    assert [book["id"] for book in books] == sorted(book["id"] for book in books)


def test_the_page_counts_right() -> None:
    """As many books, years and languages are announced as there are."""
    books = json.loads(Path(pages.__file__).with_name("data").joinpath("books.json").read_text("utf-8"))
    first, last = books[0]["year"], books[-1]["year"]
    languages = {book["language"] for book in books}

    assert f"{len(books)} books" in PAGE
    assert f"From {-first} BCE to {last}, in {len(languages)} languages." in PAGE


async def test_the_search_hears_what_is_left(client: httpx2.AsyncClient) -> None:
    """The script finds the limit and the rest of it in the headers of the list."""
    answer = await client.get("/books/feed?size=1")
    spoken = re.findall(r'number\("([\w-]+)", "(\w)"\)', SCRIPTS["shop.js"])

    found = [re.findall(rf";{letter}=(\d+)", answer.headers[name]) for name, letter in spoken]

    assert found == [["1200"], ["1199"]]


def test_the_code_shown_is_the_shops() -> None:
    """The call of install on the page is the one in app.py, to the letter."""
    shown = re.findall(r'<pre [^>]*aria-label="From the code of the shop">(.*?)</pre>', PAGE, flags=re.DOTALL)

    code = " ".join(Path(shop_app.__file__).read_text("utf-8").split())
    assert [" ".join(text_of(each).split()) in code for each in shown] == [True]


def luminance(colour: str) -> float:
    """Give the relative luminance of a colour, as WCAG 2.2 defines it."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("ground", "inks"),
    [
        ("paper", ["ink", "muted", "brick", "brick-strong"]),
        ("raised", ["ink", "muted", "brick", "brick-strong"]),
        ("brick", ["on-brick"]),
        ("brick-strong", ["on-brick"]),
        ("slate", ["chalk", "chalk-dim", "clay", "straw", "moss"]),
        *[(f"clay-{number}", ["on-clay"]) for number in range(1, 7)],
    ],
)
def test_text_stands_out(mode: str, ground: str, inks: list[str]) -> None:
    """Every text has a contrast of 4.5 : 1 or more to what it stands on, by day and by night."""
    sheet = (Path(pages.__file__).with_name("pages") / "shop.css").read_text("utf-8")
    by_day, by_night = (dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in sheet.split("@media", 2)[:2])
    colours = by_day if mode == "light" else by_day | by_night

    for ink in inks:
        darker, lighter = sorted([luminance(colours[ground]), luminance(colours[ink])])
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, ink


def test_every_block_is_shown() -> None:
    """Each block has a request, its answer and a guide."""
    first = ["auth", "ratelimit", "websockets", "listing", "database"]
    rest = ["problems", "requestid", "accesslog", "headers", "stack"]
    assert re.findall(r"/guides/(\w+)\.md", PAGE)[:10] == first + rest
    assert len(TALKS) == 10


async def test_the_log_line_shown_is_the_one_written(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """The line on the page is what the access log writes for the request above it."""
    caplog.set_level(logging.INFO, "brickwork.accesslog")
    ((asked, line),) = [(ask, answer) for ask, kind, answer in TALKS if kind == "log"]

    await curl(app, text_of(asked))

    (record,) = [record for record in caplog.records if record.name == "brickwork.accesslog"]
    written = re.sub(r"in [0-9.]+ ms", "in 0.4 ms", TextFormatter().format(record))
    assert agrees([text_of(line)], written), written


@pytest.mark.parametrize(("asked", "answered"), [(ask, answer) for ask, kind, answer in TALKS if kind == "answer"])
async def test_requests_get_the_answers_shown(app: FastAPI, asked: str, answered: str) -> None:
    """What the page shows as an answer is what the request gets."""
    answer = await curl(app, text_of(asked))

    assert agrees(text_of(answered).splitlines(), answer), answer
