"""Limits are written as everyone writes them, and what is written wrongly says so at once."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import parse_many

from brickwork.ratelimit import Limit
from brickwork.ratelimit._rules.grammar import parse

DAY = 86_400
UNITS = ["second", "minute", "hour", "day", "month", "year"]


@st.composite
def written(draw: st.DrawFn) -> str:
    """Limits as the package ``limits`` has them, of up to a year."""
    unit = draw(st.sampled_from(UNITS))
    multiple = draw(st.sampled_from(["", "1"] if unit == "year" else ["", "1", "2", "12", "07"]))
    name = draw(st.sampled_from([unit, unit + "s", unit.upper(), unit.title()]))
    between = draw(st.sampled_from(["/", " / ", " per ", "per", "  PER  ", "/ ", "\tper\n"]))
    amount = draw(st.integers(1, 50_000_000))
    return (
        f"{draw(st.sampled_from(['', ' ', '  ']))}{amount}{between}{multiple}{draw(st.sampled_from(['', ' ']))}{name}"
    )


@pytest.mark.promise("ratelimit-1")
@given(st.lists(written(), min_size=1, max_size=4), st.sampled_from([";", ",", "|", " ; ", ", "]))
def test_what_limits_reads_means_the_same(parts: list[str], separator: str) -> None:
    """Strings of slowapi and limits give the same amounts in the same periods."""
    text = separator.join(parts)
    expected = dict.fromkeys((item.amount, item.get_expiry()) for item in parse_many(text))

    found = parse(text)

    assert [(limit.amount, limit.period) for limit in found] == [*expected]
    assert {limit.algorithm for limit in found} == {"sliding"}


@pytest.mark.promise("ratelimit-1")
@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("10/s", [Limit(10, 1)]),
        ("10 per second", [Limit(10, 1)]),
        ("1000/hour", [Limit(1000, 3600)]),
        ("10/30s", [Limit(10, 30)]),
        ("10 per 2 hours", [Limit(10, 7200)]),
        ("100/5min", [Limit(100, 300)]),
        ("50_000/day", [Limit(50_000, DAY)]),
        ("7/w", [Limit(7, 7 * DAY)]),
        ("1/month", [Limit(1, 30 * DAY)]),
        ("1/YEAR", [Limit(1, 360 * DAY)]),
        ("5/minute burst 2", [Limit(5, 60, "gcra", 2)]),
        ("5/minute gcra", [Limit(5, 60, "gcra")]),
        ("5/minute gcra burst 2", [Limit(5, 60, "gcra", 2)]),
        ("100/minute fixed", [Limit(100, 60, "fixed")]),
        ("100/minute log", [Limit(100, 60, "log")]),
        (" 100 / Minute  SLIDING ", [Limit(100, 60)]),
        ("10/s; 1000/hour,2/d|1/h fixed", [Limit(10, 1), Limit(1000, 3600), Limit(2, DAY), Limit(1, 3600, "fixed")]),
        ("10/s; 10/second", [Limit(10, 1)]),
    ],
)
def test_everything_that_can_be_written(text: str, limits: list[Limit]) -> None:
    """Short and long units, multiples, bursts, algorithms and lists, each as its name says."""
    found = parse(text)

    assert found == tuple(limits)


@pytest.mark.promise("ratelimit-2")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "'' is no rate limit"),
        (" ", "'' is no rate limit"),
        ("5 per fortnight", "'5 per fortnight' is no rate limit"),
        ("0/minute", "lets nothing through"),
        ("5/0minutes", "lets nothing through"),
        ("5/minute burst 0", "a burst of 0 lets nothing through"),
        ("5/minute burst 6", "a burst of 6 is more than the 5"),
        ("5/minute fixed burst 2", "a burst belongs to gcra"),
        ("1.5/s", "'1.5/s' is no rate limit"),
        ("-1/s", "'-1/s' is no rate limit"),
        ("1__0/s", "'1__0/s' is no rate limit"),
        ("1_/s", "'1_/s' is no rate limit"),
        ("\u0661/s", "is no rate limit"),
        ("10/s;", "'' is no rate limit"),
        ("10/s 5/m", "is no rate limit"),
        ("10/sliding", "is no rate limit"),
        ("10", "'10' is no rate limit"),
        ("2 per 3 years", "is too long"),
        ("1001/hour log", "a log remembers every request"),
        ("99999999999999999999/s", "too much to be counted exactly"),
        ("1" * 501, "too long for limits"),
    ],
)
def test_what_cannot_be_read_says_what_can(text: str, reason: str) -> None:
    """A text that is no limit is refused with the reason and with how to write one."""
    with pytest.raises(ValueError, match='write a limit like "10/second"') as caught:
        parse(text)

    assert reason in str(caught.value)


@given(st.text(max_size=40) | st.text("0123456789 /;persmhdbu_", max_size=40))
def test_any_text_is_a_limit_or_no_limit(text: str) -> None:
    """No text does anything but be read or be refused."""
    try:
        found = parse(text)
    except ValueError as error:
        found = ()
        refusal = str(error)
    else:
        refusal = ""

    assert all(limit.amount >= 1 for limit in found)
    assert bool(found) != ("write a limit like" in refusal)


@pytest.mark.parametrize("text", [" " * 500, "1" * 499 + "/", "1 per " * 83, "1_" * 250, "1/s " + "s" * 496, ";" * 500])
def test_no_text_takes_long(text: str) -> None:
    """The longest texts are refused within milliseconds, whatever they repeat."""
    begin = process_time()

    with pytest.raises(ValueError, match="no rate limit"):
        parse(text)

    assert process_time() - begin < 0.5  # tenfold of what it may take
