"""Attacks on cursors: none is ever taken for good, and none breaks anything."""

import base64
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.listing._rules.cursors import MAX_LENGTH, CursorError, Cursors, Position

SECRET = b"a secret of thirty-two bytes, or"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
cursors = Cursors([SECRET, b"an older one of thirty-two bytes"])
genuine = cursors.seal(Position(("Ada", 1815), backward=False, order=b"order"), b"query")
ATTACKS = {
    "empty": "",
    "space": " ",
    "padding": genuine + "=",
    "one more": genuine + "A",
    "newline": genuine + "\n",
    "leading space": f" {genuine}",
    "twice": genuine * 2,
    "other case": genuine.swapcase(),
    "longest": "A" * MAX_LENGTH,
    "too long": "A" * (MAX_LENGTH + 1),
    "huge": "A" * 10**6,
    "NUL": "\0",
    "surrogate": "\ud800",
    "full-width letters": "\uff22" * 20,
    "quoted": genuine[:10] + "%2D",
    "encoded twice": base64.urlsafe_b64encode(genuine.encode()).decode(),
    "JSON in base64": "eyJpZCI6MX0",
    "word": "null",
    "number": "0",
    "path": "../../etc/passwd",
}


def reason(text: str, context: bytes = b"query") -> str:
    """Give the reason for which a cursor is refused."""
    with pytest.raises(CursorError) as refused:
        cursors.open(text, context)
    return refused.value.reason


@pytest.mark.promise("listing-27")
@given(at=st.integers(0, len(genuine) - 1), bit=st.integers(0, 5))
def test_one_flipped_bit_is_refused(at: int, bit: int) -> None:
    """Every bit of every character counts, also those at the end that base64 has no use for."""
    flipped = ALPHABET[ALPHABET.index(genuine[at]) ^ (1 << bit)]

    assert reason(genuine[:at] + flipped + genuine[at + 1 :]) == "malformed"


@pytest.mark.promise("listing-27")
@given(length=st.integers(0, len(genuine) - 1))
def test_a_part_is_refused(length: int) -> None:
    """No beginning of a cursor is one."""
    assert reason(genuine[:length]) == "malformed"


@pytest.mark.promise("listing-27")
@given(text=st.text() | st.text(ALPHABET))
def test_junk_is_refused(text: str) -> None:
    """Whatever else is sent, no other error comes of it."""
    assert reason(text) == "malformed"


@pytest.mark.promise("listing-27")
@given(body=st.binary(max_size=200))
def test_forgeries_with_the_right_outside_are_refused(body: bytes) -> None:
    """A version that is right does not make the rest so."""
    assert reason(base64.urlsafe_b64encode(b"\x01" + body).rstrip(b"=").decode()) == "malformed"


@pytest.mark.promise("listing-27")
@pytest.mark.parametrize("name", ATTACKS)
def test_known_attacks_are_refused(name: str) -> None:
    """Long ones, empty ones, doubly encoded ones, and other people's."""
    assert reason(ATTACKS[name]) == "malformed"


@pytest.mark.promise("listing-26")
@given(context=st.binary().filter(lambda context: context != b"query"))
def test_cursors_of_another_query_are_refused(context: bytes) -> None:
    """A cursor that we made for something else says so, and leads nowhere."""
    assert reason(genuine, context) == "other-query"


@pytest.mark.promise("listing-30")
def test_a_cursor_shows_its_length_and_nothing_else() -> None:
    """Values of one length make cursors of one length, that share no more than their version by more than chance."""
    texts = [cursors.seal(Position((f"secret-{number:06}",)), b"query") for number in range(500)]
    sealed = [base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)) for text in texts]

    common = [max(Counter(column).values()) for column in zip(*sealed, strict=True)]

    assert len({len(text) for text in texts}) == 1
    assert common[0] == 500  # the version
    assert max(common[1:]) < 20  # about 2 of 500 are expected at each place
    assert not any(b"secret" in each for each in sealed)


@pytest.mark.promise("listing-30")
def test_directions_cannot_be_told_apart() -> None:
    """Nor does it show which way it leads."""
    forward = cursors.seal(Position((1,), backward=False), b"query")
    backward = cursors.seal(Position((1,), backward=True), b"query")

    assert len(forward) == len(backward)
    assert sum(one == other for one, other in zip(forward, backward, strict=True)) < len(forward) / 2
