"""WebSockets: who may open one, and how the token gets there."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, WebSocket
from starlette.testclient import TestClient, WebSocketDenialResponse

from brickwork.auth import Auth, CookieTransport, MemoryUser, MemoryUserStore, QueryTransport
from tests.auth.site import HASHER, SECRET


class Line:
    """A server with one socket, and a token for it."""

    def __init__(self, **options: Any) -> None:
        self.auth = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, **options)
        self.users = self.auth._parts.options.users
        self.app = FastAPI()

        @self.app.websocket("/ws")
        async def ws(socket: WebSocket, user: Annotated[MemoryUser, Depends(self.auth.user)]) -> None:
            await socket.accept()
            await socket.send_text(user.login)
            await socket.close()

        @self.app.websocket("/chat")
        async def chat(socket: WebSocket, user: Annotated[MemoryUser, self.auth.require()]) -> None:
            await socket.accept(subprotocol="chat")
            await socket.close()

        @self.app.websocket("/anybody")
        async def anybody(
            socket: WebSocket, user: Annotated[MemoryUser | None, Depends(self.auth.optional_user)]
        ) -> None:
            await socket.accept()
            await socket.send_text("stranger" if user is None else user.login)
            await socket.close()

    async def token(self) -> str:
        """Give a token of a new user."""
        return (await self.auth.issue(await self.users.create({"login": "ada"}))).access_token

    @contextmanager
    def open(self, path: str = "/ws", **options: Any) -> Iterator[Any]:
        """Open the socket."""
        with TestClient(self.app, base_url="https://test").websocket_connect(path, **options) as socket:
            yield socket

    def refused(self, **options: Any) -> tuple[int, str | None]:
        """Try to open the socket, and give the status and challenge of the answer."""
        with pytest.raises(WebSocketDenialResponse) as caught, self.open(**options):
            pass
        return caught.value.status_code, caught.value.headers.get("www-authenticate")


@pytest.mark.promise("auth-124")
async def test_the_header_opens_a_socket() -> None:
    """A client that can set headers sends the same one as for requests."""
    line = Line()
    token = await line.token()

    with line.open(headers={"Authorization": f"Bearer {token}"}) as socket:
        said = socket.receive_text()

    assert said == "ada"


@pytest.mark.promise("auth-124")
@pytest.mark.parametrize(
    ("headers", "challenge"),
    [({}, 'Bearer realm="api"'), ({"Authorization": "Bearer x"}, 'Bearer realm="api", error="invalid_token"')],
)
def test_a_socket_is_denied_before_it_is_accepted(headers: dict[str, str], challenge: str) -> None:
    """The handshake is answered 401, with the challenge that a request would get."""
    assert Line().refused(headers=headers) == (401, challenge)


async def test_a_socket_may_be_open_to_strangers() -> None:
    """The optional user works on sockets, too."""
    with Line().open("/anybody") as socket:
        said = socket.receive_text()

    assert said == "stranger"


@pytest.mark.promise("auth-125")
async def test_a_browser_offers_the_token_as_a_subprotocol() -> None:
    """`["bearer", token]` lets its user in, and the answer picks "bearer", for a browser would hang up otherwise."""
    line = Line(transports=["header", "websocket"])
    token = await line.token()

    with line.open(subprotocols=["bearer", token]) as socket:
        said, picked = socket.receive_text(), socket.accepted_subprotocol

    assert (said, picked) == ("ada", "bearer")


@pytest.mark.promise("auth-125")
async def test_an_endpoint_may_pick_another_subprotocol() -> None:
    """What the endpoint picks stays."""
    line = Line(transports=["header", "websocket"])
    token = await line.token()

    with line.open("/chat", subprotocols=["chat", "bearer", token]) as socket:
        picked = socket.accepted_subprotocol

    assert picked == "chat"


@pytest.mark.promise("auth-125")
@pytest.mark.parametrize(
    ("offered", "status"),
    [(["bearer"], 401), (["bearer", "x"], 401), (["chat"], 401), (["bearer", "x", "bearer", "y"], 400)],
)
def test_a_bad_offer_is_refused(offered: list[str], status: int) -> None:
    """No token, a bad one, or two."""
    refused, _ = Line(transports=["header", "websocket"]).refused(subprotocols=offered)

    assert refused == status


@pytest.mark.promise("auth-125")
async def test_a_subprotocol_is_not_read_unless_it_is_asked_for() -> None:
    """With the header alone, an offered token is nothing."""
    line = Line()

    assert line.refused(subprotocols=["bearer", await line.token()])[0] == 401


@pytest.mark.promise("auth-126")
@pytest.mark.parametrize(
    ("headers", "opens"),
    [
        ({"Origin": "https://testserver"}, True),
        ({"Origin": "https://app.example"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
async def test_cookies_open_a_socket_for_pages_of_ones_own(headers: dict[str, str], opens: bool) -> None:
    """A socket cannot show a CSRF token, so its origin has to be known and allowed."""
    line = Line(transports=[CookieTransport(origins=["https://app.example"])])
    headers = {**headers, "Cookie": f"__Host-access={await line.token()}"}

    if opens:
        with line.open(headers=headers) as socket:
            assert socket.receive_text() == "ada"
    else:
        assert line.refused(headers=headers)[0] == 403


@pytest.mark.promise("auth-118")
async def test_a_query_opens_a_socket_only_when_it_is_named() -> None:
    """The token in the address is read where the application asked for it."""
    named, usual = Line(transports=[QueryTransport("ticket")]), Line()
    token = await named.token()

    with named.open(f"/ws?ticket={token}") as socket:
        said = socket.receive_text()

    assert said == "ada"
    assert usual.refused(path=f"/ws?ticket={token}")[0] == 401
