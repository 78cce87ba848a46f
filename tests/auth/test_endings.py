"""All sessions end around a change: what fails in the middle leaves no token of before that lets in."""

from typing import Annotated, Any

import pytest
from fastapi import Depends
from httpx2 import Response

from brickwork.auth import AuthUnavailableError, Claims, MemoryTokenStore
from brickwork.testing import assert_problem
from tests.auth.site import OTHER_PASSWORD, PASSWORD, Site, bearer, open_site

PATHS = ["/password", "/password/reset", "/logout-all"]


class FailingTokenStore(MemoryTokenStore):
    """Cannot be asked to end all sessions in one call of several, counted from 1."""

    def __init__(self, *, failing: int) -> None:
        super().__init__()
        self._failing = failing
        self._asked = 0

    async def end_all(self, user_id: str, *, keep: str | None = None) -> int:
        """End the sessions of a user, unless it is the time to fail."""
        self._asked += 1
        if self._asked == self._failing:
            raise AuthUnavailableError
        return await super().end_all(user_id, keep=keep)


def show_claims(site: Site) -> None:
    """Add a route that loads no user."""

    @site.app.get("/claims")
    async def claims(claims: Annotated[Claims, Depends(site.auth.claims)]) -> str:
        return claims.subject


async def end(site: Site, path: str, tokens: dict[str, Any]) -> Response:
    """Do what ends all sessions."""
    if path == "/password/reset" and not site.inbox:
        await site.client.post("/auth/password/forgot", json={"login": "ada"})
    bodies = {
        "/password": {"current_password": PASSWORD, "new_password": OTHER_PASSWORD},
        "/password/reset": {"token": site.inbox[-1][1] if site.inbox else "", "new_password": OTHER_PASSWORD},
        "/logout-all": None,
    }
    return await site.post(path, tokens, bodies[path])


@pytest.mark.promise("auth-49")
@pytest.mark.parametrize("path", PATHS)
async def test_where_sessions_cannot_be_ended_nothing_changes(path: str) -> None:
    """The answer is 503, the user is as before, and the same request does it once the store is back."""
    async with open_site(tokens=FailingTokenStore(failing=1)) as site:
        user = await site.add()
        tokens = await site.tokens()

        failed = await end(site, path, tokens)
        unchanged = await site.users.get(user.id)
        repeated = await end(site, path, tokens)

        status = await site.me(tokens["access_token"])
    assert_problem(failed, 503, slug="auth-unavailable")
    assert unchanged == user
    assert repeated.is_success
    assert status == 401


@pytest.mark.promise("auth-49")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("store", ["tokens", "users"])
async def test_what_fails_after_the_first_step_leaves_no_old_token(store: str, path: str) -> None:
    """Sessions have ended already, also for routes that look at the token alone."""

    async def fail(*_arguments: object, **_options: object) -> None:
        raise AuthUnavailableError

    async with open_site(tokens=FailingTokenStore(failing=2 if store == "tokens" else 0)) as site:
        await site.add()
        show_claims(site)
        tokens = await site.tokens()
        if store == "users":
            site.users.update = fail  # type: ignore[method-assign]

        failed = await end(site, path, tokens)

        answer = await site.client.get("/claims", headers=bearer(tokens["access_token"]))
        refreshed = await site.refresh(tokens["refresh_token"])
    assert_problem(failed, 503, slug="auth-unavailable")
    assert (answer.status_code, refreshed.status_code) == (401, 401)
