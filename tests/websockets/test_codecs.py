"""JSON on the wire, and which codec and subprotocol a client gets."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from brickwork.websockets import Cursor
from brickwork.websockets._rules.frames import Codec, Entry, Frame, frame
from brickwork.websockets._service.codecs import JSONCodec, choose, token_of
from brickwork.websockets.msgpack import MessagePackCodec

JSON_CODEC, MSGPACK = JSONCodec(), MessagePackCodec()
BOTH: list[Codec] = [JSON_CODEC, MSGPACK]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


class Price(BaseModel):
    """A number that JSON may not have."""

    euros: float


# --- encoding


@pytest.mark.parametrize(
    ("message", "sent", "size"),
    [
        ({"type": "said", "text": "grüß"}, {"text": '{"type":"said","text":"grüß"}'}, 31),
        ("grüß", {"text": "grüß"}, 6),
        (b"\x00\xff", {"bytes": b"\x00\xff"}, 2),
        (Price(euros=1.5), {"text": '{"euros":1.5}'}, 13),
    ],
)
def test_json_goes_as_text_and_the_rest_as_it_is(message: object, sent: dict[str, object], size: int) -> None:
    """JSON and texts are text messages, bytes are binary ones, and the size is that on the wire."""
    encoded, counted = JSON_CODEC.encode(Entry("all", frame(message)))

    assert encoded == {"type": "websocket.send", **sent}
    assert counted == size


def test_what_has_a_place_in_a_history_says_so() -> None:
    """A message of a room with a history is told with its room and its cursor."""
    entry = Entry("room:lobby", frame({"type": "said"}), cursor=Cursor("e", 7))

    encoded, _ = JSON_CODEC.encode(entry)

    assert json.loads(encoded["text"]) == {"room": "lobby", "cursor": "e:7", "type": "said"}


@pytest.mark.promise("websockets-70")
@pytest.mark.parametrize("message", [{"x": float("nan")}, {"x": float("inf")}, Price(euros=float("-inf"))])
def test_what_is_sent_is_always_json(message: object) -> None:
    """Numbers that JSON does not have are sent as null, since a browser could read none of the message otherwise."""
    encoded, _ = JSON_CODEC.encode(Entry("all", frame(message)))

    assert list(JSON_CODEC.decode(encoded["text"]).values()) == [None]  # type: ignore[attr-defined]


# --- decoding


@pytest.mark.promise("websockets-70")
@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{", '{"a":1}x', "[1,]", "{'a':1}", "01", ".5", "+1", "\ufeff{}", "nul", "1 2", '"a', "/**/1"),
        *("NaN", "Infinity", "-Infinity", '{"x":NaN}', '"\x00"', '"\n"', '"\\ud800"', '"\\udc00\\ud800"', '"\\x41"'),
        *("[" * 100_000, '{"a":' * 20_000, "[" * 300 + "]" * 300, "9" * 60_000, "-" + "9" * 5_000),
        *("\ud800", '"\ud800"'),
    ],
    ids=lambda text: f"{ascii(text)[1:12]} ({len(text)})",
)
def test_what_is_no_json_is_refused(text: str) -> None:
    """A text that RFC 8259 does not allow, or that is made to hurt, is a ValueError that says nothing of the inside."""
    with pytest.raises(ValueError, match=r"^The message is not JSON\.$") as refused:
        JSON_CODEC.decode(text)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_bytes_are_no_json() -> None:
    """A binary message is refused, with a word on what to send."""
    with pytest.raises(ValueError, match=r"^Send JSON, as a text message\.$"):
        JSON_CODEC.decode(b"{}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
        max_leaves=20,
    )
)
def test_what_is_written_is_read(value: object) -> None:
    """Whatever JSON can say comes back as it was."""
    encoded, _ = JSON_CODEC.encode(Entry("all", frame([value])))

    assert JSON_CODEC.decode(encoded["text"]) == [value]


@given(st.text())
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    """Any text is read, or is a ValueError."""
    with suppress(ValueError):
        JSON_CODEC.decode(text)


# --- choosing


@pytest.mark.promise("websockets-72")
@pytest.mark.parametrize(
    ("offered", "codec", "answered"),
    [
        ([], JSON_CODEC, None),
        (["json"], JSON_CODEC, "json"),
        (["msgpack"], MSGPACK, "msgpack"),
        (["msgpack", "json"], MSGPACK, "msgpack"),
        (["json", "msgpack"], JSON_CODEC, "json"),
        (["soap", "msgpack"], MSGPACK, "msgpack"),
        (["soap"], JSON_CODEC, None),
        (["MSGPACK"], JSON_CODEC, None),
        (["msgpack", "chat.v1"], JSON_CODEC, "chat.v1"),
        (["chat.v1", "chat.v2"], JSON_CODEC, "chat.v2"),
    ],
)
def test_one_of_what_the_client_offers_is_answered_or_nothing(
    offered: list[str], codec: Codec, answered: str | None
) -> None:
    """The app's own come first, in its order; then codecs, in the client's; else the first codec, and no answer."""
    spoken = choose(offered, BOTH, ["chat.v2", "chat.v1"])

    assert spoken == (codec, answered)


@pytest.mark.promise("websockets-73")
@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        (["bearer", "c2VjcmV0"], "bearer"),
        (["bearer"], "bearer"),
        (["bearer", "msgpack"], "bearer"),
        (["bearer", "chat.v1"], "bearer"),
        (["bearer", "c2VjcmV0", "msgpack"], "msgpack"),
        (["msgpack", "bearer", "c2VjcmV0"], "msgpack"),
        (["bearer", "bearer", "json"], "bearer"),
    ],
)
def test_a_token_is_never_answered(offered: list[str], answered: str) -> None:
    """What stands behind ``bearer`` is a token, and no choice, even where it is called as something the app speaks."""
    assert choose(offered, BOTH, ["chat.v1"]).subprotocol == answered


@pytest.mark.parametrize(
    ("offered", "token"),
    [
        ([], None),
        (["bearer"], None),
        (["json", "bearer", "abc"], "abc"),
        (["bearer", "a", "bearer", "b"], None),
        (["json"], None),
    ],
)
def test_the_token_stands_behind_bearer(offered: list[str], token: str | None) -> None:
    """One token is found; where there are two nobody can say which one counts."""
    assert token_of(offered) == token


def test_frames_of_other_processes_are_encoded_like_our_own() -> None:
    """A frame that was encoded elsewhere is not encoded again."""
    encoded, size = JSON_CODEC.encode(Entry("all", Frame("json", b'{"a" : 1}')))

    assert encoded["text"] == '{"a" : 1}'
    assert size == 9
