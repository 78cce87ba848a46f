"""Every token is good for one thing: all kinds of tokens are tried in all places where another kind belongs."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

import pytest
from fastapi import Depends

from brickwork.auth import ApiKey, Key, Keys, MemoryTokenStore, MemoryUser
from tests.auth.hostile import header_of, hostile_tokens, signed
from tests.auth.keyring import AUDIENCE, ISSUER, claims, key
from tests.auth.records import new_session
from tests.auth.site import OTHER_PASSWORD, Site, bearer, open_site

CLIENT = ("gateway", "the secret of the gateway, made long enough")
Place = Callable[[Site, str], Awaitable[int]]


async def _header(site: Site, token: str) -> int:
    return (await site.client.get("/who", headers=bearer(token))).status_code


async def _cookie(site: Site, token: str) -> int:
    return (await site.client.get("/who", headers={"Cookie": f"__Host-access={token}"})).status_code


async def _api_key(site: Site, token: str) -> int:
    return (await site.client.get("/machine", headers={"X-API-Key": token})).status_code


async def _refresh(site: Site, token: str) -> int:
    return (await site.refresh(token)).status_code


async def _refresh_cookie(site: Site, token: str) -> int:
    # Without the CSRF token of a session it is 403 at best: whatever comes, no tokens do.
    return (await site.client.post("/auth/refresh", headers={"Cookie": f"__Host-refresh={token}"})).status_code


async def _grant(site: Site, token: str) -> int:
    return (await site.token(grant_type="refresh_token", refresh_token=token)).status_code


async def _reset(site: Site, token: str) -> int:
    body = {"token": token, "new_password": OTHER_PASSWORD}
    return (await site.client.post("/auth/password/reset", json=body)).status_code


async def _verify(site: Site, token: str) -> int:
    return (await site.client.post("/auth/verify-email", json={"token": token})).status_code


async def _introspect(site: Site, token: str) -> int:
    response = await site.client.post("/auth/introspect", data={"token": token}, auth=CLIENT)
    return 401 if response.json() == {"active": False} else response.status_code


PLACES: dict[str, Place] = {
    "header": _header,
    "cookie": _cookie,
    "X-API-Key": _api_key,
    "refresh": _refresh,
    "refresh cookie": _refresh_cookie,
    "refresh grant": _grant,
    "reset": _reset,
    "verify": _verify,
    "introspect": _introspect,
}
_IN_HEADERS = {"header", "cookie", "X-API-Key", "refresh cookie"}
# Where each kind of token is at home; those that are good for one use come last.
HOMES: dict[str, set[str]] = {
    "access": {"header", "cookie", "introspect"},
    "refresh": {"refresh", "refresh grant", "introspect"},
    "key": {"X-API-Key"},
    "CSRF": set(),
    "session ID": set(),
    "reset": {"reset"},
    "verify": {"verify"},
}


async def _tokens(site: Site) -> dict[str, str]:
    """Give one of each kind, all of one user."""
    user = await site.add(email="ada@example.com")
    tokens = await site.tokens()
    by_cookie = await site.log_in(transport="cookie")
    site.client.cookies.clear()
    await site.client.post("/auth/password/forgot", json={"login": "ada"})
    await site.client.post("/auth/verify-email/request", json={"login": "ada"})
    (_, reset), (_, verify) = site.inbox
    return {
        "access": tokens["access_token"],
        "refresh": tokens["refresh_token"],
        "key": (await site.auth.create_key(user, name="ci")).key,
        "CSRF": by_cookie.json()["csrf_token"],
        "session ID": (await site.auth.sessions(user))[0].id,
        "reset": reset,
        "verify": verify,
    }


def _protect(site: Site) -> None:
    @site.app.get("/who")
    async def who(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login

    @site.app.get("/machine")
    async def machine(key: Annotated[ApiKey, Depends(site.auth.api_key)]) -> str:
        return key.owner


@pytest.mark.promise("auth-7")
@pytest.mark.promise("auth-69")
@pytest.mark.promise("auth-73")
@pytest.mark.parametrize("kind", HOMES)
async def test_a_token_is_accepted_where_it_belongs_and_nowhere_else(kind: str) -> None:
    """Access, refresh, reset, verification and CSRF tokens, API keys and IDs of sessions do not replace each other."""
    async with open_site(transports=["header", "cookie"], clients=dict([CLIENT])) as site:
        _protect(site)
        token = (await _tokens(site))[kind]
        wrong = {name: await place(site, token) for name, place in PLACES.items() if name not in HOMES[kind]}

        home = {name: await PLACES[name](site, token) for name in sorted(HOMES[kind])}

    assert {name: status for name, status in wrong.items() if status not in {400, 401, 403}} == {}
    assert {name: status for name, status in home.items() if status not in {200, 204}} == {}


@pytest.mark.promise("auth-1")
@pytest.mark.parametrize("place", PLACES)
async def test_hostile_tokens_are_refused_wherever_they_are_shown(place: str) -> None:
    """Of hundreds, most of them signed by the right key, for a user and a session that exist, none is taken."""
    trusted, stranger = key("ES256"), key("ES256", "stranger")
    async with _open(trusted) as site:
        now = site.clock.time()
        good = signed(trusted, header_of(trusted), claims(now))
        # What the key has signed as a reset token is one.
        attacks = {name: text for name, text in hostile_tokens(trusted, stranger, now=now) if "reset+jwt" not in name}
        sent = {name: text for name, text in attacks.items() if place not in _IN_HEADERS or _fits(text)}

        statuses = {name: await PLACES[place](site, text) for name, text in sent.items()}

        assert await _header(site, good) == 200
    assert len(sent) > 600
    assert {name: status for name, status in statuses.items() if status not in {400, 401, 403, 422}} == {}


def _fits(text: str) -> bool:
    """Tell whether a header holds a text as it is: spaces around it, and the quotes of a cookie, are HTTP's own."""
    return text.isascii() and text.isprintable() and text.strip(' "') == text


@asynccontextmanager
async def _open(trusted: Key) -> AsyncGenerator[Site]:
    """Open a site where the good token of the generator is good."""
    options: dict[str, Any] = {
        "issuer": ISSUER,
        "audience": AUDIENCE,
        "transports": ["header", "cookie"],
        "clients": dict([CLIENT]),
    }
    tokens = MemoryTokenStore()
    async with open_site(secret=None, keys=Keys(trusted), tokens=tokens, **options) as site:
        _protect(site)
        await site.add(id="user-1", token_version=3)
        session = new_session("user-1", at=site.clock.time(), id="5e55101d")
        await tokens.start(session, now=site.clock.time(), limit=1)
        yield site
