"""The dressed OpenAPI document: what an operation can answer, and nothing else changed."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import pytest
from fastapi import APIRouter, Depends, FastAPI, Form
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import validate
from pydantic import BaseModel, Field

from brickwork import Problem
from brickwork._core.openapi import dress
from brickwork.problems import add_problem_handlers, raises


class Money(BaseModel):
    amount: int
    currency: str = "EUR"


class OutOfStockError(Problem, status=409, slug="out-of-stock", title="Out of stock"):
    """More was ordered than there is.

    Come back later.

    Attributes:
        sku: The article,
            as the catalogue names it.
        left: How many there are.
    """

    sku: str
    left: Annotated[int, Field(ge=0, examples=[2])]
    price: Money | None
    tags: tuple[Money, ...] = ()


class TakenError(Problem, status=409, slug="taken"):
    taker: "str | None" = None


class TooManyError(Problem, status=429, slug="too-many"):
    limits: ClassVar[int] = 3


class Limiter:
    """A dependency that says what it can refuse."""

    __problems__ = (TooManyError,)

    async def __call__(self) -> None: ...


limiter = Limiter()


def content(document: Mapping[str, Any], path: str, status: str, method: str = "post") -> Any:
    """What one response holds, by media type."""
    return document["paths"][path][method]["responses"][status]["content"]


def app_with(**options: Any) -> FastAPI:
    """An app with handlers and one route of each kind."""
    app = FastAPI()
    add_problem_handlers(app, base_uri="https://api.example/problems/", **options)
    mine: dict[str, Any] = {"description": "Mine"}
    router = APIRouter(prefix="/in", responses=raises(429), dependencies=[Depends(limiter)])
    router.get("/side")(_nothing)
    app.include_router(router)
    app.get("/ping")(_nothing)
    app.get("/items/{item}")(_item)
    app.post("/form")(_form)
    app.post("/orders", responses=raises(OutOfStockError, TakenError, 404))(_order)
    app.post("/limited", responses={429: mine}, dependencies=[Depends(limiter)])(_nothing)
    app.post("/own", responses={409: mine, "4XX": mine}, dependencies=[Depends(limiter)])(_order)
    app.post("/default", responses={"default": mine, 422: mine})(_order)
    return app


async def _nothing() -> None: ...


async def _item(item: int) -> None: ...


async def _order(order: Money) -> None: ...


async def _form(name: Annotated[str, Form()]) -> None: ...


@pytest.mark.promise("problems-35")
@pytest.mark.parametrize("render", [None, lambda problem: {"oops": problem["title"]}])
def test_the_document_is_valid_and_fastapis_422_is_gone(render: Any) -> None:
    """OpenAPI 3.1, each problem once among the components, every reference with an end."""
    document = app_with(render=render).openapi()

    validate(document)
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]["schemas"]
    assert not {"HTTPValidationError", "ValidationError"} & schemas.keys()
    assert list(schemas) == sorted(schemas)
    if render is None:
        ours = {"Problem", "ValidationProblem", "OutOfStockError", "TakenError", "TooManyError"}
        assert ours <= schemas.keys()


@pytest.mark.promise("problems-37")
def test_every_status_is_declared_where_it_can_be_answered() -> None:
    """Validation where something is validated, malformed JSON where JSON is read, a dependency's refusals too."""
    document = app_with().openapi()

    statuses = {
        path: set(operation["responses"]) for path, item in document["paths"].items() for operation in item.values()
    }
    assert statuses == {
        "/orders": {"200", "400", "404", "409", "422"},
        "/ping": {"200"},
        "/items/{item}": {"200", "422"},
        "/form": {"200", "400", "422"},
        "/limited": {"200", "429"},
        "/own": {"200", "409", "429", "4XX"},
        "/default": {"200", "422", "default"},
        "/in/side": {"200", "429"},
    }


@pytest.mark.promise("problems-36")
def test_what_the_user_declared_stays() -> None:
    """A status, a class of statuses and a default of one's own are not touched."""
    paths = app_with().openapi()["paths"]

    assert paths["/own"]["post"]["responses"]["409"] == {"description": "Mine"}
    assert paths["/limited"]["post"]["responses"]["429"] == {"description": "Mine"}
    assert paths["/own"]["post"]["responses"]["4XX"] == {"description": "Mine"}
    assert paths["/default"]["post"]["responses"]["422"] == {"description": "Mine"}


@pytest.mark.promise("problems-35")
def test_problems_of_one_status_stand_side_by_side() -> None:
    """One of several schemas, and an example of each that fits its own schema alone."""
    document = app_with().openapi()

    answer = content(document, "/orders", "409")["application/problem+json"]

    assert answer["schema"] == {
        "oneOf": [{"$ref": "#/components/schemas/OutOfStockError"}, {"$ref": "#/components/schemas/TakenError"}]
    }
    checked = Draft202012Validator({**answer["schema"], "components": document["components"]})
    for example in answer["examples"].values():
        checked.validate(example["value"])
    assert answer["examples"]["out-of-stock"]["value"]["left"] == 2


@pytest.mark.promise("problems-35")
def test_plain_statuses_share_one_schema() -> None:
    """`HTTPException`s have no type of their own, whatever their status."""
    document = app_with().openapi()

    plain = content(document, "/orders", "404")["application/problem+json"]["schema"]
    both = content(document, "/in/side", "429", "get")["application/problem+json"]["schema"]

    assert plain == {"$ref": "#/components/schemas/Problem"}
    assert both == {"oneOf": [plain, {"$ref": "#/components/schemas/TooManyError"}]}


def test_a_schema_says_what_the_class_says() -> None:
    """Type, status and members with their notes; a member with a default may be missing."""
    schema = app_with().openapi()["components"]["schemas"]["OutOfStockError"]

    assert schema["description"] == "More was ordered than there is.\n\nCome back later."
    assert schema["required"] == ["type", "title", "status", "instance", "sku", "left", "price"]
    assert schema["properties"]["type"]["const"] == "https://api.example/problems/out-of-stock"
    assert schema["properties"]["status"]["const"] == 409
    assert schema["properties"]["sku"]["description"] == "The article, as the catalogue names it."
    assert schema["properties"]["left"]["minimum"] == 0
    assert schema["properties"]["price"]["anyOf"][0] == {"$ref": "#/components/schemas/Money"}


def test_answers_fit_their_schemas() -> None:
    """What goes out validates against what the document says of it."""
    app = app_with()
    client = TestClient(app)
    document = client.get("/openapi.json").json()

    calls: list[tuple[dict[str, Any], str]] = [
        ({"json": {}}, "422"),
        ({"content": "{", "headers": {"content-type": "application/json"}}, "400"),
    ]
    for sent, status in calls:
        answer = client.post("/orders", **sent)
        schema = content(document, "/orders", status)["application/problem+json"]["schema"]
        Draft202012Validator({**schema, "components": document["components"]}).validate(answer.json())


@pytest.mark.promise("problems-38")
def test_the_document_is_the_same_every_time_and_follows_routes() -> None:
    """Byte for byte, until a route is added; and its answer comes dressed too."""
    app = app_with()
    client = TestClient(app)

    first, second = client.get("/openapi.json").content, client.get("/openapi.json").content

    @app.post("/late", responses=raises(TakenError))
    async def late(order: Money) -> None: ...

    third, fourth = client.get("/openapi.json").content, client.get("/openapi.json").content

    assert first == second
    assert third == fourth
    assert set(json.loads(third)["paths"]["/late"]["post"]["responses"]) == {"200", "400", "409", "422"}
    validate(json.loads(third))


@pytest.mark.promise("problems-38")
def test_the_order_of_calls_does_not_matter() -> None:
    """Handlers before or after routes, dressed twice, over a document of one's own."""
    early, late = FastAPI(), FastAPI()
    add_problem_handlers(early)
    for app in (early, late):
        app.get("/items/{item}", responses=raises(TakenError))(_item)
    late.openapi()
    add_problem_handlers(late)
    dress(late)

    assert early.openapi() == late.openapi()


@pytest.mark.promise("problems-38")
def test_a_document_of_ones_own_is_dressed() -> None:
    """Whatever stands in `app.openapi` is called, and what it gives completed."""
    app = FastAPI()
    found = app.openapi

    def own() -> dict[str, Any]:
        return {**found(), "x-own": True}

    app.openapi = own  # type: ignore[method-assign]
    add_problem_handlers(app)
    app.get("/items/{item}")(_item)

    document = app.openapi()

    assert document["x-own"] is True
    assert "application/problem+json" in content(document, "/items/{item}", "422", "get")


def test_a_document_without_the_route_stays() -> None:
    """An operation that somebody took out is not put back."""
    app = FastAPI()
    app.openapi = lambda: {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}}  # type: ignore[method-assign]
    add_problem_handlers(app)
    app.get("/items/{item}")(_item)

    assert app.openapi().keys() == {"openapi", "info"}


def test_an_app_without_handlers_keeps_fastapis_answers() -> None:
    """Who only dresses the document gets the problems of routes and dependencies, and FastAPI's own 422 as it is."""
    app = FastAPI()
    dress(app)
    plain = FastAPI()
    for each in (app, plain):
        each.get("/items/{item}")(_item)
        each.get("/ping")(_nothing)
    app.get("/taken", responses=raises(TakenError))(_nothing)

    paths = app.openapi()["paths"]

    assert {path: paths[path] for path in plain.openapi()["paths"]} == plain.openapi()["paths"]
    assert "application/problem+json" in content(app.openapi(), "/taken", "409", "get")


def test_an_app_without_anything_to_say_stays_as_it_is() -> None:
    """No components are made where there is nothing to put there."""
    app = FastAPI()
    dress(app)
    app.get("/ping")(_nothing)

    assert "components" not in app.openapi()


@pytest.mark.promise("problems-35")
def test_callbacks_and_webhooks_lose_fastapis_422_too() -> None:
    """Others answer those, so nothing of ours takes its place."""
    app = FastAPI()
    add_problem_handlers(app)
    callbacks = APIRouter()

    @callbacks.post("{$callback_url}/paid")
    async def paid(body: Money) -> None: ...

    @app.get("/ping", callbacks=callbacks.routes)
    async def ping() -> None: ...

    @app.webhooks.post("sold")
    async def sold(body: Money) -> None: ...

    document = app.openapi()

    validate(document)
    assert "422" not in json.dumps(document)
    assert list(document["components"]["schemas"]) == ["Money"]


def test_a_document_without_schemas_gets_none() -> None:
    """Where nothing of ours is needed, nothing is left behind."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.webhooks.post("sold")
    async def sold(size: int) -> None: ...

    @app.get("/ping")
    async def ping() -> None: ...

    document = app.openapi()

    assert "components" not in document
    assert app.openapi() == document


def test_security_schemes_stay_where_schemas_go() -> None:
    """Only what is empty is taken out."""
    from fastapi.security import APIKeyHeader

    app = FastAPI()
    add_problem_handlers(app)

    @app.webhooks.post("sold")
    async def sold(size: int) -> None: ...

    @app.get("/ping", dependencies=[Depends(APIKeyHeader(name="X-Key"))])
    async def ping() -> None: ...

    assert app.openapi()["components"].keys() == {"securitySchemes"}


@pytest.mark.promise("problems-35")
def test_a_model_of_ones_own_keeps_its_name() -> None:
    """A model called like a problem, or like FastAPI's own, stays; the problem takes another name."""

    class ValidationError(BaseModel):
        mine: int

    class ValidationProblem(BaseModel):
        mine: int

    class Inner(BaseModel):
        other: int

    def make_problem() -> type[Problem]:
        class Inner(BaseModel):
            mine: int

        return type("DeepError", (Problem,), {"__annotations__": {"inner": Inner}}, status=409, slug="deep")

    app = FastAPI()
    add_problem_handlers(app)

    @app.post("/", responses=raises(make_problem()))
    async def take(first: ValidationError, second: ValidationProblem, third: Inner) -> None: ...

    document = app.openapi()

    validate(document)
    schemas = document["components"]["schemas"]
    assert schemas["ValidationProblem"]["properties"].keys() == {"mine"}
    assert "errors" in schemas["ValidationProblem2"]["properties"]
    assert schemas["DeepError"]["properties"]["inner"] == {"$ref": "#/components/schemas/Inner2"}
    assert schemas["Inner2"]["properties"].keys() == {"mine"}
