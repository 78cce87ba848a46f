"""Registering: a login that is free, a password that is good enough, and no field that was not asked for."""

import asyncio
from typing import Annotated, Any

import pytest
from httpx2 import Response
from pydantic import BaseModel, Field

from brickwork.auth._depends.auth import Auth
from brickwork.auth._routes import Registration, UserOut
from brickwork.auth.memory import MemoryUser, MemoryUserStore
from brickwork.testing import assert_problem
from tests.auth.site import HASHER, PASSWORD, SECRET, Site, open_site


class Profile(Registration):
    """What our users say of themselves."""

    email: str
    nickname: Annotated[str, Field(max_length=20)] = ""


class ProfileOut(UserOut):
    """What our users see of themselves."""

    email: str | None
    nickname: str


@pytest.mark.promise("auth-56")
async def test_who_registers_can_log_in() -> None:
    """The login is kept in its normal form, and the password as a hash alone."""
    async with open_site() as site:
        response = await _register(site, login="Ada")

        tokens = await site.tokens("ADA")
        user = await site.users.find("ada")
    assert response.status_code == 201
    assert response.json() == {"id": response.json()["id"], "login": "ada", "roles": [], "scopes": []}
    assert tokens["access_token"]
    assert user is not None
    assert str(user.password_hash).startswith("$argon2id$")
    assert site.kinds()[0] == "registered"


@pytest.mark.promise("auth-55")
async def test_who_registers_gets_what_the_application_gives() -> None:
    """Roles, scopes and other fields, and each user lists of their own."""
    roles = ["member"]
    given = {"roles": roles, "scopes": ["orders:read"], "active": True}
    async with open_site(scopes={"orders:read": "Read your orders"}, router={"new_user": given}) as site:
        response = await _register(site, login="ada")
        roles.append("admin")

        tokens = await site.tokens("ada")
        later = await _register(site, login="grace")

    assert response.status_code == 201
    assert (response.json()["roles"], response.json()["scopes"]) == (["member"], ["orders:read"])
    assert tokens["scope"] == "orders:read"
    assert later.json()["roles"] == ["member"]


@pytest.mark.promise("auth-55")
@pytest.mark.parametrize(
    ("new_user", "error", "sentence"),
    [
        ({"scopes": ["order:read"]}, ValueError, "there is no scope 'order:read'"),
        ({"password": "x", "login": "x"}, ValueError, "the same login, password: leave that out"),
        ({"email": "x"}, ValueError, "the same email"),
        ({"roles": "member"}, TypeError, 'write new_user={"roles"'),
        (["member"], TypeError, "write new_user="),
    ],
)
def test_what_not_everybody_can_be_given_is_refused(new_user: Any, error: type[Exception], sentence: str) -> None:
    """An undeclared scope, what is each user's own, and what is no list."""
    auth = Auth(MemoryUserStore(), secret=SECRET, hasher=HASHER, scopes={"orders:read": "Read your orders"})

    with pytest.raises(error, match=sentence):
        auth.router(new_user=new_user, registration=Profile)


@pytest.mark.promise("auth-57")
@pytest.mark.parametrize(
    "field",
    [
        {"roles": ["admin"]},
        {"scopes": ["all"]},
        {"active": True},
        {"id": "1"},
        {"token_version": 9},
        {"email_verified": True},
        {"password_hash": "x"},
        {"is_admin": True},
    ],
    ids=str,
)
async def test_nobody_registers_with_fields_of_their_own_making(field: dict[str, Any]) -> None:
    """What the model does not declare is refused."""
    async with open_site(router={"registration": Profile}) as site:
        response = await _register(site, email="ada@example.com", **field)

        user = await site.users.find("ada")
    assert_problem(response, 422)
    assert user is None


@pytest.mark.promise("auth-57")
@pytest.mark.parametrize("name", ["roles", "scopes", "active", "password_hash", "email_verified"])
def test_a_registration_cannot_declare_what_nobody_may_say_of_themselves(name: str) -> None:
    """Such a model is refused when the router is made."""
    model = type("Greedy", (Registration,), {"__annotations__": {name: str}})
    site = Site()

    with pytest.raises(ValueError, match=f"lets users choose their own {name}"):
        _auth(site).router(registration=model)


def test_a_registration_takes_no_fields_at_large() -> None:
    """Neither with `extra`, nor without login and password; and no user model shows the hash."""

    class Loose(Registration, extra="allow"):
        pass

    class Showing(BaseModel):
        password_hash: str

    auth = _auth(Site())

    with pytest.raises(ValueError, match="takes any field"):
        auth.router(registration=Loose)
    with pytest.raises(TypeError, match="subclass of Registration"):
        auth.router(registration=BaseModel)
    with pytest.raises(ValueError, match="shows password_hash"):
        auth.router(user_model=Showing)


async def test_fields_of_the_application_are_kept_and_shown() -> None:
    """As the models for taking and for showing declare them."""
    async with open_site(router={"registration": Profile, "user_model": ProfileOut}) as site:
        response = await _register(site, email="ada@example.com", nickname="countess")

        shown = await site.get("/me", await site.tokens())
    assert response.json() == shown
    assert shown["email"] == "ada@example.com"
    assert shown["nickname"] == "countess"


@pytest.mark.promise("auth-58")
@pytest.mark.parametrize("login", ["ada", "ADA", "\uff41da"])
async def test_a_login_is_given_once(login: str) -> None:
    """However it is spelled."""
    async with open_site() as site:
        await site.add()

        response = await _register(site, login=login)

    assert_problem(response, 409, slug="login-taken")


@pytest.mark.promise("auth-58")
async def test_of_many_who_register_at_once_one_gets_the_login() -> None:
    """The store decides, in one step."""
    async with open_site() as site:
        answers = await asyncio.gather(*(_register(site) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]


@pytest.mark.promise("auth-59")
async def test_no_login_is_the_email_address_of_another() -> None:
    """Where users log in by either, each is given once across both, in its normal form."""
    async with open_site(router={"registration": Profile}, login_fields=("login", "email")) as site:
        first = await _register(site, login="ada", email="Ada@Example.com")

        as_login = await _register(site, login="ada@example.com", email="eve@example.com")
        as_address = await _register(site, login="eve", email="ADA@example.com")
        by_address = await site.log_in("ada@example.com")

    assert first.status_code == 201
    assert_problem(as_login, 409, slug="login-taken")
    assert_problem(as_address, 409, slug="login-taken")
    assert by_address.status_code == 200


@pytest.mark.parametrize("handlers", [True, False])
async def test_an_address_that_can_be_no_login_is_refused(handlers: bool) -> None:
    """Where users log in by it, it has to be as good as a login."""
    options: dict[str, Any] = {"router": {"registration": Profile}, "handlers": handlers}
    async with open_site(**options, login_fields=("login", "email")) as site:
        response = await _register(site, email="ada\u200b@example.com")

    assert response.status_code == 422
    assert "email" in response.text


@pytest.mark.promise("auth-60")
@pytest.mark.parametrize(
    ("password", "reason"),
    [("tiny", "too-short"), ("password1234", "common"), ("countess-ada-1815", "contains-login")],
)
async def test_a_weak_password_is_refused(password: str, reason: str) -> None:
    """The reason is told, the password is not."""
    async with open_site() as site:
        response = await _register(site, login="countess-ada", password=password)

    assert_problem(response, 422, slug="weak-password", reason=reason)
    assert password not in response.text


@pytest.mark.parametrize("login", ["", " ada", "ada\n", "a\u200bda", "x" * 400])
async def test_what_can_be_no_login_is_refused(login: str) -> None:
    """The body is invalid."""
    async with open_site() as site:
        response = await _register(site, login=login)

    assert_problem(response, 422)


async def _register(site: Site, login: str = "ada", password: str = PASSWORD, **fields: Any) -> Response:
    return await site.client.post("/auth/register", json={"login": login, "password": password, **fields})


def _auth(site: Site) -> Auth[MemoryUser]:
    return Auth(site.users, secret=SECRET, hasher=HASHER)
