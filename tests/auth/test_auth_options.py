"""`Auth(…)`: what it takes, what it refuses when it is made, and what its methods do."""

import asyncio
from collections.abc import Awaitable
from functools import partial
from math import inf, nan
from typing import Any

import pytest
from fastapi import FastAPI

from brickwork.auth import (
    Auth,
    CookieTransport,
    InvalidScopeError,
    Key,
    Keys,
    MemoryUser,
    MemoryUserStore,
    PasswordHasher,
    QueryTransport,
    SessionNotFoundError,
)
from tests.auth.site import HASHER, PASSWORD, SECRET, bearer, open_site


def make(**options: Any) -> Auth[Any]:
    """Make an `Auth` with these options."""
    return Auth(MemoryUserStore(), **{"secret": SECRET, "hasher": HASHER, **options})


@pytest.mark.promise("auth-162")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"secret": None}, "write secret=settings.secret"),
        ({"keys": Keys.from_secret(SECRET)}, "needs a secret or keys"),
        ({"secret": "short"}, "32"),
        ({"secret": []}, "there is no secret"),
        ({"refresh_ttl": inf, "absolute_ttl": inf}, "refresh_ttl=inf"),
        ({"absolute_ttl": nan}, "absolute_ttl=nan"),
        ({"reuse_grace": nan}, "reuse_grace=nan"),
        ({"transports": []}, "at least one"),
        ({"transports": ["header", "header"]}, "each way once"),
        ({"transports": ["cookie", CookieTransport()]}, "each way once"),
        ({"transports": ["heder"]}, "there is no transport 'heder'"),
        ({"transports": ["query"]}, 'write QueryTransport\\("access_token"\\)'),
        ({"transports": ["websocket"]}, 'add "header"'),
        ({"secret": None, "keys": "public", "transports": ["cookie"]}, "cookies need a secret"),
        ({"realm": 'a"b'}, "realm"),
        ({"leeway": 121}, "leeway"),
        ({"verified_cache": -1}, "cache"),
        ({"access_ttl": 0}, "access_ttl"),
        ({"reuse_grace": -1}, "reuse_grace"),
        ({"scopes": {"a b": ""}}, "is no scope"),
        ({"login_fields": "login"}, "login_fields takes a list"),
        ({"clients": {"c": "short"}}, "32"),
        ({"trusted_proxies": ["x"]}, "no address or network"),
        ({"issuer": ""}, "must not be empty"),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_written(options: dict[str, Any], sentence: str) -> None:
    """Each mistake is a ValueError at the start, whose sentence says what to write."""
    if options.get("keys") == "public":
        pair = Key.generate("ES256")
        public = pair.public_jwk()
        assert public is not None
        options = {**options, "keys": Keys(None, Key.from_jwk(public)), "tokens": None}

    with pytest.raises(ValueError, match=sentence):
        make(**options)


@pytest.mark.promise("auth-162")
@pytest.mark.parametrize(
    "options", [{"transports": "header"}, {"scopes": ["orders:read"]}, {"trusted_proxies": "10.0.0.0/8"}]
)
def test_what_is_of_the_wrong_type_is_refused(options: dict[str, Any]) -> None:
    """A text where a list belongs, or a list where names and descriptions do."""
    with pytest.raises(TypeError):
        make(**options)


def _send(user: MemoryUser, token: str) -> None:
    """Send nothing, at once."""


def _send_later(user: MemoryUser, token: str) -> Awaitable[None]:
    """Give what another function awaits."""
    return asyncio.sleep(0)


@pytest.mark.promise("auth-163")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"users": MemoryUserStore}, "MemoryUserStore is a class: write MemoryUserStore\\(\\)"),
        ({"users": MemoryUser}, "MemoryUser is a class: write MemoryUserStore\\(\\)"),
        ({"users": []}, "users= takes no object of type list: write"),
        ({"tokens": "redis"}, "tokens= takes no object of type str: write .*RedisTokenStore"),
        ({"api_keys": "memory"}, "api_keys= takes no object of type str: write MemoryApiKeyStore"),
        ({"hasher": PasswordHasher}, "PasswordHasher is a class: write PasswordHasher\\(\\)"),
        ({"lockout": 5}, "lockout= takes no object of type int: write .*Lockout"),
        ({"on_password_reset": _send}, "on_password_reset= is awaited: write async def _send"),
        ({"on_verify_email": _send}, "on_verify_email= is awaited: write async def _send"),
        ({"on_verify_email": "mail"}, "takes a function: write async def"),
        ({"transports": [CookieTransport]}, "write CookieTransport"),
        ({"transports": [5]}, "no object of type int: write .*CookieTransport"),
    ],
)
def test_a_wrong_object_is_refused_when_it_is_written(options: dict[str, Any], sentence: str) -> None:
    """A class, a name or a plain function in the place of an object: the sentence says what to write."""
    with pytest.raises(TypeError, match=sentence):
        Auth(**{"users": MemoryUserStore(), "secret": SECRET, "hasher": HASHER, **options})


@pytest.mark.promise("auth-163")
@pytest.mark.parametrize("send", [_send_later, lambda *_: asyncio.sleep(0), partial(_send_later)])
def test_whatever_gives_something_to_await_may_send(send: Any) -> None:
    """A plain function that says so, a lambda, and a part of a function."""
    auth = make(on_password_reset=send)

    assert auth.router().routes


@pytest.mark.promise("auth-115")
async def test_a_service_that_only_verifies_says_so() -> None:
    """Without a store of sessions it accepts tokens of others, and issues, lists and ends none."""
    async with open_site() as site:
        user = await site.add()
        issued = await site.auth.issue(user)
        verifying = Auth(site.users, secret=SECRET, tokens=None, clock=site.clock, hasher=HASHER)
        site.app.get("/elsewhere", dependencies=[verifying.require()])(lambda: "in")

        response = await site.client.get("/elsewhere", headers=bearer(issued.access_token))

    assert response.json() == "in"
    with pytest.raises(ValueError, match="only verifies tokens"):
        verifying.router()
    for coroutine in (verifying.issue(user), verifying.revoke("x"), verifying.sessions(user)):
        with pytest.raises(ValueError, match="only verifies tokens"):
            await coroutine


@pytest.mark.promise("auth-24")
async def test_seven_lines_log_in_a_user() -> None:
    """The shortest app registers, logs in, and knows the user."""
    async with open_site(handlers=False) as site:
        credentials = {"login": "ada", "password": PASSWORD}
        registered = await site.client.post("/auth/register", json=credentials)
        logged_in = await site.client.post("/auth/login", json=credentials)

        me = await site.client.get("/auth/me", headers=bearer(logged_in.json()["access_token"]))

    assert (registered.status_code, logged_in.status_code, me.json()["login"]) == (201, 200, "ada")


@pytest.mark.promise("auth-114")
async def test_issuing_starts_a_session_that_can_be_listed_and_ended() -> None:
    """`issue`, `sessions` and `revoke` do what the routes do, without a request."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b"))
        first = await site.auth.issue(user, ["a"], client="robot")
        second = await site.auth.issue(user)
        listed = await site.auth.sessions(user)
        robot = next(each for each in listed if each.client == "robot")

        await site.auth.revoke(session=robot.id)
        one = [await site.me(each.access_token) for each in (first, second)]
        await site.auth.revoke(second.access_token)
        none = [await site.me(each.access_token) for each in (first, second)]

    assert (first.scope, second.scope) == ("a", "a b")
    assert (len(listed), one, none) == (2, [401, 200], [401, 401])


@pytest.mark.promise("auth-114")
async def test_a_refresh_token_is_revoked_with_its_session() -> None:
    """Either token of a session will do."""
    async with open_site() as site:
        issued = await site.auth.issue(await site.add())
        assert issued.refresh_token is not None

        await site.auth.revoke(issued.refresh_token)

        assert await site.me(issued.access_token) == 401


async def test_more_than_a_user_may_is_not_issued() -> None:
    """A scope that the user does not have is a ValueError, and no token."""
    async with open_site() as site:
        with pytest.raises(InvalidScopeError):
            await site.auth.issue(await site.add(scopes=("a",)), ["b"])


async def test_one_thing_is_revoked_at_a_time() -> None:
    """Nothing, or two things, is a TypeError; a session that is not there is an error of its own."""
    async with open_site() as site:
        anything: Any = site.auth.revoke
        for arguments in ({}, {"session": "x", "user": await site.add()}):
            with pytest.raises(TypeError, match="revoke one thing"):
                await anything(**arguments)
        with pytest.raises(SessionNotFoundError):
            await site.auth.revoke(session="x")


@pytest.mark.promise("auth-18")
async def test_keys_rotate_while_the_app_runs() -> None:
    """`auth.keys.rotate` signs with the new key at once, and takes tokens of the old one for a while."""
    async with open_site() as site:
        user = await site.add()
        old = await site.auth.issue(user)
        site.auth.keys.rotate(Key.generate("ES256"), verify_for=60)
        new = await site.auth.issue(user)
        during = [await site.me(each.access_token) for each in (old, new)]
        site.clock.advance(61)

        after = [await site.me(each.access_token) for each in (old, new)]

    assert (during, after) == ([200, 200], [401, 200])


@pytest.mark.parametrize("algorithm", ["HS512", "RS256", "ES256", "EdDSA"])
async def test_keys_of_every_kind_serve(algorithm: Any) -> None:
    """`keys=` in the place of a secret."""
    async with open_site(secret=None, keys=Keys(Key.generate(algorithm)), verified_cache=10) as site:
        issued = await site.auth.issue(await site.add())

        statuses = [await site.me(issued.access_token) for _ in range(2)]

    assert statuses == [200, 200]


def test_the_objects_are_made_once_and_show_no_secret() -> None:
    """`auth.user` is the same object each time, and nothing of the secret is in a repr."""
    auth = make(lockout=None, transports=["header", QueryTransport("t")], audience="shop", token_url="t")

    assert auth.user is auth.user
    assert SECRET not in repr(auth) + repr(auth._parts.options) + repr(vars(auth))


def test_the_router_is_another_one_each_time() -> None:
    """It may be included in several apps."""
    auth = make()

    for _ in range(2):
        FastAPI().include_router(auth.router(exclude=["register"]), prefix="/auth")
