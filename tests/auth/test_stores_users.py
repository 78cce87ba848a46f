"""What every store of users keeps to, in memory and elsewhere."""

import asyncio
from typing import Any

import pytest

from brickwork.auth import LoginTakenError, UserStore


@pytest.mark.promise("auth-170")
async def test_a_user_is_found_as_it_was_created(user_store: UserStore[Any]) -> None:
    """A user is found by ID and by login, with what it was given and the defaults of the rest."""
    created = await user_store.create(
        {"login": "ada", "password_hash": "$x$", "roles": ("admin",), "scopes": ("a", "b")}
    )

    found = [await user_store.get(str(created.id)), await user_store.find("ada")]

    for user in found:
        assert user is not None
        assert (user.id, user.login, user.password_hash) == (created.id, "ada", "$x$")
        assert (tuple(user.roles), tuple(user.scopes)) == (("admin",), ("a", "b"))
        assert (user.active, user.token_version) == (True, 0)


@pytest.mark.parametrize("user_id", ["", "0", "no such user", "'; --", "9" * 50, "é\U0001f511"])
async def test_an_id_that_cannot_be_one_finds_nobody(user_id: str, user_store: UserStore[Any]) -> None:
    """Whatever stands in a token, at worst there is no such user."""
    await user_store.create({"login": "ada"})

    assert await user_store.get(user_id) is None
    assert await user_store.find(user_id) is None
    assert await user_store.update(user_id, {"active": False}) is None


async def test_users_are_found_by_other_fields(user_store: UserStore[Any]) -> None:
    """A field other than the login finds its own values alone."""
    created = await user_store.create({"login": "ada", "email": "ada@example.com"})
    await user_store.create({"login": "grace"})

    found = await user_store.find("ada@example.com", field="email")

    assert found is not None
    assert found.id == created.id
    assert await user_store.find("ada", field="email") is None
    assert await user_store.find("ada@example.com") is None


@pytest.mark.promise("auth-58")
async def test_a_login_belongs_to_one_user(user_store: UserStore[Any]) -> None:
    """Of many who register one login at once, one gets it, and the others hear that it is taken."""
    made = await asyncio.gather(*(user_store.create({"login": "ada"}) for _ in range(20)), return_exceptions=True)

    assert sum(isinstance(each, LoginTakenError) for each in made) == 19


@pytest.mark.promise("auth-53")
async def test_a_login_is_kept_in_its_normal_form(user_store: UserStore[Any]) -> None:
    """However a login or an address is spelled, when it is made, changed or looked for, it is the same one."""
    ada = await user_store.create({"login": "Admin", "email": "Ada@Example.com"})
    grace = await user_store.create({"login": "grace"})

    with pytest.raises(LoginTakenError):
        await user_store.create({"login": "ADMIN"})
    with pytest.raises(LoginTakenError):
        await user_store.update(str(grace.id), {"email": "ADA@example.com"})
    changed = await user_store.update(str(grace.id), {"login": "\uff27race Hopper", "email": ""})

    assert (ada.login, ada.email) == ("admin", "ada@example.com")
    assert changed is not None
    assert (changed.login, changed.email) == ("grace hopper", "")
    for found in (await user_store.find("aDMIN"), await user_store.find("ADA@EXAMPLE.com", field="email")):
        assert found is not None
        assert found.id == ada.id


@pytest.mark.promise("auth-53")
@pytest.mark.parametrize("login", ["", " ada", "a\u200bda", "x" * 321, 7])
async def test_what_can_be_no_login_is_refused(login: Any, user_store: UserStore[Any]) -> None:
    """No user is kept under what nobody could type, and none is found by it."""
    ada = await user_store.create({"login": "ada"})

    with pytest.raises(ValueError, match="login"):
        await user_store.create({"login": login})
    with pytest.raises(ValueError, match="login"):
        await user_store.update(str(ada.id), {"login": login})

    assert await user_store.find(str(login)) is None


@pytest.mark.promise("auth-58")
async def test_a_login_cannot_be_taken_over(user_store: UserStore[Any]) -> None:
    """A user who takes another's login is refused, and both stay as they are."""
    ada = await user_store.create({"login": "ada", "email": "ada@example.com"})
    grace = await user_store.create({"login": "grace"})

    for theft in ({"login": "ada"}, {"email": "ada@example.com"}):
        with pytest.raises(LoginTakenError):
            await user_store.update(str(grace.id), {"active": False, **theft})

    still = [await user_store.find(login) for login in ("ada", "grace")]
    assert [user and user.id for user in still] == [ada.id, grace.id]
    assert still[1] is not None
    assert still[1].active


async def test_an_update_changes_what_it_names(user_store: UserStore[Any]) -> None:
    """Named fields change, the rest stays, and a former login is free again."""
    created = await user_store.create({"login": "ada", "email": "ada@example.com", "password_hash": "old"})

    updated = await user_store.update(str(created.id), {"login": "countess", "active": False})

    assert updated is not None
    assert (updated.login, updated.active) == ("countess", False)
    assert (updated.email, updated.password_hash, updated.token_version) == ("ada@example.com", "old", 0)
    assert await user_store.find("ada") is None
    assert (await user_store.create({"login": "ada"})).id != created.id
    again = await user_store.get(str(created.id))
    assert again is not None
    assert again.login == "countess"


@pytest.mark.promise("auth-171")
async def test_tokens_end_with_the_update_that_says_so(user_store: UserStore[Any]) -> None:
    """The token version goes up by one with each such update, however many come at once, and with no other."""
    created = await user_store.create({"login": "ada"})
    user_id = str(created.id)
    await user_store.update(user_id, {"password_hash": "new"})

    await asyncio.gather(*(user_store.update(user_id, {}, end_tokens=True) for _ in range(20)))

    user = await user_store.get(user_id)
    assert user is not None
    assert (user.token_version, user.password_hash) == (20, "new")


@pytest.mark.promise("auth-65")
async def test_a_change_may_ask_for_a_token_version(user_store: UserStore[Any]) -> None:
    """Under another version nothing changes, and of many who ask for one and end it, one has its way."""
    created = await user_store.create({"login": "ada", "password_hash": "old"})
    user_id = str(created.id)

    kept = await user_store.update(user_id, {"email": "ada@example.com"}, if_version=0)
    made = await asyncio.gather(
        *(
            user_store.update(user_id, {"password_hash": f"new {turn}"}, end_tokens=True, if_version=0)
            for turn in range(20)
        )
    )
    late = await user_store.update(user_id, {"password_hash": "late"}, if_version=0)
    nobody = await user_store.update("0", {"password_hash": "late"}, if_version=0)

    assert kept is not None
    assert (kept.email, kept.token_version) == ("ada@example.com", 0)
    [winner] = [each for each in made if each is not None]
    assert (late, nobody) == (None, None)
    user = await user_store.get(user_id)
    assert user is not None
    assert (user.token_version, user.password_hash, user.email) == (1, winner.password_hash, "ada@example.com")
