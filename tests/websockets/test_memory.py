"""The backplane in memory: what others cannot promise, and how it forgets."""

import asyncio
import gc

import pytest

from brickwork.testing import ManualClock
from brickwork.websockets import Cursor, History, MemoryBackplane, Presence
from brickwork.websockets._rules.frames import Entry, frame
from tests.websockets.backplanes import Recorder, texts
from tests.websockets.peers import until

LOBBY = "room:lobby"


async def opened(
    backplane: MemoryBackplane, *, history: History | None = None, presence: Presence | None = None
) -> Recorder:
    """Open a backplane for a process that hears of the lobby."""
    receiver = Recorder()
    await backplane.open(receiver, history=history, presence=presence)
    await backplane.subscribe(LOBBY)
    return receiver


def say(text: str, channel: str = LOBBY) -> Entry:
    """Make an entry."""
    return Entry(channel, frame(text))


async def kept(backplane: MemoryBackplane, since: Cursor | None = None) -> list[str]:
    """Read the lobby's history."""
    return texts((await backplane.read(LOBBY, since)).entries)


@pytest.mark.promise("websockets-98")
async def test_a_message_has_been_delivered_when_publish_returns() -> None:
    """Nothing is left to a task: publishing delivers, in order."""
    backplane = MemoryBackplane()
    receiver = await opened(backplane)

    for number in range(5):
        await backplane.publish(say(str(number)))

    assert texts(receiver.entries) == ["0", "1", "2", "3", "4"]


@pytest.mark.promise("websockets-99")
async def test_a_history_ends_after_its_time() -> None:
    """Messages are kept until nothing has come for the ttl, and then gone; who was there before learns it."""
    clock = ManualClock()
    backplane = MemoryBackplane(clock=clock)
    await opened(backplane, history=History(ttl=60))
    cursor = await backplane.publish(say("first"))
    clock.advance(59)
    await backplane.publish(say("second"))
    clock.advance(59)
    assert await kept(backplane) == ["first", "second"]
    clock.advance(1)

    replay = await backplane.read(LOBBY, cursor)

    assert (list(replay.entries), replay.recovered) == ([], False)
    assert cursor is not None
    assert replay.head is not None
    assert replay.head.offset == 0
    assert replay.head.epoch != cursor.epoch


async def test_a_history_begun_anew_counts_anew() -> None:
    """After the ttl the next message is the first of another history."""
    clock = ManualClock()
    backplane = MemoryBackplane(clock=clock)
    await opened(backplane, history=History(ttl=60))
    old = await backplane.publish(say("old"))
    clock.advance(60)

    new = await backplane.publish(say("new"))

    assert old is not None
    assert new is not None
    assert (old.offset, new.offset) == (1, 1)
    assert old.epoch != new.epoch
    assert await kept(backplane, old) == ["new"]


@pytest.mark.promise("websockets-99")
async def test_no_more_is_kept_than_asked_for() -> None:
    """A history never holds more than its size, and messages that left it are freed."""
    backplane = MemoryBackplane()
    await opened(backplane, history=History(size=3))
    receiver = await opened(MemoryBackplane())

    for number in range(1_000):
        await backplane.publish(say(f"only {number}", "room:other"))

    gc.collect()
    alive = [each for each in gc.get_objects() if isinstance(each, Entry) and each.frame.data.startswith(b"only ")]
    assert len(alive) == 3
    assert receiver.entries == []


@pytest.mark.promise("websockets-100")
async def test_rooms_that_are_silent_take_no_memory() -> None:
    """Ten thousand rooms leave nothing when their time is over, though nobody asks for them any more."""
    backplane = MemoryBackplane()
    await opened(backplane, history=History(ttl=0.05))
    for number in range(10_000):
        channel = f"room:{number}"
        await backplane.subscribe(channel)
        await backplane.join(channel, "ada", f"c{number}", {})
        await backplane.publish(say("x", channel))
        await backplane.leave(channel, "ada", f"c{number}")
        await backplane.unsubscribe(channel)

    await until(lambda: not backplane._histories)

    assert list(backplane._subscriptions) == [LOBBY]
    assert len(backplane._attendance) == 0
    assert backplane._sweeping is None


async def test_rooms_that_are_not_silent_stay() -> None:
    """Sweeping forgets what is over and nothing else."""
    clock = ManualClock()
    backplane = MemoryBackplane(clock=clock)
    await opened(backplane, history=History(ttl=0.05))
    await backplane.publish(say("a", "room:a"))
    await backplane.publish(say("b", "room:b"))
    clock.advance(0.03)
    await backplane.publish(say("c", "room:a"))
    clock.advance(0.03)

    await until(lambda: len(backplane._histories or ()) == 1)

    assert texts((await backplane.read("room:a", None)).entries) == ["a", "c"]
    await backplane.close()


async def test_no_task_is_needed() -> None:
    """Histories and presence are kept without a task of their own."""
    before = asyncio.all_tasks()
    backplane = MemoryBackplane()
    await opened(backplane, history=History(), presence=Presence())

    for number in range(10):
        await backplane.publish(say("x", f"room:{number}"))
        await backplane.join(f"room:{number}", "ada", "c", {})

    assert asyncio.all_tasks() == before


@pytest.mark.promise("websockets-101")
async def test_managers_with_one_backplane_reach_each_other() -> None:
    """What is given the same backplane is one app: until the last has ended, it all stays."""
    backplane = MemoryBackplane()
    first = await opened(backplane, history=History())
    second = await opened(backplane, history=History())
    await backplane.publish(say("both"))
    await backplane.close()

    await backplane.publish(say("one is left"))

    assert texts(second.entries) == ["both", "one is left"]
    assert texts(first.entries)[:1] == ["both"]
    assert await kept(backplane) == ["both", "one is left"]


async def test_what_one_manager_unsubscribes_another_hears() -> None:
    """A channel is silent when nobody subscribes to it any more."""
    backplane = MemoryBackplane()
    await opened(backplane)
    receiver = await opened(backplane)
    await backplane.unsubscribe(LOBBY)
    await backplane.publish(say("heard"))
    await backplane.unsubscribe(LOBBY)

    await backplane.publish(say("not heard"))

    assert texts(receiver.entries) == ["heard"]


async def test_the_last_to_end_takes_everything_along() -> None:
    """When all have ended, nothing is delivered, kept or known, and closing once more is harmless."""
    backplane = MemoryBackplane()
    first, second = await opened(backplane, history=History()), await opened(backplane, history=History())
    await backplane.publish(say("x"))
    await backplane.join(LOBBY, "ada", "c", {})

    for _ in range(3):
        await backplane.close()

    await backplane.publish(say("nobody hears it"))
    assert texts(first.entries) == texts(second.entries) == ["x"]
    assert await kept(backplane) == []
    assert await backplane.members(LOBBY) == []


async def test_one_that_ends_and_begins_again_counts_once() -> None:
    """A manager may end and begin again beside another; both hear what is said, each once."""
    backplane = MemoryBackplane()
    first, second = await opened(backplane), await opened(backplane)
    await backplane.close()
    await backplane.open(first, history=None, presence=None)
    await backplane.subscribe(LOBBY)

    await backplane.publish(say("x"))

    assert texts(first.entries) == texts(second.entries) == ["x"]


async def test_managers_cannot_keep_two_histories() -> None:
    """Another history in one backplane is refused with a sentence that says what to do."""
    backplane = MemoryBackplane()
    await opened(backplane, history=History(size=10))

    with pytest.raises(ValueError, match="the same history="):
        await opened(backplane, history=History(size=20))


def test_another_event_loop_begins_without_clients() -> None:
    """Where a loop ended without a word, its clients are gone, and what they were sent is still there."""
    backplane = MemoryBackplane()
    receiver = Recorder()

    async def begin() -> tuple[list[str], int]:
        await backplane.open(receiver, history=History(), presence=None)
        found = await kept(backplane), len(await backplane.members(LOBBY))
        await backplane.subscribe(LOBBY)
        await backplane.join(LOBBY, "ada", "c", {})
        await backplane.publish(say("x"))
        return found

    first = asyncio.run(begin())
    second = asyncio.run(begin())

    assert (first, second) == (([], 0), (["x"], 0))
    assert backplane._subscriptions[LOBBY] == 1
    asyncio.run(backplane.close())
    assert backplane._sweeping is None
