"""How a hub begins, ends, and begins again, and that nothing is left of those who were there."""

import asyncio
import gc
import sys
import weakref
from types import FrameType
from typing import Any

import pytest

from brickwork.websockets import ConnectionClosedError, Heartbeat, MemoryBackplane
from brickwork.websockets._service.hub import Hub
from tests.websockets.peers import Peer, connected, until
from tests.websockets.test_subscriptions import Slow


class Opening(MemoryBackplane):
    """A backplane that takes its time to begin, and may fail to."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = 0
        self.closed = 0
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()

    async def open(self, receiver: Any, **options: Any) -> None:
        """Begin, in a while."""
        self.opened += 1
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop()
        await super().open(receiver, **options)

    async def close(self) -> None:
        """End."""
        self.closed += 1
        await super().close()


async def test_a_hub_begins_when_it_is_needed() -> None:
    """The backplane is opened with the first message, once for all who need it, whoever of them gives up."""
    backplane = Opening()
    hub = Hub(backplane=backplane)
    senders = [asyncio.create_task(hub.publish("all", "a")) for _ in range(3)]
    await until(lambda: backplane.opened)
    senders[0].cancel()
    await asyncio.wait([senders[0]])

    backplane.gate.set()
    await asyncio.gather(*senders[1:])
    await hub.publish("all", "b")
    await hub.close()
    await hub.close()

    assert (backplane.opened, backplane.closed) == (1, 1)


async def test_a_hub_that_has_no_time_to_end_leaves_no_backplane_open() -> None:
    """Cancelled while it waits for its tasks, it closes the backplane all the same."""
    backplane = Opening()
    backplane.gate.set()
    hub = Hub(backplane=backplane)
    await hub.publish("all", "a")
    late = hub.spawn(asyncio.Event().wait())
    closing = asyncio.create_task(hub.close())
    await asyncio.sleep(0)

    closing.cancel()
    await asyncio.wait([closing])
    late.cancel()
    await asyncio.wait([late])

    assert closing.cancelled()
    assert backplane.closed == 1


async def test_a_backplane_that_cannot_begin_is_tried_again() -> None:
    """Whoever waits for a backplane hears that it failed; whoever comes next tries again."""
    backplane = Opening()
    backplane.failures = [OSError("no server")]
    backplane.gate.set()
    hub = Hub(backplane=backplane)
    peer = Peer()

    with pytest.raises(OSError, match="no server"):
        await connected(hub, peer)
    connection = await connected(hub, Peer())

    assert hub.counts().connections == 1
    assert not connection.closed
    await until(lambda: peer.closed_with == 1011)
    await hub.close()


async def test_those_who_wait_for_the_beginning_hear_of_the_end() -> None:
    """A hub that is closed before it could begin lets those go who wait for it."""
    backplane = Opening()
    hub = Hub(backplane=backplane)
    sender = asyncio.create_task(hub.publish("all", "a"))
    await until(lambda: backplane.opened)

    await hub.close()

    with pytest.raises(ConnectionClosedError):
        await sender


async def test_a_hub_that_could_not_begin_can_end() -> None:
    """A hub whose backplane failed is closed like any other."""
    backplane = Opening()
    backplane.failures = [OSError("no server")]
    backplane.gate.set()
    hub = Hub(backplane=backplane)
    with pytest.raises(OSError, match="no server"):
        await hub.publish("all", "a")

    await hub.close()

    assert backplane.closed == 1


async def test_one_who_gives_up_connecting_is_closed(hub: Hub) -> None:
    """A connection whose endpoint is cancelled while it is taken in leaves no trace."""
    backplane = Opening()
    hub = Hub(backplane=backplane)
    connecting = asyncio.create_task(connected(hub, Peer()))
    await until(lambda: backplane.opened)

    connecting.cancel()
    await asyncio.wait([connecting])
    backplane.gate.set()

    assert hub.counts().connections == 0
    await hub.close()


@pytest.mark.promise("websockets-51")
async def test_a_hub_can_begin_again() -> None:
    """After its end a hub has no connection and no task, and begins anew with the next."""
    backplane = Opening()
    backplane.gate.set()
    hub = Hub(backplane=backplane)
    before = asyncio.all_tasks()

    for _ in range(3):
        peers = [Peer() for _ in range(3)]
        connections = [await connected(hub, peer, "ada", rooms=("lobby",)) for peer in peers]
        await hub.publish("room:lobby", "a")
        peers[0].stall()
        await hub.publish("room:lobby", "b")
        peers[0].resume()
        await hub.close()

        assert [peer.closed_with for peer in peers] == [1001] * 3
        assert [connection.close_code for connection in connections] == [1001] * 3
        assert (hub.counts().connections, hub.counts().rooms, len(hub.channels)) == (0, 0, 0)
    await until(lambda: asyncio.all_tasks() == before)

    assert backplane.opened == backplane.closed == 3


@pytest.mark.promise("websockets-51")
def test_a_hub_begins_anew_in_another_loop() -> None:
    """Nothing of one event loop is left in the next: tests and reloads each have their own."""
    hub = Hub(backplane=MemoryBackplane())
    hub.rooms.guards.append(("vip", lambda *_: True))

    async def use() -> tuple[list[str], int, int]:
        peer = Peer()
        await connected(hub, peer, "ada", rooms=("lobby",))
        delivery = await hub.publish("room:lobby", "a")
        return peer.texts, delivery.reached, hub.counts().connections

    results = [asyncio.run(use()) for _ in range(3)]
    asyncio.run(hub.close())

    assert results == [(["a"], 1, 1)] * 3
    assert len(hub.rooms.guards) == 1


async def test_what_is_left_undone_is_cancelled_in_the_end(expected_errors: list[Any]) -> None:
    """What nobody waits for is waited for in the end, and not for ever; what fails is logged."""
    hub = Hub(backplane=MemoryBackplane(), heartbeat=Heartbeat(close=0.01))
    await hub.open()

    async def fail() -> None:
        raise RuntimeError("no")

    endless = hub.spawn(asyncio.Event().wait())
    hub.spawn(fail())
    await hub.close()

    assert endless.cancelled()
    assert len(expected_errors) == 1


@pytest.mark.promise("websockets-35")
async def test_entering_is_all_or_nothing() -> None:
    """Whoever gives up entering a channel, or is closed meanwhile, is not in it; whoever has left it hears so."""
    backplane = Slow()
    hub = Hub(backplane=backplane)
    patient, hasty, closing = [await connected(hub, Peer()) for _ in range(3)]
    backplane.gate.clear()
    enters = [asyncio.create_task(hub.enter(each, "room:lobby")) for each in (patient, hasty, closing)]
    await until(lambda: len(backplane.asked) == 2)

    enters[1].cancel()
    closing.departed(1001)
    await asyncio.wait([enters[1]])
    backplane.gate.set()
    inside = await enters[0]
    with pytest.raises(ConnectionClosedError):
        await enters[2]

    assert inside
    assert [each.id for each in hub.channels.recipients("room:lobby")] == [patient.id]
    assert [each.rooms for each in (hasty, closing)] == [frozenset()] * 2
    assert [hub.leave(each, "room:lobby") for each in (patient, patient, hasty)] == [True, False, False]
    await hub.close()


# --- nothing is left


@pytest.mark.promise("websockets-33")
async def test_thousands_come_and_go_and_nothing_is_left(hub: Hub) -> None:
    """After many connections in rooms of their own there is no room, user, task or object of theirs."""
    tasks = asyncio.all_tasks()
    references: list[weakref.ref[Any]] = []
    connection: Any = None

    for number in range(2_000):
        connection = await connected(hub, Peer(), f"user {number}", rooms=(f"room {number}",))
        if number % 100 == 0:
            references += [weakref.ref(connection)]
        if number % 2:
            connection.departed(1001)
        else:
            await connection.close()
    connection = None
    await until(lambda: asyncio.all_tasks() == tasks)
    gc.collect()

    assert len(hub.channels) == 0
    counts = hub.counts()
    assert (counts.connections, counts.users, counts.rooms) == (0, 0, 0)
    assert not any(reference() for reference in references)


@pytest.mark.promise("websockets-34")
async def test_leaving_costs_what_one_was_in(hub: Hub) -> None:
    """What is done when a connection ends depends on its own channels, not on how many others there are."""
    costs = []
    for crowd in (10, 500):
        others = [
            await connected(hub, Peer(), f"user {number}", rooms=("lobby", str(number))) for number in range(crowd)
        ]
        leaving = await connected(hub, Peer(), "ada", rooms=("lobby", "own"))
        costs.append(_calls(leaving))
        for other in others:
            other.departed(1001)

    assert costs[0] == costs[1]


def _calls(connection: Any) -> int:
    """Count the functions that are called when a client leaves."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # what a collection calls is not part of it
    sys.setprofile(count)
    try:
        connection.departed(1001)
    finally:
        sys.setprofile(before)
        gc.enable()
    return calls
