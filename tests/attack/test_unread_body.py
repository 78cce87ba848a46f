"""Clients that send more body than is allowed to an app that answers without asking for it."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi import FastAPI, Request
from starlette.responses import FileResponse, StreamingResponse
from starlette.types import Message

from brickwork import install

from .request import Request as Sent
from .server import Parser, serving
from .wire import exchange_all

BODY = b"2000\r\n%s\r\n" % (b"a" * 0x2000) * 128 + b"0\r\n\r\n"
HEAD = b"POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
PIECES = 40


def answering(file: Path) -> FastAPI:
    """An app that streams, sends a file, and gives back what it is sent."""
    app = FastAPI()

    @app.post("/stream")
    async def stream() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(PIECES):
                yield b"x" * 1_000
                await asyncio.sleep(0)

        return StreamingResponse(pieces())

    @app.post("/file")
    async def download() -> FileResponse:
        return FileResponse(file)

    @app.post("/echo")
    async def echo(request: Request) -> StreamingResponse:
        return StreamingResponse(request.stream())

    install(app, body_limit=10_000)
    return app


@pytest.mark.parametrize("parser", get_args(Parser))
@pytest.mark.parametrize("path", [b"/stream", b"/file"])
async def test_a_body_that_nobody_reads_spoils_no_answer(
    path: bytes, parser: Parser, tmp_path: Path, expected_errors: list[logging.LogRecord]
) -> None:
    """A megabyte in chunks gets 413 or the whole answer; the app does not fail, and the server has nothing to say."""
    file = tmp_path / "file"
    file.write_bytes(b"x" * PIECES * 1_000)
    request = Sent(b"POST", raw=HEAD % path + BODY)

    with serving(answering(file), parser) as port:
        exchanges = await exchange_all(port, [(str(number), request) for number in range(20)])

    answers = [answer for exchange in exchanges for answer in exchange.responses]
    assert {answer.status for answer in answers} <= {200, 413}
    assert {len(answer.body) for answer in answers if answer.status == 200} <= {PIECES * 1_000}
    assert not any(exchange.hung for exchange in exchanges)
    assert expected_errors == []


async def test_an_answer_made_of_the_body_ends(tmp_path: Path) -> None:
    """Where the server is one whose clients' leaving nobody listens for, the app is told that no more comes."""
    sent: list[Message] = []
    waiting: list[Message] = [{"type": "http.request", "body": b"a" * 6_000, "more_body": True}] * 2
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/echo",
        "raw_path": b"/echo",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"a"), (b"transfer-encoding", b"chunked")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop()

    async def send(message: Message) -> None:
        sent.append(message)

    async with asyncio.timeout(5):
        with suppress(RuntimeError):  # Starlette's word for an error under a response that has begun
            await answering(tmp_path)(scope, receive, send)

    assert sent[0]["status"] == 200
    assert b"".join(each.get("body", b"") for each in sent) == b"a" * 6_000
    assert not any(each["type"] == "http.response.body" and not each.get("more_body") for each in sent)
