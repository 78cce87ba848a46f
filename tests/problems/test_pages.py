"""The pages behind the type URIs."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest
from fastapi import FastAPI

from brickwork.problems import Problem, add_problem_handlers, problem_registry, problem_router, raises
from tests.problems.conftest import ClientOf

BROWSER = {"accept": "text/html,*/*;q=0.8"}


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out <of> stock"):
    """More was ordered than <there> is.

    Come back later.

    Attributes:
        sku: The <article>.
    """

    sku: str
    left: int | None = None


class BareError(Problem, status=410, slug="bare"):
    pass


class Page(HTMLParser):
    """Collects what a page links to and what it is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]


def app_with_pages(prefix: str = "/problems") -> FastAPI:
    """An app with pages and two problems of its own."""
    app = FastAPI(title="Shop <b>")
    add_problem_handlers(app, base_uri=f"https://api.example{prefix}/", map={KeyError: BareError})
    app.include_router(problem_router(), prefix=prefix)

    @app.post("/orders", responses=raises(OutOfStockError))
    async def order() -> None: ...

    return app


@pytest.mark.promise("problems-33")
async def test_every_type_has_a_page(client_of: ClientOf) -> None:
    """The list leads to each page, each page to the list and to its style; all are there."""
    client = client_of(app_with_pages())

    index = await client.get("/problems/", headers=BROWSER)

    links = Page(index.text).links
    assert {"out-of-stock", "bare", "validation-error", "malformed-json", "constraint-violated"} <= set(links)
    for link in links:
        page = await client.get(urljoin("/problems/", link), headers=BROWSER)
        assert page.status_code == 200
        if link == "style.css":
            assert page.headers["content-type"].startswith("text/css")
        else:
            assert set(Page(page.text).links) == {"style.css", "./"}


async def test_a_page_describes_the_members(client_of: ClientOf) -> None:
    """What each is, where one word tells, and what the class says of it."""
    answer = await client_of(app_with_pages()).get("/problems/out-of-stock", headers=BROWSER)

    assert "<dt>sku</dt><dd>string · The &lt;article&gt;.</dd><dt>left</dt><dd></dd>" in answer.text


@pytest.mark.promise("problems-33")
async def test_programs_get_json(client_of: ClientOf) -> None:
    """The same facts, with the schema of the document."""
    client = client_of(app_with_pages())

    index = (await client.get("/problems/")).json()
    page = (await client.get("/problems/out-of-stock")).json()

    assert [each["slug"] for each in index["problems"]] == sorted(each["slug"] for each in index["problems"])
    assert page["type"] == "https://api.example/problems/out-of-stock"
    assert page["description"] == "More was ordered than <there> is.\n\nCome back later."
    assert page["schema"]["required"] == ["type", "title", "status", "instance", "sku"]


@pytest.mark.promise("problems-33")
@pytest.mark.parametrize("slug", ["nothing", "Out-Of-Stock", "%3Cscript%3E", "a%2fb", "style.css%00"])
async def test_an_unknown_name_is_a_404_problem(client_of: ClientOf, slug: str) -> None:
    """And the name is not repeated."""
    answer = await client_of(app_with_pages()).get(f"/problems/{slug}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "script" not in answer.text


@pytest.mark.promise("problems-32")
@pytest.mark.parametrize("path", ["/problems/", "/problems/out-of-stock", "/problems/bare"])
async def test_pages_are_escaped_and_keep_a_strict_policy(client_of: ClientOf, path: str) -> None:
    """What the application wrote is text; style comes from the page's own host, scripts from nowhere."""
    answer = await client_of(app_with_pages()).get(path, headers=BROWSER)

    assert not {"b", "of", "there", "article", "script", "style"} & Page(answer.text).tags
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self';")
    assert answer.headers["vary"] == "Accept"


@pytest.mark.promise("problems-33")
async def test_pages_stand_below_any_prefix(client_of: ClientOf) -> None:
    """Links are relative, so a prefix, a mount or a proxy's path makes no difference."""
    outer = FastAPI()
    outer.mount("/v1", app_with_pages("/errors/types"))
    client = client_of(outer)

    index = await client.get("/v1/errors/types/", headers=BROWSER)
    style = await client.get(urljoin("/v1/errors/types/out-of-stock", "style.css"))
    bare = await client.get("/v1/errors/types", follow_redirects=True)

    assert (index.status_code, style.status_code, bare.status_code) == (200, 200, 200)


async def test_pages_stay_out_of_the_document_and_answer_head(client_of: ClientOf) -> None:
    """They are for people: OpenAPI does not list them."""
    app = app_with_pages()

    head = await client_of(app).head("/problems/out-of-stock")

    assert head.status_code == 200
    assert list(app.openapi()["paths"]) == ["/orders"]


async def test_pages_work_without_the_handlers(client_of: ClientOf) -> None:
    """They show what routes declare, under the default names."""
    app = FastAPI()
    app.include_router(problem_router(), prefix="/problems")
    app.get("/", responses=raises(BareError))(_nothing)

    answer = await client_of(app).get("/problems/bare")

    assert answer.json()["type"] == "urn:problem-type:bare"
    assert [each.slug for each in problem_registry(app)] == ["bare"]


async def _nothing() -> None: ...
