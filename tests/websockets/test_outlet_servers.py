"""The way out over all kinds of servers, and to many clients."""

import asyncio
from contextvars import ContextVar
from typing import Any, Literal

import pytest

from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.outlet import LOST, push_all
from tests.websockets.outlets import Bench, entry
from tests.websockets.peers import until


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


@pytest.mark.promise("websockets-37")
async def test_a_message_is_encoded_once_for_all_of_a_codec() -> None:
    """However many get a message, it is encoded once."""
    encoded = []

    class Counting(JSONCodec):
        def encode(self, entry: Entry) -> tuple[dict[str, Any], int]:
            encoded.append(entry)
            return super().encode(entry)

    codec = Counting()
    benches = [Bench(codec=codec) for _ in range(100)]

    for _ in range(2):
        push_all(Entry("room:lobby", frame({"a": 1})), [bench.outlet for bench in benches])

    assert len(encoded) == 2
    assert all(bench.peer.messages == [{"a": 1}] * 2 for bench in benches)


@pytest.mark.promise("websockets-42")
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
