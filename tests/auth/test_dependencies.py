"""`auth.user`: who gets in, what the others are told, and what it costs."""

from dataclasses import replace
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, FastAPI, Request
from httpx2 import ASGITransport, AsyncClient

from brickwork.auth import Auth, AuthUnavailableError, Claims, MemoryTokenStore, MemoryUser, MemoryUserStore
from brickwork.auth._depends.current import CurrentUser
from tests.auth.site import HASHER, SECRET, Site, bearer, open_site

CHALLENGE = 'Bearer realm="api"'
INVALID = 'Bearer realm="api", error="invalid_token"'


def protect(site: Site) -> None:
    """Add a route for users."""

    @site.app.get("/who")
    async def who(user: Annotated[MemoryUser, Depends(site.auth.user)]) -> str:
        return user.login


@pytest.mark.promise("auth-87")
async def test_a_request_without_a_token_is_challenged_and_told_of_no_error() -> None:
    """401, a challenge that names no error, and a problem that says what to do."""
    async with open_site() as site:
        protect(site)

        response = await site.client.get("/who")

    assert response.status_code == 401
    assert response.headers["www-authenticate"] == CHALLENGE
    assert response.json()["type"] == "urn:problem-type:not-authenticated"


@pytest.mark.promise("auth-87")
@pytest.mark.parametrize("header", ["Basic YTpi", "bearerx", "Digest x", "Token x"])
async def test_another_scheme_is_somebody_elses(header: str) -> None:
    """An Authorization header that is no bearer token counts as none."""
    async with open_site() as site:
        protect(site)

        response = await site.client.get("/who", headers={"Authorization": header})

    assert (response.status_code, response.headers["www-authenticate"]) == (401, CHALLENGE)


@pytest.mark.promise("auth-88")
@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "bearer    ", "Bearer x", "Bearer a.b.c", "Bearer \xe9"])
async def test_a_token_that_is_not_good_is_named_as_the_error(header: str) -> None:
    """An empty, malformed or foreign token is 401 with error="invalid_token"."""
    async with open_site() as site:
        protect(site)

        response = await site.client.get("/who", headers=[(b"authorization", header.encode("latin-1"))])

    assert (response.status_code, response.headers["www-authenticate"]) == (401, INVALID)


@pytest.mark.promise("auth-89")
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR "])
async def test_the_scheme_is_read_without_its_case(scheme: str) -> None:
    """The name of the scheme may be written in any case, with any number of spaces after it."""
    async with open_site() as site:
        protect(site)
        issued = await site.auth.issue(await site.add())

        response = await site.client.get("/who", headers={"Authorization": f"{scheme} {issued.access_token}"})

    assert response.json() == "ada"


@pytest.mark.promise("auth-90")
async def test_all_tokens_that_are_refused_get_the_same_answer() -> None:
    """Expired, revoked, of a user who is gone, inactive or changed the password: one body and one challenge."""
    async with open_site(access_ttl=60, handlers=False) as site:
        protect(site)
        names = ["expired", "revoked", "ended", "inactive", "changed"]
        users = {name: await site.add(name) for name in names}
        tokens = {"expired": (await site.auth.issue(users["expired"])).access_token}
        site.clock.advance(61)
        tokens |= {name: (await site.auth.issue(users[name])).access_token for name in names[1:]}
        tokens["malformed"] = "x"
        await site.auth.revoke(tokens["revoked"])
        await site.auth.revoke(user=users["ended"])
        await site.users.update(users["inactive"].id, {"active": False})
        await site.users.update(users["changed"].id, {}, end_tokens=True)

        answers = [await site.client.get("/who", headers=bearer(token)) for token in tokens.values()]

    assert {(each.status_code, each.text, each.headers["www-authenticate"]) for each in answers} == {
        (401, answers[0].text, INVALID)
    }


async def test_the_token_of_a_user_who_is_gone_is_refused() -> None:
    """A user whom the store does not have any more cannot come in."""
    async with open_site() as site:
        issued = await site.auth.issue(await site.add())
        stranger = Auth(MemoryUserStore(), secret=SECRET, tokens=None, clock=site.clock, hasher=HASHER)
        app = FastAPI()
        app.get("/who", dependencies=[Depends(stranger.user)])(lambda: None)
        async with AsyncClient(transport=ASGITransport(app=app), base_url="https://test") as client:
            response = await client.get("/who", headers=bearer(issued.access_token))

    assert (response.status_code, response.headers["www-authenticate"]) == (401, INVALID)


@pytest.mark.promise("auth-91")
async def test_who_calls_is_found_out_once_for_a_request() -> None:
    """Markers, claims, user and optional user in one request: one check of the session, one load of the user."""
    counted: list[str] = []

    class CountingTokens(MemoryTokenStore):
        async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
            counted.append("check")
            return await super().check(session_id, token_id, now=now)

    class CountingUsers(MemoryUserStore[MemoryUser]):
        async def get(self, user_id: str) -> MemoryUser | None:
            counted.append("get")
            return await super().get(user_id)

    users = CountingUsers(MemoryUser)
    auth = Auth(users, secret=SECRET, tokens=CountingTokens(), hasher=HASHER)
    user = await users.create({"login": "ada", "roles": ("admin",), "scopes": ("a", "b")})
    app = FastAPI()
    inner = APIRouter(dependencies=[auth.require(scopes="b"), Depends(auth.optional_user)])

    @inner.get("/who", dependencies=[auth.require(roles="admin", scopes="a"), Depends(auth.claims)])
    async def who(
        user: Annotated[MemoryUser, Depends(auth.user)], again: Annotated[MemoryUser, auth.require()]
    ) -> bool:
        return user is again

    app.include_router(inner)
    issued = await auth.issue(user)
    counted.clear()
    async with AsyncClient(transport=ASGITransport(app=app), base_url="https://test") as client:
        response = await client.get("/who", headers=bearer(issued.access_token))

    assert response.json() is True
    assert sorted(counted) == ["check", "get"]


async def test_two_auths_in_one_app_do_not_take_each_others_users() -> None:
    """What one has found out of a request is nothing to the other."""
    async with open_site() as site:
        other = Auth(site.users, secret=SECRET[::-1], realm="admin", hasher=HASHER)

        @site.app.get("/both", dependencies=[Depends(site.auth.user)])
        async def both(user: Annotated[MemoryUser, Depends(other.user)]) -> str:
            return user.login

        issued = await site.auth.issue(await site.add())
        response = await site.client.get("/both", headers=bearer(issued.access_token))

    assert response.headers["www-authenticate"] == 'Bearer realm="admin", error="invalid_token"'


@pytest.mark.promise("auth-92")
@pytest.mark.parametrize("lost", ["tokens", "users"])
async def test_a_store_that_cannot_be_asked_lets_nobody_in(lost: str) -> None:
    """503 with Retry-After, and no user on trust."""

    class Lost:
        def __getattr__(self, name: str) -> Any:
            return self._lose

        async def _lose(self, *_: object, **__: object) -> None:
            raise AuthUnavailableError(2)

    async with open_site() as site:
        issued = await site.auth.issue(await site.add())
        options: dict[str, Any] = {"tokens": Lost()} if lost == "tokens" else {}
        users: Any = Lost() if lost == "users" else site.users
        auth: Auth[MemoryUser] = Auth(
            users, secret=SECRET, clock=site.clock, hasher=HASHER, **{"tokens": None, **options}
        )
        app = FastAPI()
        app.get("/who", dependencies=[Depends(auth.user)])(lambda: None)
        async with AsyncClient(transport=ASGITransport(app=app), base_url="https://test") as client:
            response = await client.get("/who", headers=bearer(issued.access_token))

    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


@pytest.mark.promise("auth-93")
async def test_an_override_of_the_user_reaches_every_marker() -> None:
    """`dependency_overrides[auth.user]` stands in for the user everywhere, with all that user may."""
    async with open_site() as site:
        protect(site)
        grace = await site.add("grace", roles=("admin",), scopes=("a",))
        site.app.dependency_overrides[site.auth.user] = lambda: grace

        @site.app.get("/admin")
        async def admin(user: Annotated[MemoryUser, site.auth.require(roles="admin", scopes="a", fresh=60)]) -> str:
            return user.login

        @site.app.get("/owner", dependencies=[site.auth.require(roles="owner")])
        async def owner() -> None: ...

        answers = [await site.client.get(path) for path in ("/who", "/admin", "/owner")]

    assert [each.status_code for each in answers] == [200, 200, 403]
    assert [each.json() for each in answers[:2]] == ["grace", "grace"]


@pytest.mark.promise("auth-93")
async def test_an_override_that_reads_the_token_is_held_to_it() -> None:
    """Whoever loads the user in a way of their own, by the claims, does not lose the limits of the token."""
    async with open_site() as site:

        async def loaded(claims: Annotated[Claims, Depends(site.auth.claims)]) -> MemoryUser:
            user = await site.users.get(claims.subject)
            assert user is not None
            return replace(user, scopes=("a", "b"))

        site.app.dependency_overrides[site.auth.user] = loaded
        for name, marker in {"a": site.auth.require(scopes="a"), "b": site.auth.require(scopes="b")}.items():
            site.app.get(f"/{name}", dependencies=[marker])(lambda: None)
        site.app.get("/c", dependencies=[site.auth.require(scopes="c")])(lambda: None)
        site.app.get("/fresh", dependencies=[site.auth.require(fresh=60)])(lambda: None)
        issued = await site.auth.issue(await site.add(scopes=("a", "b", "c")), ["a", "c"])
        site.clock.advance(61)

        paths = ("/a", "/b", "/c", "/fresh")
        answers = [await site.client.get(path, headers=bearer(issued.access_token)) for path in paths]

    assert [each.status_code for each in answers] == [200, 403, 403, 401]


@pytest.mark.promise("auth-93")
async def test_an_override_that_reads_no_token_is_held_to_none() -> None:
    """What a client of a test sends along is not looked at."""
    async with open_site() as site:
        grace = await site.add("grace", scopes=("a",))
        site.app.dependency_overrides[site.auth.user] = lambda: grace
        site.app.get("/a", dependencies=[site.auth.require(scopes="a", fresh=60)])(lambda: None)

        response = await site.client.get("/a", headers=bearer("no token"))

    assert response.status_code == 200


@pytest.mark.promise("auth-97")
@pytest.mark.parametrize(("headers", "status"), [(True, 403), (False, 401)])
async def test_what_was_forgotten_between_two_dependencies_is_found_out_again(headers: bool, status: int) -> None:
    """A dependency that puts other headers into the scope lifts no limit of the token."""
    async with open_site() as site:

        async def rewrite(request: Request) -> None:
            request.scope["headers"] = list(request.scope["headers"]) if headers else []

        either = site.auth.require(any_of=[site.auth.require(scopes="a"), site.auth.require(scopes="b")])

        @site.app.get("/a", dependencies=[Depends(site.auth.user), Depends(rewrite), either])
        async def a() -> None: ...

        issued = await site.auth.issue(await site.add(scopes=("a",)), [])
        response = await site.client.get("/a", headers=bearer(issued.access_token))

    assert response.status_code == status


async def test_with_the_header_alone_the_user_is_one_dependency() -> None:
    """The usual app resolves one dependency for the user, and not one more for its scheme."""
    async with open_site() as site:
        user = site.auth.user

    assert isinstance(user, CurrentUser)
    assert list(user.__signature__.parameters) == ["connection"]


async def test_what_was_found_out_is_in_the_state_of_the_request() -> None:
    """A mounted application and later dependencies find what was found out before."""
    async with open_site() as site:
        seen: list[object] = []

        @site.app.get("/state", dependencies=[Depends(site.auth.user)])
        async def state(request: Request) -> None:
            seen.append(request.scope["state"]["brickwork.auth"])

        issued = await site.auth.issue(await site.add())
        await site.client.get("/state", headers=bearer(issued.access_token))

    assert len(seen) == 1
