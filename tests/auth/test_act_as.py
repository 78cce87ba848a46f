"""`auth.act_as`: tests that are about something else than logging in."""

from types import SimpleNamespace
from typing import Annotated, Any

import pytest
from fastapi import Depends, WebSocket
from starlette.testclient import TestClient

from brickwork.auth import Auth, Claims, MemoryUser
from tests.auth.site import HASHER, SECRET, Site, open_site


def routes(site: Site) -> None:
    """Add routes of every kind."""

    @site.app.get("/who")
    async def who(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login

    @site.app.post("/change")
    async def change(user: Annotated[MemoryUser, site.auth.require(scopes="a", fresh=60)]) -> str:
        return user.login

    @site.app.get("/claims")
    async def claims(claims: Annotated[Claims, Depends(site.auth.claims)]) -> dict[str, Any]:
        return {"sub": claims.subject, "scopes": claims.scopes}

    @site.app.websocket("/ws")
    async def ws(socket: WebSocket, user: Annotated[MemoryUser, Depends(site.auth.user)]) -> None:
        await socket.accept()
        await socket.send_text(user.login)
        await socket.close()


@pytest.mark.promise("auth-105")
async def test_every_request_inside_of_the_block_is_the_users() -> None:
    """User, claims and demands see the user, without a token; outside of the block nobody does."""
    async with open_site(transports=["cookie", "header"]) as site:
        routes(site)
        ada = await site.add(scopes=("a",))

        with site.auth.act_as(ada):
            inside = [
                await site.client.get("/who"),
                await site.client.post("/change"),
                await site.client.get("/claims"),
            ]
        outside = await site.client.get("/who")

    assert [each.json() for each in inside] == ["ada", "ada", {"sub": ada.id, "scopes": ["a"]}]
    assert outside.status_code == 401


@pytest.mark.promise("auth-105")
async def test_scopes_and_age_of_the_login_can_be_chosen() -> None:
    """`scopes=` narrows what the token would allow, and `fresh=False` makes an old login."""
    async with open_site() as site:
        routes(site)
        ada = await site.add(scopes=("a",))

        with site.auth.act_as(ada, scopes=[]):
            narrow = await site.client.post("/change")
        with site.auth.act_as(ada, fresh=False):
            old = await site.client.post("/change")

    assert (narrow.status_code, old.status_code) == (403, 401)


@pytest.mark.promise("auth-105")
async def test_blocks_are_nested_and_end() -> None:
    """The inner block holds while it lasts."""
    async with open_site() as site:
        routes(site)
        ada, grace = await site.add("ada"), await site.add("grace")
        seen: list[str] = []

        with site.auth.act_as(ada):
            with site.auth.act_as(grace):
                seen.append((await site.client.get("/who")).json())
            seen.append((await site.client.get("/who")).json())

    assert seen == ["grace", "ada"]


@pytest.mark.promise("auth-105")
async def test_the_test_client_and_its_sockets_are_reached() -> None:
    """A client that runs the app in a thread of its own sees the user, started before the block or in it."""
    async with open_site() as site:
        routes(site)
        ada = await site.add()

    with TestClient(site.app, base_url="https://test") as running, site.auth.act_as(ada):
        inside = [running.get("/who").json(), TestClient(site.app).get("/who").json()]
        with TestClient(site.app).websocket_connect("/ws") as socket:
            inside.append(socket.receive_text())

    assert inside == ["ada", "ada", "ada"]


async def test_another_auth_is_not_reached() -> None:
    """Acting as a user of one Auth opens no door of another."""
    async with open_site() as site:
        routes(site)
        other = Auth(site.users, secret=SECRET, realm="other", hasher=HASHER)

        with other.act_as(await site.add()):
            response = await site.client.get("/who")

    assert response.status_code == 401


@pytest.mark.promise("auth-110")
@pytest.mark.parametrize("name", ["id", "roles", "scopes"])
async def test_a_user_who_lacks_what_users_have_cannot_be_acted_as(name: str) -> None:
    """A model that was never in a database has no ID, and no rights unless they were given: the sentence names them."""
    async with open_site() as site:
        unsaved: Any = SimpleNamespace(**{"id": 1, "roles": [], "scopes": [], "token_version": None, name: None})

        with pytest.raises(TypeError, match=f"whose {name} is set: write SimpleNamespace\\({name}="):
            site.auth.act_as(unsaved)


@pytest.mark.promise("auth-110")
async def test_nobody_acts_as_who_may_not_come_in() -> None:
    """A disabled user makes no requests, in a test either."""
    async with open_site() as site:
        disabled = await site.add(active=False)

        with pytest.raises(ValueError, match="write active=True"):
            site.auth.act_as(disabled)


@pytest.mark.promise("auth-110")
async def test_a_scope_that_does_not_exist_is_no_part_of_a_test() -> None:
    """It is refused as where a route requires it."""
    async with open_site(scopes={"orders:read": "Read your orders"}) as site:
        ada = await site.add()

        with pytest.raises(ValueError, match="there is no scope 'order:read'"):
            site.auth.act_as(ada, scopes="order:read")
