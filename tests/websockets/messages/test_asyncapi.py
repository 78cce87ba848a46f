"""The document of a socket: valid, complete, and about what really goes over it."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, Field

from brickwork.websockets import MessageRouter
from tests.websockets.messages.client import connected

# AsyncAPI's own, unchanged, under the licence beside it: https://github.com/asyncapi/spec-json-schemas
SPECIFICATION = json.loads((Path(__file__).parent / "asyncapi" / "3.0.0.json").read_text("utf-8"))


class Dot(BaseModel):
    shape: Literal["dot"] = "dot"


class Line(BaseModel):
    shape: Literal["line"] = "line"
    length: float = Field(gt=0)


class Draw(BaseModel):
    """Something to draw."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["draw"] = "draw"
    what: Annotated[Dot | Line, Field(discriminator="shape")]
    at: tuple[int, int] = (0, 0)
    below: "Draw | None" = None


class Wipe(BaseModel):
    type: Literal["wipe", "clear"] = "wipe"


class Ask(BaseModel):
    kind: Literal["ask"] = Field(default="ask", alias="type")
    about: str


class Drawn(BaseModel):
    type: Literal["drawn"] = "drawn"
    number: int


class Error(BaseModel):
    """A model of the application's own, called as ours."""

    type: Literal["error"] = "error"


def _router() -> MessageRouter:
    messages = MessageRouter()

    @messages.on
    async def draw(message: Draw) -> Drawn | None:
        """Draw something."""
        return Drawn(number=1) if message.below else None

    @messages.on
    async def other(message: Wipe | Ask) -> dict[str, int]:
        return {"wiped": 1}

    @messages.on
    async def error(message: Error) -> Error:
        return message

    return messages


def _document(**options: Any) -> dict[str, Any]:
    return _router().asyncapi(title="Board", version="1.2", **options)


def _names(references: list[dict[str, str]]) -> list[str]:
    return [each["$ref"].rpartition("/")[2] for each in references]


@pytest.mark.promise("websockets-90")
@pytest.mark.parametrize("options", [{}, {"address": "/boards/{id}", "sends": [Drawn, Draw, Error]}])
def test_the_document_is_valid(options: dict[str, Any]) -> None:
    """The document fits the specification's own schema, and all that it refers to is in it."""
    document = _document(**options)

    Draft7Validator(SPECIFICATION).validate(document)
    assert document["channels"]["socket"]["address"] == options.get("address", "/ws")
    for name in _references(document):
        _, *path = name.split("/")
        found = document
        for each in path:
            found = found[each]


def _references(value: object) -> set[str]:
    """Give all references in a document."""
    if isinstance(value, list):
        return {name for each in value for name in _references(each)}
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own | {name for each in value.values() for name in _references(each)}
    return set()


@pytest.mark.promise("websockets-90")
def test_the_document_tells_what_is_answered() -> None:
    """Each type is an operation with its message and replies, as the handler's annotation has them."""
    operations = _document(sends=[Drawn])["operations"]

    told = {
        name: (each["action"], _names(each["messages"]), _names(each.get("reply", {}).get("messages", [])))
        for name, each in operations.items()
    }
    assert told == {
        "draw": ("receive", ["Draw"], ["Drawn", "Ack", "Error_"]),
        "wipe": ("receive", ["Wipe"], ["Ack", "Error_"]),
        "clear": ("receive", ["Wipe"], ["Ack", "Error_"]),
        "ask": ("receive", ["Ask"], ["Ack", "Error_"]),
        "error": ("receive", ["Error"], ["Error", "Error_"]),
        "sendDrawn": ("send", ["Drawn"], []),
    }
    assert operations["draw"]["description"] == "Draw something."


def test_parts_of_messages_are_told_once() -> None:
    """What several messages consist of, or one of itself, is a component; a message is told where it stands."""
    components = _document(sends=[Drawn])["components"]

    assert components["schemas"].keys() == {"Dot", "Line", "Draw"}
    assert components["messages"].keys() == {"Draw", "Wipe", "Ask", "Error", "Drawn", "Ack", "Error_"}
    assert components["messages"]["Draw"]["description"] == "Something to draw."


@pytest.mark.promise("websockets-90")
async def test_the_schemas_are_those_of_the_wire() -> None:
    """What the schemas accept is handled, what they refuse is refused, and what comes back fits them."""
    document = _document()
    said = [
        {"type": "draw", "what": {"shape": "dot"}},
        {"type": "draw", "what": {"shape": "line", "length": 1.5}, "id": 1, "below": {"what": {"shape": "dot"}}},
        {"type": "draw", "what": {"shape": "line", "length": 0}, "id": "a"},
        {"type": "draw", "what": {"shape": "dot"}, "colour": "red", "id": "b"},
        {"type": "draw", "what": {"shape": "dot"}, "id": "x" * 65},
        {"what": {"shape": "dot"}, "id": "c"},
    ]

    async with connected(_router()) as client:
        client.say(said[0])
        heard = [await client.ask(each) for each in said[1:]]

    fits = [_is_of(document, "Draw", each) for each in said]
    assert fits == [True, True, False, False, False, False]
    assert [each.get("status") for each in heard] == [None, 422, 422, 422, 422]
    assert _is_of(document, "Drawn", heard[0])
    assert all(_is_of(document, "Error_", each) for each in heard[1:])


def _is_of(document: dict[str, Any], name: str, value: Any) -> bool:
    return bool(Draft7Validator({"$ref": f"#/components/messages/{name}/payload", **document}).is_valid(value))


def test_a_document_is_ones_own() -> None:
    """What is done to one document is not seen in the next."""
    _document()["components"]["messages"]["Error_"]["payload"]["properties"].clear()

    assert "status" in _document()["components"]["messages"]["Error_"]["payload"]["properties"]
