"""The answer to an invalid request, through a whole app."""

import json
from typing import Annotated, Any

import pytest
from fastapi import Cookie, FastAPI, File, Form, Header, Path, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient

from brickwork.problems import add_problem_handlers
from tests.core.test_validation import CANARY, Cat, Dog, Order
from tests.problems.conftest import ClientOf


@pytest.mark.promise("problems-18")
async def test_very_many_errors_are_cut(client_of: ClientOf) -> None:
    """The first come with a mark that there are more."""
    app = FastAPI()
    add_problem_handlers(app, max_errors=3)

    @app.post("/")
    async def take(numbers: list[int]) -> None: ...

    client = client_of(app)
    few = (await client.post("/", json=["x"] * 3)).json()
    many = (await client.post("/", json=["x"] * 1000)).json()

    assert (len(few["errors"]), "errors_truncated" in few) == (3, False)
    assert (len(many["errors"]), many["errors_truncated"]) == (3, True)
    assert many["detail"] == "3 or more errors in the request."


def shop(**options: Any) -> FastAPI:
    """An app with an input of every kind."""
    app = FastAPI()
    add_problem_handlers(app, **options)

    @app.post("/orders")
    async def order(order: Order) -> None: ...

    @app.get("/items/{item}")
    async def item(
        item: Annotated[int, Path()],
        size: Annotated[int, Query(le=100)] = 1,
        token: Annotated[int, Header(alias="x-token")] = 1,
        session: Annotated[int, Cookie()] = 1,
        tags: Annotated[tuple[int, ...], Query()] = (),
    ) -> None: ...

    @app.post("/login")
    async def login(password: Annotated[int, Form()], tags: Annotated[tuple[int, ...], Form()] = ()) -> None: ...

    @app.post("/files")
    async def files(file: Annotated[UploadFile, File()]) -> None: ...

    @app.post("/two")
    async def two(cat: Cat, dog: Dog) -> None: ...

    @app.post("/raw")
    async def raw(request: Request) -> None:
        await request.json()

    return app


@pytest.mark.promise("problems-17")
async def test_outside_the_body_place_and_parameter_are_named(client_of: ClientOf) -> None:
    """Query, path, header and cookie each; with the bounds that the schema sets."""
    client = client_of(shop())
    client.cookies.set("session", CANARY)

    answer = await client.get(f"/items/{CANARY}?size=101&tags=1&tags={CANARY}", headers={"x-token": CANARY})

    errors = {each["in"]: each for each in answer.json()["errors"] if each["parameter"] != "tags"}
    assert {(each["in"], each["parameter"]) for each in answer.json()["errors"]} == {
        ("path", "item"), ("query", "size"), ("query", "tags"), ("header", "x-token"), ("cookie", "session"),
    }  # fmt: skip
    assert errors["query"]["params"] == {"le": 100}
    assert errors["query"]["code"] == "less_than_equal"


@pytest.mark.promise("problems-5")
@pytest.mark.promise("problems-14")
@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/orders", {"json": {"pet": {"kind": CANARY}}}),
        ("/orders", {"json": {"pet": CANARY, "prices": CANARY, "either": CANARY, "boxes": {"a": CANARY}}}),
        ("/orders", {"json": {"pet": {"kind": "cat", "lives": CANARY}, "password": CANARY}}),
        ("/orders", {"content": CANARY, "headers": {"content-type": "application/json"}}),
        ("/orders", {"content": CANARY.encode()}),
        ("/orders", {"content": CANARY, "headers": {"content-type": CANARY}}),
        ("/login", {"data": {"password": CANARY}}),
        ("/login", {"data": {"tags": [CANARY, "1"]}}),
        ("/login", {"json": {"password": CANARY}}),
        ("/files", {"files": {"other": (CANARY, CANARY)}}),
        ("/files", {"data": {"file": CANARY}}),
        ("/two", {"json": {"cat": CANARY, "dog": [CANARY]}}),
        ("/two", {"json": [CANARY]}),
    ],
)
async def test_what_was_sent_never_comes_back(client_of: ClientOf, path: str, sent: dict[str, Any]) -> None:
    """One problem lists everything wrong; no value of the request stands in it."""
    answer = await client_of(shop()).post(path, **sent)

    assert answer.status_code in (400, 422)
    assert answer.json()["type"].startswith("urn:problem-type:")
    assert "canary" not in answer.text + str(answer.headers)


@pytest.mark.promise("problems-10")
@pytest.mark.promise("problems-14")
@pytest.mark.parametrize(
    "body",
    [
        b'{"pet": NaN}',
        b'{"pet": Infinity, "boxes": -Infinity}',
        b'{"pet": 1e999}',
        b'{"pet": "\\ud800"}',
        b'{"\\ud800": 1, "prices": {"\\udfff": "x"}}',
        b'{"pet": "\xff\xfe"}',
        b'{"pet": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b"",
        b"\x00",
    ],
    ids=range(11),
)
@pytest.mark.parametrize("path", ["/orders", "/raw"])
async def test_hostile_json_is_a_problem(client_of: ClientOf, path: str, body: bytes) -> None:
    """Nothing that calls itself JSON makes a 5xx, whether FastAPI reads it or the endpoint."""
    answer = await client_of(shop()).post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code in (200, 400, 422)
    json.loads(answer.content)


@pytest.mark.promise("problems-16")
async def test_pointers_into_a_form(client_of: ClientOf) -> None:
    """A form is an object of its fields; a repeated one is a list."""
    client = client_of(shop())

    missing = (await client.post("/login", data={"tags": "x"})).json()["errors"]
    listed = (await client.post("/login", data={"password": "1", "tags": ["1", "x"]})).json()["errors"]

    assert [each["pointer"] for each in missing] == ["#/password", "#/tags"]
    assert [each["pointer"] for each in listed] == ["#/tags/1"]


@pytest.mark.promise("problems-16")
async def test_pointers_into_two_bodies(client_of: ClientOf) -> None:
    """Where an operation takes several models, the body holds them by name."""
    answer = await client_of(shop()).post("/two", json={"cat": {"kind": "cat", "lives": "x"}})

    assert [each["pointer"] for each in answer.json()["errors"]] == ["#/cat/lives", "#/dog"]


@pytest.mark.promise("problems-19")
@pytest.mark.parametrize("path", ["/orders", "/raw"])
@pytest.mark.parametrize(
    ("body", "offset"), [(b'{"a": 1;}', 7), (b'{"a": "\xff"}', None), (b"[" * 100_000, None), (b"9" * 5000, None)]
)
async def test_malformed_json_says_where(client_of: ClientOf, path: str, body: bytes, offset: int | None) -> None:
    """The offset of the error is given where the parser knows it, and no pointer."""
    answer = await client_of(shop()).post(path, content=body, headers={"content-type": "application/json"})

    document = answer.json()
    assert (answer.status_code, document["type"]) == (400, "urn:problem-type:malformed-json")
    assert "errors" not in document
    if offset is not None:
        assert document["offset"] == offset


async def test_an_empty_body_is_not_malformed(client_of: ClientOf) -> None:
    """A body that is missing altogether is missing, and that is what is said."""
    answer = await client_of(shop()).post("/orders")

    assert answer.json()["errors"] == [{"detail": "Field required", "code": "missing", "pointer": "#"}]


async def test_the_status_may_be_400(client_of: ClientOf) -> None:
    """For a team whose clients know invalid requests as 400."""
    answer = await client_of(shop(validation_status=400)).get("/items/x")

    document = answer.json()
    assert (answer.status_code, document["status"]) == (400, 400)
    assert document["type"] == "urn:problem-type:validation-error"
    assert document["detail"] == "1 error in the request."


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("/orders", {"content": b"a=1", "headers": {"content-type": "text/plain"}}, 415),
        ("/orders", {"content": b"a=1"}, 415),
        ("/orders", {"json": {}}, 422),
        ("/login", {"content": b"a=1"}, 422),
        ("/items/x", None, 422),
    ],
)
async def test_a_body_of_another_type_may_be_415(
    client_of: ClientOf, path: str, sent: dict[str, Any] | None, status: int
) -> None:
    """`require_json=True` tells the client what is wrong with its header rather than with its data."""
    client = client_of(shop(require_json=True))

    answer = await (client.get(path) if sent is None else client.post(path, **sent))

    assert answer.status_code == status


async def test_a_validation_error_of_ones_own_is_answered(client_of: ClientOf) -> None:
    """Whatever an application raises as `RequestValidationError` is answered, however little it says."""
    app = FastAPI()
    add_problem_handlers(app)
    wild: list[Any] = [{}, "text", {"loc": ("query",)}, {"loc": ("elsewhere", "x"), "msg": "m"}, {"type": "too_long"}]

    @app.get("/")
    async def fail() -> None:
        raise RequestValidationError(wild)

    @app.get("/nothing")
    async def nothing() -> None:
        raise RequestValidationError([])

    @app.get("/json")
    async def unlike() -> None:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body", "x"), "msg": "m"}])

    client = client_of(app)
    answer = await client.get("/")

    assert answer.json()["errors"] == [
        {"detail": "Input is not valid", "code": "invalid"},
        {"detail": "Input is not valid", "code": "invalid", "in": "query"},
        {"detail": "m", "code": "invalid"},
        {"detail": "Input should have at most N items", "code": "too_long"},
    ]
    assert (await client.get("/nothing")).json()["errors"] == []
    assert (await client.get("/json")).json()["errors"][0]["pointer"] == "#"


@pytest.mark.promise("problems-19")
def test_a_parsers_error_over_ones_own_data_stays_unhandled(expected_errors: list[Any]) -> None:
    """Only what comes out of reading the request is the client's fault."""
    app = FastAPI()
    add_problem_handlers(app)

    @app.get("/json")
    async def own_json() -> None:
        json.loads("{oops")

    @app.get("/text")
    async def own_text() -> None:
        b"\xff".decode()

    client = TestClient(app, raise_server_exceptions=False)

    assert client.get("/json").status_code == 500
    assert client.get("/text").status_code == 500
    with pytest.raises(json.JSONDecodeError):
        TestClient(app).get("/json")
