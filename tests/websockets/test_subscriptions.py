"""A channel is subscribed to while somebody is in it, whoever comes and goes at the same time."""

import asyncio
from random import Random
from typing import Any

import pytest

from brickwork.websockets import MemoryBackplane
from tests.websockets.peers import PATIENCE, until
from tests.websockets.test_channels import ROOM, Place, Recipient


class Slow(MemoryBackplane):
    """A backplane that takes its time, and notes what it was asked for."""

    def __init__(self, random: Random | None = None) -> None:
        super().__init__()
        self.subscribed: set[str] = set()
        self.asked: list[str] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.random = random

    async def _pause(self, asked: str) -> None:
        self.asked.append(asked)
        await self.gate.wait()
        if self.random is not None:
            for _ in range(self.random.randrange(3)):
                await asyncio.sleep(0)
        if self.failure is not None:
            raise self.failure

    async def subscribe(self, channel: str) -> None:
        """Subscribe, in a while."""
        await self._pause("subscribe")
        assert channel not in self.subscribed
        self.subscribed.add(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe, in a while."""
        await self._pause("unsubscribe")
        self.subscribed.remove(channel)


async def test_a_channel_is_subscribed_to_once() -> None:
    """The first to come subscribes, the last to leave unsubscribes, and nothing is left."""
    backplane = Slow()
    place = Place(backplane)

    await place.fill(3)
    during = set(backplane.subscribed)
    left = [place.channels.leave(ROOM, str(number)) for number in [0, 1, 2, 2]]
    await until(lambda: not backplane.subscribed)

    assert during == {ROOM}
    assert left == [True, True, True, False]
    assert backplane.asked == ["subscribe", "unsubscribe"]
    assert (len(place.channels), place.counters.rooms) == (0, 0)


@pytest.mark.promise("websockets-50")
async def test_those_who_come_first_together_all_get_the_next_message() -> None:
    """When several join a channel at once, none of them is in before its messages arrive."""
    backplane = Slow()
    backplane.gate.clear()
    place = Place(backplane)
    recipients = [Recipient(number, place.clock) for number in range(5)]
    joins = [asyncio.create_task(place.channels.enter(ROOM, each)) for each in recipients]
    await until(lambda: backplane.asked)
    early = [join.done() for join in joins]

    backplane.gate.set()
    inside = await asyncio.gather(*joins)
    place.deliver("a")

    assert early == [False] * 5
    assert inside == [True] * 5
    assert backplane.asked == ["subscribe"]
    assert [each.texts for each in recipients] == [["a"]] * 5


async def test_one_who_leaves_before_being_in_is_not_in() -> None:
    """Whoever leaves while joining hears that it is not in; the channel goes as if nobody had come."""
    backplane = Slow()
    backplane.gate.clear()
    place = Place(backplane)
    join = asyncio.create_task(place.channels.enter(ROOM, Recipient(0, place.clock)))
    await until(lambda: backplane.asked)

    place.channels.leave(ROOM, "0")
    backplane.gate.set()

    assert not await join
    await until(lambda: backplane.asked == ["subscribe", "unsubscribe"])
    assert not backplane.subscribed


async def test_one_who_comes_while_the_last_leaves_is_in() -> None:
    """Joining waits for an unsubscription that is under way, and subscribes again."""
    backplane = Slow()
    place = Place(backplane)
    await place.fill(1)
    backplane.gate.clear()
    place.channels.leave(ROOM, "0")
    join = asyncio.create_task(place.channels.enter(ROOM, Recipient(1, place.clock)))
    await until(lambda: len(backplane.asked) == 2)

    backplane.gate.set()

    assert await join
    assert backplane.asked == ["subscribe", "unsubscribe", "subscribe"]
    assert backplane.subscribed == {ROOM}


async def test_a_join_that_is_cancelled_leaves_no_trace() -> None:
    """Whoever gives up joining is not in, and nobody else is disturbed."""
    backplane = Slow()
    backplane.gate.clear()
    place = Place(backplane)
    joins = [asyncio.create_task(place.channels.enter(ROOM, Recipient(number, place.clock))) for number in range(2)]
    await until(lambda: backplane.asked)

    joins[0].cancel()
    await asyncio.wait([joins[0]])
    backplane.gate.set()

    assert await joins[1]
    assert [each.id for each in place.channels.recipients(ROOM)] == ["1"]


async def test_a_backplane_that_fails_fails_those_who_join(expected_errors: list[Any]) -> None:
    """All who wait for a subscription hear that it failed and are not in; the next one tries again."""
    backplane = Slow()
    backplane.failure = OSError("no server")
    place = Place(backplane)
    joins = [asyncio.create_task(place.channels.enter(ROOM, Recipient(number, place.clock))) for number in range(2)]

    results = await asyncio.gather(*joins, return_exceptions=True)
    empty = len(place.channels)
    backplane.failure = None
    await place.fill(1)

    assert [type(result) for result in results] == [OSError, OSError]
    assert empty == 0
    assert backplane.subscribed == {ROOM}
    assert len(expected_errors) == 1


async def test_a_backplane_may_fail_to_unsubscribe(expected_errors: list[Any]) -> None:
    """A failure to unsubscribe is logged, and harms nobody who comes afterwards."""
    backplane = Slow()
    place = Place(backplane)
    await place.fill(1)
    backplane.failure = OSError("no server")
    place.channels.leave(ROOM, "0")
    await until(lambda: expected_errors)
    backplane.failure = None
    backplane.subscribed.clear()

    await place.fill(1)

    assert backplane.subscribed == {ROOM}


async def test_the_end_lets_those_go_who_are_joining() -> None:
    """When all ends, whoever is joining hears that it is not in, and nothing goes on."""
    backplane = Slow()
    backplane.gate.clear()
    place = Place(backplane)
    join = asyncio.create_task(place.channels.enter(ROOM, Recipient(0, place.clock)))
    await until(lambda: backplane.asked)

    await place.channels.close()

    assert not await join
    assert len(place.channels) == 0


async def _come_and_go(place: Place, random: Random, number: int) -> bool:
    """Join, leave, or give up, at any moment; gives whether it is in at the end."""
    recipient = Recipient(number, place.clock)
    inside = False
    for _ in range(random.randrange(1, 5)):
        join = asyncio.create_task(place.channels.enter(ROOM, recipient))
        for _ in range(random.randrange(5)):
            await asyncio.sleep(0)
        if random.random() < 0.3:
            join.cancel()
        left = random.random() < 0.3 and place.channels.leave(ROOM, recipient.id)
        await asyncio.wait([join])
        inside = not join.cancelled() and join.result() and not left
        if inside and random.random() < 0.5:
            inside = not place.channels.leave(ROOM, recipient.id)
        if inside:
            return True
    return inside


@pytest.mark.promise("websockets-50")
async def test_however_they_come_and_go_the_end_is_consistent() -> None:
    """After any of a thousand interleavings, those are in who think so, and the channel is subscribed to if any are."""
    for seed in range(1_000):
        random = Random(seed)
        backplane = Slow(random)
        place = Place(backplane)

        async with asyncio.timeout(PATIENCE):
            ends = await asyncio.gather(*(_come_and_go(place, random, number) for number in range(3)))
        inside = {str(number) for number, end in enumerate(ends) if end}
        await until(lambda: (ROOM in backplane.subscribed) == bool(inside))  # noqa: B023 - waited for at once

        assert {each.id for each in place.channels.recipients(ROOM)} == inside, seed
        assert len(place.channels) == bool(inside)
        assert place.counters.rooms == bool(inside)
