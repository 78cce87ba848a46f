"""`auth.require_claims`: what a token has to say, and an `Auth` without users."""

from typing import Annotated, Any

import pytest
from fastapi import FastAPI, params
from httpx2 import ASGITransport, AsyncClient

from brickwork.auth import Auth, Claims, MemoryUserStore
from brickwork.problems import add_problem_handlers
from tests.auth.site import SECRET, Site, bearer, open_site


def guard(app: FastAPI, marker: params.Security) -> None:
    """Add a route that gives who calls to those who meet a demand."""

    @app.get("/guarded")
    async def guarded(claims: Annotated[Claims, marker]) -> str:
        return claims.subject


async def ask(site: Site, scopes: list[str], *, wait: float = 0) -> Any:
    """Ask for the route with a token of some age that allows some scopes."""
    ada = await site.add(scopes=("a", "b"))
    token = (await site.auth.issue(ada, scopes)).access_token
    site.clock.advance(wait)
    return await site.client.get("/guarded", headers=bearer(token))


@pytest.mark.promise("auth-107")
@pytest.mark.parametrize(("scopes", "status"), [(["a", "b"], 200), (["a"], 403), ([], 403)])
async def test_claims_have_to_allow_every_scope(scopes: list[str], status: int) -> None:
    """As with a user; what is missing is named."""
    async with open_site() as site:
        guard(site.app, site.auth.require_claims(scopes="b a"))

        response = await ask(site, scopes)

    assert response.status_code == status
    if status == 403:
        assert response.json()["scope"] == "a b"
        assert 'error="insufficient_scope", scope="a b"' in response.headers["www-authenticate"]


@pytest.mark.promise("auth-107")
@pytest.mark.parametrize(("wait", "status"), [(60, 200), (61, 401)])
async def test_claims_may_have_to_be_of_a_fresh_login(wait: float, status: int) -> None:
    """An older one is 401 with the age that is accepted."""
    async with open_site() as site:
        guard(site.app, site.auth.require_claims(fresh=60))

        response = await ask(site, [], wait=wait)

    assert response.status_code == status
    assert ('max_age="60"' in response.headers.get("www-authenticate", "")) == (status == 401)


@pytest.mark.promise("auth-107")
async def test_no_user_is_loaded_for_claims() -> None:
    """A service without users demands scopes all the same; nobody without a token comes in."""
    app = FastAPI()
    add_problem_handlers(app)
    async with open_site() as site:
        reader = Auth(None, keys=site.auth.keys, tokens=None, clock=site.clock, scopes={"a": "A"})
        guard(app, reader.require_claims(scopes="a"))
        ada = await site.add(scopes=("a",))
        token = (await site.auth.issue(ada)).access_token
        async with AsyncClient(transport=ASGITransport(app=app), base_url="https://test") as client:
            known = await client.get("/guarded", headers=bearer(token))
            unknown = await client.get("/guarded")
            operation = (await client.get("/openapi.json")).json()["paths"]["/guarded"]["get"]

    assert (known.json(), unknown.status_code) == (ada.id, 401)
    assert {"401", "403"} <= set(operation["responses"])


def test_equal_demands_are_one_dependency() -> None:
    """However often a demand is written, it is looked at once; of another kind, it is another one."""
    auth = Auth(MemoryUserStore(), secret=SECRET)

    once, again = auth.require_claims(scopes="a b"), auth.require_claims(scopes=["b", "a"])

    assert once.dependency == again.dependency
    assert hash(once.dependency) == hash(again.dependency)
    assert once.dependency != auth.require_claims(scopes="a").dependency
    assert once.dependency != auth.require(scopes="a b").dependency
    assert list(once.scopes or ()) == ["a", "b"]


@pytest.mark.promise("auth-107")
def test_claims_are_demanded_with_sense() -> None:
    """A scope that is not there, and an age that is none, are errors where they are written."""
    auth = Auth(MemoryUserStore(), secret=SECRET, scopes={"a": "A"})

    with pytest.raises(ValueError, match="no scope 'b'"):
        auth.require_claims(scopes="b")
    with pytest.raises(ValueError, match="fresh=0"):
        auth.require_claims(fresh=0)


@pytest.mark.promise("auth-109")
async def test_what_needs_users_says_so() -> None:
    """An `Auth` without users is refused where something that needs them is asked for, not at a request."""
    reader: Any = Auth(None, secret=SECRET, tokens=None)

    for name in ("user", "optional_user", "api_key"):
        with pytest.raises(ValueError, match=r"has no users.*require_claims"):
            getattr(reader, name)
    for marker in (reader.require, reader.require_key):
        with pytest.raises(ValueError, match="has no users"):
            marker(scopes="a")
    with pytest.raises(ValueError, match="only verifies"):
        await reader.create_user("ada", None)
    with pytest.raises(ValueError, match="has no users"):
        await reader.create_key(None, name="robot")
    with pytest.raises(ValueError, match="has no users"):
        await reader._parts.options.users.get("ada")


@pytest.mark.promise("auth-109")
def test_sessions_need_users() -> None:
    """Who keeps sessions, and says so by saying nothing, has to say whose."""
    without: Any = None

    with pytest.raises(ValueError, match="tokens=None"):
        Auth(without, secret=SECRET)
