"""The answer to an invalid request: where and why, and never what was sent."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import pytest
from fastapi import Cookie, FastAPI, File, Form, Header, Path, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, Json, TypeAdapter, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from brickwork.problems import add_problem_handlers
from brickwork.problems._rules import describe, pointer
from tests.problems.conftest import ClientOf

CANARY = "hunter2-canary"


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    bark: Annotated[str, Field(max_length=5)]


class Box(BaseModel):
    inner: "Box | None" = None
    size: int | Cat = 1
    odd: Annotated[int, Field(alias="a/b~c d")] = 0


class Order(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    boxes: list[Box] = []
    prices: dict[int, int] = {}
    either: Cat | Dog | int = 1
    packed: Json[list[int]] = []
    password: str = "x"
    unset: Annotated[int, Field(validate_default=True)] = "no"  # type: ignore[assignment]

    @field_validator("password")
    @classmethod
    def long_enough(cls, value: str) -> str:
        """Refuse, and quote what was refused, as people do."""
        if len(value) > 5:
            raise ValueError(f"{value!r} is no good password")
        return value


def errors_of(document: object, kind: Any = Order) -> list[dict[str, Any]]:
    """The entries for a body that is not valid."""
    try:
        TypeAdapter(kind).validate_python(document)
    except ValidationError as error:
        found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False)]
        return describe(found, document, 50)[0]
    return []


def resolve(document: Any, fragment: str) -> Any:
    """What a JSON Pointer in fragment form points at."""
    assert fragment.startswith("#")
    for escaped in fragment[1:].split("/")[1:]:
        token = unquote(escaped, errors="surrogatepass").replace("~1", "/").replace("~0", "~")
        document = document[int(token)] if isinstance(document, list) else document[token]
    return document


@pytest.mark.promise("problems-16")
@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"pet": {"kind": "cat"}}, ("#/pet/lives", "missing")),
        (
            {"pet": {"kind": "cat", "lives": 9, "cat": {}}, "boxes": [{}, {"size": "x"}]},
            ("#/boxes/1/size", "int_parsing"),
        ),
        ({"pet": {"kind": "cat", "lives": "x"}}, ("#/pet/lives", "int_parsing")),
        ({"pet": {"kind": "cat", "cat": {"lives": 1}, "lives": {}}}, ("#/pet/lives", "int_type")),
        ({"pet": {"kind": "cat", "cat": {"lives": {}}}}, ("#/pet/lives", "missing")),
        ({"pet": {"kind": "cow"}}, ("#/pet", "union_tag_invalid")),
        ({"pet": {"kind": "cat", "lives": 1}, "boxes": [{"a/b~c d": "x"}]}, ("#/boxes/0/a~1b~0c%20d", "int_parsing")),
        ({"pet": {"kind": "cat", "lives": 1}, "prices": {"x": 1}}, ("#/prices/x", "int_parsing")),
        ({"pet": {"kind": "cat", "lives": 1}, "prices": {"1": "x"}}, ("#/prices/1", "int_parsing")),
        ({"pet": {"kind": "cat", "lives": 1}, "packed": "[1, {}]"}, ("#/packed", "int_type")),
        ({"pet": {"kind": "cat", "lives": 1}, "packed": "["}, ("#/packed", "json_invalid")),
        ([], ("#", "model_type")),
    ],
)
def test_a_pointer_leads_to_what_is_wrong(document: Any, expected: tuple[str, str]) -> None:
    """Tags of unions, names of branches and keys of dicts are no steps of the path."""
    entries = [each for each in errors_of(document) if each["detail"] != "Input is not valid"]

    assert (entries[0]["pointer"], entries[0]["code"]) == expected


@pytest.mark.promise("problems-16")
def test_a_default_that_is_wrong_points_at_what_lacks_it() -> None:
    """What is not in the document cannot be pointed at, so the object around it is."""
    entries = errors_of({"pet": {"kind": "cat", "lives": 1}})

    assert entries == [
        {
            "detail": "Input should be a valid integer, unable to parse string as an integer",
            "code": "int_parsing",
            "pointer": "#",
        }
    ]


NAMES = st.sampled_from(
    [
        "pet",
        "boxes",
        "prices",
        "either",
        "packed",
        "password",
        "kind",
        "lives",
        "bark",
        "inner",
        "size",
        "a/b~c d",
        "cat",
        "dog",
        "Cat",
        "int",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["cat", "dog", CANARY, f"x{CANARY}", "[1]", "\ud800"]),
)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=25
)


@pytest.mark.promise("problems-14")
@pytest.mark.promise("problems-16")
@given(DOCUMENTS)
def test_pointers_always_resolve_and_the_input_never_comes_back(document: Any) -> None:
    """Whatever the document, each pointer resolves in it, and no value of it is repeated."""
    entries = errors_of(document)

    for entry in entries:
        target = entry["pointer"]
        resolve(document, target.rpartition("/")[0] or "#" if entry["code"] == "missing" else target)
    assert CANARY not in json.dumps(entries)


@pytest.mark.promise("problems-16")
@given(st.lists(st.one_of(st.text(), st.integers(0, 10)), max_size=5))
def test_pointers_are_fragments_that_read_back(tokens: list[str | int]) -> None:
    """Any name at all survives being written as a fragment, and the fragment is ASCII without spaces."""
    written = pointer(tokens)

    read = [unquote(each, errors="surrogatepass") for each in written.split("/")[1:]]
    assert [each.replace("~1", "/").replace("~0", "~") for each in read] == [str(token) for token in tokens]
    assert written.isascii()
    assert " " not in written


def test_a_name_too_long_to_repeat_is_cut_off() -> None:
    """The pointer then leads to the object around it."""
    document = {"a" * 201: "x"}

    entries = errors_of(document, dict[str, int])

    assert [each["pointer"] for each in entries] == ["#"]


def test_a_deep_document_costs_no_search() -> None:
    """Beyond a hundred levels the straight way is taken."""
    document: Any = "x"
    location: list[str | int] = ["body"]
    for _ in range(150):
        document = {"a": document}
        location.append("a")

    [entry], _ = describe([{"loc": location, "type": "int_parsing", "msg": "m", "input": "x"}], document, 50)

    assert entry["pointer"] == "#" + "/a" * 150


def test_a_search_that_leads_nowhere_ends_soon() -> None:
    """A document made to have exponentially many ways through it is walked in no time."""
    document: Any = {}
    for _ in range(90):
        document = {"a": document, "b": document}

    [entry], _ = describe(
        [{"loc": ["body", *"ab" * 50], "type": "int_parsing", "msg": "m", "input": object()}], document, 50
    )

    assert entry["pointer"].startswith("#/a/b")


@pytest.mark.promise("problems-18")
def test_of_a_union_the_closest_branch_is_reported() -> None:
    """Not the errors of every branch, but those of the one that fits best."""
    entries = errors_of({"kind": "dog", "bark": "too long to bark"}, Cat | Dog | int)
    nested = errors_of({"size": {"kind": "cat", "lives": "x"}}, Box)

    assert [(each["code"], each["pointer"]) for each in entries] == [("string_too_long", "#/bark")]
    assert [(each["code"], each["pointer"]) for each in nested] == [("int_parsing", "#/size/lives")]


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
    ("body", "offset"), [(b'{"a": 1,}', 8), (b'{"a": "\xff"}', None), (b"[" * 100_000, None), (b"9" * 5000, None)]
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


@pytest.mark.promise("problems-14")
@pytest.mark.parametrize(
    ("message", "sent", "said"),
    [
        ("must be even", 3, "must be even"),
        ("3 is odd", 3, "Input is not valid"),
        ("must be below 30", 3, "must be below 30"),
        ("no pwned passwords: hunter2", "hunter2", "Input is not valid"),
        ("begins with hunt", {"a": ["x", {"b": b"hunt"}], "c": {1.5}, "d": None}, "Input is not valid"),
        ("says 1.5", {"c": {1.5}}, "Input is not valid"),
        ("must not be a", "", "must not be a"),
        pytest.param("is too big", 10**5000, "is too big", id="big"),
    ],
)
def test_a_validator_of_ones_own_cannot_quote_the_input(message: str, sent: object, said: str) -> None:
    """Its words go out, unless they repeat what was sent."""

    class Model(BaseModel):
        value: Any

        @model_validator(mode="after")
        def refuse(self) -> "Model":
            raise ValueError(message)

    [entry], _ = describe(
        [{"loc": ("body", "value"), "type": "value_error", "msg": f"Value error, {message}", "input": sent}], {}, 5
    )
    [raised] = errors_of({"value": sent}, Model)

    assert entry["detail"] == raised["detail"] == said


def test_an_error_type_of_ones_own_keeps_its_code_and_words() -> None:
    """What pydantic does not know goes out as its author wrote it."""

    class Model(BaseModel):
        sku: str

        @field_validator("sku")
        @classmethod
        def known(cls, value: str) -> str:
            if value != "B2":
                raise PydanticCustomError("unknown_sku", "There is no such article")
            return value

    assert errors_of({"sku": "A1"}, Model) == [
        {"detail": "There is no such article", "code": "unknown_sku", "pointer": "#/sku"}
    ]


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
