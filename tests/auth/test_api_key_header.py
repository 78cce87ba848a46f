"""`auth.api_key` and `auth.require_key`: programs that call with a key."""

from typing import Annotated, Any

import pytest
from fastapi import Depends
from httpx2 import Response

from brickwork.auth import ApiKey, MemoryApiKeyStore, MemoryUser, NotAuthenticatedError
from tests.auth.site import Site, bearer, open_site

CHALLENGE = 'ApiKey realm="api"'


def routes(site: Site) -> None:
    """Add routes for keys."""

    @site.app.get("/key", dependencies=[site.auth.require_key()])
    async def key(key: Annotated[ApiKey, Depends(site.auth.api_key)]) -> str:
        return key.name

    @site.app.get("/scoped")
    async def scoped(key: Annotated[ApiKey, site.auth.require_key(scopes=["b", "a"])]) -> str:
        return key.name

    @site.app.get("/both", dependencies=[Depends(site.auth.api_key)])
    async def both(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login

    @site.app.get("/who")
    async def who(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login


async def get(site: Site, path: str, *keys: str) -> Response:
    """Get a path with keys."""
    return await site.client.get(path, headers=[("X-API-Key", key) for key in keys])


@pytest.mark.promise("auth-134")
async def test_a_key_opens_what_asks_for_keys() -> None:
    """The key of the header is given to the endpoint."""
    async with open_site() as site:
        routes(site)
        made = await site.auth.create_key(await site.add(scopes=("a", "b")), name="robot", scopes="a b")

        answers = [await get(site, path, made.key) for path in ("/key", "/scoped")]

    assert [each.json() for each in answers] == ["robot", "robot"]


@pytest.mark.promise("auth-134")
@pytest.mark.parametrize("keys", [[], [""], ["x"], ["key_x_y"], ["key_" + "a" * 16 + "_" + "b" * 43]])
async def test_without_a_good_key_the_answer_is_the_same(keys: list[str]) -> None:
    """Missing, empty, malformed or unknown: 401 with a challenge."""
    async with open_site() as site:
        routes(site)

        response = await get(site, "/key", *keys)

    assert (response.status_code, response.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.promise("auth-134")
@pytest.mark.parametrize("place", ["query", "cookie", "bearer"])
async def test_a_key_is_read_in_its_header_and_nowhere_else(place: str) -> None:
    """A key in a query, in a cookie or as a bearer token is none."""
    async with open_site() as site:
        routes(site)
        made = await site.auth.create_key(await site.add(), name="robot")
        requests: dict[str, dict[str, Any]] = {
            "query": {"url": f"/key?X-API-Key={made.key}&api_key={made.key}"},
            "cookie": {"url": "/key", "headers": {"Cookie": f"X-API-Key={made.key}"}},
            "bearer": {"url": "/key", "headers": bearer(made.key)},
        }

        response = await site.client.get(**requests[place])

    assert response.status_code == 401


@pytest.mark.promise("auth-134")
async def test_two_keys_are_ambiguous() -> None:
    """Nobody can tell which is meant: 400."""
    async with open_site() as site:
        routes(site)
        made = await site.auth.create_key(await site.add(), name="robot")

        response = await get(site, "/key", made.key, made.key)

    assert response.status_code == 400


@pytest.mark.promise("auth-135")
async def test_a_key_that_does_not_allow_it_is_told_what_would() -> None:
    """403 with the scopes that are needed."""
    async with open_site() as site:
        routes(site)
        made = await site.auth.create_key(await site.add(scopes=("a", "b")), name="robot", scopes=["a"])

        response = await get(site, "/scoped", made.key)

    assert (response.status_code, response.json()["scope"]) == (403, "a b")


@pytest.mark.promise("auth-136")
async def test_a_key_is_no_user() -> None:
    """A key opens no route that asks for a user; one that asks for both needs both."""
    async with open_site() as site:
        routes(site)
        user = await site.add()
        made = await site.auth.create_key(user, name="robot")
        issued = await site.auth.issue(user)
        both = {"X-API-Key": made.key, **bearer(issued.access_token)}

        answers = [
            await get(site, "/who", made.key),
            await get(site, "/both", made.key),
            await site.client.get("/both", headers=bearer(issued.access_token)),
            await site.client.get("/both", headers=both),
        ]

    assert [each.status_code for each in answers] == [401, 401, 401, 200]


@pytest.mark.promise("auth-130")
async def test_a_rotated_key_works_until_the_overlap_ends_and_a_revoked_one_not_at_all() -> None:
    """`rotate_key` and `revoke_key` hold from the next request on."""
    async with open_site() as site:
        routes(site)
        made = await site.auth.create_key(await site.add(), name="robot")
        successor = await site.auth.rotate_key(made.record.id, overlap=60)
        during = [(await get(site, "/key", each.key)).status_code for each in (made, successor)]
        site.clock.advance(61)
        after = [(await get(site, "/key", each.key)).status_code for each in (made, successor)]

        await site.auth.revoke_key(successor.record.id)
        revoked = (await get(site, "/key", successor.key)).status_code

    assert (during, after, revoked) == ([200, 200], [401, 200], 401)


async def test_a_key_is_looked_up_once_for_a_request() -> None:
    """Marker and dependency share one look-up."""
    asked: list[str] = []

    class Counting(MemoryApiKeyStore):
        async def get(self, key_id: str) -> ApiKey | None:
            asked.append(key_id)
            return await super().get(key_id)

    async with open_site(api_keys=Counting()) as site:
        site.app.get("/twice", dependencies=[site.auth.require_key(scopes="a"), Depends(site.auth.api_key)])(lambda: 1)
        made = await site.auth.create_key(await site.add(scopes=("a",)), name="robot", scopes="a")

        await get(site, "/twice", made.key)

    assert asked == [made.record.id]


@pytest.mark.promise("auth-137")
async def test_a_key_may_be_left_out_and_has_to_be_good() -> None:
    """None without a key; a bad or empty one is refused as everywhere, and so are two."""
    async with open_site() as site:
        made = await site.auth.create_key(await site.add(), name="robot")

        @site.app.get("/maybe")
        async def maybe(key: Annotated[ApiKey | None, Depends(site.auth.optional_api_key)]) -> str | None:
            return None if key is None else key.name

        good = [await get(site, "/maybe", made.key), await get(site, "/maybe")]
        bad = [await get(site, "/maybe", *keys) for keys in (["x"], [""], [made.key, made.key])]

    assert [each.json() for each in good] == ["robot", None]
    assert [each.status_code for each in bad] == [401, 401, 400]
    assert bad[0].headers["www-authenticate"] == CHALLENGE


@pytest.mark.promise("auth-137")
async def test_a_route_may_take_a_token_or_a_key() -> None:
    """Both are optional, and the route asks that one of them is there."""
    async with open_site() as site:
        ada = await site.add()
        made, issued = await site.auth.create_key(ada, name="robot"), await site.auth.issue(ada)

        @site.app.get("/either")
        async def either(
            user: Annotated[MemoryUser | None, Depends(site.auth.optional_user)],
            key: Annotated[ApiKey | None, Depends(site.auth.optional_api_key)],
        ) -> str:
            if user is not None:
                return user.login
            if key is None:
                raise NotAuthenticatedError
            return key.name

        answers = [await get(site, "/either", made.key), await get(site, "/either")]
        by_token = await site.client.get("/either", headers=bearer(issued.access_token))

    assert [each.status_code for each in answers] == [200, 401]
    assert (answers[0].json(), by_token.json()) == ("robot", "ada")
