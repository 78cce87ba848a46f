"""The same over the network: real handshakes, a client that reads nothing, a process that is told to stop."""

import asyncio
import base64
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from brickwork import install
from brickwork.websockets import ConnectionLimits, ConnectionManager, Heartbeat
from tests.websockets.apps import PATIENCE, by_header, serve, until
from tests.websockets.served import serving


async def opened(port: int, **headers: str) -> ClientConnection:
    """Open a socket as a client does."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await connect(
        f"ws://127.0.0.1:{port}/ws", additional_headers=named, open_timeout=PATIENCE, ping_interval=None, proxy=None
    )


async def refused(port: int, **headers: str) -> tuple[int, Any, dict[str, str]]:
    """Try to open a socket, in vain; give the status, the body and the headers."""
    with pytest.raises(InvalidStatus) as error:
        await opened(port, **headers)
    response = error.value.response
    return response.status_code, json.loads(response.body or b"null"), dict(response.headers.raw_items())


@contextmanager
def stalled_client(port: int) -> Iterator[socket.socket]:
    """Be a client that opens a socket and never reads what comes."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        client.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += client.recv(1)
        assert b" 101 " in answer
        yield client


@pytest.mark.promise("websockets-1")
@pytest.mark.promise("websockets-11")
@pytest.mark.usefixtures("expected_errors")  # uvicorn logs each denial as one
async def test_origins_and_denials_on_the_wire() -> None:
    """A browser of another site gets a 403 with a problem document; one of our own gets its socket."""
    app = serve(ConnectionManager(authenticate=by_header, origins=["https://app.example"]))
    install(app)

    with serving(app) as port:
        own, listed = f"http://127.0.0.1:{port}", "https://app.example"
        for headers in ({}, {"Origin": own, "Cookie": "a=1"}, {"Origin": listed, "Cookie": "a=1"}):
            client = await opened(port, Authorization="ada", **headers)
            await client.send("hello")
            assert await client.recv() == "hello"
            await client.close()
        foreign = [
            await refused(port, Authorization="ada", **headers)
            for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Cookie": "a=1"})
        ]
        unknown, body, headers = await refused(port)

    assert [status for status, _, _ in foreign] == [403] * 3
    assert {told["title"] for _, told, _ in foreign} == {"Origin not allowed"}
    assert (unknown, body["status"], headers["www-authenticate"]) == (401, 401, "Bearer")
    assert "x-request-id" in headers


@pytest.mark.promise("websockets-8")
@pytest.mark.promise("websockets-10")
@pytest.mark.usefixtures("expected_errors")  # uvicorn logs each denial as one
async def test_caps_on_the_wire() -> None:
    """One connection too many gets a 429 that says when to come again; one that leaves makes room."""
    manager = ConnectionManager(authenticate=by_header, limits=ConnectionLimits(per_user=2))
    app = serve(manager)
    install(app)

    with serving(app) as port:
        clients = [await opened(port, Authorization="ada") for _ in range(2)]
        status, body, headers = await refused(port, Authorization="ada")
        await clients[0].close()
        await until(lambda: len(manager._draining._caps) < 2)
        clients.append(await opened(port, Authorization="ada"))
        for client in clients:
            await client.close()

    assert (status, body["title"], int(headers["retry-after"]) > 0) == (429, "Too many connections", True)


@pytest.mark.promise("websockets-9")
async def test_the_oldest_is_replaced_on_the_wire() -> None:
    """With ``excess="replace"``, the oldest connection of a user is closed with 4409 when another comes."""
    limits = ConnectionLimits(per_user=1, excess="replace")
    manager = ConnectionManager(authenticate=by_header, limits=limits)

    with serving(serve(manager)) as port:
        older = await opened(port, Authorization="ada")
        newer = await opened(port, Authorization="ada")
        await older.wait_closed()
        await newer.send("hello")
        said = await newer.recv()
        await newer.close()

    assert (older.close_code, said) == (4409, "hello")


@pytest.mark.promise("websockets-25")
@pytest.mark.usefixtures("expected_errors")  # uvicorn logs each denial as one
async def test_draining_with_a_client_that_reads_nothing() -> None:
    """Though one client reads nothing, all others hear 1012, and nothing of any is left in the manager."""
    manager = ConnectionManager(heartbeat=Heartbeat(close=0.2))
    app = serve(manager)

    @app.post("/fill")
    async def fill() -> int:
        (slow,) = manager.connections()
        while not slow.stats.queued and not slow.closed:
            await manager.broadcast("x" * 65_536)
            await asyncio.sleep(0)
        return slow.stats.queued

    @app.post("/drain")
    async def drain() -> tuple[int, int]:
        return await manager.drain(PATIENCE), len(manager.connections())

    with serving(app, graceful=1) as port, stalled_client(port):
        await until(manager.connections)
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as http:
            queued = (await http.post("/fill")).json()
            others = [await opened(port) for _ in range(3)]
            drained = (await http.post("/drain")).json()
            for other in others:
                await other.wait_closed()
        status, _, _ = await refused(port)

    assert queued > 0
    assert (drained, status) == ([0, 0], 503)
    assert [other.close_code for other in others] == [1012] * 3
    assert all((other.close_reason or "").startswith("retry_after=") for other in others)
