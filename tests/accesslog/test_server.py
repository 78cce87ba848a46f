"""With a real server: its own lines carry the ID, and its own reading of proxies meets ours."""

import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from brickwork.accesslog import configure_logging
from brickwork.requestid import RequestIDMiddleware, bind
from tests.accesslog.calls import Form, Records, fused, installed

pytestmark = pytest.mark.usefixtures("restored_logging")


class Server(uvicorn.Server):
    """A server that says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """Serve the application, and give its URL; after the block all that it logged is written."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Server(uvicorn.Config(app, log_config=None, lifespan="off", **options))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        assert server.ready.wait(10)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def app() -> FastAPI:
    """An application that answers, and one that fails."""
    made = FastAPI()

    @made.get("/")
    async def answer() -> str:
        return "ok"

    @made.get("/broken")
    async def broken() -> None:
        bind(user="ada")
        raise ZeroDivisionError

    return made


@pytest.mark.promise("accesslog-12")
@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("put", [fused, installed])
def test_the_servers_lines_carry_the_id(app: FastAPI, put: Form, http: str, expected_errors: list[Any]) -> None:
    """The access line, and the error's traceback, which is logged when the request is over."""
    stream = io.StringIO()
    configure_logging(stream=stream, uvicorn_access=True)

    with served(put(app), http=http) as url, httpx2.Client(base_url=url) as client:
        fine, broken = client.get("/"), client.get("/broken")

    written = [json.loads(line) for line in stream.getvalue().splitlines()]
    lines = [(line["logger"], line["request_id"]) for line in written if line["request_id"] != "-"]
    ids = [answer.headers["x-request-id"] for answer in (fine, broken)]
    assert lines.count(("uvicorn.access", ids[0])) == 1
    assert lines.count(("uvicorn.access", ids[1])) == 1
    [error] = [line for line in written if line["logger"] == "uvicorn.error" and line["level"] == "ERROR"]
    assert (error["request_id"], error["user"], error["exception"]["type"]) == (ids[1], "ada", "ZeroDivisionError")


@pytest.mark.promise("accesslog-9")
@pytest.mark.parametrize(
    ("options", "trusted", "client"),
    [
        # uvicorn, by default, believes a proxy on its own machine: what we see as the peer is then the client already.
        ({}, [], "198.51.100.9"),
        ({}, ["127.0.0.1"], "198.51.100.9"),
        # Left to us, with the same answer.
        ({"proxy_headers": False}, ["127.0.0.1"], "198.51.100.9"),
        ({"proxy_headers": False}, [], "127.0.0.1"),
        # `--forwarded-allow-ips '*'` believes the leftmost, which anyone can write; nothing inside can undo that.
        ({"forwarded_allow_ips": "*"}, [], "6.6.6.6"),
    ],
)
def test_the_servers_reading_of_proxies_comes_first(
    app: FastAPI, records: Records, options: dict[str, Any], trusted: list[str], client: str
) -> None:
    """Either the server or the log may know the proxies; both give the same client."""
    headers = {"X-Forwarded-For": "6.6.6.6, 198.51.100.9"}

    with served(fused(app, trusted_proxies=trusted), **options) as url:
        httpx2.get(url, headers=headers)

    assert records.only["client"] == client


@pytest.mark.promise("requestid-6")
@pytest.mark.parametrize("proxy_headers", [True, False])
def test_a_server_may_hide_the_proxy(proxy_headers: bool) -> None:
    """Where uvicorn puts the client in the proxy's place, nobody is a proxy: the ID is not taken over."""
    app = FastAPI()
    app.add_middleware(RequestIDMiddleware, trust="proxies", trusted_proxies=["127.0.0.1"])
    headers = {"X-Forwarded-For": "198.51.100.9", "X-Request-ID": "from-the-proxy"}

    with served(app, proxy_headers=proxy_headers) as url:
        answer = httpx2.get(url, headers=headers)

    assert (answer.headers["x-request-id"] == "from-the-proxy") is not proxy_headers
