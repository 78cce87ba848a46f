"""Silence and expiry."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from brickwork._core.clock import SystemClock
from brickwork.testing import ManualClock
from brickwork.websockets import Heartbeat
from brickwork.websockets._service.liveness import Liveness


class Ends:
    """What connections were closed with."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self.came = asyncio.Event()

    def evict(self, code: int, reason: str) -> None:
        """Note a code and a reason."""
        self.seen.append((code, reason))
        self.came.set()


@pytest.fixture
def ends() -> Ends:
    """Give a place to note what a connection was closed with."""
    return Ends()


def watching(ends: Ends, clock: ManualClock, *, idle: float | None = None, first_message: bool = False) -> Liveness:
    """Give the liveness of a connection that has just begun."""
    liveness = Liveness(ends.evict, heartbeat=Heartbeat(idle=idle, first_message=10), clock=clock)
    liveness.start(first_message=first_message)
    return liveness


def after(liveness: Liveness, clock: ManualClock, seconds: float) -> None:
    """Let time pass, and the timer go off."""
    clock.advance(seconds)
    liveness.check()


@pytest.mark.promise("websockets-66")
async def test_a_silent_client_is_closed(ends: Ends, clock: ManualClock) -> None:
    """After so many seconds without a message the socket is closed with 4408, and not before."""
    liveness = watching(ends, clock, idle=60)

    after(liveness, clock, 59.9)
    before = list(ends.seen)
    after(liveness, clock, 0.2)

    assert before == []
    assert ends.seen == [(4408, "silent for too long")]


@pytest.mark.promise("websockets-66")
async def test_each_message_begins_the_silence_anew(ends: Ends, clock: ManualClock) -> None:
    """A client that says something now and then stays."""
    liveness = watching(ends, clock, idle=60)

    for _ in range(5):
        after(liveness, clock, 50)
        liveness.heard(clock.monotonic())
    after(liveness, clock, 60)

    assert ends.seen == [(4408, "silent for too long")]
    assert clock.monotonic() == 310


async def test_nobody_is_called_silent_who_is_not_read(ends: Ends, clock: ManualClock) -> None:
    """While the inbox is full the client may well have spoken: its silence begins when it is read again."""
    liveness = watching(ends, clock, idle=60)
    liveness.pause()
    after(liveness, clock, 1_000)
    liveness.resume()

    after(liveness, clock, 59)
    before = list(ends.seen)
    after(liveness, clock, 1)

    assert before == []
    assert ends.seen == [(4408, "silent for too long")]


@pytest.mark.promise("websockets-67")
async def test_the_first_message_has_a_deadline(ends: Ends, clock: ManualClock) -> None:
    """Where the first message has to say who the client is, it comes in time or the socket is closed with 4408."""
    liveness = watching(ends, clock, first_message=True)

    after(liveness, clock, 10)

    assert ends.seen == [(4408, "no first message")]


@pytest.mark.promise("websockets-67")
async def test_the_first_message_ends_its_deadline(ends: Ends, clock: ManualClock) -> None:
    """After the first message there is no such deadline any more."""
    liveness = watching(ends, clock, first_message=True)
    liveness.heard(clock.monotonic())

    after(liveness, clock, 1_000)

    assert ends.seen == []


@pytest.mark.promise("websockets-68")
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-11))])
async def test_a_connection_ends_when_its_token_does(ends: Ends, clock: ManualClock, zone: timezone) -> None:
    """At the instant that was named the socket is closed with 4401, whatever the client says meanwhile."""
    liveness = watching(ends, clock)
    liveness.expire_at(datetime.fromtimestamp(clock.time() + 300, zone))

    after(liveness, clock, 299)
    liveness.heard(clock.monotonic())
    before = list(ends.seen)
    after(liveness, clock, 1)

    assert before == []
    assert ends.seen == [(4401, "expired")]


@pytest.mark.promise("websockets-68")
async def test_expiry_can_be_moved(ends: Ends, clock: ManualClock) -> None:
    """A refreshed token moves it later, another one earlier, and none at all takes it away."""
    liveness = watching(ends, clock)
    start = datetime.fromtimestamp(clock.time(), UTC)
    liveness.expire_at(start + timedelta(seconds=10))
    liveness.expire_at(start + timedelta(seconds=100))
    after(liveness, clock, 50)
    liveness.expire_at(None)
    after(liveness, clock, 100)
    still_open = list(ends.seen)

    liveness.expire_at(start + timedelta(seconds=149))

    assert still_open == []
    assert ends.seen == [(4401, "expired")]


async def test_the_end_of_time_is_an_instant(ends: Ends, clock: ManualClock) -> None:
    """A token without an end in sight keeps its connection."""
    liveness = watching(ends, clock)
    liveness.expire_at(datetime.max.replace(tzinfo=timezone(timedelta(hours=-11))))

    after(liveness, clock, 1_000_000)

    assert ends.seen == []


async def test_a_time_without_a_zone_is_no_instant(ends: Ends, clock: ManualClock) -> None:
    """Nobody can say when it is, so it is refused."""
    liveness = watching(ends, clock)

    with pytest.raises(ValueError, match="has no time zone"):
        liveness.expire_at(datetime(2026, 1, 1))  # noqa: DTZ001


async def test_expiry_may_be_said_before_the_beginning(ends: Ends, clock: ManualClock) -> None:
    """What is said before a connection begins holds from then on."""
    liveness = Liveness(ends.evict, heartbeat=Heartbeat(), clock=clock)
    liveness.expire_at(datetime.fromtimestamp(clock.time() - 1, UTC))
    before = list(ends.seen)

    liveness.start()

    assert before == []
    assert ends.seen == [(4401, "expired")]


@pytest.mark.parametrize("seconds", [0, 5])
async def test_a_connection_is_closed_once(ends: Ends, clock: ManualClock, seconds: float) -> None:
    """After the first end, and after it was stopped, nothing more is said."""
    liveness = watching(ends, clock, idle=60)
    after(liveness, clock, 60)
    stopped = watching(ends, clock, idle=60)
    stopped.stop()

    after(liveness, clock, seconds)
    after(stopped, clock, 60)

    assert len(ends.seen) == 1


@pytest.mark.promise("websockets-69")
async def test_there_is_one_timer_and_none_where_nothing_ends(ends: Ends, clock: ManualClock) -> None:
    """However much is said, a connection has at most one timer."""
    quiet = watching(ends, clock)
    liveness = watching(ends, clock, idle=60)
    first = liveness._timer

    for _ in range(100):
        liveness.heard(clock.monotonic())

    assert quiet._timer is None
    assert first is not None
    assert liveness._timer is first
    liveness.stop()
    assert first.cancelled()


async def test_the_timer_goes_off_by_itself(ends: Ends) -> None:
    """With the machine's own clock nobody has to look."""
    liveness = Liveness(ends.evict, heartbeat=Heartbeat(idle=0.01), clock=SystemClock())

    liveness.start()

    await asyncio.wait_for(ends.came.wait(), 30)
    assert ends.seen == [(4408, "silent for too long")]
