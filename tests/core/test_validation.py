"""Where and why: what becomes of pydantic's errors, whatever the document."""

import json
from time import process_time
from typing import Annotated, Any, Literal
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    ByteSize,
    Field,
    ImportString,
    Json,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from brickwork._core.validation import describe, pointer

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


@pytest.mark.parametrize("text", ["a" * 1_000_000, "(.*" * 300_000])
def test_a_huge_value_is_compared_fast(text: str) -> None:
    """To see whether a validator's words quote the input takes no longer when the input is as long as a body may be."""
    error = {"type": "value_error", "loc": ("body",), "msg": "Value error, not good", "input": text}
    begun = process_time()

    described, _ = describe([error] * 50, text, 50)

    assert {each["detail"] for each in described} == {"not good"}
    assert process_time() - begun < 0.5


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


def test_a_parameter_with_an_endless_name_is_not_named() -> None:
    """A query that may hold no other names does not get a huge one back."""
    error = {"type": "extra_forbidden", "loc": ("query", "k" * 50_000), "msg": "Extra inputs are not permitted"}

    assert describe([error], None, 5)[0] == [
        {"detail": "Extra inputs are not permitted", "code": "extra_forbidden", "in": "query"}
    ]


@pytest.mark.promise("problems-14")
@pytest.mark.parametrize(
    ("kind", "sent"), [(ByteSize, f"1{CANARY}"), (ImportString, f"os.{CANARY}"), (ImportString, f"{CANARY}.os:path")]
)
def test_a_type_that_quotes_a_part_of_its_input_is_silenced(kind: Any, sent: str) -> None:
    """What pydantic's own types say of a part of the input is said without it."""
    assert CANARY not in json.dumps(errors_of([sent], list[kind]))


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
