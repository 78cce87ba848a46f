"""Who calls, stated where blocks that know nothing of auth can read it."""

from typing import Annotated

import pytest
from fastapi import Depends, Request

from brickwork._core.scope import stated_caller
from brickwork.auth import ApiKey, Claims, MemoryUser
from tests.auth.site import Site, bearer, open_site


def routes(site: Site) -> None:
    """Add routes that say whom the request comes from."""

    @site.app.get("/user")
    async def user(request: Request, user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str | None:
        return stated_caller(request.scope)

    @site.app.get("/claims")
    async def claims(request: Request, claims: Annotated[Claims, Depends(site.auth.claims)]) -> str | None:
        return stated_caller(request.scope)

    @site.app.get("/optional")
    async def optional(
        request: Request, user: Annotated[MemoryUser | None, Depends(site.auth.optional_user)]
    ) -> str | None:
        return stated_caller(request.scope)

    @site.app.get("/key")
    async def key(request: Request, key: Annotated[ApiKey | None, Depends(site.auth.optional_api_key)]) -> str | None:
        return stated_caller(request.scope)

    @site.app.get("/nobody-asked")
    async def nobody_asked(request: Request) -> str:
        with pytest.raises(LookupError):
            stated_caller(request.scope)
        return "nobody asked"


@pytest.mark.promise("ratelimit-25")
async def test_who_is_accepted_is_stated() -> None:
    """By token, with or without the user loaded, by API key and by act_as: always the ID of the user."""
    async with open_site() as site:
        routes(site)
        ada = await site.add()
        issued = await site.auth.issue(ada)
        made = await site.auth.create_key(ada, name="robot")
        token = bearer(issued.access_token)

        stated = [(await site.client.get(path, headers=token)).json() for path in ("/user", "/claims", "/optional")]
        by_key = await site.client.get("/key", headers={"X-API-Key": made.key})
        with site.auth.act_as(ada):
            acting = await site.client.get("/user")

    assert [*stated, by_key.json(), acting.json()] == [str(ada.id)] * 5


@pytest.mark.promise("ratelimit-25")
async def test_nobody_is_stated_too() -> None:
    """That somebody asked and found nobody differs from that nobody asked."""
    async with open_site(transports=("cookie", "header")) as site:
        routes(site)

        anonymous = [await site.client.get(path) for path in ("/optional", "/key")]
        site.client.cookies.set("__Host-access", "x")
        ended = await site.client.get("/optional")
        unasked = await site.client.get("/nobody-asked")

    assert [each.json() for each in (*anonymous, ended)] == [None, None, None]
    assert unasked.json() == "nobody asked"
