"""What an error looks like on the wire."""

import json
from typing import Any, get_args

import httpx2
import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import BaseModel
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException as StarletteHTTPException

from brickwork.problems import Problem, ProblemDetails, add_problem_handlers
from brickwork.requestid import RequestIDMiddleware
from tests.attack.server import Parser, serving
from tests.problems.conftest import ClientOf

# RFC 9457, appendix A.
SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 100, "maximum": 599},
            "detail": {"type": "string"},
            "instance": {"type": "string", "format": "uri-reference"},
        },
    }
)
OWN = {"type", "title", "status", "detail", "instance", "request_id"}


class SoldOutError(Problem, status=409, slug="sold-out", title="Sold out"):
    sku: str


class Reason(BaseModel):
    code: str


def app_raising(error: Exception, **options: Any) -> FastAPI:
    """An app whose one route raises."""
    app = FastAPI()
    add_problem_handlers(app, **options)

    @app.api_route("/", methods=["GET", "POST"])
    async def fail() -> None:
        raise error

    return app


async def problem_of(client_of: ClientOf, error: Exception, **options: Any) -> dict[str, Any]:
    """The document that answers an error, fit for the RFC's schema."""
    answer = await client_of(app_raising(error, **options)).get("/")
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["status"] == answer.status_code
    SCHEMA.validate(document)
    return document


@pytest.mark.promise("problems-1")
@pytest.mark.promise("problems-4")
@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [("GET", "/nowhere", 404, "Not Found"), ("PUT", "/", 405, "Method Not Allowed"), ("GET", "/", 409, "Sold out")],
)
async def test_every_error_is_a_problem_document(
    client_of: ClientOf, method: str, path: str, status: int, title: str
) -> None:
    """What the router refuses and what an endpoint raises come in the same shape."""
    answer = await client_of(app_raising(SoldOutError(sku="A1"))).request(method, path)

    document = answer.json()
    assert answer.status_code == document["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert document["title"] == title
    SCHEMA.validate(document)


@pytest.mark.promise("problems-2")
@pytest.mark.parametrize(
    "base", ["https://api.example/problems/", "urn:example:", "/problems/", "/", "tag:a@b,2026:p#"]
)
async def test_the_type_is_the_base_and_the_slug(client_of: ClientOf, base: str) -> None:
    """A class with a slug is a type of its own below `base_uri`."""
    document = await problem_of(client_of, SoldOutError("Gone.", sku="A1"), base_uri=base)

    assert document["type"] == f"{base}sold-out"
    assert (document["title"], document["detail"], document["sku"]) == ("Sold out", "Gone.", "A1")


@pytest.mark.promise("problems-2")
@pytest.mark.promise("problems-3")
async def test_without_a_type_it_is_blank(client_of: ClientOf) -> None:
    """An `HTTPException` is about:blank, titled by its status."""
    document = await problem_of(client_of, HTTPException(404))

    assert document.keys() == {"type", "title", "status", "instance"}
    assert (document["type"], document["title"]) == ("about:blank", "Not Found")


@pytest.mark.promise("problems-4")
async def test_the_request_id_is_the_instance(client_of: ClientOf) -> None:
    """With a request ID, the instance says the same; without, it is still unique."""
    app = app_raising(SoldOutError(sku="A1"))
    app.add_middleware(RequestIDMiddleware, trust="always")
    client = client_of(app)

    document = (await client.get("/")).json()
    named = (await client.get("/", headers={"X-Request-ID": "order-4711-abc"})).json()

    assert document["instance"].replace("-", "") == f"urn:uuid:{document['request_id']}"
    assert named["request_id"] == "order-4711-abc"
    assert named["instance"].startswith("urn:uuid:")


@pytest.mark.promise("problems-9")
@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("Try page 1.", {"detail": "Try page 1."}),
        ("Conflict", {}),
        (None, {}),
        (b"raw \xff", {"detail": "raw �"}),
        (["a", {"code": "b"}], {"errors": ["a", {"code": "b"}]}),
        (("a",), {"errors": ["a"]}),
        ({"code": "X1", "detail": "Why."}, {"detail": "Why.", "code": "X1"}),
        (Reason(code="X1"), {"code": "X1"}),
        (17, {"detail": "17"}),
    ],
)
async def test_any_detail_is_answered(client_of: ClientOf, detail: Any, expected: dict[str, Any]) -> None:
    """Text is the detail, a dict or model extension members, a list the errors."""
    document = await problem_of(client_of, HTTPException(409, detail))

    assert {key: value for key, value in document.items() if key not in OWN - {"detail"}} == expected


@pytest.mark.promise("problems-6")
async def test_a_dict_cannot_shadow_or_carry_odd_names(client_of: ClientOf) -> None:
    """Only names that the RFC advises go out, and none takes the place of a standard member."""
    odd = {"status": 200, "type": "x", "request_id": "x", "id": 1, "a-b": 1, "9ab": 1, 7: 1, "code": "kept"}

    document = await problem_of(client_of, HTTPException(409, odd))

    assert document.keys() == {"type", "title", "status", "instance", "code"}
    assert document["status"] == 409


@pytest.mark.promise("problems-9")
@pytest.mark.parametrize(
    ("status", "title"), [(460, "Client Error"), (499, "Client Error"), (520, "Server Error"), (599, "Server Error")]
)
async def test_unofficial_statuses_are_answered(client_of: ClientOf, status: int, title: str) -> None:
    """A status that no standard names has the title of its class."""
    document = await problem_of(client_of, StarletteHTTPException(status, "Why."))

    assert (document["status"], document["title"], document["detail"]) == (status, title, "Why.")


@pytest.mark.promise("problems-7")
@pytest.mark.parametrize("status", [204, 205, 304])
async def test_statuses_without_a_body_have_none(client_of: ClientOf, status: int) -> None:
    """Nothing follows the headers, which are kept."""
    answer = await client_of(app_raising(HTTPException(status, headers={"ETag": '"a"'}))).get("/")

    assert (answer.status_code, answer.content) == (status, b"")
    assert answer.headers["etag"] == '"a"'


@pytest.mark.promise("problems-8")
async def test_headers_of_an_exception_are_kept(client_of: ClientOf) -> None:
    """Every header goes out, a repeated one as often as it was given; type and length are ours."""
    headers = Headers(
        raw=[
            (b"www-authenticate", b"Basic"),
            (b"www-authenticate", b"Bearer"),
            (b"retry-after", b"7"),
            (b"content-type", b"text/plain"),
            (b"content-length", b"1"),
            (b"vary", b"Origin"),
        ]
    )

    answer = await client_of(app_raising(HTTPException(401, headers=headers))).get("/")

    assert answer.headers.get_list("www-authenticate") == ["Basic", "Bearer"]
    assert answer.headers["retry-after"] == "7"
    assert answer.headers.get_list("content-type") == ["application/problem+json"]
    assert answer.headers.get_list("vary") == ["Origin, Accept"]
    assert len(answer.content) == int(answer.headers["content-length"])


@pytest.mark.promise("problems-8")
async def test_allow_is_kept(client_of: ClientOf) -> None:
    """A 405 names the methods that there are."""
    answer = await client_of(app_raising(HTTPException(404))).put("/")

    assert set(answer.headers["allow"].split(", ")) == {"GET", "POST"}


async def test_a_header_that_no_server_sends_is_made_sendable(client_of: ClientOf) -> None:
    """Line breaks and foreign characters in a header do not cost the answer."""
    error = HTTPException(409, headers={"X-Note": "a\r\nb: ☃", "Retry-After": 5})  # type: ignore[dict-item]

    answer = await client_of(app_raising(error)).get("/")

    assert answer.headers["x-note"] == "ab: ?"
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("parser", get_args(Parser))
@pytest.mark.parametrize("note", [" a", "a ", "\ta", "a\x0bb", "a\x01b", "a\x7fb", "\x0c", "\r\n", "a\0b"])
async def test_a_header_of_any_text_passes_every_server(note: str, parser: Parser) -> None:
    """Control characters and outer spaces, at which servers break off, are left out of an error's headers."""
    with serving(app_raising(HTTPException(409, headers={"X-Note": note})), parser) as port:
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = await client.get("/")

    assert answer.status_code == 409
    assert answer.headers["x-note"] in {"a", "ab", ""}


@pytest.mark.promise("problems-28")
async def test_a_problem_raised_again_collects_nothing(client_of: ClientOf) -> None:
    """One instance may be raised for every request."""
    error = SoldOutError(sku="A1")
    client = client_of(app_raising(error))
    await client.get("/")
    before = dict(error.__dict__)

    first, second = (await client.get("/")).json(), (await client.get("/")).json()

    assert error.__dict__ == before
    assert error.__traceback__ is None
    assert {**first, "instance": ""} == {**second, "instance": ""}


@pytest.mark.promise("problems-28")
async def test_an_unhandled_error_raised_again_collects_one_note(client_of: ClientOf) -> None:
    """The note that ties the log to the answer is that of the last time; notes of others stay."""
    error = RuntimeError("again")
    error.add_note("theirs")
    client = client_of(app_raising(error))
    await client.get("/")

    document = (await client.get("/")).json()

    assert error.__notes__ == ["theirs", f"Problem instance: {document['instance']}"]


@pytest.mark.promise("problems-11")
def test_a_client_reads_any_servers_problem() -> None:
    """Members of the wrong type are passed over, others kept apart, and both statuses reported."""
    body = {"type": 7, "title": "T", "status": 409, "detail": None, "instance": "/x", "sku": "A1", "odd name": 1}

    problem = ProblemDetails.parse(json.dumps(body), response_status=500)

    assert (problem.type, problem.title, problem.detail) == ("about:blank", "T", None)
    assert (problem.status, problem.response_status) == (409, 500)
    assert problem.extensions == {"sku": "A1", "odd name": 1}


@pytest.mark.promise("problems-11")
@pytest.mark.parametrize("status", ["409", True, 1.5])
def test_a_client_passes_over_a_status_of_the_wrong_type(status: object) -> None:
    """A status is an integer or none."""
    assert ProblemDetails.parse(json.dumps({"status": status})).status is None


@pytest.mark.promise("problems-11")
def test_a_client_refuses_what_is_no_object() -> None:
    """A problem document is a JSON object."""
    with pytest.raises(ValueError, match="a JSON object"):
        ProblemDetails.parse(b"[]")


@pytest.mark.promise("problems-7")
def test_head_has_headers_only() -> None:
    """The answer to HEAD is that to GET without its body; the server drops it."""
    app = FastAPI()
    add_problem_handlers(app)

    answer = TestClient(app).head("/nowhere")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
