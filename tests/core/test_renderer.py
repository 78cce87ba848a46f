"""The renderer: any error in, an answer out, whatever the error holds and whatever the client prefers."""

import json
import logging
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from brickwork import Problem
from brickwork._core.context import RequestContext
from brickwork._core.negotiation import languages, wants_page
from brickwork._core.page import STYLE
from brickwork._core.renderer import (
    ProblemRenderer,
    encode,
    has_renderer,
    install_renderer,
    renderer_of,
    respond_to_error,
)
from brickwork._core.scope import REQUEST


class MuteError(Exception):
    """An object that cannot be written down."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    sku: object


def scope(**headers: str) -> dict[str, Any]:
    """A request with headers."""
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http", "headers": raw}


def nested(levels: int) -> list[Any]:
    """Lists in lists."""
    inner: list[Any] = []
    for _ in range(levels):
        inner = [inner]
    return inner


def circular() -> dict[str, Any]:
    """A dict that holds itself."""
    inner: dict[str, Any] = {}
    inner["self"] = inner
    return inner


@pytest.mark.promise("problems-10")
@pytest.mark.parametrize(
    ("value", "written"),
    [
        (float("nan"), None),
        ([float("inf"), 1.5], [None, 1.5]),
        ("a\ud800b", "a\ud800b"),
        ({"\udfff": [float("-inf"), 1.5, True, None, ("\ud800",)]}, {"\udfff": [None, 1.5, True, None, ["\ud800"]]}),
        (b"raw \xff", "raw �"),
        (bytearray(b"raw \xff"), "raw �"),
        ({1: "\ud800"}, {"1": "\ud800"}),
        (object, "<class 'object'>"),
        (MuteError(), "<MuteError>"),
        ({"a": MuteError()}, {"a": "<MuteError>"}),
    ],
)
def test_anything_is_encoded(value: object, written: object) -> None:
    """What JSON cannot carry becomes null or text, and the rest stays."""
    assert json.loads(encode(value)) == written


@pytest.mark.promise("problems-10")
@pytest.mark.parametrize(
    "value", [10**5000, [-(10**5000)], nested(5000), circular()], ids=["big", "small", "deep", "round"]
)
def test_what_has_no_end_is_encoded(value: object) -> None:
    """Numbers that Python refuses to write, and structures without a bottom."""
    assert json.loads(encode(value), parse_int=str) is not None


@pytest.mark.promise("problems-10")
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters()) | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()) | st.floats(), inner),
        max_leaves=10,
    )
)
def test_any_value_is_encoded(value: object) -> None:
    """Whatever the values and keys, the result is JSON without NaN."""
    json.loads(encode(value), parse_constant=pytest.fail)


@pytest.mark.promise("problems-22")
def test_a_document_that_cannot_be_made_is_replaced(expected_errors: list[logging.LogRecord]) -> None:
    """A minimal document of the right status goes out, and one record tells why."""
    error = OutOfStockError(sku=MuteError(), headers={"Retry-After": "3"})

    response = ProblemRenderer().respond(scope(accept="text/html"), error)

    document = json.loads(bytes(response.body))
    assert (response.status_code, response.headers["retry-after"]) == (409, "3")
    assert document.keys() == {"type", "title", "status", "instance"}
    assert [record.getMessage() for record in expected_errors] == [
        "could not render OutOfStockError, so a minimal problem document goes out"
    ]


@pytest.mark.promise("problems-22")
def test_an_unhandled_error_that_cannot_be_rendered_is_answered_too(expected_errors: list[logging.LogRecord]) -> None:
    """The same holds for the bare 500."""

    def fail(problem: dict[str, Any]) -> object:
        raise KeyError(problem["title"])

    response = ProblemRenderer(render=fail).unhandled(scope(), RuntimeError("secret"))

    assert (response.status_code, b"secret" in bytes(response.body)) == (500, False)
    assert len(expected_errors) == 1


@pytest.mark.promise("problems-12")
async def test_any_error_is_answered_for_middleware() -> None:
    """Errors that nothing inside answered get the same documents as in the app's own handlers."""
    app = FastAPI()
    install_renderer(app, ProblemRenderer(base_uri="/problems/"))

    mapped = await respond_to_error(app, scope(), OutOfStockError(sku="A1"))
    unknown = await respond_to_error(app, scope(), RuntimeError("secret"))

    assert json.loads(bytes(mapped.body))["type"] == "/problems/out-of-stock"
    assert (unknown.status_code, b"secret" in bytes(unknown.body)) == (500, False)


@pytest.mark.promise("problems-4")
async def test_an_unhandled_error_is_tied_to_the_log_by_its_request_id() -> None:
    """With a request ID in the answer, the error itself needs no note."""
    context = RequestContext(scope(), began_at=0.0)
    context.request_id = "0af7651916cd43dd8448eb211c80319c"
    error = RuntimeError("secret")

    response = await respond_to_error(None, {**scope(), "state": {REQUEST: context}}, error)

    assert json.loads(bytes(response.body))["request_id"] == context.request_id
    assert not hasattr(error, "__notes__")


def test_an_app_has_its_own_renderer_or_the_default_one() -> None:
    """Two apps do not share one, and an app without answers all the same."""
    first, second = FastAPI(), FastAPI()
    install_renderer(first, ProblemRenderer(base_uri="/first/"))

    assert (has_renderer(first), has_renderer(second), has_renderer(None)) == (True, False, False)
    assert renderer_of(first).type_uri("a") == "/first/a"
    assert renderer_of(second).type_uri("a") == renderer_of(None).type_uri("a") == "urn:problem-type:a"
    assert renderer_of(second).type_uri(None) == "about:blank"


# --- what the client prefers

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


@pytest.mark.promise("problems-32")
@pytest.mark.parametrize(
    ("accept", "page"),
    [
        (BROWSER, True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/html;q=0.9, application/json;q=0.5", True),
        ("text/html; level=1; q=0.9, */*", True),
        ("*/*", False),
        ("", False),
        ("application/json", False),
        ("application/problem+json, text/html;q=0.9", False),
        ("application/json, text/html", False),
        ("text/html;q=0", False),
        ("text/html;q=0.0, */*", False),
        ("text/*", False),
        (";;,,==, text/html/x", False),
    ],
)
def test_who_prefers_a_page_gets_one(accept: str, page: bool) -> None:
    """HTML has to be named, and not to be liked less than JSON."""
    response = ProblemRenderer().respond(scope(accept=accept), HTTPException(404))

    assert response.headers["content-type"].startswith("text/html" if page else "application/problem+json")
    assert response.headers["vary"] == "Accept"


@pytest.mark.promise("problems-32")
def test_without_pages_nothing_is_chosen() -> None:
    """`html=False` answers JSON to everyone, and needs no `Vary`."""
    response = ProblemRenderer(html=False).respond(scope(accept=BROWSER), HTTPException(404))

    assert response.headers["content-type"] == "application/problem+json"
    assert "vary" not in response.headers


class Tags(HTMLParser):
    """Collects the elements of a page, and fails on attributes that a strict policy forbids."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not [name for name, _ in attrs if name.startswith("on") or name == "style"]


@pytest.mark.promise("problems-32")
def test_a_page_escapes_everything_and_keeps_a_strict_policy() -> None:
    """Whatever an error says is text; style is allowed by its hash alone, scripts not at all."""
    nasty = "<script>alert(1)</script>\"'&\ud800"
    error = HTTPException(
        409,
        {
            "detail": nasty,
            "note": nasty,
            "traceback": [nasty],
            "errors": [nasty, {"detail": nasty, "pointer": nasty}, {}],
        },  # type: ignore[arg-type]
    )

    response = ProblemRenderer().respond(scope(accept=BROWSER), error)

    text = bytes(response.body).decode()
    tags = Tags()
    tags.feed(text)
    assert "script" not in tags.seen
    assert text.count("&lt;script&gt;") == 6
    policy = response.headers["content-security-policy"]
    style = re.search(r"<style>(.*)</style>", text, re.DOTALL)
    assert style is not None
    assert b64encode(sha256(style[1].encode()).digest()).decode() in policy
    assert "unsafe" not in policy
    assert policy.startswith("default-src 'none'")
    assert style[1] == STYLE


@pytest.mark.promise("problems-32")
def test_a_page_leads_to_the_type_where_there_is_a_page() -> None:
    """A type on the web is a link; the request ID or the instance is there to be quoted."""
    error = OutOfStockError("Gone.", sku="A1")

    linked = bytes(ProblemRenderer(base_uri="https://api.example/p/").respond(scope(accept=BROWSER), error).body)
    local = bytes(ProblemRenderer(base_uri="/p/").respond(scope(accept=BROWSER), error).body)
    unlinked = bytes(ProblemRenderer().respond(scope(accept=BROWSER), error).body)

    assert b'<a href="https://api.example/p/out-of-stock">' in linked
    assert b'<a href="/p/out-of-stock">' in local
    assert b"<a " not in unlinked
    assert b"urn:uuid:" in unlinked


# --- languages

GERMAN = {
    "out-of-stock.title": "Ausverkauft",
    "out-of-stock.detail": "Nur {sku} ist weg.",
    "404.title": "Nicht gefunden",
    "missing": "Fehlt",
}


def translate(key: str, params: Any, locale: str) -> str | None:
    """Speak German, in Austria too."""
    text = GERMAN.get(key) if locale == "de" else None
    return text.format(**params) if text else None


@pytest.mark.promise("problems-31")
@pytest.mark.parametrize(
    ("accept", "title", "language"),
    [
        ("de", "Ausverkauft", "de"),
        ("de-AT, en;q=0.8", "Ausverkauft", "de"),
        ("fr, de;q=0.5", "Ausverkauft", "de"),
        ("en, de;q=0.5", "Out of stock", "en"),
        ("de;q=0, fr", "Out of stock", "en"),
        ("*", "Out of stock", "en"),
        ("", "Out of stock", "en"),
        ("\xff;;q=x,de", "Ausverkauft", "de"),
    ],
)
def test_texts_follow_the_language(accept: str, title: str, language: str) -> None:
    """The first language that has the text; the type never changes."""
    renderer = ProblemRenderer(translate=translate)

    response = renderer.respond(scope(accept_language=accept), OutOfStockError("Gone.", sku="A1"))

    document = json.loads(bytes(response.body))
    assert (document["title"], document["type"]) == (title, "urn:problem-type:out-of-stock")
    assert document["detail"] == ("Nur A1 ist weg." if language == "de" else "Gone.")
    assert response.headers["content-language"] == language
    assert response.headers["vary"] == "Accept, Accept-Language"


@pytest.mark.promise("problems-31")
def test_entries_are_translated_and_keep_their_codes() -> None:
    """Each entry's detail by its code; what the exception holds stays as it was."""
    entries = [{"detail": "Field required", "code": "missing"}, {"detail": "Odd", "code": "odd"}, "text"]
    error = HTTPException(409, entries)  # type: ignore[arg-type]

    response = ProblemRenderer(translate=translate).respond(scope(accept_language="de"), error)

    assert json.loads(bytes(response.body))["errors"] == [
        {"detail": "Fehlt", "code": "missing"},
        {"detail": "Odd", "code": "odd"},
        "text",
    ]
    assert entries[0] == {"detail": "Field required", "code": "missing"}


@pytest.mark.promise("problems-31")
def test_a_page_is_in_the_language_too() -> None:
    """The page says which language it is in, and a status without a type is translated by its number."""
    response = ProblemRenderer(translate=translate).respond(
        scope(accept_language="de", accept=BROWSER), HTTPException(404)
    )

    text = bytes(response.body).decode()
    assert '<html lang="de">' in text
    assert "Nicht gefunden" in text


@given(st.lists(st.binary(max_size=50), max_size=3))
def test_any_header_can_be_read(values: list[bytes]) -> None:
    """No bytes in Accept or Accept-Language make an error, or much work."""
    headers = [(name, value) for value in values for name in (b"accept", b"accept-language")]

    assert wants_page([*headers, (b"accept", b"text/html")]) in (True, False)
    assert len(languages(headers)) <= 10


def test_languages_come_best_first_with_their_shorter_forms() -> None:
    """As RFC 4647 looks them up, written as people write them."""
    assert languages([(b"accept-language", b"en;q=0.1, ZH-hant-tw, pt-br;q=0.5, *;q=0.9")]) == [
        "zh-Hant-TW", "zh-Hant", "zh", "pt-BR", "pt", "en",
    ]  # fmt: skip
