"""Attacks by raw bytes over a real socket: doubled and oversized headers, smuggled bodies, clients that hang up."""

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing

import anyio
import pytest

from tests.attack.server import Parser, serving
from tests.auth.site import PASSWORD, Site, open_site

pytestmark = pytest.mark.parametrize("parser", ["h11", "httptools"])

LOGIN = json.dumps({"login": "ada", "password": PASSWORD}).encode()
JSON = b"Content-Type: application/json\r\n"


@asynccontextmanager
async def served(parser: Parser) -> AsyncGenerator[tuple[Site, int, bytes]]:
    """Serve a site; give it, its port, and an access token."""
    async with open_site(transports=("header", "cookie"), lockout=None) as site:
        await site.add()
        token = (await site.tokens())["access_token"]
        with serving(site.app, parser) as port:
            yield site, port, token.encode()


async def exchange(port: int, request: bytes) -> bytes:
    """Send bytes, and give what comes back until the server has no more to say."""
    return await anyio.to_thread.run_sync(_exchange, port, request)


def _exchange(port: int, request: bytes) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as connection:
        received = b""
        try:
            connection.sendall(request)
            while chunk := connection.recv(65_536):
                received += chunk
        except OSError:
            pass  # It hung up before it had read everything, as it may.
        return received


def statuses(received: bytes) -> set[int]:
    """Give the statuses of all responses."""
    lines = [line for line in received.split(b"\r\n") if line.startswith(b"HTTP/1.")]
    return {int(line.split()[1]) for line in lines}


def get(*lines: bytes) -> bytes:
    """Write a request for the user's own page."""
    return b"\r\n".join([b"GET /auth/me HTTP/1.1", b"Host: test", b"Connection: close", *lines, b"", b""])


def post(path: bytes, headers: bytes, body: bytes = b"") -> bytes:
    """Write a request with a body."""
    return b"POST /auth%b HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%b\r\n%b" % (path, headers, body)


@pytest.mark.promise("auth-119")
async def test_no_way_to_write_a_header_lets_two_or_broken_tokens_in(parser: Parser) -> None:
    """Doubled, folded, cut, with control characters, or by the thousand: refused, and never a 500."""
    async with served(parser) as (_, port, token):
        bearer = b"Authorization: Bearer " + token
        cookie = b"Cookie: __Host-access=" + token
        hostile = [
            get(bearer, bearer),
            get(bearer, b"authorization: Basic eDp5"),
            get(bearer, cookie),
            get(cookie, cookie),
            get(bearer + b", Bearer " + token),
            get(bearer + b"\x00"),
            get(bearer + b"\x0b"),
            get(b"Authorization: Bearer\r\n " + token[:20] + b"\r\n " + token[20:]),
            get(b"Authorization : Bearer " + token),
            get(b"Authorization: Bearer\xc2\xa0" + token),
            get(b"Authorization: Bearer " + b"A" * 60_000),
            get(b"Authorization: Bearer " + b"A" * 200_000),
            get(b"Cookie: " + b"; ".join(b"__Host-access=%d" % number for number in range(3_000))),
            get(*(b"Cookie: a%d=b" % number for number in range(2_000))),
            get(b"X-API-Key: " + b"key_" * 10_000),
            get(b"Authorization: \xff\xfe\xfd"),
            get(b"\xffAuthorization: Bearer " + token),
        ]

        answers = [await exchange(port, request) for request in hostile]
        good = await exchange(port, get(bearer))

    assert [found for found in map(statuses, answers) if found and not found <= {400, 401, 431}] == []
    assert statuses(good) == {200}


@pytest.mark.promise("auth-145")
async def test_no_way_to_write_a_body_gets_past_the_limits(parser: Parser) -> None:
    """In chunks, longer or shorter than it says, smuggled behind another, or never finished."""
    large = b'{"login": "ada", "password": "' + b"p" * 300_000 + b'"}'
    chunked = JSON + b"Transfer-Encoding: chunked\r\n"
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (large[:200_000], large[200_000:])) + b"0\r\n\r\n"
    length = b"Content-Length: %d\r\n"
    async with served(parser) as (_, port, _token):
        hostile = [
            post(b"/login", chunked, chunks),
            post(b"/login", JSON + length % len(large), large),
            post(b"/token", b"Content-Type: application/x-www-form-urlencoded\r\n" + length % 10**12, b"a=b"),
            post(b"/login", JSON + length % len(LOGIN) + length % 5, LOGIN),
            post(b"/login", JSON + length % -1, LOGIN),
            post(b"/login", chunked + b"Transfer-Encoding: identity\r\n", b"zz\r\n" + LOGIN),
            post(b"/login?access_token=x", JSON + b"Content-Type: text/plain\r\n" + length % 4, b"null"),
        ]

        answers = [await exchange(port, request) for request in hostile]
        good = await exchange(port, post(b"/login", JSON + length % len(LOGIN), LOGIN))

    assert [found for found in map(statuses, answers) if found and not found <= {400, 413, 415, 422}] == []
    assert statuses(good) == {200}


@pytest.mark.promise("auth-34")
async def test_a_client_that_hangs_up_while_it_refreshes_can_try_again(parser: Parser) -> None:
    """Fifty of them send the same token and go away: it has one successor, for whoever stays to hear of it."""
    async with served(parser) as (site, port, _):
        token = (await site.tokens())["refresh_token"]
        body = json.dumps({"refresh_token": token}).encode()
        request = post(b"/refresh", JSON + b"Content-Length: %d\r\n" % len(body), body)
        for _ in range(50):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(request)

        answers = [await exchange(port, request) for _ in range(3)]

    successors = {json.loads(answer.partition(b"\r\n\r\n")[2])["refresh_token"] for answer in answers}
    assert [statuses(answer) for answer in answers] == [{200}] * 3
    assert len(successors) == 1
