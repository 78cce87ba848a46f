"""Headers of the draft: byte for byte what its grammar asks for, and never a promise that is not kept."""

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork.ratelimit import Algorithm, Decision, Limit, Policy, Verdict
from brickwork.ratelimit._rules.counting import NOTHING, count, tell, weigh
from brickwork.ratelimit._rules.fields import more_after, rate_limit_fields, retry_after, violated
from brickwork.ratelimit._rules.values import NEVER
from brickwork.ratelimit._service.decisions import decision_of
from tests.ratelimit.fields import read_list

MINUTE = Limit(100, 60, "fixed")
HOUR = Limit(1_000, 3_600)


def policy(verdict: Verdict, limit: Limit = MINUTE, **options: Any) -> Policy:
    """One policy of a decision."""
    return Policy("default", limit, verdict)._replace(**options)


def told(*policies: Policy, legacy: bool = False, ietf: bool = True, now: float = 1_000.0) -> dict[str, str]:
    """The headers, as text."""
    pairs = rate_limit_fields(policies, ietf=ietf, legacy=legacy, now=lambda: now)
    return {name.decode(): value.decode() for name, value in pairs}


@pytest.mark.promise("ratelimit-52")
def test_two_policies() -> None:
    """Policies stand in the order in which they were written, joined by a comma and a space."""
    first = policy(Verdict(99, 60_000_000, 0))
    second = policy(Verdict(7, 30_000_001, 0), HOUR, name="search")

    assert told(first, second) == {
        "ratelimit-policy": '"default";q=100;w=60, "search";q=1000;w=3600',
        "ratelimit": '"default";r=99;t=60, "search";r=7;t=31',
    }


def test_no_policies() -> None:
    """Where nobody knows anything, no header says something."""
    assert told(legacy=True) == {}


def test_units() -> None:
    """What is not counted in requests says so; what runs at once is counted in no window, and is there at once."""
    budget = policy(Verdict(5, 60_000_000, 0), unit="content-bytes")
    places = policy(Verdict(2, 60_000_000, 0), Limit(3, 60), name="running", unit="concurrent-requests")
    full = policy(Verdict(0, 60_000_000, 1_500_000), Limit(3, 60), name="running", unit="concurrent-requests")

    assert told(budget, places) == {
        "ratelimit-policy": '"default";q=100;qu="content-bytes";w=60, "running";q=3;qu="concurrent-requests"',
        "ratelimit": '"default";r=5;t=60, "running";r=2',
    }
    assert told(full)["ratelimit"] == '"running";r=0;t=2'


def test_names_that_headers_cannot_hold() -> None:
    """What a string of RFC 9651 cannot hold is put otherwise, and ends no header."""
    assert told(policy(Verdict(1, 0, 0), name='a"b\\c\r\nd\u00e9'))["ratelimit"] == '"a_b_c__d_";r=1;t=0'


@pytest.mark.promise("ratelimit-54")
def test_legacy_headers_tell_of_the_tightest() -> None:
    """``X-RateLimit-*`` show the policy that refuses, or else leaves the least; the reset is a whole second."""
    roomy = policy(Verdict(50, 60_000_000, 0))
    tight = policy(Verdict(3, 90_000_000, 0), HOUR)
    refusing = policy(Verdict(10, 30_000_000, 20_000_001), Limit(20, 30))

    assert told(roomy, tight, legacy=True, ietf=False, now=1_000.5) == {
        "x-ratelimit-limit": "1000",
        "x-ratelimit-remaining": "3",
        "x-ratelimit-reset": "1091",
    }
    assert told(roomy, tight, refusing, legacy=True, ietf=False)["x-ratelimit-reset"] == "1021"


@pytest.mark.promise("ratelimit-11")
def test_nobody_is_told_to_wait_for_what_never_comes() -> None:
    """A cost that is never allowed has no time to wait, and its policy is named all the same."""
    never = decision_of([policy(Verdict(100, 0, NEVER))])
    watched = decision_of([policy(Verdict(0, 60_000_000, 60_000_000), shadow=True)])

    assert (retry_after(never), violated(never)) == (None, ["default"])
    assert more_after(never.policies[0]) == 0
    assert violated(watched) == []


algorithms: st.SearchStrategy[Algorithm] = st.sampled_from(get_args(Algorithm))


@st.composite
def counted(draw: st.DrawFn) -> tuple[Limit, Verdict, tuple[int, ...], int]:
    """A counter after some hits, and what it says to the next."""
    algorithm = draw(algorithms)
    amount = draw(st.integers(1, 12))
    limit = Limit(
        amount, draw(st.integers(1, 90)), algorithm, draw(st.integers(1, amount)) if algorithm == "gcra" else 0
    )
    state: tuple[int, ...] = NOTHING
    now = draw(st.integers(10**12, 10**13))
    verdict = Verdict(0, 0, 0)
    for _ in range(draw(st.integers(1, 20))):
        now += draw(st.integers(0, limit.period * 700_000))
        wait, kept = weigh(limit, state, 1, now)
        state = kept if wait else count(limit, kept, 1, now)
        verdict = tell(limit, state, now, wait)
    return limit, verdict, state, now


@pytest.mark.promise("ratelimit-53")
@given(st.lists(counted(), min_size=1, max_size=3))
def test_every_number_is_whole_and_kept(counters: list[tuple[Limit, Verdict, tuple[int, ...], int]]) -> None:
    """Headers parse as lists of RFC 9651 with whole numbers from 0 on, and after ``t`` there is more."""
    policies = [Policy(f"p{place}", each[0], each[1]) for place, each in enumerate(counters)]
    headers = told(*policies, legacy=True)
    decision: Decision = decision_of(policies)

    left, allowed = read_list(headers["ratelimit"]), read_list(headers["ratelimit-policy"])

    assert [name for name, _ in left] == [name for name, _ in allowed] == [each.name for each in policies]
    assert all(re.fullmatch(r"\d+", headers[name]) for name in headers if name.startswith("x-"))
    for (_, now), (_, most), (limit, verdict, state, at) in zip(left, allowed, counters, strict=True):
        assert most == {"q": limit.amount, "w": limit.period}
        assert now.keys() == {"r", "t"}
        assert 0 <= now["r"] <= limit.burst
        assert 0 <= now["t"] <= limit.period
        later, _ = weigh(limit, state, min(now["r"] + 1, limit.most), at + now["t"] * 1_000_000)
        assert later == 0
        if verdict.retry_after:
            seconds = retry_after(decision)
            assert seconds is not None
            assert seconds >= now["t"]
