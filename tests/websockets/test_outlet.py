"""The way out to one client: nothing that it does or leaves undone delays anybody else."""

import asyncio
from typing import Literal

import pytest

from brickwork.websockets import ConnectionClosedError, ConnectionLimits, SlowConsumer
from brickwork.websockets._rules.frames import Entry, Frame
from tests.websockets.outlets import Bench, entry, tasks
from tests.websockets.peers import PATIENCE, until


async def test_a_client_that_keeps_up_needs_no_task() -> None:
    """What the server takes at once is sent at once."""
    bench, before = Bench(), tasks()

    bench.push("a", "b")

    assert bench.peer.texts == ["a", "b"]
    assert tasks() == before
    assert (bench.outlet.sent, bench.outlet.queued, bench.outlet.queued_bytes, bench.outlet.dropped) == (2, 0, 0, 0)


@pytest.mark.promise("websockets-40")
@pytest.mark.parametrize("delivery", ["inline", "task"])
async def test_a_slow_client_gets_all_in_order(delivery: Literal["inline", "task"]) -> None:
    """What waits for a client arrives in its order when it reads again, and what comes then after it."""
    bench = Bench(delivery=delivery)
    bench.push("a")
    await until(lambda: bench.peer.texts == ["a"])
    bench.peer.stall()
    texts = [str(number) for number in range(200)]

    bench.push(*texts)
    await asyncio.sleep(0)
    queued = bench.outlet.queued
    bench.peer.resume()
    await until(lambda: len(bench.peer.texts) == 201)
    bench.push("z")
    await until(lambda: len(bench.peer.texts) == 202)

    assert queued == 199
    assert bench.peer.texts == ["a", *texts, "z"]
    assert bench.peer.most_sending == 1
    assert bench.outlet.sent == 202
    assert bench.counters.largest_queue >= 199


async def test_a_client_that_reads_again_needs_no_task_any_more() -> None:
    """The task ends with the queue, and what comes then is sent at once."""
    bench, before = Bench(), tasks()
    bench.push("a")
    bench.peer.stall()
    bench.push("b")
    during = tasks()
    bench.peer.resume()
    await bench.outlet.wait_idle()
    await until(lambda: tasks() == before)

    bench.push("c")

    assert during == before + 1
    assert bench.peer.texts == ["a", "b", "c"]
    assert tasks() == before


async def test_the_sender_takes_no_frame_along() -> None:
    """A sender that is cancelled cancels nothing that waits for a client."""
    bench = Bench()
    bench.push("a")
    bench.peer.stall()

    async def broadcast() -> None:
        bench.push("b", "c")
        await asyncio.Event().wait()

    sender = asyncio.create_task(broadcast())
    await asyncio.sleep(0)
    sender.cancel()
    await asyncio.wait([sender])
    bench.peer.resume()
    await bench.outlet.wait_idle()

    assert bench.peer.texts == ["a", "b", "c"]


@pytest.mark.promise("websockets-43")
async def test_what_waits_is_bounded() -> None:
    """The queue holds as many messages as it may, and no more."""
    bench = Bench(limits=ConnectionLimits(queue=3), slow=SlowConsumer.drop_oldest())
    bench.push("a")
    bench.peer.stall()

    bench.push(*(str(number) for number in range(100)))
    queued = bench.outlet.queued, bench.outlet.queued_bytes
    bench.peer.resume()
    await bench.outlet.wait_idle()

    assert queued == (3, 6)
    assert bench.peer.texts == ["a", "0", "97", "98", "99"]


@pytest.mark.promise("websockets-46")
async def test_a_client_that_is_too_slow_is_parted_with() -> None:
    """With `disconnect`, one message too many ends the connection, and what waited for it is forgotten."""
    bench = Bench(limits=ConnectionLimits(queue=2), slow=SlowConsumer.disconnect(1008))
    bench.push("a")
    bench.peer.stall()

    bench.push("b", "c", "d", "e", "f")

    assert [code for code, _ in bench.ends] == [1008]
    assert bench.outlet.queued == 0
    assert bench.counters.dropped["disconnect"] == 1
    await until(lambda: bench.peer.sending == 0)
    assert bench.peer.texts == ["a"]


@pytest.mark.promise("websockets-47")
async def test_of_each_key_the_latest_is_sent() -> None:
    """With `coalesce`, a slow client gets the last state of each thing, of one channel as of another."""
    bench = Bench(slow=SlowConsumer.coalesce())
    bench.push("a")
    bench.peer.stall()
    bench.push("b")

    for text, key in [("x1", "x"), ("y1", "y"), ("x2", "x"), ("n", None), ("x3", "x")]:
        bench.outlet.push(entry(text, key=key))
    bench.outlet.push(Entry("room:other", Frame("text", b"x of another room"), key="x"))
    bench.peer.resume()
    await bench.outlet.wait_idle()

    assert bench.peer.texts == ["a", "b", "y1", "n", "x3", "x of another room"]


@pytest.mark.promise("websockets-48")
async def test_every_drop_is_told_and_few_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Each message that a slow client misses is counted and told; the log has a line in ten seconds."""
    bench = Bench(limits=ConnectionLimits(queue=1), slow=SlowConsumer.drop_newest())
    bench.push("a")
    bench.peer.stall()

    bench.push(*"bcdef")
    bench.clock.advance(9.9)
    bench.push("g")
    early = len(caplog.records)
    bench.clock.advance(0.1)
    bench.push("h")

    assert [event.kind for event in bench.events] == ["dropped"] * 5
    assert {(event.connection, event.user, event.state) for event in bench.events} == {("1", "ada", "drop_newest")}
    assert bench.counters.dropped["drop_newest"] == bench.outlet.dropped == 5
    assert (early, len(caplog.records)) == (1, 2)
    bench.outlet.close(1000)


@pytest.mark.promise("websockets-42")
async def test_a_client_that_reads_nothing_is_parted_with() -> None:
    """One message that waits for longer than `stall` ends the connection."""
    bench = Bench(stall=0.01)
    bench.push("a")
    bench.peer.stall()
    bench.push("b")

    bench.clock.advance(0.02)
    async with asyncio.timeout(PATIENCE):
        await bench.ended.wait()

    assert [code for code, _ in bench.ends] == [1013]
    await until(lambda: bench.peer.sending == 0)


async def test_a_client_that_reads_slowly_stays() -> None:
    """It is one message that may not wait for long, not the client that may not be slow."""
    bench = Bench(stall=0.01)
    bench.push("a")
    bench.peer.stall()
    bench.push("b")
    checks = 0
    looks = bench.clock.monotonic

    def look() -> float:
        nonlocal checks
        checks += 1
        return looks()

    bench.clock.monotonic = look  # type: ignore[method-assign]  # counts how often the outlet looks at the clock
    bench.clock.advance(0.009)
    await until(lambda: checks >= 3)
    bench.peer.resume()
    await bench.outlet.wait_idle()

    assert not bench.ends
    assert bench.peer.texts == ["a", "b"]


async def test_one_who_can_wait_does() -> None:
    """`put` waits while half of the queue is full, and each of several gets in when there is place."""
    bench = Bench(limits=ConnectionLimits(queue=4))
    bench.push("a")
    bench.peer.stall()
    bench.push("b", "c", "d")
    senders = [asyncio.create_task(bench.outlet.put(entry(text))) for text in "ef"]
    await asyncio.sleep(0)
    waiting = [sender.done() for sender in senders]

    bench.peer.resume()
    await asyncio.gather(*senders)
    await bench.outlet.wait_idle()

    assert waiting == [False, False]
    assert sorted(bench.peer.texts) == list("abcdef")
    assert bench.counters.sent == 2
    assert not bench.ends


async def test_one_who_waits_hears_of_the_end() -> None:
    """`put` raises when the connection ends before there is place; whoever gave up before harms nobody."""
    bench = Bench(limits=ConnectionLimits(queue=2))
    bench.push("a")
    bench.peer.stall()
    bench.push("b", "c")
    patient, other = (asyncio.create_task(bench.outlet.put(entry(text))) for text in "de")
    await asyncio.sleep(0)
    other.cancel()
    await asyncio.wait([other])
    unmoved = patient.done()

    bench.outlet.close(1012)
    with pytest.raises(ConnectionClosedError) as raised:
        await patient

    assert not unmoved
    assert raised.value.code == 1012


async def test_a_message_as_large_as_the_queue_can_be_sent() -> None:
    """`put` sends what would never fit into the queue, as soon as nothing else is being sent."""
    bench = Bench(limits=ConnectionLimits(queue_bytes=100))
    bench.push("a")
    bench.peer.stall()
    bench.push("b", "c")
    sender = asyncio.create_task(bench.outlet.put(entry("x" * 200)))
    await asyncio.sleep(0)
    waiting = sender.done()

    bench.peer.resume()
    await sender
    await bench.outlet.wait_idle()

    assert not waiting
    assert bench.peer.texts == ["a", "b", "c", "x" * 200]


async def test_a_count_never_falls() -> None:
    """Where one long message takes the place of several, those are counted as dropped, and what was sent stays."""
    limits = ConnectionLimits(queue_bytes=100)
    bench = Bench(limits=limits, slow=SlowConsumer.drop_oldest(), delivery="task")
    bench.peer.stall()
    for text in ("a", "b" * 40, "c" * 40):
        await bench.outlet.put(entry(text))
    before = bench.counters.sent

    bench.push("d" * 90)

    assert (before, bench.counters.sent) == (3, 3)
    assert bench.counters.dropped["drop_oldest"] == 2
    bench.outlet.close(1000)
