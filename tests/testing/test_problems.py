"""The assertion about problems."""

import json

import httpx2
import pytest

from brickwork.testing import assert_problem

SOLD_OUT = {"type": "https://shop.example/problems/sold-out", "title": "Sold out", "status": 409, "sku": "A1"}


def response(body: object = SOLD_OUT, status: int = 409, **headers: str) -> httpx2.Response:
    """Make a response; a body that is no text goes out as JSON."""
    content = body if isinstance(body, str) else json.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, content=content, headers={"content-type": "application/problem+json", **named})


def test_the_document_comes_back() -> None:
    """A test can go on asking."""
    document = assert_problem(response(), 409)

    assert document == SOLD_OUT


@pytest.mark.parametrize("type_uri", ["urn:problem-type:sold-out", "https://shop.example/p#sold-out", "sold-out"])
def test_a_slug_stands_for_the_type(type_uri: str) -> None:
    """Whatever the base of the type URIs, its last part is enough."""
    assert_problem(response({**SOLD_OUT, "type": type_uri}), 409, slug="sold-out")


@pytest.mark.promise("testing-6")
def test_members_are_compared() -> None:
    """Standard members and a problem's own are named alike."""
    assert_problem(response(content_type="application/problem+json; charset=utf-8"), 409, title="Sold out", sku="A1")


@pytest.mark.promise("testing-6")
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(status=400), "not a problem with status 409"),
        (response(content_type="application/json"), "but application/json"),
        (response("<p>no</p>"), "not JSON"),
        (response('{"a": NaN}'), "NaN is not allowed"),
        (response([1]), "not a JSON object"),
        (response({"status": 409}), "type is no text; title is no text"),
        (response({**SOLD_OUT, "detail": 5, "instance": None}), "detail is no text; instance is no text"),
        (response({**SOLD_OUT, "status": "409"}), "the body's status is '409'"),
        (response({**SOLD_OUT, "request_id": "a"}, x_request_id="b"), "request_id is 'a', the header's 'b'"),
    ],
)
def test_what_is_no_problem_fails(answer: httpx2.Response, message: str) -> None:
    """Status, media type and shape are checked, and the message shows the whole response."""
    with pytest.raises(AssertionError, match=message) as raised:
        assert_problem(answer, 409)

    assert f"status {answer.status_code}" in str(raised.value)
    assert answer.text in str(raised.value)


@pytest.mark.promise("testing-6")
def test_another_problem_fails() -> None:
    """The message names every difference at once."""
    with pytest.raises(AssertionError) as raised:
        assert_problem(response(), 409, slug="out-of-stock", sku="B2", available=None)

    for words in ("not of slug 'out-of-stock'", "sku is 'A1', not 'B2'", "available is None, not None"):
        assert words in str(raised.value)
