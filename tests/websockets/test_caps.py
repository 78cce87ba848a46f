"""How many connections there may be."""

import asyncio
from functools import partial
from typing import Any

import pytest

from brickwork.websockets import ConnectionLimits, TooManyConnectionsError
from brickwork.websockets._depends.caps import Caps, Place


def refusal(caps: Caps, address: str | None, user_id: str | None = None) -> TooManyConnectionsError | None:
    """Try to take a place; give the refusal, if it is one."""
    try:
        place = caps.take(address)
    except TooManyConnectionsError as error:
        return error
    try:
        caps.name(place, user_id)
    except TooManyConnectionsError as error:
        caps.give_back(place)
        return error
    return None


@pytest.mark.promise("websockets-8")
def test_all_together_have_a_limit() -> None:
    """The process takes so many connections and no more, and says when to come again."""
    caps = Caps(ConnectionLimits(total=2), 64)

    refusals = [refusal(caps, f"192.0.2.{number}") for number in range(3)]

    assert refusals[:2] == [None, None]
    assert refusals[2] is not None
    assert refusals[2].status_code == 429
    assert int((refusals[2].headers or {})["Retry-After"]) > 0
    assert len(caps) == 2


@pytest.mark.promise("websockets-8")
@pytest.mark.parametrize(
    ("first", "second", "shared"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (None, None, False),
    ],
)
def test_an_address_has_a_limit(first: str | None, second: str | None, *, shared: bool) -> None:
    """Connections of one address, or of one network of IPv6, are counted together; of unknown ones nothing is known."""
    caps = Caps(ConnectionLimits(per_address=1), 64)

    refusals = [refusal(caps, first), refusal(caps, second)]

    assert [each is None for each in refusals] == [True, not shared]


@pytest.mark.promise("websockets-8")
def test_a_user_has_a_limit() -> None:
    """Connections of one user are counted together, wherever they are from; strangers are nobody."""
    caps = Caps(ConnectionLimits(per_user=2), 64)

    refusals = [refusal(caps, f"192.0.2.{number}", "ada") for number in range(3)]

    assert [each is None for each in refusals] == [True, True, False]
    assert refusal(caps, "192.0.2.1", "grace") is None
    assert [refusal(caps, None) for _ in range(5)] == [None] * 5


def test_none_lifts_a_limit() -> None:
    """Where there is no limit, nobody is refused."""
    caps = Caps(ConnectionLimits(per_user=None, per_address=None, total=None), 64)

    refusals = [refusal(caps, "192.0.2.1", "ada") for _ in range(200)]

    assert refusals == [None] * 200


@pytest.mark.promise("websockets-9")
def test_a_newer_connection_replaces_the_oldest() -> None:
    """With ``excess="replace"``, the user's oldest connection is closed with 4409, and the new one has its place."""
    caps = Caps(ConnectionLimits(per_user=2, excess="replace"), 64)
    closed: list[tuple[str, int]] = []
    places: dict[str, Place] = {}

    def note(name: str, code: int, reason: str) -> None:
        closed.append((name, code))

    for name in ("oldest", "middle", "newest"):
        place = places[name] = caps.take(None)
        place.attach(partial(note, name))
        caps.name(place, "ada")

    replaced = [name for name, place in places.items() if place.ending]

    assert replaced == ["oldest"]
    assert closed == [("oldest", 4409)]


@pytest.mark.promise("websockets-9")
def test_replacing_never_exceeds_the_limit() -> None:
    """However many handshakes are under way at once, a user has no more than so many connections that last."""
    caps = Caps(ConnectionLimits(per_user=1, excess="replace"), 64)
    places = [caps.take(None) for _ in range(50)]

    for place in places:
        caps.name(place, "ada")

    assert [place.ending is not None for place in places] == [True] * 49 + [False]


def test_what_has_to_end_before_it_is_open_ends_then() -> None:
    """A connection that is replaced during its handshake is closed when it is open, once, and for the first reason."""
    place = Caps(ConnectionLimits(), 64).take(None)
    closed: list[tuple[int, str]] = []
    place.end(4409, "replaced")
    place.end(1012, "retry_after=1.0")

    place.attach(lambda code, reason: closed.append((code, reason)))
    place.end(1012, "retry_after=1.0")

    assert closed == [(4409, "replaced")]


@pytest.mark.promise("websockets-10")
def test_places_are_given_back_once() -> None:
    """A place that is given back is free again, and only once."""
    caps = Caps(ConnectionLimits(per_user=1, per_address=1, total=1), 64)
    for _ in range(3):
        place = caps.take("192.0.2.1")
        caps.name(place, "ada")

        caps.give_back(place)
        caps.give_back(place)

    assert len(caps) == 0
    assert (caps._addresses, caps._users) == ({}, {})


@pytest.mark.promise("websockets-10")
def test_refusals_take_nothing() -> None:
    """What is refused leaves nothing behind that counts."""
    caps = Caps(ConnectionLimits(per_user=1, per_address=2, total=3), 64)
    held = caps.take("192.0.2.1")
    caps.name(held, "ada")

    refused = [refusal(caps, "192.0.2.1", "ada") for _ in range(5)]

    assert None not in refused
    assert len(caps) == 1
    caps.give_back(held)
    assert (caps._addresses, caps._users) == ({}, {})


async def test_one_can_wait_until_all_are_gone() -> None:
    """Whoever waits for the last connection to end hears of it, and not before."""
    caps = Caps(ConnectionLimits(), 64)
    places = [caps.take(None), caps.take(None)]
    waiting = asyncio.create_task(caps.wait_empty())
    given_up = asyncio.create_task(caps.wait_empty())
    await asyncio.sleep(0)
    caps.give_back(places[0])
    await asyncio.sleep(0)
    early = waiting.done()

    given_up.cancel()
    caps.give_back(places[1])
    await waiting

    assert not early
    assert caps._ends == []
    assert list(caps) == []


@pytest.mark.parametrize("name", ["message", "inbox", "queue", "queue_bytes", "rooms", "errors"])
def test_what_bounds_memory_cannot_be_lifted(name: str) -> None:
    """Limits of what one client can have kept in memory are numbers, and said to be where they are written down."""
    limits: dict[str, Any] = {name: None}

    with pytest.raises(ValueError, match=f"{name}=None would let one client take all memory"):
        ConnectionLimits(**limits)
