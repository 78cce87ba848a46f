"""The audit log: what happened, to whom, from where, and no secret."""

import logging

import pytest

from brickwork.auth import AuthEvent
from tests.auth.site import PASSWORD, open_site


@pytest.mark.promise("auth-155")
async def test_what_happens_is_told() -> None:
    """Who it is about, in which session, from where and when."""
    async with open_site() as site:
        user = await site.add()
        site.clock.advance(5)

        tokens = await site.tokens()
        await site.refresh(tokens["refresh_token"])
        await site.post("/logout-all", tokens)
        await site.log_in("nobody")

    login, refreshed, everywhere, failed = site.events
    assert site.kinds() == ["logged-in", "refreshed", "logged-out-everywhere", "login-failed"]
    assert {event.user_id for event in (login, refreshed, everywhere)} == {user.id}
    assert login.session_id == refreshed.session_id is not None
    assert failed.user_id is None
    assert {event.address for event in site.events} == {"127.0.0.1"}
    assert login.at.isoformat() == "2026-01-01T00:00:05+00:00"


@pytest.mark.promise("auth-155")
async def test_no_secret_is_told() -> None:
    """Neither token nor password is in any event."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        await site.refresh(tokens["refresh_token"])
        key = (await site.post("/keys", tokens, {"name": "ci"})).json()["key"]

        told = repr(site.events)

    assert "key-created" in told
    assert not any(secret in told for secret in (PASSWORD, tokens["access_token"], tokens["refresh_token"], key))


@pytest.mark.promise("auth-156")
async def test_a_log_that_fails_keeps_nobody_out(expected_errors: list[logging.LogRecord]) -> None:
    """What the callback raises is logged, and the login goes on."""

    async def fail(event: AuthEvent) -> None:
        raise RuntimeError(event.kind)

    async with open_site(on_event=fail) as site:
        await site.add()

        response = await site.log_in()

    assert response.status_code == 200
    assert [record.getMessage() for record in expected_errors] == ["on_event failed for 'logged-in'"]


async def test_nobody_has_to_listen() -> None:
    """Without a callback nothing is told."""
    async with open_site(on_event=None) as site:
        await site.add()

        response = await site.log_in()

    assert response.status_code == 200
