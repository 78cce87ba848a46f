"""What becomes of what is heard of a channel, message by message."""

import asyncio
from collections.abc import Sequence

import pytest

from brickwork.websockets import Cursor
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets.redis import channel as module
from brickwork.websockets.redis.channel import Channel, Reading
from brickwork.websockets.redis.sender import hole
from brickwork.websockets.redis.wire import Message
from tests.websockets.backplanes import Recorder, texts
from tests.websockets.redis.faults import LOBBY


def message(offset: int | None, *, epoch: str = "e", origin: str = "p", number: int | None = None) -> Message:
    """Make a message that says its offset."""
    cursor = None if offset is None else Cursor(epoch, offset)
    return Message(Entry(LOBBY, frame(f"{offset}"), cursor=cursor), origin, offset or 0 if number is None else number)


def read(*offsets: int, head: int, epoch: str = "e", begin: int = 0, whole: bool = True) -> Reading:
    """Make what was read of a history."""
    found = [(offset, message(offset, epoch=epoch)) for offset in offsets]
    return Reading(Cursor(epoch, head), begin, found, whole)


async def at(last: int | None, *, ttl: float | None = 600.0, broken: bool = False) -> tuple[Channel, Recorder]:
    """Make a channel of which that was heard last."""
    recorder = Recorder()
    live = asyncio.get_running_loop().create_future()
    channel = Channel(LOBBY, origin="me", receiver=recorder, ttl=ttl, now=lambda: 0.0, live=live, broken=broken)
    if last is not None:
        channel.caught_up(read(head=last))
    return channel, recorder


def offsets(recorder: Recorder) -> Sequence[str]:
    """Give what was delivered."""
    return texts(recorder.entries)


async def test_what_is_heard_before_the_history_is_known_waits() -> None:
    """Messages are held back until it is known where the history stood, and those that came before are left out."""
    channel, recorder = await at(None)
    for offset in (4, 5, 6):
        channel.hear(message(offset))
    before = list(recorder.entries)

    result = channel.caught_up(read(head=5))

    assert (before, result, offsets(recorder)) == ([], "open", ["6"])


async def test_a_gap_is_filled_before_what_follows() -> None:
    """After a jump the missing messages come first, and what was heard meanwhile once."""
    channel, recorder = await at(3)

    followed = [channel.hear(message(offset)) for offset in (4, 7, 8)]
    result = channel.caught_up(read(4, 5, 6, 7, head=7))

    assert followed == [True, False, True]
    assert (result, offsets(recorder)) == ("open", ["4", "5", "6", "7", "8"])
    assert recorder.losses == []


async def test_a_hole_at_the_end_is_told() -> None:
    """Where the count goes on but the messages are gone, that is a loss."""
    channel, recorder = await at(3)

    result = channel.caught_up(read(head=9))

    assert (result, recorder.losses) == ("open", [(LOBBY, Cursor("e", 9))])


async def test_another_message_at_the_same_place_is_another_history() -> None:
    """Where something else stands at the place of the last message, the epoch has to end."""
    channel, recorder = await at(3)
    channel.hear(message(4))
    other = Reading(Cursor("e", 5), 0, [(4, message(4, origin="q")), (5, message(5))], whole=True)

    result = channel.caught_up(other)

    assert (result, offsets(recorder)) == ("fork", ["4"])
    assert channel.caught_up(read(head=5, epoch="f", begin=5)) == "open"
    assert recorder.losses == [(LOBBY, Cursor("f", 5))]


async def test_a_message_that_the_history_does_not_know_is_left_out() -> None:
    """What was heard of a history that was begun anew before it could be read is not waited for twice."""
    channel, recorder = await at(3)
    channel.hear(message(9))

    results = [channel.caught_up(read(head=1, epoch="f", begin=1)), channel.caught_up(read(1, head=1, epoch="f"))]

    assert (results, offsets(recorder)) == (["more", "open"], [])
    assert channel.hear(message(2, epoch="f"))
    assert offsets(recorder) == ["2"]


async def test_an_old_message_is_left_out() -> None:
    """A message that stands before the last one was heard already."""
    channel, recorder = await at(3)

    assert channel.hear(message(2))

    assert recorder.entries == []


async def test_messages_of_a_process_come_once() -> None:
    """A message that a process sends a second time is not delivered again, whatever its place."""
    channel, recorder = await at(3)
    channel.hear(message(4, number=7))

    channel.hear(message(5, number=7))
    channel.hear(message(None, number=7))

    assert offsets(recorder) == ["4", "None"]


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what waits for a history that cannot be read, the oldest is left to the history."""
    monkeypatch.setattr(module, "_WAITING", 2)
    channel, recorder = await at(None)
    for offset in (1, 2, 3, 4):
        channel.hear(message(offset))

    channel.caught_up(read(head=2))

    assert offsets(recorder) == ["3", "4"]


async def test_what_is_remembered_of_processes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of so many processes is remembered what they sent last; those that were silent longest go."""
    monkeypatch.setattr(module, "_ORIGINS", 2)
    channel, recorder = await at(None, ttl=None)
    channel.open()
    for origin in ("a", "b", "a", "c"):
        channel.hear(message(None, origin=origin, number=1))

    again = [channel.hear(message(None, origin=origin, number=1)) for origin in ("a", "c", "b")]

    assert all(again)
    assert len(recorder.entries) == 4  # of a, b, c, and of b again


async def test_a_hole_that_this_process_made_is_no_loss_to_it() -> None:
    """Who had to drop messages has delivered them to its own clients; others hear of the hole."""
    channel, recorder = await at(3, ttl=None)
    channel.open()
    for origin in ("me", "p"):
        parcel = hole(LOBBY, origin, 1, stored=False)
        channel.hear(Message(parcel.entry, origin, parcel.number))

    assert recorder.losses == [(LOBBY, Cursor("e", 3))]
    assert recorder.entries == []


async def test_a_hole_in_a_history_is_told_to_others() -> None:
    """A message that stands for a lost one moves on, and is told where it was not this process that lost it."""
    channel, recorder = await at(3)
    entry = hole(LOBBY, "x", 1, stored=True).entry
    entry.cursor = Cursor("e", 4)
    mine = channel.hear(Message(entry, "me", 1))
    entry.cursor = Cursor("e", 5)

    other = channel.hear(Message(entry, "p", 1))

    assert (mine, other, recorder.losses) == (True, True, [(LOBBY, Cursor("e", 5))])
    assert channel.hear(message(6))
