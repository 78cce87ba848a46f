"""Other bodies: FastAPI's own, the envelope of the guides, a team's own."""

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, HTTPException, Query
from openapi_spec_validator import validate
from pydantic import BaseModel

from brickwork.problems import Problem, Success, add_problem_handlers, as_detail, as_failure
from brickwork.requestid import RequestIDMiddleware
from tests.problems.conftest import ClientOf


class SoldOutError(Problem, status=409, slug="sold-out", title="Sold out"):
    sku: str


class Book(BaseModel):
    title: str
    pages: dict[str, int] = {}


def app_with(render: Any, base_uri: str = "urn:problem-type:") -> FastAPI:
    """An app whose bodies are of another shape."""
    app = FastAPI()
    add_problem_handlers(app, render=render, base_uri=base_uri)

    @app.get("/{status}")
    async def fail(status: int) -> Success[Book]:
        if status == 409:
            raise SoldOutError("Gone.", sku="A1")
        if status == 200:
            return Success(data=Book(title="Middlemarch"))
        raise HTTPException(status)

    @app.post("/")
    async def take(book: Book, size: Annotated[int, Query()]) -> None: ...

    return app


@pytest.mark.promise("problems-34")
async def test_fastapis_own_body_can_be_kept(client_of: ClientOf) -> None:
    """Clients that read `detail`, and `loc`, `msg` and `type` in it, go on as before."""
    client = client_of(app_with(as_detail))

    blank, typed = await client.get("/404"), await client.get("/409")
    invalid = await client.post("/?size=x", json={"pages": {"a/b~": "x"}})

    assert (blank.json(), typed.json()) == ({"detail": "Not Found"}, {"detail": "Gone."})
    assert blank.headers["content-type"] == "application/json"
    assert [(each["loc"], each["type"]) for each in invalid.json()["detail"]] == [
        (["query", "size"], "int_parsing"),
        (["body", "title"], "missing"),
        (["body", "pages", "a/b~"], "int_parsing"),
    ]


async def test_fastapis_own_body_counts_items(client_of: ClientOf) -> None:
    """A place in a list is a number there."""
    assert as_detail({"title": "T", "errors": [{"code": "c", "detail": "d", "pointer": "#/items/0"}]}) == {
        "detail": [{"type": "c", "loc": ["body", "items", 0], "msg": "d"}]
    }
    assert as_detail({"title": "T", "errors": ["odd"]}) == {"detail": "T"}


@pytest.mark.promise("problems-34")
@pytest.mark.parametrize("base", ["urn:problem-type:", "https://api.example/problems/", "/problems/", "urn:x#"])
async def test_the_envelope_of_the_guides(client_of: ClientOf, base: str) -> None:
    """`success`, and what went wrong with a code for programs; its counterpart goes around answers."""
    app = app_with(as_failure, base)
    app.add_middleware(RequestIDMiddleware)
    client = client_of(app)

    blank, typed, good = [(await client.get(f"/{status}")).json() for status in (404, 409, 200)]
    request_id = typed.pop("request_id")

    assert blank["error"] == {"code": "http-404", "message": "Not Found"}
    assert typed == {
        "success": False,
        "error": {"code": "sold-out", "message": "Gone.", "details": {"sku": "A1"}},
    }
    assert len(request_id) == 32
    assert good == {"success": True, "data": {"title": "Middlemarch", "pages": {}}}


async def test_the_envelope_without_a_request_id(client_of: ClientOf) -> None:
    """What is not there is not sent."""
    answer = await client_of(app_with(as_failure)).get("/404")

    assert answer.json().keys() == {"success", "error"}


@pytest.mark.promise("problems-34")
@pytest.mark.parametrize(("render", "name"), [(as_detail, "Detail"), (as_failure, "Failure")])
def test_the_body_is_in_the_document(render: Any, name: str) -> None:
    """OpenAPI shows the shape that goes out, once, and none of problem documents."""
    document = app_with(render).openapi()

    validate(document)
    answer = document["paths"]["/"]["post"]["responses"]["422"]["content"]["application/json"]
    assert answer["schema"] == {"$ref": f"#/components/schemas/{name}"}
    assert "ValidationProblem" not in document["components"]["schemas"]
    assert "Success_Book_" in document["components"]["schemas"]


@pytest.mark.promise("problems-34")
async def test_a_body_of_ones_own(client_of: ClientOf) -> None:
    """A function from problem document to whatever the team sends; unhandled errors too."""
    app = app_with(lambda problem: {"oops": problem["title"]})

    @app.get("/a/boom")
    async def boom() -> None:
        raise RuntimeError("secret")

    client = client_of(app)

    assert (await client.get("/404")).json() == {"oops": "Not Found"}
    assert (await client.get("/a/boom")).json() == {"oops": "Internal Server Error"}
