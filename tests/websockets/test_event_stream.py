"""How server-sent events are written."""

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.websockets import Cursor
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.event_stream import SSECodec, read_positions
from tests.websockets.event_source import Event, read_events

CURSORS = st.builds(Cursor, st.from_regex(r"[A-Za-z0-9_-]{1,32}", fullmatch=True), st.integers(0, 10**15))


def written(message: object, *, cursor: Cursor | None = None, room: str = "lobby") -> Event:
    """Write one event, and read it as a browser does."""
    body, size = SSECodec().encode(Entry(f"room:{room}", frame(message), cursor=cursor))
    [event] = read_events(body["body"])
    assert size == len(body["body"])
    assert (body["type"], body["more_body"]) == ("http.response.body", True)
    return event


@pytest.mark.promise("websockets-148")
def test_an_event_carries_what_a_socket_gets() -> None:
    """The data of an event is the JSON that a socket is sent, and its ID is the place in the room."""
    entry = Entry("room:lobby", frame({"type": "said", "text": "a\nb"}), cursor=Cursor("e", 7))

    event = written({"type": "said", "text": "a\nb"}, cursor=Cursor("e", 7))

    assert event.data == JSONCodec().encode(entry)[0]["text"]
    assert event.id == "lobby=e:7"
    assert event.type == "message"


@pytest.mark.promise("websockets-148")
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    """No text can end its event or begin a field; of line ends only the kind is lost, as the format has it."""
    event = written(text)

    assert event.data == text.replace("\r\n", "\n").replace("\r", "\n")
    assert (event.type, event.id) == ("message", "")


@pytest.mark.promise("websockets-148")
@given(st.binary())
def test_bytes_come_in_base64(data: bytes) -> None:
    """Bytes are events of a type of their own."""
    event = written(data)

    assert event.type == "bytes"
    assert b64decode(event.data) == data


@given(st.text(st.characters(exclude_categories=["Cs"])), CURSORS)
def test_a_position_is_read_as_it_was_written(room: str, cursor: Cursor) -> None:
    """Whatever a room is called, the ID is one line of visible ASCII, and gives the place in it back."""
    event = written({}, cursor=cursor, room=room)

    assert event.id.isascii()
    assert event.id.isprintable()
    assert read_positions(event.id) == {room: cursor}


@pytest.mark.promise("websockets-149")
@pytest.mark.parametrize(
    "text",
    [
        "",
        "lobby",
        "lobby=",
        "lobby=e",
        "lobby=e:x",
        "=&=&",
        "lobby=e:1" + "0" * 20,
        "%",
        "a=e:1&" * 5_000,
        "&".join(["a="] * 2_000),
    ],
)
def test_an_id_that_is_not_ours_counts_as_absent(text: str) -> None:
    """A client may say anything about where it was: what cannot be read is no error."""
    assert read_positions(text) == {}


def test_what_can_be_read_of_an_id_is() -> None:
    """One room that nobody understands does not lose the others."""
    assert read_positions("lobby=e:1&news=?") == {"lobby": Cursor("e", 1)}


def test_many_fields_are_refused_before_they_are_read() -> None:
    """An ID of ordinary length with thousands of rooms is not gone through."""
    assert read_positions("&".join(["a=e:1"] * 1_001)) == {}


def test_nothing_comes_in_by_a_stream() -> None:
    """A codec of streams decodes nothing."""
    with pytest.raises(ValueError, match="nothing to the server"):
        SSECodec().decode("x")
