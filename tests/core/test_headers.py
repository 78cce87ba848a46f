"""Raw headers: what is not ours is never lost, moved or doubled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork._core.headers import RawHeaders, add_vary, encode, find, find_all, merge, remove, replace

OURS = [b"x-frame-options", b"referrer-policy", b"vary", b"set-cookie"]
names = st.sampled_from([*OURS, b"X-Frame-Options", b"VARY", b"content-type", b"Content-Type", b"etag", b"x-other"])
values = st.binary(max_size=6)
headers_in = st.lists(st.tuples(names, values), max_size=12)


def without(headers: RawHeaders, owned: set[bytes]) -> RawHeaders:
    """The headers that are not ours."""
    return [pair for pair in headers if pair[0].lower() not in owned]


@pytest.mark.promise("headers-1")
@given(headers_in, st.lists(st.tuples(st.sampled_from(OURS), values), max_size=6), st.sets(st.sampled_from(OURS)))
def test_merging_leaves_the_rest_alone(before: RawHeaders, ours: RawHeaders, wins: set[bytes]) -> None:
    """Whatever the headers were, those of other names stay as they were, in their order."""
    after = list(before)

    merge(after, ours, wins)

    owned = {name for name, _ in ours}
    assert without(after, owned) == without(before, owned)
    for name in owned:
        given_values = [value for each, value in ours if each == name]
        had = find_all(before, name)
        if not had:
            assert find_all(after, name) in ([given_values[0]], [given_values[-1]])
        elif name in wins:
            assert find_all(after, name) == [given_values[-1]]
        else:
            assert find_all(after, name) == had


@pytest.mark.promise("headers-1")
@given(headers_in, st.sampled_from(OURS), values)
def test_replacing_leaves_one_and_the_rest(before: RawHeaders, name: bytes, value: bytes) -> None:
    """One header of the name is left, where the first one stood."""
    after = list(before)

    replace(after, name, value)

    assert find_all(after, name) == [value]
    assert without(after, {name}) == without(before, {name})
    if find(before, name) is not None:
        first = next(index for index, (key, _) in enumerate(before) if key.lower() == name)
        assert after[first] == (name, value)


@pytest.mark.promise("headers-1")
@given(headers_in, st.sets(st.sampled_from(OURS)))
def test_removing_takes_only_what_is_named(before: RawHeaders, owned: set[bytes]) -> None:
    """Only the named headers go, all of them, in place."""
    after = list(before)

    remove(after, *owned)

    assert after == without(before, owned)


@given(headers_in, st.lists(st.sampled_from([b"Origin", b"accept", b"Accept-Encoding"]), max_size=3))
def test_vary_names_all_that_it_should(before: RawHeaders, fields: list[bytes]) -> None:
    """`Vary` keeps what it named, names each field once more at most, and the rest stays."""
    after = list(before)

    add_vary(after, *fields)

    listed = [part.strip().lower() for value in find_all(after, b"vary") for part in value.split(b",")]
    earlier = [part.strip().lower() for value in find_all(before, b"vary") for part in value.split(b",")]
    assert without(after, {b"vary"}) == without(before, {b"vary"})
    assert set(earlier) - {b""} <= set(listed)
    assert b"*" in listed or {field.lower() for field in fields} <= set(listed)


@pytest.mark.parametrize(
    ("vary", "fields", "expected"),
    [
        ([], [b"origin"], [b"origin"]),
        ([b"Origin"], [b"origin"], [b"Origin"]),
        ([b"*"], [b"origin"], [b"*"]),
        ([b"accept", b"Cookie"], [b"origin"], [b"accept, Cookie, origin"]),
        ([b"accept"], [], [b"accept"]),
    ],
)
def test_vary_by_example(vary: list[bytes], fields: list[bytes], expected: list[bytes]) -> None:
    """Lists are joined, names compared without case, and a star covers everything."""
    headers = [(b"Vary", value) for value in vary]

    add_vary(headers, *fields)

    assert find_all(headers, b"vary") == expected


@given(headers_in, st.sampled_from(OURS))
def test_finding_agrees_with_itself(headers: RawHeaders, name: bytes) -> None:
    """The first of all values is the one that is found."""
    assert find(headers, name) == next(iter(find_all(headers, name)), None)


def test_a_configured_header_becomes_bytes() -> None:
    """Names are lower case on the wire, and values lose the blanks around them."""
    assert encode("X-Own", " value\twith tab é ") == (b"x-own", "value\twith tab é".encode("latin-1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("", "x"), ("two words", "x"), ("naïve", "x"), ("x:", "x"), *(("x", f"a{bad}b") for bad in "\r\n\0\x1b\x7f€")],
)
def test_a_configured_header_cannot_break_out(name: str, value: str) -> None:
    """No line break, control character or foreign letter gets into a header."""
    with pytest.raises(ValueError, match=r"no header name|latin-1"):
        encode(name, value)
