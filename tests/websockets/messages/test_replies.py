"""A message that comes twice is handled once."""

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from brickwork.websockets import MessageRouter
from brickwork.websockets._rules.frames import Frame
from brickwork.websockets._service.messages.replies import Replies
from tests.websockets.messages.client import connected


class Count(BaseModel):
    type: Literal["count"] = "count"
    fail: bool = False


def _counter(*, concurrent: bool = False, go: asyncio.Event | None = None) -> MessageRouter:
    """Answer each message with how many there were."""
    messages, count = MessageRouter(), 0

    @messages.on(concurrent=concurrent)
    async def add(message: Count) -> dict[str, Any]:
        nonlocal count
        count += 1
        if go is not None:
            await go.wait()
        if message.fail:
            raise HTTPException(409, f"Failed after {count}.")
        return {"count": count}

    return messages


@pytest.mark.promise("websockets-84")
@pytest.mark.parametrize("fail", [False, True])
async def test_a_message_is_handled_once(fail: bool) -> None:
    """A message with an ID that was seen is answered as the first time, with an error too, and not handled again."""
    async with connected(_counter()) as client:
        first, second = [await client.ask({"type": "count", "id": "a", "fail": fail}) for _ in range(2)]
        third = await client.ask({"type": "count", "id": "b"})

    assert first == second
    assert third == {"re": "b", "count": 2}


@pytest.mark.promise("websockets-84")
async def test_a_message_that_is_still_handled_is_answered_once() -> None:
    """One that comes a second time before its answer is not handled again; the answer is for both."""
    go = asyncio.Event()

    async with connected(_counter(concurrent=True, go=go)) as client:
        for _ in range(3):
            client.say({"type": "count", "id": "a"})
        refused = await client.ask("{")
        go.set()
        heard = await client.hear()

    assert refused["status"] == 400
    assert heard == {"re": "a", "count": 1}
    assert client.unheard == 0


async def test_ids_of_two_kinds_are_two() -> None:
    """The number 1 and the text "1" name two messages; messages without an ID are never the same."""
    async with connected(_counter()) as client:
        heard = [await client.ask({"type": "count", "id": each}) for each in (1, "1", None, None)]

    assert [each["count"] for each in heard] == [1, 2, 3, 4]


@pytest.mark.promise("websockets-84")
async def test_only_the_latest_messages_are_remembered() -> None:
    """The memory is bounded: an ID that was seen 128 messages ago is handled again."""
    async with connected(_counter()) as client:
        for number in range(129):
            await client.ask({"type": "count", "id": number})
        again = [await client.ask({"type": "count", "id": each}) for each in (1, 0)]

    assert again == [{"re": 1, "count": 2}, {"re": 0, "count": 130}]


def test_replies_are_bounded_by_their_size() -> None:
    """Large replies push out those before them, and a reply that nobody remembers any more is not kept."""
    replies = Replies(most=10, most_bytes=100)
    for name in ("a", "b", "c"):
        assert replies.begin(name)
        replies.keep(name, Frame("json", b"x" * 40))

    replies.begin("d")
    replies.keep("d", Frame("json", b"x" * 1000))
    replies.keep("a", Frame("json", b"x"))

    assert [replies.of(name) is None for name in ("a", "b", "c", "d")] == [True, True, True, False]
    assert replies.begin("a")
    assert replies.of("d") is None
