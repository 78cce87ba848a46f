"""Resetting a password: a link for who reads the user's mail, good for one use."""

import asyncio
import logging

import pytest
from httpx2 import Response

from brickwork.auth.memory import MemoryUser
from brickwork.testing import CapturedLogs, assert_problem
from tests.auth.site import OTHER_PASSWORD, PASSWORD, Site, open_site


@pytest.mark.promise("auth-67")
async def test_a_link_resets_the_password_from_end_to_end() -> None:
    """The token of the inbox sets the new password, and ends all sessions."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        asked = await site.client.post("/auth/password/forgot", json={"login": "Ada"})
        ((login, token),) = site.inbox
        response = await _reset(site, token)

        status = await site.me(tokens["access_token"])
        logins = [(await site.log_in(password=each)).status_code for each in (PASSWORD, OTHER_PASSWORD)]
    assert asked.status_code == 202
    assert login == "ada"
    assert response.status_code == 204
    assert status == 401
    assert logins == [401, 200]
    assert {"password-reset-requested", "password-reset"} <= set(site.kinds())


@pytest.mark.promise("auth-68")
async def test_a_token_is_good_for_one_use() -> None:
    """Once, even when it is shown several times at once."""
    async with open_site() as site:
        await site.add()
        token = await _token(site)

        answers = await asyncio.gather(*(_reset(site, token) for _ in range(5)))
        again = await _reset(site, token)

    assert sorted(answer.status_code for answer in answers) == [204, 400, 400, 400, 400]
    assert_problem(again, 400, slug="invalid-one-time-token")


@pytest.mark.promise("auth-68")
async def test_a_token_that_was_spent_is_refused_though_nothing_changed() -> None:
    """What was spent stays spent: a lost database does not bring it back."""
    async with open_site() as site:
        user = await site.add()
        token = await _token(site)
        await _reset(site, token)
        await site.users.update(user.id, {"token_version": user.token_version})

        response = await _reset(site, token)

    assert_problem(response, 400, slug="invalid-one-time-token")


@pytest.mark.promise("auth-68")
async def test_a_token_expires() -> None:
    """After its time it is refused."""
    async with open_site(one_time_ttl=600) as site:
        await site.add()
        token = await _token(site)
        site.clock.advance(600)

        response = await _reset(site, token)

    assert_problem(response, 400, slug="invalid-one-time-token")


@pytest.mark.promise("auth-68")
@pytest.mark.parametrize("change", [{"active": False}, {"token_version": 1}], ids=["disabled", "logged out everywhere"])
async def test_a_token_dies_with_the_state_it_was_made_for(change: dict[str, object]) -> None:
    """A user who was disabled, or whose tokens were ended, needs a new one."""
    async with open_site() as site:
        user = await site.add()
        token = await _token(site)
        await site.users.update(user.id, change)

        response = await _reset(site, token)

    assert_problem(response, 400, slug="invalid-one-time-token")


@pytest.mark.promise("auth-69")
async def test_tokens_for_other_things_reset_nothing() -> None:
    """Access, refresh, verification, another site's: each is refused, and a reset token opens nothing else."""
    async with open_site() as site, open_site(issuer="other", audience="other") as other:
        await site.add()
        await other.add()
        tokens = await site.tokens()
        await site.client.post("/auth/verify-email/request", json={"login": "ada"})
        (_, verification) = site.inbox.pop()
        reset = await _token(site)
        wrong = [tokens["access_token"], tokens["refresh_token"], verification, await _token(other), "", "x" * 2_000]

        answers = [await _reset(site, token) for token in wrong]

        elsewhere = [
            await site.me(reset),
            (await site.refresh(reset)).status_code,
            (await site.client.post("/auth/verify-email", json={"token": reset})).status_code,
        ]
        at_last = await _reset(site, reset)
    for answer in answers:
        assert_problem(answer, 400, slug="invalid-one-time-token")
    assert elsewhere == [401, 401, 400]
    assert at_last.status_code == 204


@pytest.mark.promise("auth-69")
async def test_a_token_is_for_its_user_alone() -> None:
    """Bob's token changes Bob's password, whoever shows it."""
    async with open_site() as site:
        await site.add()
        await site.add("bob")
        token = await _token(site, "bob")

        await _reset(site, token)

        logins = [(await site.log_in(each, OTHER_PASSWORD)).status_code for each in ("ada", "bob")]
    assert logins == [401, 200]


@pytest.mark.promise("auth-70")
async def test_the_answer_is_the_same_for_everybody() -> None:
    """Known, unknown, disabled, or no login at all: 202, and only the known one gets mail."""
    async with open_site() as site:
        await site.add()
        await site.add("bob", active=False)

        answers = [
            await site.client.post("/auth/password/forgot", json={"login": login})
            for login in ("ada", "nobody", "bob", " not a login ")
        ]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert [login for login, _ in site.inbox] == ["ada"]


@pytest.mark.promise("auth-70")
async def test_the_callback_runs_after_the_answer(expected_errors: list[logging.LogRecord], logs: CapturedLogs) -> None:
    """What it raises changes no answer; it is logged, without the token."""
    seen: list[str] = []

    async def fail(user: MemoryUser, token: str) -> None:
        seen.append(token)
        raise RuntimeError(f"no mail server for {token}")

    async with open_site(on_password_reset=fail, on_verify_email=fail) as site:
        await site.add()

        answers = [
            await site.client.post("/auth/password/forgot", json={"login": "ada"}),
            await site.client.post("/auth/verify-email/request", json={"login": "ada"}),
        ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert [record.getMessage() for record in expected_errors] == [
        "on_password_reset failed: RuntimeError",
        "on_verify_email failed: RuntimeError",
    ]
    assert len(seen) == 2
    assert not any(token in str(vars(record)) for token in seen for record in logs.records)


@pytest.mark.promise("auth-71")
async def test_a_weak_password_does_not_use_the_token_up() -> None:
    """The user tries again with the same link."""
    async with open_site() as site:
        await site.add()
        token = await _token(site)

        weak = await _reset(site, token, "tiny")
        response = await _reset(site, token)

    assert_problem(weak, 422, slug="weak-password")
    assert response.status_code == 204


async def test_a_reset_ends_the_pause_for_who_did_it() -> None:
    """Who had mistyped too often logs in with the new password at once."""
    async with open_site() as site:
        await site.add()
        for _ in range(6):
            await site.log_in(password="wrong password")

        await _reset(site, await _token(site))

        response = await site.log_in(password=OTHER_PASSWORD)
    assert response.status_code == 200


async def test_a_user_who_is_gone_meanwhile_cannot_reset() -> None:
    """Between the look at the user and the change, the user was deleted."""

    async def gone(*_arguments: object, **_options: object) -> None:
        return None

    async with open_site() as site:
        await site.add()
        token = await _token(site)
        site.users.update = gone  # type: ignore[method-assign]

        response = await _reset(site, token)

    assert_problem(response, 400, slug="invalid-one-time-token")


async def _token(site: Site, login: str = "ada") -> str:
    await site.client.post("/auth/password/forgot", json={"login": login})
    return site.inbox.pop()[1]


async def _reset(site: Site, token: str, password: str = OTHER_PASSWORD) -> Response:
    return await site.client.post("/auth/password/reset", json={"token": token, "new_password": password})
