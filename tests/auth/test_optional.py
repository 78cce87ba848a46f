"""`auth.optional_user`: a user, or nobody."""

from typing import Annotated

import pytest
from fastapi import Depends

from brickwork.auth import MemoryUser
from tests.auth.site import Site, bearer, open_site


def greet(site: Site) -> None:
    """Add a route for everybody."""

    @site.app.get("/hello")
    async def hello(user: Annotated[MemoryUser | None, Depends(site.auth.optional_user)]) -> str:
        return "stranger" if user is None else user.login


@pytest.mark.promise("auth-94")
async def test_who_shows_no_token_is_nobody() -> None:
    """A request without a token comes in, as None."""
    async with open_site() as site:
        greet(site)

        response = await site.client.get("/hello")

    assert response.json() == "stranger"


@pytest.mark.promise("auth-94")
async def test_who_shows_a_good_token_is_known() -> None:
    """A request with a token is its user's."""
    async with open_site() as site:
        greet(site)
        issued = await site.auth.issue(await site.add())

        response = await site.client.get("/hello", headers=bearer(issued.access_token))

    assert response.json() == "ada"


@pytest.mark.promise("auth-94")
@pytest.mark.parametrize("ending", ["session", "user", "expiry", "nonsense"])
async def test_a_cookie_that_has_ended_is_nobodys(ending: str) -> None:
    """A browser still sends it, and the page is for everybody; where a user is needed it is refused as before."""
    async with open_site(transports=("cookie", "header")) as site:
        greet(site)
        ada = await site.add()
        await site.log_in()
        known = await site.client.get("/hello")
        if ending == "session":
            await site.auth.revoke(user=ada)
        elif ending == "user":
            await site.users.update(ada.id, {"active": False})
        elif ending == "expiry":
            site.clock.advance(901)
        else:
            site.client.cookies.clear()
            site.client.cookies.set("__Host-access", "x")

        response = await site.client.get("/hello")
        refused = await site.client.get("/auth/me")
        ambiguous = await site.client.get("/hello", headers=bearer("x"))

    assert (known.json(), response.json()) == ("ada", "stranger")
    assert (refused.status_code, ambiguous.status_code) == (401, 400)


@pytest.mark.promise("auth-94")
async def test_who_shows_a_bad_token_is_not_taken_for_nobody() -> None:
    """A client whose token has ended learns it, rather than to go on as a stranger."""
    async with open_site() as site:
        greet(site)

        response = await site.client.get("/hello", headers=bearer("x"))

    assert response.status_code == 401
