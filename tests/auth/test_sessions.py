"""Sessions: who is logged in where, and how it is ended from elsewhere."""

import pytest

from brickwork.testing import assert_problem
from tests.auth.site import PASSWORD, open_site


@pytest.mark.promise("auth-40")
async def test_sessions_are_listed_with_what_their_user_knows_them_by() -> None:
    """Each shows its client, address and times, and which one asks; none shows what opens it."""
    async with open_site() as site:
        await site.add()
        body = {"login": "ada", "password": PASSWORD}
        phone = (await site.client.post("/auth/login", json=body, headers={"User-Agent": "phone"})).json()
        site.clock.advance(60)
        await site.client.post("/auth/login", json=body, headers={"User-Agent": "desk"})
        await site.add("bob")
        await site.tokens("bob")

        listed = await site.get("/sessions", phone)

    assert [(each["client"], each["current"]) for each in listed] == [("desk", False), ("phone", True)]
    assert listed[1] == {
        "id": listed[1]["id"],
        "client": "phone",
        "address": "127.0.0.1",
        "created_at": "2026-01-01T00:00:00Z",
        "used_at": "2026-01-01T00:00:00Z",
        "expires_at": "2026-01-15T00:00:00Z",
        "current": True,
    }


@pytest.mark.promise("auth-41")
async def test_one_session_can_be_ended_from_another() -> None:
    """Its tokens are refused from the next request on; the session that asked goes on."""
    async with open_site() as site:
        await site.add()
        lost = await site.tokens()
        kept = await site.tokens()
        lost_id = next(each["id"] for each in await site.get("/sessions", kept) if not each["current"])

        response = await site.delete(f"/sessions/{lost_id}", kept)

        after = [await site.me(lost["access_token"]), await site.me(kept["access_token"])]
        refreshed = await site.refresh(lost["refresh_token"])
    assert response.status_code == 204
    assert after == [401, 200]
    assert refreshed.status_code == 401


@pytest.mark.promise("auth-41")
async def test_nobody_ends_the_session_of_another() -> None:
    """It looks as if there were none."""
    async with open_site() as site:
        await site.add()
        await site.add("bob")
        ada, bob = await site.tokens(), await site.tokens("bob")
        (session,) = await site.get("/sessions", ada)

        foreign = await site.delete(f"/sessions/{session['id']}", bob)
        unknown = await site.delete("/sessions/unknown", bob)
        malformed = await site.delete("/sessions/%00", bob)

        status = await site.me(ada["access_token"])
    assert_problem(foreign, 404, slug="session-not-found")
    assert_problem(unknown, 404, slug="session-not-found")
    assert_problem(malformed, 422)
    assert status == 200


@pytest.mark.promise("auth-42")
async def test_each_login_is_a_session_of_its_own() -> None:
    """A second login shares nothing with the first."""
    async with open_site() as site:
        user = await site.add()

        first, second = await site.tokens(), await site.tokens()

        ids = {each.id for each in await site.auth.sessions(user)}
    assert len(ids) == 2
    assert first["refresh_token"][:20] != second["refresh_token"][:20]


@pytest.mark.promise("auth-43")
async def test_a_user_has_so_many_sessions_and_no_more() -> None:
    """Beyond the limit, the session that was used longest ago ends."""
    async with open_site(session_limit=2) as site:
        await site.add()
        tokens = []
        for _ in range(3):
            tokens.append(await site.tokens())
            site.clock.advance(1)

        statuses = [await site.me(each["access_token"]) for each in tokens]

    assert statuses == [401, 200, 200]


async def test_the_application_ends_sessions_too() -> None:
    """By its ID, or all of a user."""
    async with open_site() as site:
        user = await site.add()
        first, second = await site.tokens(), await site.tokens()
        sessions = await site.auth.sessions(user)

        await site.auth.revoke(session=sessions[0].id)
        left = [await site.me(first["access_token"]), await site.me(second["access_token"])]
        await site.auth.revoke(user=user)

        after = [await site.me(first["access_token"]), await site.me(second["access_token"])]
    assert sorted(left) == [200, 401]
    assert after == [401, 401]
