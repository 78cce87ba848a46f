"""Revocation: any token, by either name, and no complaint about one that is worth nothing."""

import pytest
from httpx2 import Response

from tests.auth.site import Site, open_site


@pytest.mark.promise("auth-148")
@pytest.mark.parametrize("hint", ["refresh_token", "access_token", "nonsense", ""])
async def test_a_revoked_refresh_token_takes_its_session_along(hint: str) -> None:
    """Whatever the hint says."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        response = await _revoke(site, tokens["refresh_token"], hint)

        after = [await site.me(tokens["access_token"]), (await site.refresh(tokens["refresh_token"])).status_code]
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert after == [401, 401]


@pytest.mark.promise("auth-149")
@pytest.mark.parametrize("hint", ["refresh_token", "access_token"])
async def test_a_revoked_access_token_ends_alone(hint: str) -> None:
    """Its session can be refreshed; that the revocation is forgotten does not bring the token back."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        response = await _revoke(site, tokens["access_token"], hint)

        status = await site.me(tokens["access_token"])
        refreshed = await site.refresh(tokens["refresh_token"])
        site.clock.advance(901)
        later = await site.me(tokens["access_token"])
    assert response.status_code == 200
    assert status == 401
    assert refreshed.status_code == 200
    assert later == 401


@pytest.mark.promise("auth-150")
@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "A" * 64])
async def test_a_token_that_is_worth_nothing_is_no_error(token: str) -> None:
    """The answer is that of any other token."""
    async with open_site() as site:
        response = await _revoke(site, token)

    assert response.status_code == 200


async def test_a_used_up_refresh_token_can_be_revoked() -> None:
    """Who finds an old one can end what came of it."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()

        await _revoke(site, first["refresh_token"])

        status = await site.me(second["access_token"])
    assert status == 401


async def test_the_application_revokes_tokens_too() -> None:
    """By the token's text."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        await site.auth.revoke(tokens["access_token"])

        status = await site.me(tokens["access_token"])
    assert status == 401


async def test_a_revocation_needs_a_token() -> None:
    """Without one it is a malformed request."""
    async with open_site() as site:
        response = await site.client.post("/auth/revoke", data={"token_type_hint": "access_token"})

    assert response.status_code == 400
    assert response.json()["error"] == "invalid_request"


async def _revoke(site: Site, token: str, hint: str = "") -> Response:
    return await site.client.post("/auth/revoke", data={"token": token, "token_type_hint": hint})
