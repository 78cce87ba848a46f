"""What is spoken on a real socket, as its handshake has it."""

import asyncio
import json
import logging
from typing import Annotated, Any, Literal

import msgpack as package  # type: ignore[import-untyped]
import pytest
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from brickwork.websockets import (
    Connection,
    ConnectionManager,
    JSONCodec,
    MemoryBackplane,
    MessageRouter,
    bearer_subprotocol,
)
from brickwork.websockets.msgpack import MessagePackCodec
from tests.websockets.wire import PATIENCE, raw, serving_sockets

TOKEN = "dGhlLXRva2VuLW9mLWEtdGVzdA"  # of those that may stand in this header
msgpack: Any = package


class Say(BaseModel):
    """What a client says."""

    type: Literal["say"] = "say"
    text: str


class Said(BaseModel):
    """What everybody hears."""

    type: Literal["said"] = "said"
    text: str


def build() -> FastAPI:
    """Build an app with one room, where each says in its own way what all hear in theirs."""
    manager = ConnectionManager(backplane=MemoryBackplane(), codecs=[JSONCodec(), MessagePackCodec()])
    messages = MessageRouter()
    app = FastAPI(lifespan=manager.lifespan)

    @messages.on
    async def say(message: Say, connection: Connection[None]) -> None:
        await manager.room("lobby").send(Said(text=message.text))

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[None], Depends(manager.connect)]) -> None:
        async with connection.join("lobby"):
            await connection.send({"type": "ready"})
            await connection.serve(messages)

    return app


async def token_of_the_test(token: Annotated[str | None, Depends(bearer_subprotocol)]) -> str:
    """Find the user of a token."""
    if token != TOKEN:
        raise HTTPException(401, "Log in.")
    return "ada"


def build_guarded() -> FastAPI:
    """Build an app that wants a token."""
    manager = ConnectionManager(authenticate=token_of_the_test)
    app = FastAPI(lifespan=manager.lifespan)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[str], Depends(manager.connect)]) -> None:
        await connection.send(connection.user)

    return app


@pytest.mark.promise("websockets-72")
async def test_each_client_of_a_room_is_spoken_to_in_its_own_way() -> None:
    """What one says in MessagePack another hears in JSON, and what is answered says which of the two it is."""
    with serving_sockets(build()) as port:
        url = f"ws://127.0.0.1:{port}/ws"
        async with (
            asyncio.timeout(PATIENCE),
            connect(url, subprotocols=[Subprotocol("msgpack")]) as packed,
            connect(url) as plain,
        ):
            ready = [msgpack.unpackb(await packed.recv()), json.loads(await plain.recv())]
            await packed.send(msgpack.packb({"type": "say", "text": "grüß"}))

            heard = [msgpack.unpackb(await packed.recv()), json.loads(await plain.recv())]
            answered = [packed.subprotocol, plain.subprotocol]

    assert ready == [{"type": "ready"}] * 2
    assert heard == [{"type": "said", "text": "grüß"}] * 2
    assert answered == ["msgpack", None]


@pytest.mark.promise("websockets-71")
async def test_a_client_that_packs_nonsense_is_told_so() -> None:
    """Bytes that are no MessagePack, and a text where bytes are due, are answered with an error in MessagePack."""
    with serving_sockets(build()) as port:
        async with (
            asyncio.timeout(PATIENCE),
            connect(f"ws://127.0.0.1:{port}/ws", subprotocols=[Subprotocol("msgpack")]) as client,
        ):
            await client.recv()
            await client.send(b"\xc1")
            await client.send('{"type":"say","text":"hello"}')

            errors = [msgpack.unpackb(await client.recv()) for _ in range(2)]

    assert [(error["type"], error["status"]) for error in errors] == [("error", 400)] * 2


@pytest.mark.promise("websockets-73")
async def test_a_token_is_neither_answered_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Of a token that comes as a subprotocol only the word before it is answered, and the log has none of it."""
    caplog.set_level(logging.INFO)
    with serving_sockets(build_guarded()) as port:
        async with raw(port, "/ws", f"Sec-WebSocket-Protocol: bearer, {TOKEN}") as client:
            user = await client.hear()
            answer = client.answer.decode()

    assert user == "ada"
    assert "sec-websocket-protocol: bearer\r\n" in answer.lower()
    assert TOKEN not in answer
    assert TOKEN not in caplog.text


async def test_a_token_that_is_not_good_is_not_answered_either(
    caplog: pytest.LogCaptureFixture, expected_errors: list[logging.LogRecord]
) -> None:
    """A handshake that is refused repeats nothing of what it came with."""  # uvicorn takes refusals for errors
    caplog.set_level(logging.INFO)
    with serving_sockets(build_guarded()) as port:
        async with raw(port, "/ws", "Sec-WebSocket-Protocol: bearer, bm90LXRoZS10b2tlbg") as client:
            answer = client.answer.decode()

    assert answer.startswith("HTTP/1.1 401 ")
    assert "bm90" not in answer + caplog.text
