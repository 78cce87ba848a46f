"""Logging out: here, or everywhere, and at once."""

import asyncio

import pytest

from brickwork.auth.jose import JoseCodec, Keys
from brickwork.auth.memory import MemoryTokenStore
from brickwork.testing import assert_problem
from tests.auth.site import SECRET, bearer, open_site, payload


@pytest.mark.promise("auth-44")
async def test_logout_ends_the_session_at_once() -> None:
    """The next request with either token is refused; other sessions of the user go on."""
    async with open_site() as site:
        await site.add()
        other, tokens = await site.tokens(), await site.tokens()

        response = await site.post("/logout", tokens)

        refused = [await site.me(tokens["access_token"]), (await site.refresh(tokens["refresh_token"])).status_code]
        status = await site.me(other["access_token"])
    assert response.status_code == 204
    assert refused == [401, 401]
    assert status == 200
    assert site.kinds()[-1] == "logged-out"


@pytest.mark.promise("auth-44")
async def test_a_refresh_token_will_do_to_log_out() -> None:
    """Who has let the access token expire can leave as well; leaving twice is no error."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        site.clock.advance(1_000)
        body = {"refresh_token": tokens["refresh_token"]}

        first = await site.client.post("/auth/logout", json=body)
        second = await site.client.post("/auth/logout", json=body)

        refreshed = await site.refresh(tokens["refresh_token"])
    assert [first.status_code, second.status_code] == [204, 204]
    assert refreshed.status_code == 401


async def test_two_who_leave_at_once_both_leave() -> None:
    """The session ends once, and both are told that it has."""

    class Slow(MemoryTokenStore):
        async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
            alive = await super().check(session_id, token_id, now=now)
            await asyncio.sleep(0)
            return alive

    async with open_site(tokens=Slow()) as site:
        await site.add()
        tokens = await site.tokens()

        answers = await asyncio.gather(site.post("/logout", tokens), site.post("/logout", tokens))

    assert [answer.status_code for answer in answers] == [204, 204]
    assert site.kinds() == ["logged-in", "logged-out"]


@pytest.mark.promise("auth-45")
async def test_logout_everywhere_ends_all_sessions_of_the_user() -> None:
    """All tokens of the user are refused, others' are not, and the user can log in again."""
    async with open_site() as site:
        await site.add()
        await site.add("bob")
        first, second, bob = await site.tokens(), await site.tokens(), await site.tokens("bob")

        response = await site.post("/logout-all", first)

        refused = [await site.me(first["access_token"]), await site.me(second["access_token"])]
        refreshed = await site.refresh(second["refresh_token"])
        fine = [await site.me(bob["access_token"]), await site.me((await site.tokens())["access_token"])]
    assert response.status_code == 204
    assert refused == [401, 401]
    assert refreshed.status_code == 401
    assert fine == [200, 200]


@pytest.mark.promise("auth-46")
async def test_logout_takes_the_cookies_back() -> None:
    """Each is cleared with the attributes that it was set with, and its session ended."""
    async with open_site(transports=("cookie",)) as site:
        user = await site.add()
        login = await site.log_in()
        csrf = {"X-CSRF-Token": login.json()["csrf_token"]}

        response = await site.client.post("/auth/logout", headers=csrf)

        sessions = await site.auth.sessions(user)
    cleared = response.headers.get_list("set-cookie")
    assert response.status_code == 204
    assert not sessions
    assert not dict(site.client.cookies)
    assert len(cleared) == 3
    for each, was in zip(cleared, login.headers.get_list("set-cookie"), strict=True):
        assert "Max-Age=0" in each
        assert _attributes(each) == _attributes(was)


@pytest.mark.promise("auth-46")
async def test_another_page_cannot_log_the_user_out() -> None:
    """The cookies alone are not enough, for the one route as for the other."""
    async with open_site(transports=("cookie",)) as site:
        user = await site.add()
        await site.log_in()

        answers = [await site.client.post(f"/auth/{path}") for path in ("logout", "logout-all")]

        sessions = await site.auth.sessions(user)
    for answer in answers:
        assert_problem(answer, 403, slug="csrf-failed")
    assert len(sessions) == 1


async def test_cookies_and_a_header_are_one_too_many() -> None:
    """Nobody can tell which of the two sessions is meant."""
    async with open_site(transports=("header", "cookie")) as site:
        await site.add()
        tokens = await site.tokens()
        await site.log_in(transport="cookie")

        response = await site.client.post("/auth/logout", headers=bearer(tokens["access_token"]))

    assert_problem(response, 400, slug="ambiguous-credentials")


async def test_logout_without_credentials_is_refused() -> None:
    """There is nothing to end."""
    async with open_site() as site:
        response = await site.client.post("/auth/logout")

    assert_problem(response, 401, slug="not-authenticated")


async def test_a_token_without_a_session_is_denied_alone() -> None:
    """A token that another service of yours issued ends by itself."""
    async with open_site() as site:
        await site.add()
        claims = payload((await site.tokens())["access_token"])
        own = {name: value for name, value in claims.items() if name != "sid"}
        codec = JoseCodec(Keys.from_secret(SECRET))
        token, other = (codec.encode({**own, "jti": name}, type="at+jwt") for name in ("one", "two"))
        before = await site.me(token)

        response = await site.client.post("/auth/logout", headers=bearer(token))

        after = [await site.me(token), await site.me(other)]
    assert before == 200
    assert response.status_code == 204
    assert after == [401, 200]


def _attributes(cookie: str) -> set[str]:
    name, *attributes = cookie.split("; ")
    kept = {each for each in attributes if not each.lower().startswith(("max-age", "expires"))}
    return {name.partition("=")[0], *kept}
