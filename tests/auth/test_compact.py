"""Compact tokens are read and written to the letter."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.auth._rules.compact import (
    MalformedTokenError,
    decode_object,
    decode_segment,
    encode_object,
    encode_segment,
    split,
)


def test_a_token_is_taken_apart() -> None:
    """A token has a header, a payload and a signature, and the first two are what was signed."""
    header, signed, payload, signature = split("aGVhZA.cGF5.c2ln")

    assert (header, signed, payload, signature) == (b"aGVhZA", b"aGVhZA.cGF5", b"cGF5", b"c2ln")


@pytest.mark.promise("auth-14")
def test_a_long_token_is_refused() -> None:
    """What is longer than 8 KiB is refused, though it looks like a token; a shorter one is read."""
    longest = "a.a." + "a" * 8188

    assert len(split(longest)) == 4
    with pytest.raises(MalformedTokenError):
        split(longest + "a")


@given(st.binary(min_size=1))
def test_bytes_come_back(data: bytes) -> None:
    """What was encoded is decoded, and no other text stands for it."""
    segment = encode_segment(data)

    assert decode_segment(segment) == data


@pytest.mark.promise("auth-12")
@given(st.text("ABCDwxyz0189-_", min_size=1, max_size=12))
def test_a_segment_that_is_taken_is_the_only_one(text: str) -> None:
    """Of all texts that could stand for the same bytes, the one that encoding gives is taken."""
    try:
        data = decode_segment(text.encode())
    except MalformedTokenError:
        return

    assert encode_segment(data) == text.encode()


@pytest.mark.promise("auth-12")
@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"1", b"null", b'"{}"', b'{"a":1,"a":1}', b'{"b":{"a":1,"a":2}}', b'{"a":NaN}', b'{"a":-Infinity}',
        b'{"a":1e400}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"\\udc00":1}', b"\xef\xbb\xbf{}", "{}".encode("utf-16"),
    ],
)  # fmt: skip
def test_text_that_reads_two_ways_is_refused(text: bytes) -> None:
    """Only one object in UTF-8 with unique members, finite numbers and real characters is an object."""
    with pytest.raises(MalformedTokenError):
        decode_object(text)


@pytest.mark.promise("auth-14")
@pytest.mark.parametrize(("depth", "taken"), [(255, True), (256, False), (100_000, False)])
def test_deep_text_is_refused_before_it_is_read(depth: int, taken: bool) -> None:
    """Nesting is bounded on both ways, so that neither reading nor writing ends in a recursion error."""
    text = b'{"a":' + b"[" * depth + b"]" * depth + b"}"

    try:
        read = len(decode_object(text)) == 1
    except MalformedTokenError:
        read = False

    assert read is taken


def test_escapes_are_read() -> None:
    """A member may be written with escapes, as long as they spell characters."""
    assert decode_object(b'{"\\u0061":"\\ud83e\\uddf1"}') == {"a": "\N{BRICK}"}


def test_objects_come_back() -> None:
    """What is written is short, and is read as it was."""
    members: dict[str, Any] = {"sub": "Ada \N{BRICK}", "exp": 1, "own": [1.5, None, {"a": True}]}

    written = encode_object(members)

    assert b" " not in written.replace(b"Ada ", b"")
    assert decode_object(written) == members


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", [[]] * 300])
def test_what_could_not_be_read_is_not_written(value: object) -> None:
    """Nobody signs what would be refused later."""
    with pytest.raises(ValueError, match=r"JSON|surrogates|more than 256"):
        encode_object({"own": value})
