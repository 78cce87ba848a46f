"""While Redis or the database is away nobody is let in on trust, and when it is back everything goes on."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from brickwork.auth.sqlalchemy import SQLAlchemyUserStore
from brickwork.database import Database
from tests.auth.elsewhere import Answer, Call, Place, open_place
from tests.auth.site import HASHER, PASSWORD, bearer
from tests.auth.sql import Base, Person
from tests.servers import PostgresServer, RedisServer

FAULTS = {"killed": ("kill", "restart"), "frozen": ("freeze", "thaw")}
LOGIN = {"login": "ada", "password": PASSWORD}


@dataclass
class Outage:
    """A site, and the server that keeps its sessions.

    Attributes:
        place: The site.
        server: What can be killed and frozen.
        user_id: Who there is.
    """

    place: Place
    server: RedisServer | PostgresServer
    user_id: str

    async def log_in(self) -> dict[str, Any]:
        """Log in, and give the tokens."""
        status, tokens = await self.place.call("POST", "/auth/login", {"json": LOGIN})
        assert status == 200, tokens
        given: dict[str, Any] = tokens
        return given

    async def ask(self, *calls: Call) -> list[Answer]:
        """Make requests at once."""
        return list(await asyncio.gather(*(self.place.call(*call) for call in calls)))


@pytest.fixture(params=["redis", "asyncpg"])
async def outage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outage]:
    """A site whose sessions are in Redis and its users in a file, and one with everything in PostgreSQL."""
    if request.param == "redis":
        server: Any = request.getfixturevalue("private_redis")
        urls = (f"sqlite+aiosqlite:///{tmp_path / 'users.db'}", server.url)
    else:
        server = request.getfixturevalue("private_postgres")
        url = make_url(server.url).set(drivername="postgresql+asyncpg")
        urls = (url.render_as_string(hide_password=False), "")
    async with open_place(*urls, deadline=3.0) as place:
        async with place.database.engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        user = await place.users.create({"login": "ada", "password_hash": await HASHER.hash(PASSWORD)})
        yield Outage(place, server, str(user.id))


def calls(tokens: dict[str, Any]) -> list[Call]:
    """Give a request of each kind that has to ask the server."""
    access = bearer(tokens["access_token"])
    return [
        ("GET", "/auth/me", {"headers": access}),
        ("GET", "/auth/sessions", {"headers": access}),
        ("POST", "/auth/login", {"json": LOGIN}),
        ("POST", "/auth/logout", {"headers": access}),
        ("POST", "/auth/logout-all", {"headers": access}),
        ("POST", "/auth/refresh", {"json": {"refresh_token": tokens["refresh_token"]}}),
        ("POST", "/auth/token", {"data": {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}}),
        ("POST", "/auth/token", {"data": {"grant_type": "password", "username": "ada", "password": PASSWORD}}),
        ("POST", "/auth/revoke", {"data": {"token": tokens["refresh_token"]}}),
    ]


@pytest.mark.promise("auth-38")
@pytest.mark.promise("auth-92")
@pytest.mark.promise("auth-175")
@pytest.mark.promise("auth-176")
@pytest.mark.promise("auth-177")
@pytest.mark.parametrize("fault", FAULTS)
async def test_an_outage_is_503_and_ends_without_a_restart(fault: str, outage: Outage) -> None:
    """Whatever is asked meanwhile; afterwards who was logged in still is, and who was logged out is not."""
    ended, tokens = await outage.log_in(), await outage.log_in()
    await outage.place.call("POST", "/auth/revoke", {"data": {"token": ended["refresh_token"]}})
    stop, start = FAULTS[fault]

    getattr(outage.server, stop)()
    async with asyncio.timeout(90):
        meanwhile = [*await outage.ask(*calls(tokens)), *await outage.ask(*calls(ended))]
    getattr(outage.server, start)()

    assert {status for status, _ in meanwhile} == {503}
    assert {body.get("type", body.get("error")) for _, body in meanwhile} == {
        "urn:problem-type:auth-unavailable",
        "temporarily_unavailable",
    }
    assert [status for status, _ in await outage.ask(*calls(ended)[:2])] == [401, 401]
    me, refreshed = [*await outage.ask(calls(tokens)[0]), *await outage.ask(calls(tokens)[5])]
    assert (me[0], refreshed[0]) == (200, 200)
    assert await outage.log_in()


@pytest.mark.parametrize("deadline", [0, -1.0])
async def test_a_deadline_that_nobody_could_meet_is_refused(deadline: float) -> None:
    """When the store is made."""
    database = Database("sqlite://")

    with pytest.raises(ValueError, match="above 0"):
        SQLAlchemyUserStore(database, Person, deadline=deadline)

    await database.dispose()
