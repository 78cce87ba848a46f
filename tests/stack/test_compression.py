"""Compression: what a client asked for, what is worth it, and nothing held back."""

import gzip
import inspect
import threading
import zlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI, Response, WebSocket
from fastapi.responses import FileResponse, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from brickwork._core.headers import find_all
from brickwork.stack import CompressionMiddleware, CompressionOptions, _compression
from brickwork.testing import open_client
from tests.stack.compressed import START, TEXT, body, exchange, header, scope, whole


@pytest.mark.promise("stack-36")
@pytest.mark.parametrize(
    "messages",
    [
        whole(b"small"),
        whole(b"x" * 499),
        whole(TEXT, (b"content-encoding", b"br")),
        whole(TEXT, (b"Content-Encoding", b"br")),
        whole(TEXT, (b"cache-control", b"public, No-Transform")),
        whole(TEXT, (b"content-range", b"bytes 0-9/100")),
        whole(TEXT, (b"content-digest", b"sha-256=:x:")),
        whole(b"", status=204),
        whole(TEXT, status=206),
        *([{**START, "headers": [(b"content-type", kind)]}, {"type": "http.response.body", "body": TEXT}] for kind in (
            b"image/png", b"IMAGE/PNG; q=1", b"video/mp4", b"application/zip", b"application/grpc+proto",
            b"text/event-stream; charset=utf-8", b"application/pdf", b"text/markdown")),
    ],
)  # fmt: skip
async def test_what_is_not_worth_it_stays_as_it_is(messages: list[Message]) -> None:
    """Small, empty, partial, compressed, signed and untouchable bodies, and event streams, are passed on untouched."""
    before = [{**message} for message in messages]

    sent = await exchange(messages, skip=["text/markdown"])

    assert sent == before


@pytest.mark.promise("stack-36")
@pytest.mark.parametrize("kind", [b"image/svg+xml", b"application/json", b"font/ttf", b"application/wasm"])
async def test_what_is_worth_it_is_compressed(kind: bytes) -> None:
    """Text in any dress is compressed, pictures made of text too."""
    sent = await exchange(
        [{**START, "headers": [(b"content-type", kind)]}, {"type": "http.response.body", "body": TEXT}]
    )

    assert gzip.decompress(body(sent)) == TEXT


@pytest.mark.promise("stack-37")
async def test_headers_tell_the_truth() -> None:
    """The length is that of what leaves, a strong validator becomes weak, and ranges are off the table."""
    sent = await exchange(
        whole(TEXT, (b"etag", b'"v1"'), (b"accept-ranges", b"bytes"), (b"set-cookie", b"a"), (b"set-cookie", b"b"))
    )

    assert header(sent, b"content-length") == b"%d" % len(body(sent))
    assert header(sent, b"etag") == b'W/"v1"'
    assert header(sent, b"accept-ranges") is None
    assert find_all(sent[0]["headers"], b"set-cookie") == [b"a", b"b"]


@pytest.mark.promise("stack-37")
@pytest.mark.parametrize("accepted", ["gzip", "br", None])
async def test_caches_are_told(accepted: str | None) -> None:
    """`Vary` names the header also where this client gets the body as it is, and keeps what it named."""
    sent = await exchange(whole(TEXT, (b"vary", b"Origin"), (b"etag", b'W/"v1"')), scope(accepted))

    assert header(sent, b"vary") == b"Origin, accept-encoding"
    assert header(sent, b"etag") == b'W/"v1"'


@pytest.mark.promise("stack-37")
@pytest.mark.parametrize(("accepted", "etag"), [("gzip", b'W/"v1"'), ("br", b'"v1"')])
async def test_a_304_matches_the_response_it_stands_for(accepted: str, etag: bytes) -> None:
    """Not Modified carries the validator and the `Vary` that the whole response had."""
    messages: list[Message] = [
        {"type": "http.response.start", "status": 304, "headers": [(b"etag", b'"v1"')]},
        {"type": "http.response.body", "body": b""},
    ]

    sent = await exchange(messages, scope(accepted))

    assert header(sent, b"etag") == etag
    assert header(sent, b"vary") == b"accept-encoding"
    assert header(sent, b"content-encoding") is None
    assert body(sent) == b""


@pytest.mark.promise("stack-37")
async def test_head_is_answered_like_get() -> None:
    """HEAD has the headers of the compressed response, except the length, which nobody knows, and no body."""
    start, _ = whole(TEXT, (b"etag", b'"v1"'))

    sent = await exchange([start, {"type": "http.response.body", "body": b""}], scope(method="HEAD"))

    assert header(sent, b"content-encoding") == b"gzip"
    assert header(sent, b"content-length") is None
    assert body(sent) == b""


@pytest.mark.promise("stack-38")
async def test_nothing_of_a_stream_is_held_back() -> None:
    """Headers leave at once, and each chunk can be read when it has been sent."""
    got: list[tuple[int, bytes]] = []
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    chunks = [b"one ", b"", b"two ", b"three"]

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        assert header(sent, b"content-encoding") == b"gzip"
        for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            got.append((len(sent), decoder.decompress(sent[-1]["body"])))
        await send({"type": "http.response.body"})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await CompressionMiddleware(app)(scope(), None, send)  # type: ignore[arg-type]

    assert got == [(2, b"one "), (3, b""), (4, b"two "), (5, b"three")]
    assert gzip.decompress(body(sent)) == b"one two three"
    assert header(sent, b"content-length") is None


@pytest.mark.promise("stack-38")
async def test_a_stream_of_known_length_loses_it() -> None:
    """Of a compressed stream nobody knows the length before its end."""
    start, _ = whole(TEXT)
    halves: list[Message] = [
        {"type": "http.response.body", "body": TEXT[:1000], "more_body": True},
        {"type": "http.response.body", "body": TEXT[1000:], "more_body": False},
    ]

    sent = await exchange([start, *halves])

    assert header(sent, b"content-length") is None
    assert gzip.decompress(body(sent)) == TEXT


@pytest.mark.promise("stack-39")
async def test_a_large_body_is_compressed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """From `thread_size` bytes on the loop is free meanwhile."""
    threads: list[threading.Thread] = []

    class Noted(_compression._Gzip):
        def feed(self, data: bytes, /, *, last: bool) -> bytes:
            threads.append(threading.current_thread())
            return super().feed(data, last=last)

    monkeypatch.setattr(_compression, "_Gzip", Noted)

    small = await exchange(whole(TEXT), thread_size=len(TEXT) + 1)
    large = await exchange(whole(TEXT), thread_size=len(TEXT))

    assert body(small) == body(large)
    assert [thread is threading.main_thread() for thread in threads] == [True, False]


@pytest.mark.promise("stack-40")
@pytest.mark.parametrize("kind", ["http.response.pathsend", "http.response.zerocopysend"])
@pytest.mark.parametrize("length", [True, False])
async def test_files_sent_by_the_server_stay_as_they_are(kind: str, *, length: bool) -> None:
    """A file that the server reads by itself goes out with the headers that describe it."""
    start = whole(TEXT, (b"etag", b'"v1"'))[0] if length else START
    file: Message = {"type": kind, "path": "/file"}

    sent = await exchange([start, file], scope(extensions={kind: {}}))

    assert [message["type"] for message in sent] == ["http.response.start", kind]
    assert header(sent, b"content-encoding") is None
    assert header(sent, b"etag") == (b'"v1"' if length else None)


@pytest.mark.promise("stack-40")
async def test_other_messages_pass() -> None:
    """Early hints come before the headers, and trailers after the body."""
    start, content = whole(TEXT)
    hint: Message = {"type": "http.response.early_hint", "links": [b"</style.css>; rel=preload"]}
    trailers: Message = {"type": "http.response.trailers", "headers": []}

    sent = await exchange([hint, {**start, "trailers": True}, content, trailers])

    assert [message["type"].rpartition(".")[2] for message in sent] == ["early_hint", "start", "body", "trailers"]
    assert gzip.decompress(body(sent)) == TEXT
    assert header(sent, b"content-length") is None


async def test_a_file_message_without_its_extension_is_not_swallowed() -> None:
    """Whatever the application sends against the rules, the server gets to see it."""
    sent = await exchange([START, {"type": "http.response.pathsend", "path": "/file"}])

    assert [message["type"] for message in sent] == ["http.response.start", "http.response.pathsend"]


async def test_a_length_that_is_no_number_is_no_length() -> None:
    """An application's nonsense is not made worse."""
    start, content = whole(TEXT)
    start["headers"][1] = (b"content-length", b"-1")

    sent = await exchange([start, content])

    assert gzip.decompress(body(sent)) == TEXT


async def test_an_app_is_served_compressed(tmp_path: Any) -> None:
    """JSON, streams and files of a FastAPI app arrive as they were meant."""
    app = FastAPI()
    app.add_middleware(CompressionMiddleware)
    (tmp_path / "novel.txt").write_bytes(TEXT)

    @app.get("/json")
    async def numbers() -> list[int]:
        return list(range(1000))

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield TEXT

        return StreamingResponse(chunks(), media_type="text/plain")

    @app.get("/file")
    async def file() -> FileResponse:
        return FileResponse(tmp_path / "novel.txt")

    @app.get("/empty")
    async def empty() -> Response:
        return Response()

    async with open_client(app) as client:
        answers = [await client.get(path) for path in ("/json", "/stream", "/file", "/empty")]

    assert [answer.headers.get("content-encoding") for answer in answers] == ["gzip", "gzip", "gzip", None]
    assert answers[0].json() == list(range(1000))
    assert answers[1].content == TEXT * 3
    assert answers[2].content == TEXT


def test_sockets_and_lifespans_pass() -> None:
    """Only requests are compressed."""
    app = FastAPI()
    app.add_middleware(CompressionMiddleware)

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.send_bytes(TEXT)
        await websocket.close()

    with TestClient(app) as client, client.websocket_connect("/ws") as websocket:
        assert websocket.receive_bytes() == TEXT


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"level": 0}, ValueError),
        ({"level": 10}, ValueError),
        ({"minimum_size": -1}, ValueError),
        ({"thread_size": -1}, ValueError),
        ({"skip": "text/csv"}, TypeError),
    ],
)
def test_nonsense_is_refused(options: dict[str, Any], error: type[Exception]) -> None:
    """A wrong option fails where it is written."""
    with pytest.raises(error, match=r"fast|bytes|write \["):
        CompressionMiddleware(FastAPI(), **options)


def test_options_match_the_middleware() -> None:
    """`CompressionOptions` names every option."""
    parameters = inspect.signature(CompressionMiddleware).parameters

    assert {*CompressionOptions.__annotations__} == {*parameters} - {"app"}
