"""Counting by the client's address, which no client can choose."""

import pytest

from brickwork.ratelimit import by_ip
from brickwork.ratelimit._service.keys import Identity, Key
from tests.ratelimit.scopes import connection

PEER = "198.51.100.9"
PROXIED = by_ip(["10.0.0.0/8"])


def who(key: Key, headers: list[tuple[str, str]] | None = None, *, peer: str | None = PEER) -> str | None:
    """Give the address that is counted."""
    found = key.find(connection(headers, peer=peer))
    assert isinstance(found, Identity)
    return found.parts[1] if found.parts else None


@pytest.mark.promise("ratelimit-18")
@pytest.mark.parametrize(
    "forged",
    [
        [("X-Forwarded-For", "{}")],
        [("X-Forwarded-For", "{}, 10.0.0.1")],
        [("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "{}")],
        [("Forwarded", "for={}")],
        [("X-Real-IP", "{}")],
        [("X_FORWARDED_FOR", "{}")],
        [("True-Client-IP", "{}"), ("CF-Connecting-IP", "{}")],
    ],
)
def test_no_header_makes_another_caller(forged: list[tuple[str, str]]) -> None:
    """A hundred addresses that a client makes up are the one it comes from, whatever header carries them."""
    sent = [[(name, value.format(f"203.0.113.{number}")) for name, value in forged] for number in range(100)]

    assert {who(by_ip(), headers) for headers in sent} == {PEER}
    assert {who(PROXIED, headers) for headers in sent} == {PEER}


@pytest.mark.promise("ratelimit-18")
@pytest.mark.parametrize("name", ["X-Real-IP", "X_FORWARDED_FOR", "True-Client-IP"])
def test_a_trusted_proxy_speaks_by_the_standard_headers_only(name: str) -> None:
    """What a proxy lets pass unread is not believed, though the proxy is trusted."""
    assert who(PROXIED, [(name, "203.0.113.1")], peer="10.0.0.1") == "10.0.0.1"


@pytest.mark.promise("ratelimit-19")
@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([("X-Forwarded-For", "evil, 192.0.2.4")], "192.0.2.4"),
        ([("X-Forwarded-For", "192.0.2.4, 10.0.0.2")], "192.0.2.4"),
        ([("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "192.0.2.4")], "192.0.2.4"),
        ([("X-Forwarded-For", "192.0.2.4, evil")], "10.0.0.1"),
        ([("X-Forwarded-For", "6.6.6.6, evil, 10.0.0.2")], "10.0.0.2"),
        ([("X-Forwarded-For", "[2001:db8::1]:80")], "2001:db8::/64"),
        ([("X-Forwarded-For", "192.0.2.4:99")], "192.0.2.4"),
        ([("X-Forwarded-For", "::ffff:192.0.2.4")], "192.0.2.4"),
        ([("Forwarded", 'for="[2001:db8::1]:80"')], "2001:db8::/64"),
        ([("Forwarded", "for=192.0.2.4")], "192.0.2.4"),
    ],
)
def test_a_trusted_proxy_names_the_client(headers: list[tuple[str, str]], client: str) -> None:
    """The nearest hop that is no trusted proxy is the client, and nothing further left."""
    assert who(PROXIED, headers, peer="10.0.0.1") == client


@pytest.mark.promise("ratelimit-20")
def test_one_site_is_one_caller() -> None:
    """A thousand addresses of 64 bits of IPv6 are one caller; the neighbours are another."""
    addresses = [f"2001:db8:0:1:{number:x}::{number:x}" for number in range(1_000)]

    assert {who(by_ip(), peer=address) for address in addresses} == {"2001:db8:0:1::/64"}
    assert who(by_ip(), peer="2001:db8:0:2::1") == "2001:db8:0:2::/64"
    assert len({who(by_ip(ipv6_prefix=128), peer=address) for address in addresses}) == 1_000
    assert who(by_ip(ipv6_prefix=48), peer="2001:db8:0:2::1") == "2001:db8::/48"


def test_every_way_to_write_an_address_is_one() -> None:
    """IPv4 inside of IPv6 is IPv4, and what is no address stays what it is."""
    assert who(by_ip(), peer="::ffff:192.0.2.4") == "192.0.2.4"
    assert who(by_ip(), peer="testclient") == "testclient"
    assert who(by_ip(["unix"]), [("X-Forwarded-For", "192.0.2.4")], peer=None) == "192.0.2.4"


@pytest.mark.promise("ratelimit-21")
@pytest.mark.parametrize("peer", [None, ""])
def test_no_address_is_nobody(peer: str | None) -> None:
    """A connection without an address is not counted as one of many strangers."""
    assert by_ip().find(connection(peer=peer)) == Identity((), "address")


def test_equal_keys_are_equal() -> None:
    """Keys are told apart by what they say, so that equal limits are one dependency."""
    assert by_ip(["10.0.0.0/8"]) == PROXIED
    assert hash(by_ip(["10.0.0.0/8"])) == hash(PROXIED)
    assert by_ip() != PROXIED
    assert by_ip(ipv6_prefix=56) != by_ip()


@pytest.mark.promise("ratelimit-16")
def test_nonsense_is_refused() -> None:
    """A prefix that is none, a network that is none, and a bare text are refused where they are written."""
    with pytest.raises(ValueError, match="from 1 to 128"):
        by_ip(ipv6_prefix=0)
    with pytest.raises(ValueError, match="from 1 to 128"):
        by_ip(ipv6_prefix=129)
    with pytest.raises(ValueError, match="no address or network"):
        by_ip(["10.0.0.0/40"])
    with pytest.raises(TypeError, match="takes a list"):
        by_ip("10.0.0.0/8")
