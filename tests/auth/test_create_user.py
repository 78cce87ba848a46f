"""`auth.create_user`: users who are made by code, and can log in."""

from typing import Any

import pytest

from brickwork.auth import Auth, LoginTakenError, WeakPasswordError
from brickwork.auth.sqlalchemy import SQLAlchemyUserStore
from tests.auth.site import HASHER, PASSWORD, SECRET, open_site
from tests.auth.sql import Person, open_sessions


@pytest.mark.promise("auth-52")
async def test_who_was_made_can_log_in() -> None:
    """However the login was written: it is kept in its normal form, and of the password a hash."""
    async with open_site() as site:
        made = await site.auth.create_user(
            "Admin", PASSWORD, roles="admin", scopes="a b", fields={"email": "Admin@Example.com", "language": "en"}
        )

        tokens = await site.tokens("admin")
        me = await site.get("/me", tokens)

    assert (made.login, made.email, made.roles, made.scopes) == ("admin", "admin@example.com", ("admin",), ("a", "b"))
    assert (made.extra["language"], me["login"], tokens["scope"]) == ("en", "admin", "a b")
    assert made.password_hash is not None
    assert PASSWORD not in made.password_hash
    assert (site.kinds()[0], site.events[0].user_id, site.events[0].address) == ("registered", made.id, None)
    assert site.inbox == []


@pytest.mark.promise("auth-52")
async def test_what_registering_refuses_is_refused() -> None:
    """A weak password, a login that is taken or can be none, a scope that is not there: nobody is made."""
    async with open_site(scopes={"a": "A"}, login_fields=["login", "email"]) as site:
        await site.auth.create_user("ada", PASSWORD, scopes=["a"], fields={"email": "ada@example.com"})

        with pytest.raises(WeakPasswordError):
            await site.auth.create_user("grace", "admin")
        with pytest.raises(LoginTakenError):
            await site.auth.create_user("ADA@example.com", PASSWORD)
        with pytest.raises(ValueError, match="white space"):
            await site.auth.create_user(" grace", PASSWORD)
        with pytest.raises(ValueError, match="no scope 'b'"):
            await site.auth.create_user("grace", PASSWORD, scopes="b")

        assert await site.users.find("grace") is None


async def test_a_program_has_no_password() -> None:
    """An account without one is made, and nobody logs in to it."""
    async with open_site() as site:
        made = await site.auth.create_user("warehouse", None, roles=["program"])

        response = await site.log_in("warehouse")

    assert (made.password_hash, made.roles, response.status_code) == (None, ("program",), 401)


async def test_what_is_not_given_is_what_the_class_gives(request: pytest.FixtureRequest) -> None:
    """Rights that are left out are the defaults of the model; those that are given are lists, as its columns want."""
    async with open_sessions("aiosqlite", request) as sessions:
        auth: Auth[Any] = Auth(SQLAlchemyUserStore(sessions, Person), secret=SECRET, hasher=HASHER)

        plain = await auth.create_user("ada", None)
        admin = await auth.create_user("grace", None, roles={"admin"}, scopes=("a",))

    assert (plain.roles, plain.scopes) == ([], [])
    assert (admin.roles, admin.scopes) == (["admin"], ["a"])
