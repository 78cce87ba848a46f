"""MessagePack on the wire."""

import math
import tracemalloc
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgpack as package  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.websockets import Cursor
from brickwork.websockets._rules.frames import Entry, Frame, frame
from brickwork.websockets.msgpack import MessagePackCodec

CODEC = MessagePackCodec()
msgpack: Any = package


def test_json_goes_as_messagepack_and_the_rest_as_it_is() -> None:
    """JSON becomes a binary message, with its room and cursor; texts and bytes stay what they are."""
    entry = Entry("room:lobby", frame({"type": "said", "text": "grüß"}), cursor=Cursor("e", 7))

    encoded, size = CODEC.encode(entry)

    assert encoded["type"] == "websocket.send"
    assert msgpack.unpackb(encoded["bytes"]) == {"room": "lobby", "cursor": "e:7", "type": "said", "text": "grüß"}
    assert size == len(encoded["bytes"])
    assert CODEC.encode(Entry("all", frame("grüß"))) == ({"type": "websocket.send", "text": "grüß"}, 6)
    assert CODEC.encode(Entry("all", frame(b"\x00"))) == ({"type": "websocket.send", "bytes": b"\x00"}, 1)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", 18446744073709551616.0),
        ("-9223372036854775809", -9223372036854775808.0),
        ("9" * 400, math.inf),
        ("-" + "9" * 400, -math.inf),
    ],
)
def test_numbers_that_are_too_long_are_written_as_javascript_reads_them(number: str, read: float) -> None:
    """A whole number of more than 64 bits, for which MessagePack has no room, is sent as a double."""
    encoded, _ = CODEC.encode(Entry("all", Frame("json", number.encode())))

    assert msgpack.unpackb(encoded["bytes"]) == read


def test_timestamps_and_bytes_are_read() -> None:
    """A timestamp is an instant of UTC, and bytes are bytes."""
    when = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)
    data = msgpack.packb({"at": when, "image": b"\x00\xff"}, datetime=True)

    assert CODEC.decode(data) == {"at": when, "image": b"\x00\xff"}


def test_a_text_is_no_messagepack() -> None:
    """A text message is refused, with a word on what to send."""
    with pytest.raises(ValueError, match=r"^Send MessagePack, as a binary message\.$"):
        CODEC.decode("{}")


@pytest.mark.promise("websockets-71")
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xc0\xc0",
        b"\xa5abc",
        b"\xa1\xff",
        b"\xa3\xed\xa0\x80",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\xd4\x05\x00",
        b"\x81\x01\x02",
        b"\x81\x90\x01",
        b"\x81\xc0\x01",
        b"\xc7\x0c\xff" + b"\x00" * 4 + b"\x7f" + b"\xff" * 7,
        b"\x91" * 65_536,
        b"\x91" * 2_000 + b"\xc0",
    ],
    ids=lambda data: f"{data[:8].hex()} ({len(data)})",
)
def test_what_is_no_messagepack_is_refused(data: bytes) -> None:
    """Whatever is wrong with it, it is a ValueError that says nothing of the inside."""
    with pytest.raises(ValueError, match=r"^The message is not MessagePack, or not of the kind") as refused:
        CODEC.decode(data)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


@pytest.mark.promise("websockets-71")
@pytest.mark.parametrize("header", [b"\xdd\x00\x00\xf0\x00", b"\xdc\xf0\x00", b"\xdf\x00\x00\xf0\x00\xa0"])
def test_a_list_that_claims_to_be_long_takes_no_memory(header: bytes) -> None:
    """A message of 5 kB that announces a thousand lists of 60,000 each is refused before there is room made for one."""
    data = header * 1_000
    tracemalloc.start()

    with pytest.raises(ValueError, match="not MessagePack"):
        CODEC.decode(data)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000


@pytest.mark.promise("websockets-71")
@pytest.mark.parametrize("opening", [b"\x91", b"\x81\xa1a"])
def test_messages_are_read_as_deep_as_json(opening: bytes) -> None:
    """Two hundred levels are read, and one more is refused."""
    deep = CODEC.decode(opening * 200 + b"\xc0")

    with pytest.raises(ValueError, match=r"^The message is nested too deep\.$"):
        CODEC.decode(opening * 201 + b"\xc0")
    assert deep


@pytest.mark.parametrize("value", [[[]] * 1_000, "é" * 1_000, b"\x90" * 1_000, [{"a": ["ß" * 300]}] * 3])
def test_what_is_only_wide_is_not_deep(value: object) -> None:
    """Many lists next to each other, and texts that look like lists byte by byte, are read."""
    assert CODEC.decode(msgpack.packb(value)) == value


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False)
        | st.text(st.characters(exclude_categories=["Cs"]))
        | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
        max_leaves=20,
    )
)
def test_what_is_written_is_read(value: object) -> None:
    """Whatever MessagePack can say comes back as it was."""
    assert CODEC.decode(msgpack.packb(value)) == value


@pytest.mark.promise("websockets-71")
@given(st.binary(max_size=300))
def test_no_bytes_do_worse_than_be_refused(data: bytes) -> None:
    """Any bytes are read, or are a ValueError."""
    with suppress(ValueError):
        CODEC.decode(data)
