"""Members whose names no Python attribute can have, and headers that belong to a problem."""

from typing import ClassVar

from fastapi import FastAPI
from starlette.testclient import TestClient

from brickwork import Problem
from brickwork._core.openapi import answers
from brickwork._core.renderer import ProblemRenderer
from brickwork._core.schema import example, problem_schema
from brickwork.problems import add_problem_handlers, problem_router, raises


class QuotaError(Problem, status=429, slug="quota"):
    """Enough.

    Attributes:
        violated_policies: What was violated.
    """

    __wire_names__: ClassVar = {"violated_policies": "violated-policies"}
    __headers__: ClassVar = {"Retry-After": {"schema": {"type": "integer"}}}

    violated_policies: list[str]
    left: int | None = None


class TiredError(Problem, status=429, slug="tired"):
    __headers__: ClassVar = {"X-Rested": {"schema": {"type": "string"}}}


def app() -> FastAPI:
    """An app that answers with such a problem."""
    app = FastAPI()
    add_problem_handlers(app)
    app.include_router(problem_router(), prefix="/problems")

    @app.get("/", responses=raises(QuotaError))
    async def home() -> None:
        raise QuotaError(violated_policies=["default"])

    return app


def test_document_and_schema_have_the_name_of_the_wire() -> None:
    """The attribute has Python's name; document, schema, example and page have the other."""
    with TestClient(app()) as client:
        document = client.get("/").json()
        page = client.get("/problems/quota", headers={"accept": "text/html"}).text
    schema = problem_schema(QuotaError)

    assert QuotaError(violated_policies=["default"]).members() == {"violated-policies": ["default"]}
    assert document["violated-policies"] == ["default"]
    assert "violated_policies" not in document
    assert schema["properties"]["violated-policies"]["description"] == "What was violated."
    assert {"violated_policies", "violated-policies"} & {*schema["required"]} == {"violated-policies"}
    assert "left" not in schema["required"]
    assert example(QuotaError, ProblemRenderer())["violated-policies"] == []
    assert "<dt>violated-policies</dt><dd>array · What was violated.</dd>" in page


def test_responses_show_headers() -> None:
    """A response shows the headers of every problem that it may be, and none where there is none."""
    both = answers([QuotaError, TiredError])[429]

    assert both["headers"] == {
        "Retry-After": {"schema": {"type": "integer"}},
        "X-Rested": {"schema": {"type": "string"}},
    }
    assert app().openapi()["paths"]["/"]["get"]["responses"]["429"]["headers"] == {
        "Retry-After": {"schema": {"type": "integer"}}
    }
    assert "headers" not in answers([Problem])[500]
