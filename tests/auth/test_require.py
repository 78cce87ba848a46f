"""`auth.require` and `auth.require_key`: what a route demands, and what is said to who does not meet it."""

from typing import Annotated, Any

import pytest
from fastapi import Depends, params
from httpx2 import Response

from brickwork.auth import Auth, MemoryUser, MemoryUserStore
from tests.auth.site import HASHER, SECRET, Site, bearer, open_site

INSUFFICIENT = 'Bearer realm="api", error="insufficient_scope", scope="a b"'


async def ask(site: Site, marker: params.Security, user: MemoryUser, scopes: list[str] | None = None) -> Response:
    """Ask for a route that demands something."""

    @site.app.get(f"/guarded/{id(marker)}")
    async def guarded(user: Annotated[MemoryUser, marker]) -> str:
        return user.login

    issued = await site.auth.issue(user, scopes)
    return await site.client.get(f"/guarded/{id(marker)}", headers=bearer(issued.access_token))


@pytest.mark.promise("auth-97")
@pytest.mark.parametrize(("granted", "status"), [(["a", "b"], 200), (["a"], 403), ([], 403), (["A", "b"], 403)])
async def test_a_token_has_to_allow_every_scope(granted: list[str], status: int) -> None:
    """All scopes are needed, by their exact names."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b", "A"))

        response = await ask(site, site.auth.require(scopes="a b"), user, granted)

    assert response.status_code == status


@pytest.mark.promise("auth-106")
async def test_a_scope_that_the_user_has_lost_is_lost_to_the_token() -> None:
    """Who is demoted is refused at once, by the token that still names the scope; what was stated stays."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b"))
        marker = site.auth.require(scopes="a b")
        before = await ask(site, marker, user)

        demoted = await site.users.update(user.id, {"scopes": ("a",)})
        assert demoted is not None
        after = await site.client.get(before.request.url.path, headers=before.request.headers)
        with site.auth.act_as(demoted, scopes="a b"):
            stated = await site.client.get(before.request.url.path)

    assert (before.status_code, after.status_code, stated.status_code) == (200, 403, 200)
    assert after.headers["www-authenticate"] == INSUFFICIENT


@pytest.mark.promise("auth-98")
async def test_a_missing_scope_is_named() -> None:
    """403 with the scopes that are needed, in the challenge and in the problem."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b"))

        response = await ask(site, site.auth.require(scopes=["b", "a"]), user, ["a"])

    assert response.headers["www-authenticate"] == INSUFFICIENT
    assert response.json()["scope"] == "a b"


@pytest.mark.promise("auth-99")
@pytest.mark.parametrize(
    ("demand", "status"),
    [
        ({"roles": "admin"}, 200),
        ({"roles": ["owner", "admin"]}, 200),
        ({"roles": "owner"}, 403),
        ({"roles": "adm"}, 403),
        ({"permissions": "read"}, 200),
        ({"permissions": ["read", "write"]}, 200),
        ({"permissions": ["read", "destroy"]}, 403),
        ({"roles": "admin", "permissions": "destroy"}, 403),
        ({}, 200),
    ],
)
async def test_one_of_the_roles_and_all_permissions_are_needed(demand: dict[str, Any], status: int) -> None:
    """Any of the roles will do; each of the permissions has to be there."""
    async with open_site(permissions={"admin": ["read", "write"], "owner": ["destroy"]}) as site:
        user = await site.add(roles=("admin", "unheard-of"))

        response = await ask(site, site.auth.require(**demand), user)

    assert response.status_code == status
    assert "www-authenticate" not in response.headers


async def later(user: MemoryUser) -> list[str]:
    """Give permissions asynchronously."""
    return [f"of-{user.login}"]


@pytest.mark.promise("auth-100")
@pytest.mark.parametrize("source", [lambda user: {f"of-{user.login}"}, later, None])
async def test_permissions_come_from_where_the_application_has_them(source: Any) -> None:
    """A function, a coroutine function, or an attribute of the user."""
    async with open_site(permissions=source) as site:
        user = await site.add(permissions=("of-ada",))

        allowed = await ask(site, site.auth.require(permissions="of-ada"), user)
        refused = await ask(site, site.auth.require(permissions="of-grace"), user)

    assert (allowed.status_code, refused.status_code) == (200, 403)


async def test_a_user_without_the_attribute_has_no_permissions() -> None:
    """Where nobody says otherwise, nothing is allowed."""
    async with open_site() as site:
        response = await ask(site, site.auth.require(permissions="read"), await site.add())

    assert response.status_code == 403


@pytest.mark.promise("auth-101")
@pytest.mark.parametrize(("age", "status"), [(0, 200), (300, 200), (301, 401)])
async def test_a_login_may_have_to_be_fresh(age: float, status: int) -> None:
    """`fresh` counts from when the password was shown; refreshing does not make a login younger."""
    async with open_site() as site:

        @site.app.get("/danger")
        async def danger(user: Annotated[MemoryUser, site.auth.require(fresh=300)]) -> None: ...

        await site.add()
        tokens = await site.tokens()
        site.clock.advance(age)
        refreshed = (await site.refresh(tokens["refresh_token"])).json()

        response = await site.client.get("/danger", headers=bearer(refreshed["access_token"]))

    assert response.status_code == status
    if status == 401:
        challenge = 'Bearer realm="api", error="insufficient_user_authentication", max_age="300"'
        assert response.headers["www-authenticate"] == challenge
        assert response.json()["max_age"] == 300


@pytest.mark.promise("auth-102")
@pytest.mark.parametrize(
    ("roles", "scopes", "status"),
    [(("admin",), [], 200), ((), ["audit"], 200), ((), [], 403), (("admin",), ["audit"], 200)],
)
async def test_any_of_several_demands_will_do(roles: tuple[str, ...], scopes: list[str], status: int) -> None:
    """`any_of` is met by one of its markers."""
    async with open_site() as site:
        require = site.auth.require
        user = await site.add(roles=roles, scopes=("audit",))

        response = await ask(site, require(any_of=[require(roles="admin"), require(scopes="audit")]), user, scopes)

    assert response.status_code == status


@pytest.mark.promise("auth-102")
@pytest.mark.parametrize(("roles", "status"), [(("a", "b"), 200), (("a",), 403), (("b",), 403)])
async def test_all_of_several_demands_are_needed(roles: tuple[str, ...], status: int) -> None:
    """`all_of` needs all of its markers, and so one can ask for two roles at once."""
    async with open_site() as site:
        require = site.auth.require
        user = await site.add(roles=roles)

        response = await ask(site, require(all_of=[require(roles="a"), require(roles="b")]), user)

    assert response.status_code == status


async def test_who_lacks_one_of_several_ways_is_told_the_easiest() -> None:
    """Of a role and a scope that would do, the scope is named: it can be asked for."""
    async with open_site() as site:
        require = site.auth.require
        user = await site.add()

        response = await ask(site, require(any_of=[require(roles="admin"), require(scopes=["a", "b"])]), user)

    assert response.headers["www-authenticate"] == INSUFFICIENT


@pytest.mark.promise("auth-103")
def test_equal_arguments_give_equal_dependencies() -> None:
    """FastAPI resolves a demand that is written twice once; another demand, or another Auth, is another."""
    auth, other = (Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER) for _ in range(2))

    first = auth.require(roles=["a", "b"], any_of=[auth.require(scopes="s")])

    assert first == auth.require(roles=["b", "a"], any_of=[auth.require(scopes=["s"])])
    assert hash(first) == hash(auth.require(roles=["b", "a"], any_of=[auth.require(scopes=["s"])]))
    assert auth.require() != other.require()
    assert auth.require(roles="a") != auth.require(permissions="a")
    assert auth.require_key(scopes="s") == auth.require_key(scopes=["s"])
    assert len({auth.require_key(scopes="s"), auth.require_key(), other.require_key()}) == 3


@pytest.mark.promise("auth-104")
@pytest.mark.parametrize(
    ("demand", "sentence"),
    [
        ({"scopes": "orders:wirte"}, "there is no scope 'orders:wirte'"),
        ({"scopes": 'a"b'}, "scopes are names of visible ASCII"),
        ({"scopes": ["a b"]}, "is no scope"),
        ({"fresh": 0}, "give the seconds since the login"),
        ({"fresh": -1}, "give the seconds since the login"),
        ({"roles": [""]}, 'as in roles="admin"'),
        ({"permissions": [1]}, 'as in permissions="admin"'),
        ({"roles": []}, "roles= has nothing to choose from"),
        ({"any_of": []}, "any_of= has nothing to choose from"),
    ],
)
def test_a_demand_that_makes_no_sense_is_refused_when_it_is_written(demand: dict[str, Any], sentence: str) -> None:
    """A misspelt scope is an error of the start, and no route that nobody can enter."""
    auth = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, scopes={"orders:write": "Change orders"})

    with pytest.raises(ValueError, match=sentence):
        auth.require(**demand)


def test_keys_cannot_be_asked_for_a_scope_that_is_not_there() -> None:
    """The same holds for markers of API keys."""
    auth = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, scopes={"orders:write": "Change orders"})

    with pytest.raises(ValueError, match="there is no scope 'x'"):
        auth.require_key(scopes="x")


@pytest.mark.promise("auth-104")
def test_demands_are_joined_within_one_auth() -> None:
    """A marker of another Auth, or something else, in any_of and all_of is a TypeError."""
    auth, other = (Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER) for _ in range(2))
    foreign: list[Any] = [other.require(), auth.require_key(), "admin"]

    for marker in foreign:
        with pytest.raises(TypeError, match="take markers of the same Auth"):
            auth.require(any_of=[marker])


@pytest.mark.promise("auth-164")
@pytest.mark.parametrize("name", ["require", "require_claims", "require_key"])
async def test_a_marker_inside_of_depends_says_what_to_write(name: str) -> None:
    """It would lose its scopes there: the route is refused when it is made."""
    async with open_site() as site:
        marker: Any = getattr(site.auth, name)(scopes="a")

        with pytest.raises(TypeError, match=r"write Annotated\[User, auth.require"):
            site.app.get("/it", dependencies=[Depends(marker)])(lambda: None)
        with pytest.raises(TypeError, match="needs no Depends"):
            marker()
