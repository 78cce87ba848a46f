"""Digests of whom a rule counts."""

import logging
import re
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from brickwork.ratelimit import Key, RateLimitCounters, by_header, by_ip, by_user
from brickwork.ratelimit._service.identities import Identities
from brickwork.ratelimit._service.keys import as_key
from tests.ratelimit.scopes import connection

DIGEST = re.compile(r"[A-Za-z0-9_-]{22}")


@pytest.fixture
def counters() -> RateLimitCounters:
    """What was counted."""
    return RateLimitCounters()


@pytest.fixture
def identities(counters: RateLimitCounters) -> Identities:
    """Makes digests without a secret."""
    return Identities(None, counters)


@pytest.mark.promise("ratelimit-23")
def test_different_callers_are_never_one(identities: Identities) -> None:
    """Whatever stands in them, other parts have another digest, and each digest has the same size."""
    parts = [
        ("a/b", "c"), ("a", "b/c"), ("a:b", "c"), ("a", "b:c"), ("abc",), ("a", "b", "c"), ("ab", "c"), ("", "abc"),
        ("1:a", "b"), ("1", "a1:b"), ("a\0", "b"), ("a", "\0b"), ("ä",), ("a\u0308",), ("\ud800",), ("\udc80",),
        ("x" * 10_000,), ("x" * 10_001,), (), ("",), ("", ""),
    ]  # fmt: skip

    digests = [identities.digest(each) for each in parts]

    assert len(set(digests)) == len(parts)
    assert all(DIGEST.fullmatch(digest) for digest in digests)


@pytest.mark.promise("ratelimit-23")
@given(first=st.lists(st.text(max_size=6), max_size=4), second=st.lists(st.text(max_size=6), max_size=4))
def test_only_equal_parts_have_one_digest(first: list[str], second: list[str]) -> None:
    """Two digests are equal where their parts are, and nowhere else."""
    identities = Identities(None, RateLimitCounters())

    assert (identities.digest(first) == identities.digest(second)) is (first == second)


@pytest.mark.promise("ratelimit-23")
async def test_nothing_sent_is_what_another_key_found(identities: Identities) -> None:
    """A header that reads like a user, an address or nobody is none of them."""
    users = by_header("user") | by_ip()

    forged = {await identities.find(users, connection({"user": text})) for text in ("ada", "198.51.100.9", "absent")}

    for other in (("user", "ada"), ("ip", "198.51.100.9"), ("absent",), ("own", "ada")):
        assert identities.digest(other) not in forged


@pytest.mark.promise("ratelimit-23")
def test_a_secret_makes_other_digests(identities: Identities) -> None:
    """Digests with a secret tell nothing to who does not have it, and are the same in every process that has."""
    secret, other = "correct horse battery", "x" * 200
    keyed = Identities(secret, RateLimitCounters())

    assert keyed.digest(["ada"]) == Identities(secret, RateLimitCounters()).digest(["ada"])
    assert len({each.digest(["ada"]) for each in (identities, keyed, Identities(other, RateLimitCounters()))}) == 3
    assert keyed.scope("GET /") != identities.scope("GET /")
    assert re.fullmatch(r"[A-Za-z0-9_-]{11}", keyed.scope("x" * 10_000))
    with pytest.raises(ValueError, match="16 characters"):
        Identities("secret", RateLimitCounters())


@pytest.mark.promise("ratelimit-23")
async def test_nothing_long_is_kept(identities: Identities) -> None:
    """However long what clients send is, finding out whom and what to count keeps none of it."""
    tracemalloc.start()
    try:
        for number in range(50):
            huge = f"{number}" + "x" * 100_000
            found = await identities.find(by_ip(), connection({"x-api-key": huge}, peer=huge))
            assert DIGEST.fullmatch(found)
            assert DIGEST.fullmatch(await identities.find(by_header("x-api-key"), connection({"x-api-key": huge})))
            assert len(identities.scope(f"path GET /{huge}")) == 11

        assert tracemalloc.get_traced_memory()[0] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.promise("ratelimit-21")
async def test_no_address_is_told_once(
    identities: Identities, counters: RateLimitCounters, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the server knows no address there is no digest, and one line that says what to configure."""
    found = {await identities.find(by_ip(), connection(peer=None)) for _ in range(10)}

    assert found == {""}
    assert counters.unidentified == 10
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert 'trusted_proxies=["unix"]' in caplog.text


def _nobody(connection: HTTPConnection) -> str | None:
    return None


async def _fail(connection: HTTPConnection) -> str:
    raise KeyError("ada@example.com")


@pytest.mark.promise("ratelimit-22")
async def test_nobody_in_particular(
    identities: Identities, counters: RateLimitCounters, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests of which a key of one's own gives nothing are one caller, are counted, and are told of once."""
    found = {await identities.find(as_key(_nobody), connection()) for _ in range(10)}

    assert found == {identities.digest(["absent"])} == {identities.stated(None)}
    assert counters.unidentified == 11
    assert len(caplog.records) == 1
    identities.strict = True
    with pytest.raises(RuntimeError, match="gave nobody"):
        await identities.find(as_key(_nobody), connection())
    with pytest.raises(RuntimeError, match="gave nobody"):
        identities.stated("")


@pytest.mark.promise("ratelimit-22")
async def test_a_key_that_fails(
    identities: Identities, counters: RateLimitCounters, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is found where a key of one's own raises, and the log has the kind of the error, once, and no more."""
    found = {await identities.find(as_key(_fail), connection()) for _ in range(10)}

    assert found == {""}
    assert counters.unidentified == 10
    assert [record.getMessage() for record in caplog.records] == ["A key failed (KeyError): on_error decides."]
    assert not caplog.records[0].exc_info


@pytest.mark.promise("ratelimit-24")
@pytest.mark.parametrize("key", [by_header("x-api-key"), by_header("a") | by_header("b")])
async def test_leaving_it_out_is_one_caller(key: Key, identities: Identities, counters: RateLimitCounters) -> None:
    """Who leaves out what is counted by is one caller with all who do, from wherever; that is no fault of the app."""
    found = {await identities.find(key, connection(peer=f"198.51.100.{number}")) for number in range(10)}

    assert found == {identities.digest(["absent"])}
    assert counters.unidentified == 0


async def test_what_an_application_states(identities: Identities) -> None:
    """Somebody who is stated is the one that a key of one's own gives, and not the one that `by_user` finds."""
    assert identities.stated("ada") == await identities.find(as_key(lambda _: "ada"), connection())
    assert identities.stated("ada") != identities.digest(["user", "ada"])
    with pytest.raises(RuntimeError, match="who calls"):
        await identities.find(by_user(), connection())
