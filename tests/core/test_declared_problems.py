"""How problems are declared, and what their schemas say."""

import json
from typing import Annotated, Any

import pytest
from fastapi import Body, Depends, FastAPI
from openapi_spec_validator import validate
from pydantic import BaseModel

from brickwork import Problem
from brickwork._core.openapi import declare, problems_of
from brickwork._core.registry import ProblemRegistry
from brickwork._core.schema import described
from brickwork.problems import add_problem_handlers, raises
from tests.core.test_openapi import (
    Limiter,
    OutOfStockError,
    TakenError,
    TooManyError,
    app_with,
    content,
    limiter,
)


async def _nothing() -> None: ...


async def _item(item: int) -> None: ...


def test_raises_stands_alone_without_the_hook() -> None:
    """In an app that dresses nothing, schema and examples stand in the response itself."""
    app = FastAPI()

    @app.get("/", responses=raises(OutOfStockError, TooManyError))
    async def fail() -> None: ...

    document = app.openapi()

    validate(document)
    schema = content(document, "/", "409", "get")["application/problem+json"]["schema"]
    assert schema["properties"]["sku"]["type"] == "string"
    assert "$ref" not in json.dumps(schema)


class OddError(Problem, status=418):
    """Its members have no schema that pydantic could tell."""

    odd: object
    callback: "NotThere"  # type: ignore[name-defined]  # noqa: F821


class PlainMemberError(Problem, status=418):
    note: str


def test_members_that_cannot_be_described_are_anything() -> None:
    """A name that cannot be resolved, a type that JSON Schema has no word for."""
    app = FastAPI()
    add_problem_handlers(app)
    alien = type("AlienError", (Problem,), {"__annotations__": {"alien": Limiter}}, status=410)

    @app.get("/", responses=raises(OddError, PlainMemberError, alien))
    async def fail() -> None: ...

    document = app.openapi()

    validate(document)
    assert document["components"]["schemas"]["OddError"]["properties"]["callback"] == {}
    assert document["components"]["schemas"]["AlienError"]["properties"]["alien"] == {}
    assert "anyOf" in content(document, "/", "418", "get")["application/problem+json"]["schema"]


def test_a_class_without_words_has_no_description() -> None:
    """Nothing is made up."""
    assert described(TakenError) == ("", {})
    assert described(PlainMemberError) == ("", {})


@pytest.mark.promise("problems-34")
def test_another_body_shows_its_own_schema() -> None:
    """`render`'s return annotation is what OpenAPI shows, for every problem, under its media type."""

    class Oops(BaseModel):
        oops: str

    def annotated(problem: dict[str, Any]) -> Oops:
        return Oops(oops=problem["title"])

    document = app_with(render=annotated).openapi()

    answer = content(document, "/orders", "409")["application/json"]
    assert answer["schema"] == {"$ref": "#/components/schemas/Oops"}
    assert "OutOfStockError" not in document["components"]["schemas"]
    validate(document)


def test_a_body_of_unknown_shape_shows_nothing() -> None:
    """An annotation that cannot be resolved, or none."""

    def odd(problem: dict[str, Any]) -> "NotThere":  # type: ignore[name-defined]  # noqa: F821
        return problem

    document = app_with(render=odd).openapi()

    assert content(document, "/orders", "409")["application/json"]["schema"] == {}


@pytest.mark.promise("problems-37")
def test_problems_of_middleware_are_declared_where_they_can_be_met() -> None:
    """For all operations, or for those that a function picks; also after the document was made."""
    app = app_with()
    app.openapi()

    declare(app, [TakenError])
    declare(app, [TooManyError], lambda context: context.path == "/ping")

    paths = app.openapi()["paths"]
    assert {"409", "429"} <= paths["/ping"]["get"]["responses"].keys()
    assert "409" in paths["/items/{item}"]["get"]["responses"]
    assert "429" not in paths["/items/{item}"]["get"]["responses"]


@pytest.mark.promise("problems-39")
def test_one_slug_names_one_type() -> None:
    """Two classes with one slug are refused by name: when declared, and at the latest in the document."""
    double = type("DoubleError", (Problem,), {}, status=410, slug="taken")
    app = FastAPI()
    declare(app, [TakenError])

    with pytest.raises(ValueError, match=r'slug="taken" names two problem types, .*TakenError and .*DoubleError'):
        declare(app, [double])
    with pytest.raises(ValueError, match='slug="taken"'):
        add_problem_handlers(FastAPI(), map={KeyError: TakenError, OSError: double})

    late = FastAPI()
    add_problem_handlers(late)
    late.get("/", responses=raises(TakenError, double))(_item)
    with pytest.raises(ValueError, match='slug="taken"'):
        late.openapi()


@pytest.mark.promise("problems-39")
def test_a_registry_knows_each_type_once() -> None:
    """Classes that inherit a slug are of the same type; those without one have none."""
    below = type("BelowError", (TakenError,), {})

    registry = ProblemRegistry([below, TakenError, TooManyError, Problem])

    assert list(registry) == [TakenError, TooManyError]
    assert (len(registry), registry.get("taken"), registry.get("nothing")) == (2, TakenError, None)


def test_problems_are_found_without_a_dress() -> None:
    """An app that dresses nothing still knows what its routes declare."""
    app = FastAPI()
    app.get("/", responses=raises(TakenError))(_item)

    assert list(problems_of(app)) == [TakenError]


@pytest.mark.parametrize("source", ["taken", 409.0, True, Limiter, Depends()])
def test_raises_refuses_what_declares_nothing(source: Any) -> None:
    """A mistake fails where it is written."""
    if source is Limiter:
        assert raises(source).keys() == {429}
        return
    with pytest.raises(TypeError, match="name a problem class"):
        raises(source)


def test_raises_takes_dependencies_too() -> None:
    """Alone, in `Depends`, and as a status."""
    assert raises(limiter, Depends(limiter), 404).keys() == {404, 429}
    with pytest.raises(ValueError, match="status=200"):
        raises(200)


def test_a_body_of_bytes_is_json_all_the_same() -> None:
    """What is no form is read as JSON."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/")
    async def take(data: Annotated[bytes, Body()]) -> None: ...

    assert set(app.openapi()["paths"]["/"]["post"]["responses"]) == {"200", "400", "422"}
