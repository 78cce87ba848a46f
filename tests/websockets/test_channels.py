"""Who gets what, in which order, without keeping anybody else waiting."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from brickwork.testing import ManualClock
from brickwork.websockets import MemoryBackplane
from brickwork.websockets._rules.controls import write_control
from brickwork.websockets._rules.frames import Entry, Frame
from brickwork.websockets._service.channels import SLICE, Channels
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.counters import Counters
from brickwork.websockets._store import Backplane

ROOM = "room:lobby"


class Recipient:
    """Somebody in a channel, to whom each message takes some time to hand over."""

    codec = JSONCodec()

    def __init__(self, number: int, clock: ManualClock, cost: float = 0.0) -> None:
        self.id = str(number)
        self.user_id = f"user {number % 3}"
        self.texts: list[str] = []
        self.evicted: list[tuple[int, str]] = []
        self.then: Callable[[], None] = lambda: None
        self._clock = clock
        self._cost = cost

    def push(self, entry: Entry) -> None:
        """Take a message."""
        self._clock.advance(self._cost)
        self.texts.append(entry.frame.data.decode())
        self.then()

    def evict(self, code: int, reason: str = "") -> None:
        """Be parted with."""
        self.evicted.append((code, reason))


class Place:
    """Channels, and those who are in one of them."""

    def __init__(self, backplane: Backplane | None = None) -> None:
        self.clock = ManualClock()
        self.counters = Counters()
        self.channels = Channels(backplane or MemoryBackplane(), self.counters, self.clock)

    async def fill(self, count: int, *, cost: float = 0.0, room: str = ROOM) -> list[Recipient]:
        """Let recipients in."""
        recipients = [Recipient(number, self.clock, cost) for number in range(count)]
        for recipient in recipients:
            assert await self.channels.enter(room, recipient)
        return recipients

    def deliver(self, text: str, room: str = ROOM, **options: Any) -> None:
        """Deliver a text."""
        self.channels.deliver(Entry(room, Frame("text", text.encode()), **options))


# --- who gets it


async def test_all_in_a_channel_get_it() -> None:
    """A message reaches those in its channel, at once, and nobody else."""
    place = Place()
    inside = await place.fill(3)
    outside = await place.fill(2, room="room:other")

    place.deliver("a")
    place.deliver("b", room="room:nobody")

    assert [each.texts for each in inside] == [["a"]] * 3
    assert [each.texts for each in outside] == [[]] * 2
    assert (place.counters.sent, place.counters.fan_outs) == (3, 1)


@pytest.mark.promise("websockets-39")
async def test_some_can_be_left_out() -> None:
    """Connections and users can be left out of a message."""
    place = Place()
    recipients = await place.fill(6)

    place.deliver("a", exclude=frozenset({"0"}), exclude_users=frozenset({"user 2"}))

    assert [each.id for each in recipients if each.texts] == ["1", "3", "4"]
    assert place.counters.sent == 3


async def test_one_can_stand_for_another() -> None:
    """A recipient can take the place of another of its ID; one that is not there any more stays away."""
    place = Place()
    before = await place.fill(2)
    after = Recipient(0, place.clock)

    place.channels.swap(ROOM, after)
    place.channels.swap(ROOM, Recipient(7, place.clock))
    place.channels.swap("room:nobody", after)
    place.deliver("a")

    assert [each.texts for each in [*before, after]] == [[], ["a"], ["a"]]
    assert place.channels.recipients(ROOM) == (after, before[1])
    assert place.channels.recipients("room:nobody") == ()
    assert place.channels.recipient(ROOM, "0") is after
    assert place.channels.recipient("room:nobody", "0") is None
    assert (place.channels.count(ROOM), place.channels.count("room:nobody")) == (2, 0)


async def test_all_in_a_channel_can_be_parted_with() -> None:
    """A control entry parts with those in the channel, instead of being sent to them."""
    place = Place()
    recipients = await place.fill(3)

    place.channels.deliver(Entry(ROOM, write_control(4403, "closed"), control="close"))

    assert [each.evicted for each in recipients] == [[(4403, "closed")]] * 3
    assert [each.texts for each in recipients] == [[]] * 3


async def test_what_cannot_be_encoded_is_said_once(expected_errors: list[Any]) -> None:
    """Those whose codec has no form for a message miss it; the rest get it, and the log has one line."""

    def refuse() -> None:
        raise ValueError("no form")

    place = Place()
    recipients = await place.fill(100)
    for recipient in recipients[::2]:
        recipient.then = refuse

    place.deliver("a")

    assert all(each.texts == ["a"] for each in recipients[1::2])
    assert (place.counters.sent, place.counters.errors) == (50, 1)
    assert len(expected_errors) == 1


# --- in turns


@pytest.mark.promise("websockets-49")
async def test_a_long_fan_out_makes_way_for_the_loop() -> None:
    """A message to very many holds the loop for a few milliseconds at a time."""
    place = Place()
    recipients = await place.fill(1_000, cost=SLICE / 200)
    held: list[float] = []

    async def watch() -> None:
        while not recipients[-1].texts:
            before = place.clock.monotonic()
            await asyncio.sleep(0)
            held.append(place.clock.monotonic() - before)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    place.deliver("a")
    at_once = sum(bool(each.texts) for each in recipients)
    await place.channels.handed_over(ROOM)
    await watching

    assert 0 < at_once < 1_000
    assert all(each.texts == ["a"] for each in recipients)
    assert max(held) < 2 * SLICE
    assert place.counters.fan_outs == 1


@pytest.mark.promise("websockets-41")
async def test_senders_at_the_same_time_are_heard_in_one_order() -> None:
    """Messages that are sent at the same time reach all in the same order, however long each takes."""
    place = Place()
    recipients = await place.fill(200, cost=SLICE / 100)

    for text in "abcde":
        place.deliver(text)
    await place.channels.handed_over(ROOM)

    assert [each.texts for each in recipients] == [list("abcde")] * 200


@pytest.mark.promise("websockets-31")
async def test_those_who_leave_meanwhile_are_left_out_alone() -> None:
    """Whoever leaves while a message is handed on does not get it, and nobody else is passed over or told twice."""
    place = Place()
    recipients = await place.fill(300, cost=SLICE / 100)
    place.deliver("a")
    reached = {each.id for each in recipients if each.texts}
    leaving = {str(number) for number in range(0, 300, 7)}

    for each in leaving:
        place.channels.leave(ROOM, each)
    await place.channels.handed_over(ROOM)

    expected = {each.id for each in recipients} - leaving | reached
    assert {each.id for each in recipients if each.texts == ["a"]} == expected
    assert not any(each.texts for each in recipients if each.id not in expected)


async def test_those_who_come_meanwhile_get_what_comes_next() -> None:
    """Whoever comes while a message is handed on gets the ones after it; whoever stands for another gets that one's."""
    place = Place()
    recipients = await place.fill(200, cost=SLICE / 100)
    place.deliver("a")
    late, instead = Recipient(1_000, place.clock), Recipient(199, place.clock)

    await place.channels.enter(ROOM, late)
    place.channels.swap(ROOM, instead)
    place.deliver("b")
    await place.channels.handed_over(ROOM)

    assert late.texts == ["b"]
    assert instead.texts == ["a", "b"]
    assert recipients[199].texts == []


async def test_busy_channels_take_turns() -> None:
    """A channel with little to do does not wait for one with much."""
    place = Place()
    many = await place.fill(2_000, cost=SLICE / 100)
    few = await place.fill(1, room="room:other")

    place.deliver("a")
    place.deliver("b", room="room:other")
    await place.channels.handed_over("room:other")
    left = sum(not each.texts for each in many)
    await place.channels.handed_over(ROOM)

    assert few[0].texts == ["b"]
    assert left > 0
    assert all(each.texts == ["a"] for each in many)


async def test_what_is_sent_from_within_a_fan_out_comes_after_it() -> None:
    """A message that is sent because one arrived reaches all after that one."""
    place = Place()
    recipients = await place.fill(3)

    def answer() -> None:
        recipients[1].then = lambda: None
        place.deliver("b")

    recipients[1].then = answer
    place.deliver("a")
    await place.channels.handed_over(ROOM)

    assert [each.texts for each in recipients] == [["a", "b"]] * 3


async def test_waiting_for_a_fan_out_can_be_given_up() -> None:
    """A sender that is cancelled while its message is handed on changes nothing."""
    place = Place()
    recipients = await place.fill(300, cost=SLICE / 100)
    place.deliver("a")
    sender = asyncio.create_task(place.channels.handed_over(ROOM))
    await asyncio.sleep(0)
    sender.cancel()
    await asyncio.wait([sender])

    place.deliver("b")
    await place.channels.handed_over(ROOM)
    await place.channels.handed_over(ROOM)

    assert [each.texts for each in recipients] == [["a", "b"]] * 300


@pytest.mark.parametrize("end", ["left", "closed"])
async def test_nobody_waits_for_a_channel_that_has_gone(end: str) -> None:
    """When the last one leaves, or everything ends, whoever waits for the channel is let go."""
    place = Place()
    recipients = await place.fill(300, cost=SLICE / 100)
    place.deliver("a")
    sender = asyncio.create_task(place.channels.handed_over(ROOM))
    await asyncio.sleep(0)

    if end == "closed":
        await place.channels.close()
    for each in recipients:
        place.channels.leave(ROOM, each.id)
    await sender
    await place.channels.close()

    assert place.channels.count(ROOM) == 0
    assert len(place.channels) == 0
