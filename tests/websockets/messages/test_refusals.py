"""What a client is told of a message that cannot be handled, and what it never is."""

import json
from datetime import date
from enum import Enum
from typing import Any, Literal

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator

from brickwork.websockets import ConnectionLimits, MessageRouter
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets.msgpack import MessagePackCodec
from tests.websockets.messages.client import connected

CANARY = "hunter2-canary"
LIMITS = ConnectionLimits(rate=None, message=4_000_000, errors=1_000_000)


class Colour(Enum):
    RED = "red"


class Inner(BaseModel):
    number: int
    texts: list[str] = []


class Say(BaseModel):
    model_config = ConfigDict(extra="forbid")

    type: Literal["say"] = "say"
    text: str = Field(max_length=20)
    inner: Inner | None = None
    word: str = ""

    @field_validator("word")
    @classmethod
    def check(cls, word: str) -> str:
        """Quote what was sent, as careless validators do."""
        if word:
            raise ValueError(f"{word} is not a word")
        return word


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)

    type: Literal["strict"] = "strict"
    day: date
    colour: Colour
    pair: tuple[int, int]


class Own(BaseModel):
    kind: Literal["own"] = Field(default="own", alias="type")
    number: int = Field(alias="no")
    id: int | str
    name: str = Field(default="", validation_alias=AliasChoices("name", "title"))


class Anything(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: Literal["anything"] = "anything"


MESSAGES = MessageRouter()


@MESSAGES.on
async def _say(message: Say) -> dict[str, Any]:
    return {"text": message.text}


@MESSAGES.on
async def _strict(message: Strict) -> dict[str, Any]:
    return {"day": message.day, "colour": message.colour, "pair": message.pair}


@MESSAGES.on
async def _own(message: Own) -> dict[str, Any]:
    return {"number": message.number, "own": message.id, "name": message.name}


@MESSAGES.on
async def _anything(message: Anything) -> dict[str, Any]:
    return {"extra": message.model_extra}


# --- what cannot be read


@pytest.mark.promise("websockets-88")
@pytest.mark.parametrize(
    ("said", "status", "place"),
    [
        ("{", 400, None),
        ("", 400, None),
        ("NaN", 400, None),
        ('{"type":NaN}', 400, None),
        ('"\\ud800"', 400, None),
        ("1" * 5000, 400, None),
        ("[" * 100_000, 400, None),
        (b"{}", 400, None),
        (b"\x00", 400, None),
        ("[]", 422, ("#", "model_type")),
        ("null", 422, ("#", "model_type")),
        ("5", 422, ("#", "model_type")),
        ("{}", 422, ("#/type", "missing")),
        ('{"type":"' + CANARY + '"}', 422, ("#/type", "unknown_type")),
        ('{"type":["say"]}', 422, ("#/type", "unknown_type")),
        ('{"type":{}}', 422, ("#/type", "unknown_type")),
        ('{"type":null}', 422, ("#/type", "unknown_type")),
        ('{"type":"say"}', 422, ("#/text", "missing")),
        ('{"type":"say","text":"' + CANARY * 10 + '"}', 422, ("#/text", "string_too_long")),
        ('{"type":"say","text":"","inner":{"number":"' + CANARY + '"}}', 422, ("#/inner/number", "int_parsing")),
        ('{"type":"say","text":"","' + CANARY + '":1}', 422, ("#/" + CANARY, "extra_forbidden")),
        ('{"type":"say","text":"","word":"' + CANARY + '"}', 422, ("#/word", "value_error")),
        ('{"type":"say","text":"' + "x" * 1_000_000 + '"}', 422, ("#/text", "string_too_long")),
    ],
)
async def test_a_message_that_cannot_be_handled_is_answered(
    said: str | bytes, status: int, place: tuple[str, str] | None
) -> None:
    """The client hears what is wrong and where, never what it sent, and the connection goes on."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        client.say(said)
        heard = await client.hear()
        after = await client.ask({"type": "say", "text": "hello"})

    found = [(each["pointer"], each["code"]) for each in heard.get("errors", [])]
    assert (heard["type"], heard["status"]) == ("error", status)
    assert found == ([] if place is None else [place])
    assert "re" not in heard
    assert place == (f"#/{CANARY}", "extra_forbidden") or CANARY not in json.dumps(heard)
    assert after == {"text": "hello"}


@pytest.mark.promise("websockets-88")
async def test_a_refusal_names_the_message() -> None:
    """An error that is about a message with an ID has it; of unknown types no list of the known ones is given."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = [await client.ask({"id": "a", **each}) for each in ({}, {"type": "sing"}, {"type": "say", "text": 1})]

    assert [each["re"] for each in heard] == ["a", "a", "a"]
    assert heard[1] == {
        "type": "error",
        "status": 422,
        "title": "The message is not valid",
        "detail": "1 error in the message.",
        "re": "a",
        "errors": [
            {"detail": "Input is no known type of message", "code": "unknown_type", "pointer": "#/type"},
        ],
    }


@pytest.mark.promise("websockets-89")
@pytest.mark.parametrize("message_id", ["x" * 65, 2**63, -(2**63) - 1, 1.5, True, [], {}])
async def test_an_id_is_short(message_id: object) -> None:
    """An ID is a text of up to 64 characters or a whole number of up to 64 bits; another one is refused."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = await client.ask({"type": "say", "text": "hello", "id": message_id})

    assert [(each["pointer"], each["code"]) for each in heard["errors"]] == [("#/id", "message_id")]
    assert "re" not in heard


@pytest.mark.promise("websockets-89")
@pytest.mark.parametrize("message_id", ["", "x" * 64, "\u0000", 0, 2**63 - 1, -(2**63)])
async def test_an_id_comes_back_as_it_is(message_id: object) -> None:
    """Any ID within these bounds is given back unchanged, and is no member of the message."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = await client.ask({"type": "say", "text": "hello", "id": message_id})

    assert heard == {"re": message_id, "text": "hello"}


async def test_errors_are_listed_up_to_a_number() -> None:
    """Of a thousand errors the first fifty are told, and that there are more."""
    said = {"type": "say", "text": "", "inner": {"number": 1, "texts": [1] * 1000}}

    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = await client.ask(said)

    assert (len(heard["errors"]), heard["detail"]) == (50, "50 or more errors in the message.")


# --- how models are read


async def test_strict_models_read_what_json_can_say() -> None:
    """A strict model takes dates, enums and tuples as JSON has them, and its errors are those of JSON."""
    said = {"type": "strict", "day": "2026-01-31", "colour": "red", "pair": [1, 2]}

    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = await client.ask(said)
        refused = await client.ask({**said, "pair": [1, "2"]})

    assert heard == {"day": "2026-01-31", "colour": "red", "pair": [1, 2]}
    assert [each["pointer"] for each in refused["errors"]] == ["#/pair/1"]


async def test_a_model_may_have_the_id_itself() -> None:
    """A model with a field for the ID gets it, and other aliases are read as pydantic reads them."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        heard = await client.ask({"type": "own", "id": 5, "no": 1, "title": "x"})
        extra = await client.ask({"type": "anything", "id": 6, "more": 1})

    assert heard == {"re": 5, "number": 1, "own": 5, "name": "x"}
    assert extra == {"re": 6, "extra": {"more": 1}}


async def test_other_codecs_are_answered_in_their_own_form() -> None:
    """What is MessagePack is read and answered in it; bytes in the place of text are an error that points there."""
    said = [{"type": "say", "id": 1, "text": text} for text in (b"\xff", "hello")]
    heard: list[Any] = []

    async with connected(MESSAGES, limits=LIMITS, codec=MessagePackCodec()) as client:
        for each in said:
            client.say(msgpack.packb(each))
            heard.append(msgpack.unpackb((await client.hear_raw())["bytes"]))

    assert heard[0]["errors"][0]["pointer"] == "#/text"
    assert heard[1] == {"re": 1, "text": "hello"}


class PlainCodec(JSONCodec):
    """A codec of the application's own, whose errors quote what was sent."""

    name = "plain"

    def decode(self, data: str | bytes) -> object:
        """Read JSON as Python does."""
        return json.loads(data)


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (f'{{"{CANARY}', "It cannot be read as plain."),
        (f"\xff{CANARY}".encode("latin-1"), "It cannot be read as plain."),
        ("[" * 200_000, "It is nested too deeply."),
    ],
    ids=["text", "bytes", "deep"],
)
async def test_what_a_codec_says_of_a_message_is_not_repeated(said: str | bytes, detail: str) -> None:
    """An error of a codec tells the client no more than that it is one."""
    async with connected(MESSAGES, limits=LIMITS, codec=PlainCodec()) as client:
        heard = await client.ask(said)

    assert heard == {"type": "error", "status": 400, "title": "Malformed message", "detail": detail}


# --- anything at all

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**4000, max_value=10**5200)
    | st.floats()
    | st.text()
    | st.text(st.characters(categories=["Cs"]), min_size=1),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=5),
    max_leaves=20,
)
TYPES = st.sampled_from(["say", "strict", "own", "anything", "error"])
MESSAGE = st.fixed_dictionaries(
    {}, optional={"type": TYPES | JSON, "id": JSON, "re": JSON, "text": JSON, "inner": JSON, "day": JSON, "no": JSON}
)


def _written(value: object) -> str:
    """Write what JSON has no form for, too, as Python does."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(name)}:{_written(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, int) and value.bit_length() > 2000:
        return "9" * (value.bit_length() // 3)
    return json.dumps(value)


@pytest.mark.promise("websockets-88")
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(said=MESSAGE.map(_written) | JSON.map(_written) | st.text() | st.binary())
async def test_nothing_that_is_sent_does_harm(said: str | bytes) -> None:
    """Whatever a client sends, the connection goes on, nothing is logged as an error, and what it hears is JSON."""
    async with connected(MESSAGES, limits=LIMITS) as client:
        client.say(said)
        after = None
        while after != {"re": "after", "text": "hello"}:
            client.say({"type": "say", "text": "hello", "id": "after"})
            after = await client.hear()

    assert not client.connection.inlet.dropped
