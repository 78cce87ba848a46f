"""FastAPI's documentation pages: they render, and nothing else is loosened for them."""

from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from brickwork.headers import ContentSecurityPolicy, SecurityHeaders
from brickwork.testing import Answer, open_client
from tests.headers.forms import FORMS, Form

STRICT = str(SecurityHeaders.api().content_security_policy)
LOOSE = str(SecurityHeaders.for_docs().content_security_policy)
NEEDED_BY = {"script": "script-src", "img": "img-src"}


class Needs(HTMLParser):
    """What a page loads and runs, by the directive that must allow it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one element."""
        given = dict(attrs)
        address = given.get("src") or (given.get("href") if tag == "link" else None)
        directive = "img-src" if "icon" in (given.get("rel") or "") else NEEDED_BY.get(tag, "style-src")
        if address:
            parts = urlsplit(address)
            self.found.add((directive, f"{parts.scheme}://{parts.netloc}" if parts.netloc else "'self'"))
        elif tag in ("script", "style"):
            self.found.add((directive, "'unsafe-inline'"))


def policy_of(answer: Answer) -> dict[str, list[str]]:
    """The content security policy of a response."""
    directives = (each.split() for each in answer.headers["content-security-policy"].split("; "))
    return {name: sources for name, *sources in directives}


@pytest.mark.promise("headers-17")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("path", ["/docs", "/redoc", "/docs/oauth2-redirect"])
async def test_documentation_pages_render(form: Form, path: str) -> None:
    """All that such a page refers to is allowed to it, its inline scripts too, and its own data."""
    async with open_client(form(FastAPI())) as client:
        answer = await client.get(path)

    policy = policy_of(answer)
    needs = Needs(answer.text).found
    assert answer.status_code == 200
    assert ("script-src", "'unsafe-inline'") in needs or path == "/redoc"
    assert {(directive, source) for directive, source in needs if source not in policy[directive]} == set()
    assert policy["connect-src"] == ["'self'"]


@pytest.mark.promise("headers-17")
@pytest.mark.parametrize("form", FORMS)
async def test_a_redoc_page_may_start_its_worker_and_fonts(form: Form) -> None:
    """What ReDoc's script loads by itself is allowed: a worker made on the spot, fonts, its logo."""
    async with open_client(form(FastAPI())) as client:
        policy = policy_of(await client.get("/redoc"))

    assert policy["worker-src"] == ["blob:"]
    assert "https://fonts.gstatic.com" in policy["font-src"]
    assert {"data:", "https://cdn.redoc.ly"} <= set(policy["img-src"])


@pytest.mark.promise("headers-17")
@pytest.mark.parametrize("form", FORMS)
async def test_the_login_window_keeps_its_page(form: Form) -> None:
    """The OAuth2 window and the page that opened it can reach each other."""
    async with open_client(form(FastAPI())) as client:
        page = await client.get("/docs")
        window = await client.get("/docs/oauth2-redirect")

    assert page.headers["cross-origin-opener-policy"] == "same-origin-allow-popups"
    assert "cross-origin-opener-policy" not in window.headers


@pytest.mark.promise("headers-18")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/manual", LOOSE),
        ("/manual/back", LOOSE),
        ("/redoc", LOOSE),
        ("/docs", STRICT),
        ("/docs/oauth2-redirect", STRICT),
        ("/openapi.json", STRICT),
        ("/manual/more", STRICT),
        ("/", STRICT),
    ],
)
async def test_the_pages_are_followed(form: Form, path: str, expected: str) -> None:
    """The policy goes where `docs_url` and the others point, and nowhere else."""
    app = FastAPI(docs_url="/manual", swagger_ui_oauth2_redirect_url="/manual/back")

    async with open_client(form(app)) as client:
        answer = await client.get(path)

    assert answer.headers["content-security-policy"] == expected


@pytest.mark.promise("headers-18")
@pytest.mark.parametrize("form", FORMS)
async def test_prefixes_are_followed(form: Form) -> None:
    """A `root_path`, a mounted application and its pages, and a folder of files that only looks like pages."""
    app = FastAPI()
    app.root_path = "/api"
    inner = FastAPI(docs_url="/manual", redoc_url=None)
    app.mount("/v1", inner)
    app.mount("/files", StaticFiles(directory="."))
    paths = ["/api/docs", "/docs", "/api/v1/manual", "/api/v1/docs", "/api/v1/redoc", "/api/files/docs"]

    async with open_client(form(app)) as client:
        policies = [(await client.get(path)).headers["content-security-policy"] for path in paths]

    assert policies == [LOOSE, LOOSE, LOOSE, STRICT, STRICT, STRICT]


@pytest.mark.promise("headers-18")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{"openapi_url": None}, {"docs_url": None}])
async def test_an_app_without_documentation_has_no_hole(form: Form, options: dict[str, None]) -> None:
    """A page of one's own at an address where documentation might have been has the strict policy."""
    app = FastAPI(**options)  # type: ignore[arg-type]
    app.get("/docs")(lambda: "mine")

    async with open_client(form(app)) as client:
        answer = await client.get("/docs")

    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == STRICT


@pytest.mark.promise("headers-19")
@pytest.mark.parametrize("form", FORMS)
async def test_the_policy_of_the_pages_can_be_chosen(form: Form) -> None:
    """It can be another, none of its own, or the ready one at another address."""
    own = SecurityHeaders(content_security_policy=ContentSecurityPolicy({"default-src": ["'self'"]}))
    self_made = FastAPI(docs_url=None)
    self_made.get("/manual")(lambda: HTMLResponse(get_swagger_ui_html(openapi_url="/x", title="x").body))
    at = {"/manual": SecurityHeaders.for_docs()}
    answers = []

    for app, path, policy in [
        (FastAPI(), "/docs", replace(SecurityHeaders.api(), docs=own)),
        (FastAPI(), "/docs", replace(SecurityHeaders.api(), docs=False)),
        (FastAPI(), "/docs/oauth2-redirect", replace(SecurityHeaders.api(), docs=False)),
        (self_made, "/manual", replace(SecurityHeaders.api(), paths=at)),
    ]:
        async with open_client(form(app, policy=policy)) as client:
            answers.append((await client.get(path)).headers["content-security-policy"])

    assert answers == ["default-src 'self'", STRICT, STRICT, LOOSE]
