"""The server asks, and the client answers."""

import asyncio
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict

from brickwork.websockets import (
    ConnectionClosedError,
    ConnectionLimits,
    InvalidReplyError,
    MessageRouter,
    RequestTimeoutError,
)
from brickwork.websockets._service.connection import Connection
from tests.websockets.messages.client import PATIENCE, Client, connected


class Ask(BaseModel):
    type: Literal["ask"] = "ask"


class Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    position: int


class Start(BaseModel):
    type: Literal["start"] = "start"


class Ping(BaseModel):
    type: Literal["ping"] = "ping"


class Numbered(BaseModel):
    id: int | None = None


def _asking(client: Client, timeout: float | None = PATIENCE) -> "asyncio.Task[Answer]":
    return asyncio.ensure_future(client.connection.request(Ask(), Answer, timeout=timeout))


@pytest.mark.promise("websockets-85")
@pytest.mark.parametrize("served", [False, True])
async def test_an_answer_comes_back_as_a_model(served: bool) -> None:
    """A request has an ID, and the message that names it is the answer, also where nothing else is read."""
    async with connected(MessageRouter() if served else None) as client:
        asking = _asking(client)
        asked = await client.hear()
        client.say({"re": asked["id"], "position": 7})
        answer = await asking

    assert asked == {"id": "1", "type": "ask"}
    assert answer == Answer(position=7)


@pytest.mark.promise("websockets-85")
async def test_a_handler_may_ask_its_own_client() -> None:
    """The answer does not stand in line behind the handler that waits for it, however many messages do."""
    messages, pings = MessageRouter(), 0

    @messages.on
    async def start(message: Start, connection: Connection[None]) -> Answer:
        return await connection.request(Ask(), Answer, timeout=PATIENCE)

    @messages.on
    async def ping(message: Ping) -> None:
        nonlocal pings
        pings += 1

    async with connected(messages, limits=ConnectionLimits(rate=None, inbox=2)) as client:
        asked = await client.ask({"type": "start", "id": "a"})
        for _ in range(2):
            client.say({"type": "ping"})
        refused = await client.ask({"type": "ping", "text": "re"})
        heard = await client.ask({"re": asked["id"], "position": 7})

    assert refused["status"] == 429
    assert heard == {"re": "a", "position": 7}
    assert pings == 2


@pytest.mark.promise("websockets-85")
async def test_reading_goes_on_when_somebody_asks() -> None:
    """A request is answered too where the inbox was full before it was made."""
    messages, begun, go = MessageRouter(), asyncio.Event(), asyncio.Event()

    @messages.on
    async def start(message: Start, connection: Connection[None]) -> Answer:
        begun.set()
        await go.wait()
        return await connection.request(Ask(), Answer, timeout=PATIENCE)

    @messages.on
    async def ping(message: Ping) -> None: ...

    async with connected(messages, limits=ConnectionLimits(rate=None, inbox=1)) as client:
        client.say({"type": "start", "id": "a"})
        async with asyncio.timeout(PATIENCE):
            await begun.wait()
            client.say({"type": "ping"})
            while client.connection.inlet.received < 2:  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0)
        go.set()
        asked = await client.hear()
        heard = await client.ask({"re": asked["id"], "position": 7})

    assert heard["re"] == "a"


@pytest.mark.promise("websockets-86")
async def test_a_client_that_leaves_answers_no_more() -> None:
    """The end of the socket ends the wait at once, with the close code."""
    async with connected(MessageRouter()) as client:
        asking = _asking(client, timeout=None)
        await client.hear()
        client.leave(4001)
        with pytest.raises(ConnectionClosedError) as caught:
            await asking
        with pytest.raises(ConnectionClosedError):
            await _asking(client)

    assert caught.value.code == 4001


@pytest.mark.promise("websockets-86")
async def test_an_answer_that_takes_too_long_is_ignored() -> None:
    """After the time-out the wait ends; the answer that comes late is ignored and counted, as are strangers'."""
    messages = MessageRouter()

    @messages.on
    async def ping(message: Ping) -> None: ...

    async with connected(messages) as client:
        with pytest.raises(RequestTimeoutError, match=f"{client.connection.id} did not answer within 0 s"):
            await _asking(client, timeout=0)
        asked = await client.hear()
        strangers: list[Any] = [asked["id"], "77", 1, None, {}, []]
        for each in strangers:
            client.say({"re": each, "position": 7})
        heard = await client.ask({"type": "ping", "id": 1})

    assert heard == {"type": "ack", "re": 1}
    assert client.connection.requests.ignored == 6


@pytest.mark.promise("websockets-86")
async def test_an_answer_counts_once() -> None:
    """A second answer to one request is ignored, and so is what is no answer to it."""
    async with connected(MessageRouter()) as client:
        first, second = _asking(client), _asking(client)
        asked = [(await client.hear())["id"] for _ in range(2)]
        client.say('{"re":')
        client.say({"re": asked[1], "position": 2})
        client.say({"re": asked[1], "position": 3})
        client.say({"re": asked[0], "position": 1})
        answers = await first, await second

    assert [each.position for each in answers] == [1, 2]
    assert client.connection.requests.ignored == 1


async def test_an_answer_may_be_written_in_any_way() -> None:
    """An answer whose member is spelt with an escape is one too."""
    async with connected(MessageRouter()) as client:
        asking = _asking(client)
        await client.hear()
        client.say('{"\\u0072e":"1","position":7}')
        answer = await asking

    assert (answer.position, client.connection.requests.ignored) == (7, 0)


@pytest.mark.promise("websockets-87")
async def test_an_answer_that_does_not_fit_is_an_error_for_both() -> None:
    """Who asked gets an InvalidReplyError without what was sent, and the client is told where its answer is wrong."""
    async with connected(MessageRouter()) as client:
        asking = _asking(client)
        asked = await client.hear()
        heard = await client.ask({"re": asked["id"], "id": 9, "position": "hunter2"})
        with pytest.raises(InvalidReplyError, match="answered with what is no Answer: 1 errors") as caught:
            await asking

    assert (heard["status"], heard["re"]) == (422, 9)
    assert [(each["code"], each["pointer"]) for each in heard["errors"]] == [("int_parsing", "#/position")]
    assert "hunter2" not in f"{heard}{caught.value}"


@pytest.mark.parametrize(
    ("message", "error"),
    [("text", TypeError), ([1], TypeError), (b"bytes", TypeError), (Numbered(), ValueError), ({"id": 1}, ValueError)],
)
async def test_a_request_has_room_for_its_id(message: Any, error: type[Exception]) -> None:
    """What has no members, or an ID already, cannot be a request."""
    async with connected() as client:
        with pytest.raises(error):
            await client.connection.request(message, Answer)

    assert client.unheard == 0


async def test_a_request_may_hold_the_word_id() -> None:
    """Only a member of the request itself is in the way of its ID."""
    async with connected() as client:
        asking = asyncio.ensure_future(client.connection.request({"of": {"id": 1}}, Answer, timeout=PATIENCE))
        asked = await client.hear()
        client.say({"re": asked["id"], "position": 1})
        await asking

    assert asked == {"id": "1", "of": {"id": 1}}
