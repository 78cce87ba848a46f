"""Attacks over HTTP: hostile tokens and bodies at every door, and no answer but a refusal."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import pytest
from fastapi import WebSocket
from httpx2 import Response
from starlette.testclient import TestClient, WebSocketDenialResponse

from brickwork.auth import MemoryTokenStore, MemoryUser, QueryTransport
from brickwork.auth.jose import Key
from tests.auth.hostile import header_of, hostile_tokens, signed
from tests.auth.keyring import AUDIENCE, ISSUER, claims, key
from tests.auth.records import new_session
from tests.auth.site import OTHER_PASSWORD, PASSWORD, SECRET, Site, bearer, open_site

# Every route that wants to know who calls, with a body that it would take.
PROTECTED: Final[list[tuple[str, str, Any]]] = [
    ("GET", "/me", None),
    ("GET", "/sessions", None),
    ("DELETE", "/sessions/0123", None),
    ("GET", "/keys", None),
    ("POST", "/keys", {"name": "a key"}),
    ("POST", "/keys/0123/rotate", {}),
    ("DELETE", "/keys/0123", None),
    ("POST", "/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
    ("POST", "/logout", None),
    ("POST", "/logout-all", None),
]
CHALLENGE = 'Bearer realm="api", error="invalid_token"'
# What a client may put around a token: it is no part of it.
AROUND = ' \t\r\n\x0b\x0c"'


@asynccontextmanager
async def trusting_site() -> AsyncGenerator[tuple[Site, Key]]:
    """Open a site that reads tokens wherever they can be, with the user and the session that the hostile ones name."""
    transports = ("header", "cookie", "websocket", QueryTransport("access_token"))
    tokens = MemoryTokenStore()
    async with open_site(transports=transports, issuer=ISSUER, audience=AUDIENCE, tokens=tokens) as site:

        @site.app.websocket("/socket")
        async def socket(socket: WebSocket, _user: Annotated[MemoryUser, site.auth.require()]) -> None:
            await socket.accept()
            await socket.close()

        now = site.clock.time()
        await site.add("ada", id="user-1", token_version=3)
        await tokens.start(new_session("user-1", at=now, id="5e55101d"), now=now, limit=9)
        yield site, Key.from_secret(SECRET)


def attacks(trusted: Key, now: float, *, around: str = " ") -> dict[str, str]:
    """Give the hostile tokens by name, but for those that are good once what is around them is gone."""
    good = signed(trusted, header_of(trusted), claims(now))
    found = dict(hostile_tokens(trusted, key("HS256", "stranger"), now=now))
    return {name: token for name, token in found.items() if token.strip(around) != good}


def sent(token: str) -> bytes:
    """Give the bytes of a token, be it text or not."""
    return token.encode("utf-8", "surrogatepass")


def essence(response: Response) -> tuple[int, str | None, dict[str, Any]]:
    """Give all of an answer that could tell one refusal from another."""
    body = response.json()
    body.pop("instance")
    return response.status_code, response.headers.get("www-authenticate"), body


@pytest.mark.promise("auth-1")
@pytest.mark.promise("auth-90")
async def test_a_hostile_token_in_the_header_gets_the_one_refusal() -> None:
    """Hundreds of them: 401, and nobody learns from the answer what was wrong."""
    async with trusting_site() as (site, trusted):
        now = site.clock.time()
        good = signed(trusted, header_of(trusted), claims(now))
        before = await site.me(good)

        answers = {
            name: essence(await site.client.get("/auth/me", headers=[(b"Authorization", b"Bearer " + sent(token))]))
            for name, token in attacks(trusted, now).items()
        }

        after = await site.me(good)
    [(status, challenge, _)] = {json.dumps(each): each for each in answers.values()}.values()
    assert (before, status, challenge, after) == (200, 401, CHALLENGE, 200)
    assert len(answers) > 600


@pytest.mark.promise("auth-1")
async def test_a_hostile_token_in_a_cookie_lets_nobody_in() -> None:
    """A token that holds what ends a cookie is another token, or two cookies; none of them is accepted."""
    async with trusting_site() as (site, trusted):
        found = attacks(trusted, site.clock.time(), around=AROUND)

        answers = {
            name: await site.client.get("/auth/me", headers=[(b"Cookie", b"__Host-access=" + sent(token))])
            for name, token in found.items()
        }

    assert {name: each.status_code for name, each in answers.items() if each.status_code != 401} == {}


@pytest.mark.promise("auth-1")
async def test_a_hostile_token_in_the_query_lets_nobody_in() -> None:
    """Percent-encoded, as it stands, and with what ends a parameter in it."""
    async with trusting_site() as (site, trusted):
        found = attacks(trusted, site.clock.time(), around="")
        statuses: set[int] = set()
        for token in found.values():
            encoded = "".join(f"%{byte:02X}" for byte in sent(token)[:20_000])
            statuses.add((await site.client.get(f"/auth/me?access_token={encoded}")).status_code)

    assert statuses == {401}


@pytest.mark.promise("auth-1")
@pytest.mark.promise("auth-124")
async def test_a_hostile_token_opens_no_socket() -> None:
    """Offered as a subprotocol: the handshake is denied before the socket is accepted."""
    async with trusting_site() as (site, trusted):
        # What is beyond ASCII is no subprotocol, and a comma ends one.
        found = [each for each in attacks(trusted, site.clock.time()).values() if each.isascii() and "," not in each]
        client = TestClient(site.app)
        denied: list[int] = []
        for token in found[::9]:
            try:
                with client.websocket_connect("/socket", subprotocols=["bearer", token]):
                    denied.append(101)
            except WebSocketDenialResponse as denial:
                denied.append(denial.status_code)

    assert set(denied) == {401}
    assert len(denied) > 60


@pytest.mark.promise("auth-1")
@pytest.mark.parametrize(("method", "path", "body"), PROTECTED, ids=[f"{each[0]} {each[1]}" for each in PROTECTED])
async def test_every_protected_route_refuses_hostile_tokens(method: str, path: str, body: Any) -> None:
    """A sample of them at each route: refused, and the account is as it was."""
    async with trusting_site() as (site, trusted):
        now = site.clock.time()
        found = list(attacks(trusted, now).values())[::17]

        answers = [
            await site.client.request(
                method, f"/auth{path}", json=body, headers=[(b"Authorization", b"Bearer " + sent(token))]
            )
            for token in found
        ]

        alive = await site.me(signed(trusted, header_of(trusted), claims(now)))
    assert {(answer.status_code, answer.headers.get("www-authenticate")) for answer in answers} == {(401, CHALLENGE)}
    assert alive == 200


@pytest.mark.promise("auth-119")
async def test_two_credentials_are_never_one() -> None:
    """However a client, a proxy or a smuggler doubles them: 400, be one of them good or both."""
    async with trusting_site() as (site, trusted):
        good = signed(trusted, header_of(trusted), claims(site.clock.time())).encode()
        header, cookie = (b"Authorization", b"Bearer " + good), (b"Cookie", b"__Host-access=" + good)
        doubled = [
            [header, header],
            [header, (b"authorization", b"Basic eDp5")],
            [(b"Authorization", b"Basic eDp5"), header],
            [header, cookie],
            [header, (b"Cookie", b"a=b; __Host-access=x")],
            [cookie, cookie],
            [(b"Cookie", b"__Host-access=" + good + b"; __Host-access=" + good)],
            [(b"Cookie", b"__Host-access=; __Host-access=" + good)],
            [(b"Cookie", b"__Host-access=" + good + b";\t__Host-access =x")],
        ]

        answers = [await site.client.get("/auth/me", headers=each) for each in doubled]
        queried = await site.client.get(f"/auth/me?access_token={good.decode()}&access%5Ftoken=x")

    assert [answer.status_code for answer in [*answers, queried]] == [400] * 10
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="api", error="invalid_request"'}


@pytest.mark.promise("auth-120")
@pytest.mark.parametrize(
    "name",
    [b"__host-access", b"__Host_access", b"__Host-access\xa0", b"\x85__Host-access", b"\xe2\x80\x80__Host-access",
     b"__Secure-access", b"access", b"__Host-access[]", b"$Version=1,__Host-access", b'"__Host-access"'],
)  # fmt: skip
async def test_no_other_cookie_is_taken_for_ours(name: bytes) -> None:
    """What a subdomain can plant has another name to us, as it has to the browser that keeps the prefix safe."""
    async with trusting_site() as (site, trusted):
        good = signed(trusted, header_of(trusted), claims(site.clock.time())).encode()

        answer = await site.client.get("/auth/me", headers=[(b"Cookie", name + b"=" + good)])

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


def bodies() -> Iterator[bytes]:
    """Give bodies that are no proper ones, most of them with a password in them."""
    said = json.dumps(PASSWORD).encode()
    yield from (b"", b"null", b"[]", b"1", b'""', b"NaN", b"{", said, b"[" + said + b"]", b"\xff\xfe" + said)
    for value in (b"NaN", b"Infinity", b"-1e999", b"1" * 5_000, b'"\\ud800"', b"{}", b"[[]]", b"null", b'"\\u0000"'):
        for name in (b"login", b"password", b"token", b"refresh_token", b"name", b"new_password"):
            yield b'{"%b": %b, "secret": %b}' % (name, value, said)
    yield b'{"login": "ada", "login": "bob", "password": %b, "password": 1}' % said
    yield b'{"\\ud800": %b}' % said
    yield b"[" * 60_000
    yield b'{"a":' * 20_000 + said
    yield b"{%b}" % b",".join(b'"%d": 0' % number for number in range(9_000))
    yield b"x" * 200_000


@pytest.mark.promise("auth-165")
@pytest.mark.promise("auth-145")
@pytest.mark.parametrize("handlers", [True, False], ids=["problems", "plain"])
@pytest.mark.parametrize(
    "path",
    ["/login", "/refresh", "/logout", "/register", "/password", "/password/forgot", "/password/reset", "/verify-email",
     "/verify-email/request", "/keys", "/keys/0123/rotate", "/token", "/revoke"],
)  # fmt: skip
async def test_a_body_that_is_none_is_refused_and_not_repeated(path: str, handlers: bool) -> None:
    """As JSON, as a form, as text, as nothing: a 4xx that repeats nothing, with problem handlers or without."""
    async with open_site(handlers=handlers, lockout=None) as site:
        await site.add()
        headers = bearer((await site.tokens())["access_token"])
        answers: list[Response] = []
        for body in bodies():
            for media_type in ("application/json", "application/x-www-form-urlencoded", "text/plain", None):
                said = {} if media_type is None else {"Content-Type": media_type}
                answers.append(await site.client.post(f"/auth{path}", content=body, headers={**headers, **said}))

    # A route that needs no body does what it is there for without one.
    good = {"/logout": {204, 401}, "/refresh": {401}, "/keys/0123/rotate": {404}}.get(path, set[int]())
    assert {answer.status_code for answer in answers} - good <= {400, 413, 415, 422}
    assert not any(PASSWORD in answer.text for answer in answers)


@pytest.mark.promise("auth-165")
async def test_thousands_of_unknown_members_are_one_error() -> None:
    """Whoever sends them does not make us say it of each."""
    async with open_site() as site:
        few = await site.client.post("/auth/login", json={f"m{number}": 0 for number in range(18)})
        many = await site.client.post("/auth/login", json={f"m{number}": 0 for number in range(9_000)})

    assert (few.status_code, many.status_code) == (422, 422)
    assert len(few.json()["errors"]) > 1
    assert [error["code"] for error in many.json()["errors"]] == ["value_error"]
