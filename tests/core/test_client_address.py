"""Whose address a request has: what trusted proxies vouch for, and never what a client says of itself."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brickwork._core.scope import TrustedProxies, client_address

PROXIES = TrustedProxies(["10.0.0.0/8", "fd00::/8"])


def address(
    headers: list[tuple[str, str]], peer: str | None = "10.0.0.1", proxies: TrustedProxies = PROXIES
) -> str | None:
    """Give the address for a request with these headers."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return client_address({"client": (peer, 1) if peer else None, "headers": raw}, proxies)


@pytest.mark.promise("accesslog-9")
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7", "192.0.2.7"),
        ("6.6.6.6, 192.0.2.7, 10.2.3.4", "192.0.2.7"),
        ("192.0.2.7:8080", "192.0.2.7"),
        ("2001:DB8::7", "2001:db8::7"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("192.0.2.7, ::ffff:10.1.1.1", "192.0.2.7"),
        ("192.0.2.7, fd00::5", "192.0.2.7"),
        ("192.0.2.7,, ,10.2.3.4,", "192.0.2.7"),
        ("10.9.9.9, 10.2.3.4", "10.9.9.9"),
        ("", "10.0.0.1"),
        (",,", "10.0.0.1"),
        ("unknown", "10.0.0.1"),
        ("192.0.2.7, unknown, 10.2.3.4", "10.2.3.4"),
        ("192.0.2.7, x\x1b[31m", "10.0.0.1"),
        ("fe80::1%\x1b[31m", "fe80::1"),
        ("[192.0.2.7", "10.0.0.1"),
        ("[2001:db8::7]x", "10.0.0.1"),
        ("192.0.2.07", "10.0.0.1"),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(listed: str, expected: str) -> None:
    """The nearest hop that is no proxy of ours is the client; what cannot be read ends the walk."""
    assert address([("X-Forwarded-For", listed)]) == expected


@pytest.mark.promise("accesslog-9")
@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ("for=192.0.2.7", "192.0.2.7"),
        ("For=192.0.2.7;proto=https;by=10.0.0.1", "192.0.2.7"),
        ("for=6.6.6.6, for=192.0.2.7", "192.0.2.7"),
        ('for="192.0.2.7:8080"', "192.0.2.7"),
        ("for=192.0.2.7:8080", "192.0.2.7"),
        ('for="[2001:db8::7]:443"', "2001:db8::7"),
        ("for=[2001:db8::7]", "2001:db8::7"),
        ('proto=https ; for="192.0.2.7" , for=10.2.3.4', "192.0.2.7"),
        ('for=192.0.2.7;by="a, b; for=6.6.6.6"', "192.0.2.7"),
        ("for=192.0.2.7,, for=10.2.3.4,", "192.0.2.7"),
        ("for=_hidden", "10.0.0.1"),
        ("for=unknown", "10.0.0.1"),
        ("for=192.0.2.7, for=_secret, for=10.2.3.4", "10.2.3.4"),
        ("for=192.0.2.7, proto=https", "10.0.0.1"),
        ("for=6.6.6.6;for=192.0.2.7", "10.0.0.1"),
        ("192.0.2.7", "10.0.0.1"),
        ("for=192.0.2.7 for=6.6.6.6", "10.0.0.1"),
        # An open quote would otherwise swallow what our proxy appended.
        ('for=6.6.6.6;by=", for=192.0.2.7', "10.0.0.1"),
        ('for=6.6.6.6;by=", for="[2001:db8::7]:443"', "10.0.0.1"),
        ('for=6.6.6.6;by="\\", for=192.0.2.7', "10.0.0.1"),
        ('for="\\', "10.0.0.1"),
    ],
)
def test_forwarded_is_read_from_the_right(listed: str, expected: str) -> None:
    """RFC 7239 to the letter: what is not of its grammar is not believed at all."""
    assert address([("Forwarded", listed)]) == expected


def test_several_header_lines_are_one_list() -> None:
    """A proxy may append a line of its own."""
    lines = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.7"), ("X-Forwarded-For", "10.2.3.4")]

    assert address(lines) == "192.0.2.7"
    assert address([("Forwarded", "for=6.6.6.6"), ("Forwarded", "for=192.0.2.7")]) == "192.0.2.7"


@pytest.mark.promise("accesslog-9")
@pytest.mark.parametrize(
    "forged",
    [
        [("X-Forwarded-For", "6.6.6.6")],
        [("Forwarded", "for=6.6.6.6")],
        [("X-Real-IP", "6.6.6.6"), ("True-Client-IP", "6.6.6.6"), ("CF-Connecting-IP", "6.6.6.6")],
        [("X-Forwarded-For", "10.0.0.1, 10.0.0.2")],
    ],
)
def test_a_client_cannot_speak_for_itself(forged: list[tuple[str, str]]) -> None:
    """Without a trusted proxy in between, only the connection counts."""
    assert address(forged, peer="198.51.100.9") == "198.51.100.9"
    assert address(forged, peer="198.51.100.9", proxies=TrustedProxies()) == "198.51.100.9"


@pytest.mark.promise("accesslog-9")
def test_the_header_that_the_proxy_lets_pass_is_not_believed() -> None:
    """Where both headers are there and differ, the proxy itself is as near as we get; where they agree, all is well."""
    assert address([("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=6.6.6.6")]) == "10.0.0.1"
    assert address([("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7")]) == "192.0.2.7"


@given(st.text(st.characters(max_codepoint=255), max_size=60), st.sampled_from(["Forwarded", "X-Forwarded-For"]))
def test_nothing_further_left_changes_the_answer(junk: str, name: str) -> None:
    """Whatever a client sends, the answer is what our proxy saw, or our proxy."""
    seen = "for=192.0.2.7" if name == "Forwarded" else "192.0.2.7"

    assert address([(name, f"{junk}, {seen}")]) in {"192.0.2.7", "10.0.0.1"}
    assert address([(name, junk), (name, seen)]) in {"192.0.2.7", "10.0.0.1"}


@pytest.mark.parametrize("junk", [" " * 60_000 + "x", "a" * 60_000, "for=a;" * 10_000, "," * 60_000, '"' * 60_000])
@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For"])
def test_a_huge_header_is_read_fast(name: str, junk: str) -> None:
    """No header makes the reader slow."""
    began = time.process_time()

    found = address([(name, junk)])

    assert found == "10.0.0.1"
    assert time.process_time() - began < 0.25


@pytest.mark.parametrize("peer", [None, ""])
def test_a_unix_socket_is_trusted_when_named(peer: str | None) -> None:
    """A server on a Unix socket has no peer address; the proxy before it is trusted as "unix"."""
    forwarded = [("X-Forwarded-For", "192.0.2.7")]

    assert address(forwarded, peer, TrustedProxies(["unix"])) == "192.0.2.7"
    assert address([], peer, TrustedProxies(["unix"])) is None
    assert address(forwarded, peer) is None


@pytest.mark.parametrize(
    ("peer", "expected"), [("::ffff:192.0.2.7", "192.0.2.7"), ("2001:DB8::7", "2001:db8::7"), ("t:x", "t:x")]
)
def test_the_peers_address_has_one_form(peer: str, expected: str) -> None:
    """IPv6 is written in its shortest form, and what is IPv4 as IPv4."""
    assert address([], peer) == expected


def test_a_proxy_with_a_zone_is_trusted() -> None:
    """The zone that a server reports for a link-local peer does not hide it."""
    proxies = TrustedProxies(["fe80::/10"])

    assert address([("X-Forwarded-For", "192.0.2.7")], "fe80::1%eth0", proxies) == "192.0.2.7"


def test_wrong_networks_are_refused_at_once() -> None:
    """The message says what to write."""
    with pytest.raises(ValueError, match=r'write it like "10\.0\.0\.0/8"'):
        TrustedProxies(["10.0.0.1/8"])
    with pytest.raises(TypeError, match=r"write \['10\.0\.0\.0/8'\]"):
        TrustedProxies("10.0.0.0/8")


def test_no_proxies_is_the_default() -> None:
    """Asked without proxies, the peer is the client."""
    assert client_address({"client": ("192.0.2.7", 1), "headers": []}) == "192.0.2.7"
