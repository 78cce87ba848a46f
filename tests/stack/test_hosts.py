"""Trusted hosts: a foreign Host is refused before anything reads it."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from brickwork import install
from brickwork.testing import assert_problem, open_client

HOSTS = ["api.example", "*.shop.example", "[::1]"]


def served() -> FastAPI:
    """An app that serves three names."""
    app = FastAPI()

    @app.get("/")
    async def home() -> str:
        return "home"

    @app.websocket("/ws")
    async def socket(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    install(app, trusted_hosts=HOSTS)
    return app


@pytest.mark.promise("stack-22")
@pytest.mark.parametrize("host", ["api.example", "API.example:8443", "a.shop.example", "a.b.shop.example", "[::1]:80"])
async def test_own_hosts_are_served(host: str) -> None:
    """Names count without port and case; a star covers every depth of subdomain."""
    async with open_client(served()) as client:
        answer = await client.get("/", headers={"host": host})

    assert answer.status_code == 200


@pytest.mark.promise("stack-22")
@pytest.mark.parametrize(
    "host", ["evil.example", "shop.example", "evilshop.example", "api.example.evil", "", "é", ":80"]
)
async def test_other_hosts_are_a_problem(host: str) -> None:
    """Any other name is 400, with id and headers, and is not repeated in the body."""
    async with open_client(served()) as client:
        answer = await client.get("/", headers={b"host": host.encode("latin-1")})

    assert_problem(answer, 400, slug="untrusted-host")
    made = answer.headers["x-request-id"]
    said = {name: value for name, value in answer.json().items() if name not in {"instance", "request_id"}}
    assert answer.json()["request_id"] == made
    assert not host or host not in str(said)


@pytest.mark.promise("stack-22")
@pytest.mark.parametrize(
    "host",
    [
        "api.example:80@evil.example",
        "api.example:@evil.example",
        "api.example:port",
        "[::1].evil.example",
        "[::1]@evil.example",
        "[::1",
        "evil.example/.shop.example",
        "evil.example#.shop.example",
        "evil.example?.shop.example",
        "evil.example\\.shop.example",
        "user@a.shop.example",
        ".shop.example",
        "a..shop.example",
        "a,b.shop.example",
    ],
)
async def test_what_only_looks_trusted_is_refused(host: str) -> None:
    """What reads as a trusted name here, and as another elsewhere, is no name at all."""
    async with open_client(served()) as client:
        answer = await client.get("/", headers={"host": host})

    assert_problem(answer, 400, slug="untrusted-host")


@pytest.mark.promise("stack-22")
async def test_two_hosts_are_refused() -> None:
    """A request with two Host headers is not taken at either word."""
    async with open_client(served()) as client:
        answer = await client.get("/", headers=[("host", "api.example"), ("host", "evil.example")])

    assert_problem(answer, 400, slug="untrusted-host")


async def test_a_mounted_application_keeps_its_own_hosts() -> None:
    """What is mounted may serve fewer hosts than the application around it."""
    app = FastAPI()
    app.mount("/inner", served())
    install(app, trusted_hosts=["*"])

    async with open_client(app) as client:
        allowed = await client.get("/inner/", headers={"host": "api.example"})
        refused = await client.get("/inner/", headers={"host": "evil.example"})

    assert allowed.status_code == 200
    assert_problem(refused, 400, slug="untrusted-host")


def test_sockets_are_refused_too() -> None:
    """A handshake for a foreign host is denied."""
    client = TestClient(served(), base_url="http://evil.example")

    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/ws"):
        pass


@pytest.mark.parametrize("host", ["https://a.example", "a*.example", "*example", "", "a.example/x"])
def test_what_is_no_host_is_refused(host: str) -> None:
    """A pattern that could never match is an error at once."""
    with pytest.raises(ValueError, match="is no host"):
        install(FastAPI(), trusted_hosts=[host])
