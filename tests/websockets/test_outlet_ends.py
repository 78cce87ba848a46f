"""The end of the way out: what still is sent, and what is let go."""

import asyncio

import pytest

from brickwork.websockets import ConnectionClosedError
from brickwork.websockets._service.outlet import LOST
from tests.websockets.outlets import Bench, entry
from tests.websockets.peers import until


@pytest.mark.promise("websockets-31")
@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("closed"), asyncio.CancelledError()])
@pytest.mark.parametrize("stalled", [False, True])
async def test_an_error_of_the_server_is_the_end_of_the_client(error: BaseException, *, stalled: bool) -> None:
    """Whatever the server raises, the sender hears of no error, and the connection is lost."""
    bench = Bench()
    bench.push("a")
    bench.peer.failure = error
    if stalled:
        bench.peer.stall()

    bench.push("b", "c")
    bench.peer.resume()
    await until(lambda: bench.ends)
    bench.push("d")

    assert bench.ends == [(LOST, "")]
    assert bench.peer.texts == ["a"]


async def test_the_first_send_may_fail_as_well() -> None:
    """A client that has gone before anything was sent to it is lost like any other."""
    bench = Bench()
    bench.peer.failure = OSError("gone")

    bench.push("a")

    assert bench.ends == [(LOST, "")]
    assert bench.outlet.code == LOST


async def test_a_send_that_fails_in_the_queue_ends_it() -> None:
    """When the server fails on what waited, the rest is forgotten."""
    bench = Bench(delivery="task")
    bench.peer.failure = OSError("gone")

    bench.push("a", "b", "c")
    await until(lambda: bench.ends)
    await bench.outlet.wait_idle()

    assert bench.outlet.queued == 0
    assert bench.outlet.sent == 0


async def test_nobody_is_sent_to_after_the_end() -> None:
    """A closed outlet takes nothing, and says so to those who wait for an answer."""
    bench = Bench()
    bench.outlet.close(4401)

    bench.push("a")
    with pytest.raises(ConnectionClosedError) as raised:
        await bench.outlet.put(entry("b"))
    bench.outlet.evict(1008)

    assert raised.value.code == 4401
    assert not bench.peer.sent
    assert not bench.ends


async def test_what_waits_can_be_sent_before_the_end() -> None:
    """An outlet that is closed with care takes nothing new, and sends what it has."""
    bench = Bench()
    bench.push("a")
    bench.peer.stall()
    bench.push("b", "c")

    bench.outlet.close(1000, flush=True)
    bench.push("d")
    bench.peer.resume()
    await bench.outlet.wait_idle()
    await bench.outlet.wait_idle()

    assert bench.peer.texts == ["a", "b", "c"]


@pytest.mark.parametrize(("turns", "texts"), [(0, "b"), (0, "bc"), (1, "bc")])
async def test_what_waits_can_be_given_up(turns: int, texts: str) -> None:
    """What a closed outlet still sends can be given up, whether the task for it has begun or not."""
    bench = Bench()
    bench.push("a")
    bench.peer.stall()
    bench.push(*texts)
    bench.outlet.close(1000, flush=True)
    for _ in range(turns):
        await asyncio.sleep(0)

    bench.outlet.abandon()
    await bench.outlet.wait_idle()
    await until(lambda: bench.peer.sending == 0)
    bench.peer.resume()
    bench.outlet.abandon()

    assert bench.peer.texts == ["a"]


async def test_the_loop_can_end_an_outlet() -> None:
    """When everything is cancelled, so is what waits for a client, and the connection is lost."""
    bench = Bench()
    bench.push("a")
    bench.peer.stall()
    before = asyncio.all_tasks()
    bench.push("b", "c")
    (drain,) = asyncio.all_tasks() - before
    await asyncio.sleep(0)

    drain.cancel()
    await asyncio.wait([drain])

    assert bench.ends == [(LOST, "")]
    assert bench.peer.texts == ["a"]


async def test_a_task_that_sends_from_the_queue_can_be_cancelled() -> None:
    """A cancelled task leaves no message behind, whichever it was about to send."""
    bench = Bench(delivery="task")
    bench.peer.stall()
    before = asyncio.all_tasks()
    bench.push("a", "b")
    (drain,) = asyncio.all_tasks() - before
    await asyncio.sleep(0)

    drain.cancel()
    await asyncio.wait([drain])

    assert drain.cancelled()
    assert bench.ends == [(LOST, "")]
