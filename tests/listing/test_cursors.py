"""Cursors: what goes in comes out, for the right query and in time."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.listing import InvalidCursorError
from brickwork.listing._rules.cursors import MAX_LENGTH, CursorError, Cursors, Position
from brickwork.testing import ManualClock

SECRET = b"a secret of thirty-two bytes, or"
OLD_SECRET = b"an older one of thirty-two bytes"

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(), max_size=40)
    | st.binary(max_size=40)
    | st.floats(allow_nan=False)
    | st.decimals(allow_nan=False)
    | st.datetimes()
    | st.datetimes(
        timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(seconds=1))])
    )
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.uuids()
)


@pytest.fixture
def cursors() -> Cursors:
    """Cursors of one secret that never expire."""
    return Cursors([SECRET])


@pytest.mark.promise("listing-25")
@given(values=st.lists(scalars, max_size=6), backward=st.booleans())
def test_values_survive_with_their_types(values: list[Any], backward: bool) -> None:
    """Whatever a cursor takes it gives back: the same value, of the same type, written the same way."""
    cursors = Cursors([SECRET])
    position = Position(tuple(values), backward, b"order")

    opened = cursors.open(cursors.seal(position, b"query"), b"query")

    assert opened == position
    assert [(type(value), str(value)) for value in opened.values] == [(type(value), str(value)) for value in values]


@pytest.mark.promise("listing-25")
@pytest.mark.parametrize(
    "value",
    [
        "line\nbreak", "~", "'\"`", "nul\0", "\U0001f9f1", "\ud800", "", 0, -1, 2**63, -(2**70), False, b"", b"\0\xff",
        Decimal(0), Decimal("1.10"), Decimal("-0.00"), Decimal("1E+30"), 0.1, -0.0, float("inf"), 5e-324,
        datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC), datetime.fromisoformat("0001-01-01T00:00"),
        datetime.fromisoformat("9999-12-31T23:59:59.999999"), date.min, time(23, 59, 59, 1),
        time(1, tzinfo=timezone(timedelta(hours=-3, seconds=1))),
        timedelta(-1, 1, 1), timedelta.max, UUID(int=0), None,
    ],
    ids=ascii,
)  # fmt: skip
def test_awkward_values_survive(cursors: Cursors, value: Any) -> None:
    """So do the values that formats tend to lose."""
    (opened,) = cursors.open(cursors.seal(Position((value,)), b""), b"").values

    assert (type(opened), str(opened), opened) == (type(value), str(value), value)


def test_not_a_number_survives(cursors: Cursors) -> None:
    """NaN comes back as NaN, though it equals nothing."""
    opened = cursors.open(cursors.seal(Position((float("nan"), Decimal("NaN"))), b""), b"")

    assert [str(value).lower() for value in opened.values] == ["nan", "nan"]


def test_types_derived_from_a_plain_one_come_back_plain(cursors: Cursors) -> None:
    """Drivers have UUIDs of their own, applications text: a cursor holds what they are."""

    class Slug(str):
        __slots__ = ()

    (opened,) = cursors.open(cursors.seal(Position((Slug("red"),)), b""), b"").values

    assert (type(opened), opened) == (str, "red")


def test_other_types_are_refused_with_advice(cursors: Cursors) -> None:
    """What cannot be held is named, and what to write instead."""
    with pytest.raises(TypeError, match=r"cannot hold complex: .*type_coerce"):
        cursors.seal(Position((1j,)), b"")


@pytest.mark.parametrize("length", [4000, 70_000])
def test_what_is_too_long_is_refused_with_advice(cursors: Cursors, length: int) -> None:
    """A cursor that no address could hold is not made."""
    with pytest.raises(ValueError, match="something shorter"):
        cursors.seal(Position(("x" * length,)), b"")


@pytest.mark.promise("listing-27")
@given(values=st.lists(scalars, max_size=6))
def test_cursors_need_no_quoting(values: list[Any]) -> None:
    """They are made of letters, digits, hyphen and underscore, and one position has one cursor."""
    cursors = Cursors([SECRET])

    text = cursors.seal(Position(tuple(values)), b"query")

    assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert len(text) <= MAX_LENGTH
    assert text == cursors.seal(Position(tuple(values)), b"query")


@pytest.mark.promise("listing-28")
def test_secrets_can_be_replaced() -> None:
    """A cursor opens while its secret is in the ring; the first secret seals."""
    before = Cursors([OLD_SECRET]).seal(Position((1,)), b"query")
    rotated = Cursors([SECRET, OLD_SECRET])

    after = rotated.seal(Position((1,)), b"query")

    assert rotated.open(before, b"query") == rotated.open(after, b"query") == Position((1,))
    assert Cursors([SECRET]).open(after, b"query") == Position((1,))
    with pytest.raises(CursorError) as refused:
        Cursors([SECRET]).open(before, b"query")
    assert refused.value.reason == "malformed"


@pytest.mark.promise("listing-29")
def test_cursors_expire_when_asked() -> None:
    """A cursor is good until its time is up, and from then on refused as expired."""
    clock = ManualClock()
    cursors = Cursors([SECRET], expires=60, clock=clock)
    text = cursors.seal(Position((1,)), b"query")

    clock.advance(59.9)
    assert cursors.open(text, b"query") == Position((1,))
    clock.advance(0.1)
    with pytest.raises(CursorError) as refused:
        cursors.open(text, b"query")

    assert refused.value.reason == "expired"


def test_options_that_make_no_sense_are_refused() -> None:
    """A missing or short secret and a time that has passed already are refused when they are written down."""
    with pytest.raises(ValueError, match="need a secret"):
        Cursors([])
    with pytest.raises(ValueError, match="32 bytes or more"):
        Cursors([SECRET, b"short"])
    with pytest.raises(ValueError, match="above 0"):
        Cursors([SECRET], expires=0)


def test_the_secret_is_not_shown(cursors: Cursors) -> None:
    """The text of the object tells how many secrets there are, and none of them."""
    assert repr(cursors) == "Cursors(1 secrets, expires=None)"


def test_the_error_names_parameter_and_reason() -> None:
    """The problem tells a program which parameter is wrong and why, and a person what to do."""
    error = InvalidCursorError("after", "expired")

    assert (error.status_code, error.slug) == (400, "invalid-cursor")
    assert error.members() == {"parameter": "after", "reason": "expired"}
    assert "first page" in error.detail
