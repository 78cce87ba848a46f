"""Cookies travel by themselves: a request that changes something has to show that a page of one's own sent it."""

from typing import Annotated, Any

import pytest
from fastapi import Depends
from httpx2 import Response

from brickwork.auth import CookieTransport, MemoryUser
from tests.auth.site import PASSWORD, Site, bearer, open_site

ORIGIN = {"Origin": "https://test"}
HEADER = "X-CSRF-Token"


async def enter(site: Site, login: str = "ada") -> dict[str, str]:
    """Log in by cookie, and give the header with the CSRF token."""

    @site.app.api_route("/change", methods=["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"])
    async def change(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> None: ...

    await site.add(login)
    answer = await site.log_in(login, PASSWORD)
    assert answer.status_code == 200, answer.text
    return {HEADER: answer.json()["csrf_token"]}


async def change(site: Site, *headers: dict[str, str], method: str = "POST") -> Response:
    """Make a request with cookies."""
    merged = {name: value for each in headers for name, value in each.items()}
    return await site.client.request(method, "/change", headers=merged)


@pytest.mark.promise("auth-121")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_a_change_needs_the_token_of_the_session(method: str) -> None:
    """With the token 200, without it 403."""
    async with open_site(transports=["cookie"]) as site:
        token = await enter(site)

        answers = [await change(site, *each, method=method) for each in ((token,), ())]

    assert [each.status_code for each in answers] == [200, 403]
    assert answers[1].json()["type"].endswith("csrf-failed")


@pytest.mark.promise("auth-121")
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_reading_needs_none(method: str) -> None:
    """A link from anywhere may lead to a page."""
    async with open_site(transports=["cookie"]) as site:
        await enter(site)

        response = await change(site, {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, method=method)

    assert response.status_code == 200


@pytest.mark.promise("auth-121")
@pytest.mark.parametrize("shown", ["", "x", "0" * 64, "é", "another session's"])
async def test_a_token_of_nobody_or_somebody_else_is_refused(shown: str) -> None:
    """The token belongs to one session, and nothing that is sent makes the comparison fail."""
    async with open_site(transports=["cookie"]) as site:
        others = await enter(site, "grace")
        site.client.cookies.clear()
        await enter(site)
        value = others[HEADER] if shown.startswith("another") else shown

        response = await site.client.post("/change", headers=[(HEADER.encode(), value.encode("latin-1"))])

    assert response.status_code == 403


@pytest.mark.promise("auth-121")
async def test_two_tokens_are_refused() -> None:
    """One of two headers may be an attacker's."""
    async with open_site(transports=["cookie"]) as site:
        token = await enter(site)

        response = await site.client.post("/change", headers=[*token.items(), *token.items()])

    assert response.status_code == 403


@pytest.mark.promise("auth-121")
async def test_the_cookie_is_no_proof() -> None:
    """A cookie can be planted: the header is compared with what the session's token must be."""
    async with open_site(transports=["cookie"]) as site:
        await enter(site)
        site.client.cookies.set("__Host-csrf", "planted")

        response = await change(site, {HEADER: "planted"})

    assert response.status_code == 403


@pytest.mark.promise("auth-122")
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (ORIGIN, 200),
        ({"Origin": "https://TEST:443"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site", **ORIGIN}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "https://test.evil.example"}, 403),
        ({"Origin": "https://test:8443"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://app.example"}, 200),
        ({"Origin": "https://app.example"}, 200),
        ({"Origin": "https://App.example"}, 200),
        ({"Origin": "http://app.example"}, 403),
    ],
)
async def test_a_change_comes_from_a_page_of_ones_own(headers: dict[str, str], status: int) -> None:
    """Even with the token, a page of another host may not act, unless it is named."""
    async with open_site(transports=[CookieTransport(origins=["https://app.example"])]) as site:
        token = await enter(site)

        response = await change(site, token, headers)

    assert response.status_code == status


@pytest.mark.promise("auth-121")
async def test_a_bearer_token_needs_no_proof() -> None:
    """No page can make a browser send the header."""
    async with open_site(transports=["header", "cookie"]) as site:
        await site.add()

        @site.app.post("/change")
        async def change(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> None: ...

        tokens = await site.tokens()
        response = await site.client.post(
            "/change", headers={"Origin": "https://evil.example", **bearer(tokens["access_token"])}
        )

    assert response.status_code == 200


@pytest.mark.promise("auth-121")
async def test_a_token_outlives_the_change_of_keys() -> None:
    """While the former key verifies, so does the CSRF token that was made with it."""
    async with open_site(transports=["cookie"], secret=["1" * 32, "2" * 32]) as site:
        token = await enter(site)
        rotated: Any = ["2" * 32, "1" * 32]
        async with open_site(transports=["cookie"], secret=rotated) as other:
            assert other.auth.keys.derive(b"csrf") == site.auth.keys.derive(b"csrf")[::-1]

        response = await change(site, token)

    assert response.status_code == 200


@pytest.mark.promise("auth-123")
@pytest.mark.parametrize("origin", ["http://app.example", "HTTP://app.example:8080", "http://localhost.example"])
def test_an_origin_of_plain_http_is_refused(origin: str) -> None:
    """Whoever is on the way could write into its pages; on a development machine that is said by name."""
    with pytest.raises(ValueError, match="write https, or insecure=True"):
        CookieTransport(origins=[origin])

    assert CookieTransport(origins=[origin], insecure=True).origins == {origin.lower()}


@pytest.mark.promise("auth-123")
@pytest.mark.parametrize("host", ["localhost:5173", "app.localhost", "127.0.0.1:3000", "[::1]:3000"])
def test_a_page_of_this_machine_may_be_of_plain_http(host: str) -> None:
    """Nobody is on the way."""
    assert CookieTransport(origins=[f"http://{host}"]).origins == {f"http://{host}"}
