"""The way out to one client: nothing that it does or leaves undone delays anybody else."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import pytest

from brickwork.testing import ManualClock
from brickwork.websockets import Codec, ConnectionClosedError, ConnectionLimits, SlowConsumer
from brickwork.websockets._rules.frames import Entry, Frame, frame
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.counters import Counters
from brickwork.websockets._service.delivering import Delivering
from brickwork.websockets._service.hooks import Event, Hooks
from brickwork.websockets._service.outlet import LOST, Outlet, push_all
from tests.websockets.peers import PATIENCE, Peer, until


class Bench:
    """An outlet, the client behind it, and what is told of both."""

    def __init__(
        self,
        *,
        limits: ConnectionLimits | None = None,
        slow: SlowConsumer | None = None,
        stall: float | None = None,
        delivery: Literal["inline", "task"] = "inline",
        clock: ManualClock | None = None,
        codec: Codec | None = None,
        send: Callable[[Any], Any] | None = None,
    ) -> None:
        self.peer = Peer()
        self.clock = clock or ManualClock()
        self.counters = Counters()
        self.events: list[Event] = []
        self.ends: list[tuple[int, str]] = []
        self.ended = asyncio.Event()
        hooks = Hooks(self.events.append, self.clock)
        delivering = Delivering(
            limits or ConnectionLimits(), slow or SlowConsumer(), stall, delivery, self.counters, hooks, self.clock
        )
        codec = codec or JSONCodec()
        self.outlet = Outlet(delivering, send or self.peer.send, codec, id="1", user_id="ada", end=self._end)

    def _end(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))
        self.outlet.close(code)
        self.ended.set()

    def push(self, *texts: str) -> None:
        """Push texts."""
        for text in texts:
            self.outlet.push(entry(text))


def entry(text: str, *, key: str | None = None) -> Entry:
    """A text on its way to a room."""
    return Entry("room:lobby", Frame("text", text.encode()), key=key)


def tasks() -> int:
    """How many tasks there are."""
    return len(asyncio.all_tasks())


# --- a client that keeps up


async def test_a_client_that_keeps_up_needs_no_task() -> None:
    """What the server takes at once is sent at once."""
    bench, before = Bench(), tasks()

    bench.push("a", "b")

    assert bench.peer.texts == ["a", "b"]
    assert tasks() == before
    assert (bench.outlet.sent, bench.outlet.queued, bench.outlet.queued_bytes, bench.outlet.dropped) == (2, 0, 0, 0)


@pytest.mark.promise("websockets-A13")
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


# --- a client that does not


@pytest.mark.promise("websockets-A16")
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


@pytest.mark.promise("websockets-A19")
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


@pytest.mark.promise("websockets-A20")
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


@pytest.mark.promise("websockets-A21")
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


@pytest.mark.promise("websockets-A15")
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


# --- a client that is gone


@pytest.mark.promise("websockets-A3")
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


# --- the end


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


@pytest.mark.parametrize("turns", [0, 1])
async def test_what_waits_can_be_given_up(turns: int) -> None:
    """What a closed outlet still sends can be given up, whether the task for it has begun or not."""
    bench = Bench()
    bench.push("a")
    bench.peer.stall()
    bench.push("b", "c")
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


# --- those who can wait


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


# --- servers


async def test_a_send_that_always_waits_is_left_to_tasks() -> None:
    """After a few sends that all had to wait, nothing is tried without a task."""
    senders = []

    async def send(message: Any) -> None:
        senders.append(asyncio.current_task() is test)
        await asyncio.sleep(0)

    test = asyncio.current_task()
    bench = Bench(send=send)

    for text in "abcdef":
        bench.push(text)
        await bench.outlet.wait_idle()

    assert senders == [True] * 3 + [False] * 3


@pytest.mark.parametrize("delivery", ["inline", "task"])
async def test_a_send_need_not_be_a_coroutine_function(delivery: Literal["inline", "task"]) -> None:
    """Whatever can be awaited will do, a future for example."""
    sent, futures = [], []

    def send(message: Any) -> "asyncio.Future[None]":
        sent.append(message["text"])
        futures.append(asyncio.get_running_loop().create_future())
        return futures[-1]

    bench = Bench(send=send, delivery=delivery)

    for number, text in enumerate("abcde"):
        bench.push(text)
        await until(lambda number=number: len(futures) > number)  # type: ignore[misc]
        futures[number].set_result(None)
        await bench.outlet.wait_idle()

    assert sent == list("abcde")
    assert bench.outlet.sent == 5


async def test_a_server_that_cannot_even_be_asked_is_lost() -> None:
    """A `send` that raises before there is anything to await ends the connection like any other."""

    def send(message: Any) -> Any:
        raise RuntimeError("no loop")

    bench = Bench(send=send)

    bench.push("a")

    assert bench.ends == [(LOST, "")]


@pytest.mark.parametrize("waits", [False, True])
async def test_what_is_sent_from_within_a_send_comes_after_it(*, waits: bool) -> None:
    """A middleware that sends in turn overtakes nothing, whether the server waits or not."""
    sent: list[str] = []

    async def send(message: Any) -> None:
        if message["text"] == "b":
            bench.push("c")
        if waits and message["text"] != "a":
            await asyncio.sleep(0)
        sent.append(message["text"])

    bench = Bench(send=send)

    bench.push("a", "b", "d")
    await until(lambda: len(sent) == 4)
    await bench.outlet.wait_idle()

    assert sent == ["a", "b", "c", "d"]
    assert bench.outlet.sent == 4


@pytest.mark.parametrize("waits", [False, True])
async def test_an_outlet_can_be_closed_from_within_its_send(*, waits: bool) -> None:
    """A middleware that parts with the client while it is sent to ends the sending."""
    sent: list[str] = []

    async def send(message: Any) -> None:
        if message["text"] == "b":
            bench.outlet.evict(1008)
        if waits and message["text"] != "a":
            await asyncio.Event().wait()
        sent.append(message["text"])

    bench = Bench(send=send)

    bench.push("a", "b", "c")

    assert sent == (["a"] if waits else ["a", "b"])
    assert bench.ends == [(1008, "")]


async def test_a_task_can_part_with_its_own_client() -> None:
    """An outlet that is closed by what its own task does ends that task, and waits for nothing."""
    sent: list[str] = []

    async def send(message: Any) -> None:
        sent.append(message["text"])
        if message["text"] == "b":
            bench.outlet.evict(1008)

    bench = Bench(send=send, delivery="task")

    bench.push("a", "b", "c")
    await until(lambda: bench.ends)
    await bench.outlet.wait_idle()

    assert sent == ["a", "b"]


# --- many


class Picky(JSONCodec):
    """A codec that has no form for some messages."""

    name = "picky"

    def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
        """Refuse what cannot be encoded."""
        if entry.frame.data == b"odd":
            raise ValueError("no form")
        return super().encode(entry)


async def test_a_codec_may_have_no_form_for_a_message() -> None:
    """The sender hears of it, and the connection goes on."""
    bench = Bench(codec=Picky())

    for _ in range(2):
        with pytest.raises(ValueError, match="no form"):
            bench.push("odd")
        bench.push("a")
    with pytest.raises(ValueError, match="no form"):
        await bench.outlet.put(entry("odd"))

    assert bench.peer.texts == ["a", "a"]


@pytest.mark.promise("websockets-A10")
async def test_a_message_is_encoded_once_for_all_of_a_codec() -> None:
    """However many get a message, it is encoded once."""
    encoded = []

    class Counting(JSONCodec):
        def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
            encoded.append(entry)
            return super().encode(entry)

    codec = Counting()
    benches = [Bench(codec=codec) for _ in range(100)]

    push_all(Entry("room:lobby", frame({"a": 1})), [bench.outlet for bench in benches])

    assert len(encoded) == 1
    assert all(bench.peer.messages == [{"a": 1}] for bench in benches)


@pytest.mark.promise("websockets-A15")
async def test_those_who_are_slow_delay_nobody() -> None:
    """Of many recipients some are stalled, gone, or cannot be told; all others have the message at once."""
    benches = [Bench(codec=Picky() if number % 5 == 4 else None) for number in range(100)]
    for bench in benches:
        bench.push("a")
    for number, bench in enumerate(benches):
        if number % 5 == 1:
            bench.peer.stall()
        if number % 5 == 2:
            bench.peer.failure = OSError("gone")
        if number % 5 == 3:
            bench.outlet.close(1000)

    errors = push_all(entry("odd"), [bench.outlet for bench in benches])
    at_once = [bench.peer.texts for bench in benches]
    for bench in benches:
        bench.peer.resume()
    await asyncio.gather(*(bench.outlet.wait_idle() for bench in benches))

    assert at_once == [["a", "odd"], ["a"], ["a"], ["a"], ["a"]] * 20
    assert [bench.peer.texts for bench in benches] == [["a", "odd"], ["a", "odd"], ["a"], ["a"], ["a"]] * 20
    assert [bench.ends for bench in benches] == [[], [], [(LOST, "")], [], []] * 20
    assert len(errors) == 20
    assert all(bench.peer.most_sending == 1 for bench in benches)


async def test_the_context_of_a_sender_is_its_own() -> None:
    """What a server's send sets in its context, the sender does not see."""
    from contextvars import ContextVar

    place: ContextVar[str] = ContextVar("place", default="outside")
    gate = asyncio.Event()
    seen = []

    async def send(message: Any) -> None:
        token = place.set("inside")
        if message["text"] == "b":
            await gate.wait()
        seen.append(place.get())
        place.reset(token)

    bench = Bench(send=send)

    bench.push("a", "b", "c")
    gate.set()
    await bench.outlet.wait_idle()

    assert seen == ["inside"] * 3
    assert place.get() == "outside"
