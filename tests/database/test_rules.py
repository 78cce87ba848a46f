"""Identifiers that ascend, and entity tags as RFC 9110 has them."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork._core.entity_tags import EntityTag, EntityTags
from brickwork.database._rules import _Ascending, uuid7

OPAQUE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'))
TAGS = st.builds(EntityTag, OPAQUE, st.booleans())

STATE = EntityTag("a")
WEAK = EntityTag("a", weak=True)


@pytest.mark.promise("database-35")
def test_a_uuid_tells_when_it_was_made() -> None:
    """It is of version 7, and its first 48 bits are the milliseconds since 1970."""
    before = time.time_ns() // 1_000_000

    made = uuid7()

    assert (made.version, made.variant) == (7, RFC_4122)
    # Those made before within one millisecond may have borrowed from the next.
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


@pytest.mark.promise("database-35")
def test_uuids_ascend_within_a_millisecond() -> None:
    """However many are made at once, each is greater than the one before, and over threads none is made twice."""
    with ThreadPoolExecutor(4) as pool:
        lists = list(pool.map(lambda _: [uuid7() for _ in range(2_000)], range(4)))

    assert all(each == sorted(each) for each in lists)
    assert len({made for each in lists for made in each}) == 8_000


@pytest.mark.promise("database-35")
def test_uuids_ascend_when_the_clock_is_set_back() -> None:
    """A clock that jumps back makes no UUID smaller than the last."""
    times = iter([1_000, 2_000, 1_500, 1_500, 2_001])
    make = _Ascending(lambda: next(times), lambda bits: 1 << bits - 1)

    made = [make() for _ in range(5)]

    assert made == sorted(set(made))
    assert [each.int >> 80 for each in made] == [1_000, 2_000, 2_000, 2_000, 2_001]


@pytest.mark.promise("database-35")
def test_uuids_ascend_when_a_millisecond_is_full() -> None:
    """Where no greater number is left in a millisecond, the next one begins early."""
    make = _Ascending(lambda: 1_000, lambda bits: (1 << bits) - 1)

    first, second = make(), make()

    assert first < second
    assert [first.int >> 80, second.int >> 80] == [1_000, 1_001]
    assert {first.version, second.version} == {7}


def test_a_uuid_holds_the_bits_it_is_given() -> None:
    """The example of RFC 9562, appendix A.6."""
    expected = UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")
    tail = 0xCC3 << 62 | 0x18C4DC0C0C07398F

    made = _Ascending(lambda: 0x017F22E279B0, lambda _bits: tail)()

    assert made == expected


@given(st.lists(TAGS, min_size=1, max_size=5))
def test_tags_are_read_as_they_are_written(tags: list[EntityTag]) -> None:
    """What is written as a list of entity tags is read as the same list."""
    read = EntityTags.parse([", ".join(map(str, tags))])

    assert read == EntityTags(tuple(tags))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["*"], EntityTags(any=True)),
        ([" * "], EntityTags(any=True)),
        (['"a"'], EntityTags((STATE,))),
        (['W/"a"'], EntityTags((WEAK,))),
        (['""'], EntityTags((EntityTag(""),))),
        (['"a,b" , W/"c"'], EntityTags((EntityTag("a,b"), EntityTag("c", weak=True)))),
        (['"a"', '"b"'], EntityTags((STATE, EntityTag("b")))),
        ([', "a",, "b" ,'], EntityTags((STATE, EntityTag("b")))),
    ],
)
def test_lists_are_read_with_their_liberties(lines: list[str], expected: EntityTags) -> None:
    """Several lines are one list, a comma may stand in a tag, and empty elements count for nothing."""
    assert EntityTags.parse(lines) == expected


@pytest.mark.parametrize(
    "line",
    ["", ",", "a", "3", "'a'", '"a', 'a"', '"a" "b"', '"a""b"', 'w/"a"', 'W/ "a"', '"a", *', "*, *", '"a"; q=1',
     '"a b"', '"a\x00"', '"ā"', '"' + "a" * 9_000 + '"'],
)  # fmt: skip
def test_what_is_no_list_is_refused(line: str) -> None:
    """Anything but ``*`` and quoted tags with commas between is malformed, and so is more than eight kilobytes."""
    with pytest.raises(ValueError, match="tags"):
        EntityTags.parse([line])


@pytest.mark.parametrize("value", ['a"b', "a b", "a\n", "\x7f", "ā"])
def test_a_tag_cannot_break_its_header(value: str) -> None:
    """A tag with a quote, a space, a control character or anything outside latin-1 is refused where it is made."""
    with pytest.raises(ValueError, match="no entity tag"):
        EntityTag(value)


@pytest.mark.promise("database-53")
@pytest.mark.parametrize(
    ("tags", "current", "strongly", "weakly"),
    [
        (EntityTags((STATE,)), STATE, True, True),
        (EntityTags((WEAK,)), STATE, False, True),
        (EntityTags((STATE,)), WEAK, False, True),
        (EntityTags((WEAK,)), WEAK, False, True),
        (EntityTags((EntityTag("b"), STATE)), STATE, True, True),
        (EntityTags((EntityTag("b"),)), STATE, False, False),
        (EntityTags((STATE,)), None, False, False),
        (EntityTags(any=True), STATE, True, True),
        (EntityTags(any=True), None, False, False),
    ],
)
def test_tags_are_compared_strongly_and_weakly(
    tags: EntityTags, current: EntityTag | None, strongly: bool, weakly: bool
) -> None:
    """Strongly, a weak tag equals nothing; weakly, only the text counts; ``*`` is whatever is there."""
    assert tags.match_strongly(current) is strongly
    assert tags.match_weakly(current) is weakly
