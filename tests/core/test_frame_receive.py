"""The frame between the server and what the application receives, and at a request that is cancelled."""

from asyncio import CancelledError

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from brickwork._core.context import RequestContext
from brickwork._core.frame import Frame, Piece
from tests.core.asgi import Sent, plain, receive, scope


class Counting(Piece):
    """Objects to every message but the first."""

    def __init__(self) -> None:
        self.received = 0

    def wrap_receive(self, context: RequestContext, receive: Receive) -> Receive:
        async def counted() -> Message:
            message = await receive()
            self.received += message["type"] == "http.request"
            if self.received == 2:
                raise HTTPException(413)
            return message

        return counted


def stream(*kinds: str) -> Receive:
    """A client that sends these messages."""
    messages = iter(kinds)

    async def receive() -> Message:
        return {"type": next(messages), "body": b"x", "more_body": True}

    return receive


async def test_an_objection_to_what_comes_answers_in_place_of_the_application() -> None:
    """The application learns that nobody waits any more, and nothing it says afterwards goes out."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "http.disconnect":
            seen.append(message["type"])
        await plain(scope, receive, send)
        raise KeyError("odd")

    sent = Sent()
    await Frame(app, [Counting()])(scope(), stream("http.request", "http.request"), sent)

    assert seen == ["http.request"]
    assert [message.get("status") for message in sent] == [413, None]


async def test_an_objection_under_a_response_lets_it_end() -> None:
    """Who listens for the client to leave, hears of nothing else, and the response stays whole."""
    heard: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        heard.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"whole"})

    sent = Sent()
    client = stream("http.request", "http.request", "http.request", "http.disconnect")
    await Frame(app, [Counting()])(scope(), client, sent)

    assert heard == ["http.disconnect"]
    assert [message.get("status") for message in sent] == [200, None]


async def test_a_piece_need_not_say_anything_to_a_cancelled_request() -> None:
    """The next piece is asked, and the request stays cancelled."""

    class Silent(Piece):
        def interrupt(self, context: RequestContext) -> None:
            return None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise CancelledError

    sent = Sent()
    with pytest.raises(CancelledError):
        await Frame(app, [Silent()])(scope(), receive, sent)

    assert sent == []


async def test_a_piece_may_lean_on_what_it_does_not_change() -> None:
    """The hooks of `Piece` itself change nothing, so a subclass may call them."""

    class Leaning(Piece):
        def wrap_receive(self, context: RequestContext, receive: Receive) -> Receive:
            return super().wrap_receive(context, receive)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        await Response(message["body"])(scope, receive, send)

    sent = Sent()
    await Frame(app, [Leaning()])(scope(), stream("http.request"), sent)

    assert sent[1]["body"] == b"x"
