"""The frame: what its pieces may rely on, and what it never touches."""

from typing import Any, ClassVar

import pytest
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from brickwork._core.context import RequestContext, current, of_scope
from brickwork._core.frame import Frame, Piece
from brickwork._core.headers import RawHeaders
from brickwork.testing import ManualClock
from tests.core.asgi import Sent, plain, receive, scope


class Noting(Piece):
    """Notes every turn it gets."""

    def __init__(self, name: str, seen: list[str], rank: int = 50) -> None:
        self.name, self.seen = name, seen
        self.rank = rank  # type: ignore[misc]

    def begin(self, context: RequestContext) -> None:
        self.seen.append(f"begin {self.name}")

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        self.seen.append(f"start {self.name}")
        headers.append((b"x-noted", self.name.encode()))

    def finish(self, context: RequestContext) -> None:
        self.seen.append(f"finish {self.name}")


async def test_pieces_begin_from_the_outside_and_finish_from_the_inside() -> None:
    """The lowest rank begins first; start and finish run the other way; finish comes with the last byte."""
    seen: list[str] = []
    frame = Frame(plain, [Noting("b", seen, 2), Noting("a", seen, 1)])

    sent = Sent()
    await frame(scope(), receive, sent)

    assert seen == ["begin a", "begin b", "start b", "start a", "finish b", "finish a"]
    assert [value for name, value in sent[0]["headers"] if name == b"x-noted"] == [b"b", b"a"]


async def test_finish_runs_once_before_background_work() -> None:
    """The request ends with its last byte, not with what runs after it."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await plain(scope, receive, send)
        seen.append("background")

    await Frame(app, [Noting("a", seen)])(scope(), receive, Sent())

    assert seen == ["begin a", "start a", "finish a", "background"]


async def test_finish_runs_where_nothing_was_sent() -> None:
    """An application that fails without a response still ends its request; the error passes through."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("odd")

    with pytest.raises(KeyError):
        await Frame(app, [Noting("a", seen)])(scope(), receive, Sent())

    assert seen == ["begin a", "finish a"]


async def test_context_tells_the_course_of_the_request() -> None:
    """Status, bytes and instants are those of the response on the wire."""
    clock, contexts = ManualClock(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        contexts.append(current())
        assert contexts[0] is of_scope(scope)
        clock.advance(1)
        await send({"type": "http.response.start", "status": 201})
        clock.advance(1)
        await send({"type": "http.response.body", "body": b"abc", "more_body": True})
        await send({"type": "http.response.body", "body": b"de"})

    await Frame(app, [], clock=clock)(scope(), receive, Sent())

    context = contexts[0]
    assert context is not None
    assert (context.status, context.sent_bytes) == (201, 5)
    assert (context.began_at, context.responded_at, context.ended_at) == (0, 1, 2)
    assert current() is None


async def test_a_response_sent_twice_is_not_changed() -> None:
    """Headers are added to the message, never to the response object behind it."""
    response = PlainTextResponse("ok")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    frame, sent = Frame(app, [Noting("a", [])]), Sent()
    await frame(scope(), receive, Sent())
    await frame(scope(), receive, sent)

    assert [name for name, _ in sent[0]["headers"]].count(b"x-noted") == 1
    assert "x-noted" not in response.headers


@pytest.mark.promise("stack-23")
async def test_a_message_sent_twice_is_not_changed() -> None:
    """What one request added to an application's own message does not reach the next."""
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b"ok"})

    frame, sent = Frame(app, [Noting("a", [])]), Sent()
    for _ in range(2):
        await frame(scope(), receive, sent)

    assert start["headers"] == []
    assert [len(message["headers"]) for message in sent if "headers" in message] == [1, 1]


async def test_other_scopes_and_messages_pass_untouched() -> None:
    """Lifespan goes by the frame; early hints, trailers, path and debug messages go through it as they are."""
    messages: list[Message] = [
        {"type": "http.response.early_hint", "links": []},
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.pathsend", "path": "/file"},
        {"type": "http.response.zerocopysend", "file": 3},
        {"type": "http.response.trailers", "headers": [], "more_trailers": False},
    ]
    scopes = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(dict(scope))
        for message in messages:
            await send(message)

    frame, untouched, sent = Frame(app, []), Sent(), Sent()
    await frame({"type": "lifespan"}, receive, untouched)
    await frame(scope(), receive, sent)

    assert scopes[0] == {"type": "lifespan"}
    assert untouched == messages
    assert sent == messages


class Refusing(Piece):
    """Refuses every request."""

    def begin(self, context: RequestContext) -> Response | None:
        raise HTTPException(403, "Not today.")


async def test_a_refusal_is_answered_as_a_problem_with_the_headers_of_all_pieces() -> None:
    """What a piece raises before the application goes out through the frame."""
    sent = Sent()

    await Frame(plain, [Noting("a", [], 60), Refusing()])(scope(), receive, sent)

    assert sent[0]["status"] == 403
    assert (b"content-type", b"application/problem+json") in sent[0]["headers"]
    assert (b"x-noted", b"a") in sent[0]["headers"]


@pytest.mark.parametrize(
    ("extensions", "kinds"),
    [
        ({}, ["websocket.close"]),
        ({"websocket.http.response": {}}, ["websocket.http.response.start", "websocket.http.response.body"]),
    ],
)
async def test_a_refused_socket_is_denied_as_the_server_can(extensions: dict[str, Any], kinds: list[str]) -> None:
    """A whole answer where the server knows the extension, a close where it does not."""
    sent = Sent()

    await Frame(plain, [Refusing()])(scope("websocket", extensions=extensions), receive, sent)

    assert [message["type"] for message in sent] == kinds


class Objecting(Piece):
    """Objects to the response when it starts."""

    def __init__(self) -> None:
        self.objected = False

    def start(self, context: RequestContext, headers: RawHeaders) -> None:
        if not self.objected:
            self.objected = True
            raise HTTPException(413)


async def test_an_objection_at_the_start_replaces_the_response() -> None:
    """The application's response is dropped for the error, and the application is unwound."""
    sent, after = Sent(), []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await plain(scope, receive, send)
        after.append("went on")

    await Frame(app, [Objecting()])(scope(), receive, sent)

    assert [message.get("status") for message in sent] == [413, None]
    assert after == []


class Answering(Piece):
    """Answers every error, and settles those it is told to."""

    def __init__(self, *, settle: bool) -> None:
        self.settle = settle

    async def answer(self, context: RequestContext, error: Exception) -> Response:
        if self.settle:
            context.error = None
        return PlainTextResponse("sorry", 500)


async def test_an_answered_error_goes_on_unless_it_is_settled() -> None:
    """The server sees the error behind the answer; a settled one is over."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("odd")

    sent, settled = Sent(), Sent()
    with pytest.raises(KeyError):
        await Frame(app, [Answering(settle=False)])(scope(), receive, sent)
    await Frame(app, [Answering(settle=True)])(scope(), receive, settled)

    assert [message.get("status") for message in (*sent, *settled)] == [500, None, 500, None]


async def test_an_error_that_no_piece_answers_is_raised() -> None:
    """A piece may leave an error to the next, and the last to the server."""

    class Silent(Piece):
        async def answer(self, context: RequestContext, error: Exception) -> None:
            return None

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise KeyError("odd")

    sent = Sent()
    with pytest.raises(KeyError):
        await Frame(app, [Silent()])(scope(), receive, sent)

    assert sent == []


async def test_frames_inside_frames_share_the_request_and_repeat_no_piece() -> None:
    """An inner frame runs the kinds that no outer one runs, and those that ask to run again."""
    seen: list[str] = []

    class Other(Noting):
        pass

    class Again(Noting):
        nested: ClassVar[bool] = True

    inner = Frame(plain, [Noting("inner", seen), Other("other", seen), Again("again inside", seen)])
    await Frame(inner, [Noting("outer", seen), Again("again", seen)])(scope(), receive, Sent())

    assert [turn for turn in seen if turn.startswith("begin")] == [
        "begin outer",
        "begin again",
        "begin other",
        "begin again inside",
    ]


async def test_pieces_may_stand_between_server_and_application() -> None:
    """wrap_receive changes what the application reads."""

    class Shouting(Piece):
        def wrap_receive(self, context: RequestContext, receive: Receive) -> Receive:
            async def shouted() -> Message:
                message = await receive()
                return {**message, "body": b"LOUD"}

            return shouted

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        await Response(message["body"])(scope, receive, send)

    sent = Sent()
    await Frame(app, [Shouting()])(scope(), receive, sent)

    assert sent[1]["body"] == b"LOUD"
