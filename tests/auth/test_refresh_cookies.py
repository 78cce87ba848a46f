"""Refreshing by cookie: for pages of one's own, and with nothing in the body that a script could take."""

import pytest

from brickwork.testing import assert_problem
from tests.auth.site import Site, open_site


async def test_cookies_are_refreshed_too() -> None:
    """The refresh cookie gets new cookies, and shows nothing in the body."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        before = await _cookies(site)

        response = await site.client.post("/auth/refresh", headers={"X-CSRF-Token": before["__Host-csrf"]})

        after = dict(site.client.cookies)
        status = (await site.client.get("/auth/me")).status_code
    assert response.status_code == 200
    assert set(response.json()) == {"expires_in", "scope", "csrf_token"}
    assert after["__Host-refresh"] != before["__Host-refresh"]
    assert after["__Host-csrf"] == response.json()["csrf_token"] == before["__Host-csrf"]
    assert status == 200


async def test_cookies_are_not_refreshed_for_another_page() -> None:
    """Without the token of the readable cookie, the refresh cookie does nothing."""
    async with open_site(transports=("cookie",)) as site:
        await site.add()
        before = await _cookies(site)

        bare = await site.client.post("/auth/refresh")
        foreign = await site.client.post(
            "/auth/refresh", headers={"X-CSRF-Token": before["__Host-csrf"], "Origin": "https://evil.example"}
        )
        site.client.cookies.clear()
        spoiled = await site.client.post(
            "/auth/refresh", headers={"X-CSRF-Token": before["__Host-csrf"], "Cookie": "__Host-refresh=nonsense"}
        )

    assert_problem(bare, 403, slug="csrf-failed")
    assert_problem(foreign, 403, slug="csrf-failed")
    assert_problem(spoiled, 403, slug="csrf-failed")


@pytest.mark.promise("auth-51")
@pytest.mark.parametrize("handlers", [True, False])
async def test_a_refused_refresh_takes_the_cookies_back(handlers: bool) -> None:
    """A browser forgets the cookies of a session that was ended elsewhere; a refused token of a body clears nothing."""
    async with open_site(transports=("cookie", "header"), handlers=handlers) as site:
        ada = await site.add()
        cookies = await _cookies(site)
        left = await site.client.post("/auth/logout", headers={"X-CSRF-Token": cookies["__Host-csrf"]})
        site.client.cookies.update(cookies)
        await site.auth.revoke(user=ada)

        response = await site.client.post("/auth/refresh", headers={"X-CSRF-Token": cookies["__Host-csrf"]})
        site.client.cookies.clear()
        by_body = await site.refresh(cookies["__Host-refresh"])

    assert (response.status_code, by_body.status_code) == (401, 401)
    assert response.headers.get_list("set-cookie") == left.headers.get_list("set-cookie")
    assert len(response.headers.get_list("set-cookie")) == 3
    assert response.headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert "set-cookie" not in by_body.headers


async def test_two_refresh_tokens_are_one_too_many() -> None:
    """One in the body and one in a cookie: nobody can tell which is meant."""
    async with open_site(transports=("header", "cookie")) as site:
        await site.add()
        await site.log_in(transport="cookie")
        tokens = await site.tokens()

        response = await site.refresh(tokens["refresh_token"])

    assert_problem(response, 400, slug="ambiguous-credentials")


async def _cookies(site: Site) -> dict[str, str]:
    response = await site.log_in()
    assert response.status_code == 200
    return dict(site.client.cookies)
