"""Two processes are one site: what one of them ends, the other refuses with the very next request."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from uuid import uuid4

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from tests.auth.elsewhere import Answer, Call, Place, open_place
from tests.auth.site import HASHER, OTHER_PASSWORD, PASSWORD, bearer
from tests.auth.sql import Base

ROOT = Path(__file__).parents[2]


@dataclass
class Elsewhere:
    """Another process of the site.

    Attributes:
        urls: Where both processes keep users and sessions.
    """

    urls: tuple[str, str]
    process: "subprocess.Popen[str]"

    async def ask(self, *calls: Call) -> list[Answer]:
        """Have requests made there, all at once."""
        orders, answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)
        orders.write(json.dumps(calls) + "\n")
        orders.flush()
        line = await asyncio.to_thread(answers.readline)
        return [(status, body) for status, body in json.loads(line)]


@dataclass
class Sites:
    """Both processes of the site, and a user of it who is logged in."""

    here: Place
    there: Elsewhere
    login: str
    user_id: str
    tokens: dict[str, Any]

    async def there_me(self) -> int:
        """Give the status that the access token gets in the other process."""
        ((status, _),) = await self.there.ask(("GET", "/auth/me", {"headers": bearer(self.tokens["access_token"])}))
        return status

    async def there_refresh(self) -> int:
        """Give the status that the refresh token gets in the other process."""
        ((status, _),) = await self.there.ask(refresh(self.tokens))
        return status


def refresh(tokens: dict[str, Any], prefix: str = "/auth") -> Call:
    """Give the request that refreshes."""
    return "POST", f"{prefix}/refresh", {"json": {"refresh_token": tokens["refresh_token"]}}


async def _make_tables(url: str) -> None:
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()


@pytest.fixture(scope="module", params=["redis", "asyncpg"])
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """The other process, once for each backend; with Redis, users are in a file of SQLite."""
    if request.param == "redis":
        redis_url = request.getfixturevalue("redis_server").url
        database_url = f"sqlite+aiosqlite:///{tmp_path_factory.mktemp('site') / 'users.db'}"
    else:
        redis_url, url = "", make_url(request.getfixturevalue("auth_postgres"))
        database_url = url.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
    asyncio.run(_make_tables(database_url))
    command = [sys.executable, "-m", "tests.auth.elsewhere", database_url, redis_url]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True, cwd=ROOT) as process:
        assert json.loads(cast("IO[str]", process.stdout).readline()) == "ready"
        yield Elsewhere((database_url, redis_url), process)
        cast("IO[str]", process.stdin).close()


@pytest.fixture
async def sites(elsewhere: Elsewhere) -> AsyncIterator[Sites]:
    """The site in two processes, with a user of its own for each test, who is logged in here."""
    login = f"user {uuid4().hex}"
    async with open_place(*elsewhere.urls) as here:
        fields = {"login": login, "password_hash": await HASHER.hash(PASSWORD), "scopes": ["a"]}
        user = await here.users.create(fields)
        status, tokens = await here.call("POST", "/auth/login", {"json": {"login": login, "password": PASSWORD}})
        assert status == 200, tokens
        yield Sites(here, elsewhere, login, str(user.id), tokens)


def endings(sites: Sites) -> dict[str, Call]:
    """Give the requests that end a session, by name."""
    access, token = bearer(sites.tokens["access_token"]), sites.tokens["refresh_token"]
    change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
    return {
        "logout": ("POST", "/auth/logout", {"headers": access}),
        "logout by refresh token": ("POST", "/auth/logout", {"json": {"refresh_token": token}}),
        "logout everywhere": ("POST", "/auth/logout-all", {"headers": access}),
        "revocation": ("POST", "/auth/revoke", {"data": {"token": token}}),
        "another password": ("POST", "/auth/password", {"headers": access, "json": change}),
    }


@pytest.mark.promise("auth-174")
@pytest.mark.parametrize(
    "ending", ["logout", "logout by refresh token", "logout everywhere", "revocation", "another password"]
)
async def test_what_ends_in_one_process_is_refused_in_the_other(ending: str, sites: Sites) -> None:
    """With the very next request, for the access token as for the refresh token."""
    before = await sites.there_me()

    status, _ = await sites.here.call(*endings(sites)[ending])

    assert (before, status < 300) == (200, True)
    assert [await sites.there_me(), await sites.there_refresh()] == [401, 401]


@pytest.mark.promise("auth-174")
async def test_what_ends_in_the_other_process_is_refused_here(sites: Sites) -> None:
    """It makes no difference who started the session."""
    access = {"headers": bearer(sites.tokens["access_token"])}

    ((status, _),) = await sites.there.ask(("POST", "/auth/logout", access))

    assert status == 204
    assert (await sites.here.call("GET", "/auth/me", access))[0] == 401
    assert (await sites.here.call(*refresh(sites.tokens)))[0] == 401


@pytest.mark.promise("auth-174")
async def test_an_access_token_that_is_revoked_alone_is_refused_in_the_other_process(sites: Sites) -> None:
    """Its session goes on there."""
    await sites.here.call("POST", "/auth/revoke", {"data": {"token": sites.tokens["access_token"]}})

    statuses = [await sites.there_me(), await sites.there_refresh()]

    assert statuses == [401, 200]


@pytest.mark.promise("auth-174")
async def test_a_user_who_is_switched_off_in_one_process_is_nobody_in_the_other(sites: Sites) -> None:
    """From the next request on, with either token."""
    await sites.here.users.update(sites.user_id, {"active": False})

    statuses = [await sites.there_me(), await sites.there_refresh()]

    assert statuses == [401, 401]


@pytest.mark.promise("auth-34")
@pytest.mark.promise("auth-174")
@pytest.mark.parametrize(("prefix", "successes"), [("/strict", 1), ("/auth", 50)], ids=["no grace", "grace"])
async def test_fifty_refreshes_in_two_processes_never_fork(prefix: str, successes: int, sites: Sites) -> None:
    """Without a grace one of them succeeds; with it all get the same successor."""
    call = refresh(sites.tokens, prefix)

    here, there = await asyncio.gather(
        asyncio.gather(*(sites.here.call(*call) for _ in range(25))), sites.there.ask(*[call] * 25)
    )

    fine = [body["refresh_token"] for status, body in (*here, *there) if status == 200]
    assert {status for status, _ in (*here, *there)} <= {200, 401}
    assert len(fine) == successes
    assert len(set(fine)) == 1
    sites.tokens = {**sites.tokens, "refresh_token": fine[0]}
    assert await sites.there_refresh() == (200 if successes > 1 else 401)


@pytest.mark.promise("auth-174")
async def test_a_one_time_token_works_in_one_process(sites: Sites) -> None:
    """Shown to both at the same time, it is spent once."""
    await sites.here.call("POST", "/auth/password/forgot", {"json": {"login": sites.login}})
    body = {"token": sites.here.inbox[sites.login], "new_password": OTHER_PASSWORD}
    call: Call = ("POST", "/auth/password/reset", {"json": body})

    here, there = await asyncio.gather(sites.here.call(*call), sites.there.ask(call))

    assert sorted([here[0], there[0][0]]) == [204, 400]


@pytest.mark.promise("auth-28")
async def test_attempts_are_counted_for_all_processes_together(sites: Sites) -> None:
    """Two here and three there are five: then the right password is refused in both, and nobody else's is."""
    wrong: Call = ("POST", "/auth/login", {"json": {"login": sites.login, "password": "wrong"}})
    right: Call = ("POST", "/auth/login", {"json": {"login": sites.login, "password": PASSWORD}})
    mistaken = [await sites.here.call(*wrong) for _ in range(2)] + await sites.there.ask(*[wrong] * 3)

    refused = [await sites.here.call(*right), *await sites.there.ask(right)]

    assert {status for status, _ in mistaken} == {401}
    assert [status for status, _ in refused] == [429, 429]


@pytest.mark.promise("auth-130")
@pytest.mark.promise("auth-174")
async def test_an_api_key_that_one_process_takes_back_is_refused_in_the_other(sites: Sites) -> None:
    """As it was accepted there a moment ago."""
    user = await sites.here.users.get(sites.user_id)
    assert user is not None
    key = await sites.here.auth.create_key(user, name="ci")
    call: Call = ("GET", "/machine", {"headers": {"X-API-Key": key.key}})
    before = await sites.there.ask(call)

    await sites.here.auth.revoke_key(key.record.id)

    after = await sites.there.ask(call)
    assert [before[0][0], after[0][0]] == [200, 401]
