"""Attacks on the routes: forged requests, planted cookies, guesses, more than one was given, and what is remembered."""

import asyncio
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response

from brickwork.auth import CookieTransport
from brickwork.auth.jose import Key
from tests.auth.site import OTHER_PASSWORD, PASSWORD, Site, bearer, open_site, payload

LOGIN = b'{"login": "ada", "password": "%b"}' % PASSWORD.encode()


@pytest.mark.promise("auth-48")
@pytest.mark.parametrize(
    "media_type",
    [None, "", "text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
async def test_no_other_page_logs_anybody_in(media_type: str | None) -> None:
    """A browser sends these types for any page, and never JSON without asking first: no login, and no cookie."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        headers = {} if media_type is None else {"Content-Type": media_type}

        answer = await site.client.post("/auth/login", content=LOGIN, headers=headers)

    assert 400 <= answer.status_code < 500
    assert "set-cookie" not in answer.headers


FORGED: list[dict[str, str]] = [
    {},
    {"X-CSRF-Token": ""},
    {"X-CSRF-Token": "0" * 64},
    {"X-CSRF-Token": "mine", "Origin": "null"},
    {"X-CSRF-Token": "mine", "Origin": "https://evil.example"},
    {"X-CSRF-Token": "mine", "Origin": "https://test.evil.example"},
    {"X-CSRF-Token": "mine", "Origin": "https://evil.example/https://test"},
    {"X-CSRF-Token": "mine", "Origin": "test"},
    {"X-CSRF-Token": "mine", "Sec-Fetch-Site": "cross-site"},
    {"X-CSRF-Token": "mine", "Sec-Fetch-Site": "same-site"},
    {"X-CSRF-Token": "another's"},
]


@pytest.mark.promise("auth-121")
@pytest.mark.promise("auth-122")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/refresh", None),
        ("/logout", None),
        ("/logout-all", None),
        ("/keys", {"name": "a key"}),
        ("/password", {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}),
    ],
)
async def test_no_other_page_uses_the_cookies(path: str, body: Any) -> None:
    """Without the token of the session, or from a page of another origin: 403, and nothing has changed."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        await site.add("eve")
        others = (await site.tokens("eve"))["csrf_token"]
        site.client.cookies.clear()
        mine = (await site.tokens())["csrf_token"]
        shown = {"mine": mine, "another's": others}
        kept = dict(site.client.cookies)

        answers = [
            await site.client.post(
                f"/auth{path}", json=body, headers={name: shown.get(value, value) for name, value in each.items()}
            )
            for each in FORGED
        ]

        alive = await site.client.get("/auth/me")
        login = await site.log_in()
    assert [answer.status_code for answer in answers] == [403] * len(FORGED)
    assert not any("set-cookie" in answer.headers for answer in answers)
    assert (alive.status_code, login.status_code) == (200, 200)
    assert kept["__Host-csrf"] == mine


@pytest.mark.promise("auth-42")
@pytest.mark.promise("auth-147")
async def test_planted_cookies_do_not_become_the_users() -> None:
    """Whoever logs in over the cookies of an attacker's session gets another one, and that one is over."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        await site.add("eve")
        planted = await site.tokens("eve")
        stolen = dict(site.client.cookies)

        mine = await site.tokens("ada")
        now = dict(site.client.cookies)
        site.client.cookies.clear()
        site.client.cookies.update(stolen)
        attackers = await site.client.get("/auth/me")

    assert all(now[name] != stolen[name] for name in ("__Host-access", "__Host-refresh", "__Host-csrf"))
    assert mine["csrf_token"] != planted["csrf_token"]
    assert attackers.status_code == 401


@pytest.mark.promise("auth-28")
@pytest.mark.promise("auth-84")
async def test_other_spellings_are_no_more_guesses() -> None:
    """Case and compatibility forms of one login share one count, at every route that takes a password."""
    spellings = ["ada", "ADA", "\uff21da", "a\uff24a", "\U0001d41ada", "ada"]
    async with open_site() as site:
        await site.add()

        statuses = [(await site.log_in(each, "wrong")).status_code for each in spellings]

        form = await site.token(grant_type="password", username="AdA", password=PASSWORD)
    assert statuses == [401] * 5 + [429]
    assert form.status_code == 429


@pytest.mark.promise("auth-28")
@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "X-Client-IP", "CF-Connecting-IP"])
@pytest.mark.parametrize("proxies", [[], ["10.0.0.0/8"]], ids=["no proxy", "behind a proxy"])
async def test_no_header_makes_another_client(name: str, proxies: list[str]) -> None:
    """An address that a client writes itself counts for nothing, in front of what a trusted proxy wrote too."""
    async with open_site(trusted_proxies=proxies) as site:
        await site.add()
        peer = "10.0.0.1" if proxies else "203.0.113.7"
        transport = ASGITransport(app=site.app, client=(peer, 1), raise_app_exceptions=False)
        statuses: list[int] = []
        async with AsyncClient(transport=transport, base_url="https://test") as client:
            for number in range(6):
                claimed = f"198.51.100.{number}"
                headers = {"X-Forwarded-For": "203.0.113.7"} if proxies else {}
                headers[name] = f"for={claimed}" if name == "Forwarded" else f"{claimed}, 203.0.113.7"
                answer = await client.post("/auth/login", content=LOGIN[:-3] + b'x"}', headers=_json(headers))
                statuses.append(answer.status_code)

    assert statuses == [401] * 5 + [429]


def _json(headers: dict[str, str]) -> dict[str, str]:
    return {**headers, "Content-Type": "application/json"}


@pytest.mark.promise("auth-29")
async def test_a_lockout_is_no_weapon() -> None:
    """While one address guesses for hours, the owner comes and goes from another."""
    async with open_site() as site:
        await site.add()
        statuses: list[int] = []
        for number in range(40):
            transport = ASGITransport(app=site.app, client=(f"198.51.100.{number % 4}", 1))
            async with AsyncClient(transport=transport, base_url="https://test") as attacker:
                await attacker.post("/auth/login", json={"login": "ada", "password": "wrong"})
            statuses.append((await site.log_in()).status_code)

    assert set(statuses) == {200}


@pytest.mark.promise("auth-28")
async def test_fifty_guesses_at_once_are_five() -> None:
    """Of all that come at the same time, five get as far as the password; the right one among them is no exception."""
    async with open_site() as site:
        await site.add()

        answers = await asyncio.gather(*(site.log_in(password=f"wrong {number}") for number in range(50)))
        right = await site.log_in()

    assert Counter(answer.status_code for answer in answers) == {401: 5, 429: 45}
    assert right.status_code == 429


@pytest.mark.promise("auth-35")
async def test_a_scope_that_was_given_up_does_not_come_back() -> None:
    """Neither by a refresh that asks for it, nor by an API key, nor by narrowing first and widening then."""
    async with open_site() as site:
        await site.add(scopes=("read", "write"))
        form = {"grant_type": "password", "username": "ada", "password": PASSWORD, "scope": "read"}
        tokens: dict[str, Any] = (await site.token(**form)).json()
        headers = bearer(tokens["access_token"])

        key = await site.client.post("/auth/keys", json={"name": "k", "scopes": ["write"]}, headers=headers)
        token = tokens["refresh_token"]
        wide = await site.token(grant_type="refresh_token", refresh_token=token, scope="read write")
        narrow = await site.token(grant_type="refresh_token", refresh_token=token, scope="")
        wider = await site.token(
            grant_type="refresh_token", refresh_token=narrow.json()["refresh_token"], scope="write"
        )
        plain = await site.refresh(narrow.json()["refresh_token"])

    assert (key.status_code, wide.json()["error"], wider.json()["error"]) == (403, "invalid_scope", "invalid_scope")
    assert payload(plain.json()["access_token"])["scope"] == "read"


async def log_out(site: Site, tokens: dict[str, Any]) -> None:
    """End the session."""
    await site.post("/logout", tokens)


async def disable(site: Site, tokens: dict[str, Any]) -> None:
    """Disable the account, and nothing else."""
    await site.users.update(payload(tokens["access_token"])["sub"], {"active": False})


async def change(site: Site, tokens: dict[str, Any]) -> None:
    """Change the password."""
    body = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    assert (await site.post("/password", tokens, body)).status_code == 200


async def deny(site: Site, tokens: dict[str, Any]) -> None:
    """Revoke the access token alone."""
    await site.client.post("/auth/revoke", data={"token": tokens["access_token"]})


async def drop_key(site: Site, _tokens: dict[str, Any]) -> None:
    """Drop the key that the token was signed with."""
    site.auth.keys.rotate(Key.generate("HS256"), verify_for=0)


async def wait(site: Site, _tokens: dict[str, Any]) -> None:
    """Let it expire."""
    site.clock.advance(900)


@pytest.mark.promise("auth-19")
@pytest.mark.parametrize("end", [log_out, disable, change, deny, drop_key, wait])
async def test_what_is_remembered_of_a_token_lets_nobody_in(end: Callable[..., Awaitable[None]]) -> None:
    """With verified tokens remembered, whatever ends one ends it at the next request."""
    async with open_site(verified_cache=100) as site:
        await site.add()
        tokens = await site.tokens()
        before = {await site.me(tokens["access_token"]) for _ in range(3)}

        await end(site, tokens)

        after = {await site.me(tokens["access_token"]) for _ in range(3)}
    assert (before, after) == ({200}, {401})


@pytest.mark.promise("auth-26")
@pytest.mark.promise("auth-70")
@pytest.mark.parametrize("path", ["/login", "/token", "/password/forgot", "/verify-email/request"])
async def test_nobody_learns_who_has_an_account(path: str) -> None:
    """One answer, header by header, for a user, a disabled one, one without a password, and nobody at all."""
    async with open_site() as site:
        await site.add("ada")
        await site.add("dis", active=False)
        await site.users.create({"login": "nop"})

        answers: list[Response] = []
        for login in ("ada", "dis", "nop", "non", "no\0", " ada", "ﷺ" * 300):
            form = {"grant_type": "password", "username": login, "password": "wrong"}
            body = {"login": login} | ({"password": "wrong"} if path == "/login" else {})
            answers.append(
                await (site.token(**form) if path == "/token" else site.client.post(f"/auth{path}", json=body))
            )

    assert len({_essence(answer) for answer in answers}) == 1


def _essence(answer: Response) -> str:
    body: dict[str, Any] = answer.json()
    body.pop("instance", None)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return f"{answer.status_code} {headers} {body}"


@pytest.mark.promise("auth-160")
async def test_the_document_knows_every_answer() -> None:
    """Whatever is sent to whichever route by whomever: the status is one that the document names."""
    clients = {"gateway": "s" * 40}
    async with open_site(transports=("header", CookieTransport()), clients=clients) as site:
        await site.add()
        document = (await site.client.get("/openapi.json")).json()
        token = (await site.tokens())["access_token"]
        callers = [{}, bearer("x"), bearer(token), *map(_cookies, ("x", token)), {**_cookies("x"), **bearer(token)}]
        unknown: set[tuple[str, str, int]] = set()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                large = [b"x" * 200_000] if "requestBody" in operation else []
                for body in (b"", b"{}", LOGIN, b'{"refresh_token": "x"}', b'{"token": "x"}', *large):
                    statuses = [await _status(site, method, path, body, caller) for caller in callers]
                    unknown.update((method, path, each) for each in statuses if str(each) not in operation["responses"])

    assert unknown == set()


def _cookies(token: str) -> dict[str, str]:
    return {"Cookie": f"__Host-access={token}; __Host-refresh={token}"}


async def _status(site: Site, method: str, path: str, body: bytes, caller: dict[str, str]) -> int:
    url = path.replace("{session_id}", "0").replace("{key_id}", "0")
    return (await site.client.request(method.upper(), url, content=body, headers=_json(caller))).status_code


@pytest.mark.promise("auth-153")
@pytest.mark.parametrize("path", ["/introspect", "/revoke", "/token"])
async def test_a_client_shows_itself_once(path: str) -> None:
    """Of two `Authorization` headers nobody can tell which one a proxy has looked at."""
    secret = "s" * 40
    async with open_site(clients={"gateway": secret}) as site:
        await site.add()
        token = (await site.tokens())["access_token"]
        known, unknown = (
            (b"Authorization", b"Basic " + b64encode(each)) for each in (f"gateway:{secret}".encode(), b"eve:guess")
        )

        answers = [
            await site.client.post(f"/auth{path}", data={"token": token}, headers=each)
            for each in ([known, unknown], [unknown, known], [known, known])
        ]

    assert {(answer.status_code, answer.json()["error"]) for answer in answers} == {(400, "invalid_request")}
