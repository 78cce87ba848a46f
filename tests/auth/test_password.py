"""Changing a password: by who knows the old one, and with an end to all sessions but this."""

import pytest

from brickwork.testing import assert_problem
from tests.auth.site import OTHER_PASSWORD, PASSWORD, open_site

CHANGE = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}


@pytest.mark.promise("auth-61")
async def test_a_change_ends_all_tokens_but_those_it_answers_with() -> None:
    """Whoever else was logged in has to know the new password."""
    async with open_site() as site:
        await site.add()
        other, tokens = await site.tokens(), await site.tokens()

        response = await site.post("/password", tokens, CHANGE)

        new = response.json()
        refused = [await site.me(other["access_token"]), await site.me(tokens["access_token"])]
        refreshed = [(await site.refresh(each["refresh_token"])).status_code for each in (other, tokens, new)]
        logins = [(await site.log_in(password=each)).status_code for each in (PASSWORD, OTHER_PASSWORD)]
        status = await site.me(new["access_token"])
    assert response.status_code == 200
    assert refused == [401, 401]
    assert refreshed == [401, 401, 200]
    assert logins == [401, 200]
    assert status == 200
    assert "password-changed" in site.kinds()


@pytest.mark.promise("auth-62")
async def test_the_current_password_has_to_be_right() -> None:
    """A stolen token is not enough; guessing is paused as it is at the login."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        wrong = {"current_password": "wrong", "new_password": OTHER_PASSWORD}

        answers = [await site.post("/password", tokens, wrong) for _ in range(5)]
        paused = await site.post("/password", tokens, CHANGE)

        status = await site.me(tokens["access_token"])
    for answer in answers:
        assert_problem(answer, 401, slug="invalid-credentials")
        assert answer.headers["www-authenticate"] == 'Bearer realm="api"'
    assert_problem(paused, 429, slug="too-many-attempts")
    assert status == 200


@pytest.mark.promise("auth-63")
async def test_the_new_password_has_to_be_good_enough() -> None:
    """The policy knows the user; what it refuses changes nothing."""
    async with open_site(login_fields=("login", "email")) as site:
        await site.add("countess-ada", email="ada.lovelace@example.com")
        tokens = await site.tokens("countess-ada")

        answers = [
            await site.post("/password", tokens, {**CHANGE, "new_password": password})
            for password in ("countess-ada-1815", "ada.lovelace!!", "tiny")
        ]

        status = await site.me(tokens["access_token"])
    reasons = [assert_problem(answer, 422, slug="weak-password")["reason"] for answer in answers]
    assert reasons == ["contains-login", "contains-login", "too-short"]
    assert status == 200


async def test_a_change_by_cookie_answers_by_cookie() -> None:
    """The new tokens travel as the old ones did."""
    async with open_site(transports=("header", "cookie")) as site:
        await site.add()
        login = await site.log_in(transport="cookie")
        csrf = {"X-CSRF-Token": login.json()["csrf_token"]}

        response = await site.client.post("/auth/password", json=CHANGE, headers=csrf)

        status = (await site.client.get("/auth/me")).status_code
    assert response.status_code == 200
    assert set(response.json()) == {"expires_in", "scope", "csrf_token"}
    assert response.json()["csrf_token"] != login.json()["csrf_token"]
    assert status == 200


async def test_a_user_who_is_gone_meanwhile_cannot_change_a_password() -> None:
    """Between the look at the token and the change, the user was deleted."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        site.users.update = _gone  # type: ignore[method-assign]

        response = await site.post("/password", tokens, CHANGE)

    assert_problem(response, 401, slug="invalid-token")


async def _gone(*_arguments: object, **_options: object) -> None:
    return None
