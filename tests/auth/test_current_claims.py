"""`auth.claims`: what the token says, without asking for the user."""

from datetime import UTC, datetime
from typing import Annotated, Any

import pytest
from fastapi import Depends

from brickwork.auth import Claims, MemoryUser
from tests.auth.site import Site, bearer, open_site


def tell(site: Site) -> None:
    """Add a route that tells what the token says."""

    @site.app.get("/claims")
    async def claims(claims: Annotated[Claims, Depends(site.auth.claims)]) -> dict[str, Any]:
        return {"sub": claims.subject, "scopes": claims.scopes, "tenant": claims.get("tenant")}


@pytest.mark.promise("auth-95")
async def test_claims_are_given_and_no_user_is_loaded() -> None:
    """A user who was made inactive a moment ago still has claims: nobody looked."""
    async with open_site() as site:
        tell(site)
        user = await site.add(scopes=("a", "b"))
        issued = await site.auth.issue(user, ["a"])
        await site.users.update(user.id, {"active": False})

        response = await site.client.get("/claims", headers=bearer(issued.access_token))

    assert response.json() == {"sub": user.id, "scopes": ["a"], "tenant": None}


@pytest.mark.promise("auth-95")
async def test_claims_of_a_session_that_has_ended_are_refused() -> None:
    """The session is checked, as it is for the user."""
    async with open_site() as site:
        tell(site)
        user = await site.add()
        issued = await site.auth.issue(user)
        await site.auth.revoke(user=user)

        response = await site.client.get("/claims", headers=bearer(issued.access_token))

    assert response.status_code == 401


def test_claims_are_read_by_name() -> None:
    """Those that have no property of their own too; what a token does not say is None, and a repr shows whose it is."""
    claims = Claims({"sub": "ada", "tenant": "north", "auth_time": 1_767_225_600})

    assert (claims["tenant"], claims.get("team"), "tenant" in claims, "team" in claims) == ("north", None, True, False)
    assert claims.authenticated_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert Claims({"sub": "ada"}).authenticated_at is None
    assert repr(claims) == "<Claims of 'ada'>"


async def test_claims_of_nobody_are_refused() -> None:
    """A route that wants claims is no route for strangers."""
    async with open_site() as site:
        tell(site)

        response = await site.client.get("/claims")

    assert (response.status_code, response.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


@pytest.mark.promise("auth-96")
async def test_own_claims_travel_in_the_token() -> None:
    """`Auth(claims=…)` puts what the application knows into each access token."""

    async def of(user: MemoryUser) -> dict[str, object]:
        return {"tenant": f"tenant of {user.login}"}

    async with open_site(claims=of) as site:
        tell(site)
        issued = await site.auth.issue(await site.add())

        response = await site.client.get("/claims", headers=bearer(issued.access_token))

    assert response.json()["tenant"] == "tenant of ada"
