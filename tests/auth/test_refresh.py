"""Refreshing: each token works once, a lost answer is given again, and a token in two hands ends its session."""

import asyncio
from typing import Any

import pytest

from brickwork import Problem
from brickwork.auth import AuthUnavailableError, Rotation, Session
from brickwork.auth._rules.refresh import RefreshToken
from brickwork.auth.jose import Key
from brickwork.auth.memory import MemoryTokenStore
from brickwork.testing import assert_problem
from tests.auth.site import open_site, payload

DAY = 86_400


@pytest.mark.promise("auth-32")
async def test_each_refresh_gives_a_new_refresh_token() -> None:
    """The old token is used up, the new one works, and so does the new access token."""
    async with open_site(reuse_grace=0) as site:
        await site.add()
        first = await site.tokens()

        second = (await site.refresh(first["refresh_token"])).json()
        third = await site.refresh(second["refresh_token"])

        status = await site.me(second["access_token"])
    assert len({first["refresh_token"], second["refresh_token"], third.json()["refresh_token"]}) == 3
    assert third.status_code == 200
    assert status == 200


@pytest.mark.promise("auth-33")
async def test_reuse_ends_the_session() -> None:
    """A token that was used up, shown after the grace, takes its successors and their access tokens with it."""
    async with open_site(reuse_grace=10) as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()
        site.clock.advance(10)

        reused = await site.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

        after = await site.refresh(second["refresh_token"])
        status = await site.me(second["access_token"])
    assert reused.status_code == 400
    assert reused.json()["error"] == "invalid_grant"
    assert_problem(after, 401, slug="invalid-token")
    assert after.headers["www-authenticate"] == 'Bearer realm="api", error="invalid_token"'
    assert status == 401
    assert "refresh-reused" in site.kinds()


@pytest.mark.promise("auth-33")
async def test_a_token_of_two_refreshes_ago_ends_the_session_within_the_grace() -> None:
    """The grace is for the token just used, not for its parent."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()
        third = (await site.refresh(second["refresh_token"])).json()

        await site.refresh(first["refresh_token"])

        status = await site.me(third["access_token"])
    assert status == 401


@pytest.mark.promise("auth-34")
async def test_a_lost_answer_is_given_again() -> None:
    """Within the grace, a token that was just used gets the same successor."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()
        site.clock.advance(9)

        again = (await site.refresh(first["refresh_token"])).json()

        third = await site.refresh(again["refresh_token"])
    assert again["refresh_token"] == second["refresh_token"]
    assert third.status_code == 200


@pytest.mark.promise("auth-34")
@pytest.mark.parametrize(("grace", "successes"), [(0, 1), (10, 50)])
async def test_many_refreshes_at_once_never_fork(grace: float, successes: int) -> None:
    """Of fifty at once, one succeeds without a grace; with it all get the same successor."""
    async with open_site(reuse_grace=grace) as site:
        await site.add()
        first = await site.tokens()

        answers = await asyncio.gather(*(site.refresh(first["refresh_token"]) for _ in range(50)))

    fine = [answer.json()["refresh_token"] for answer in answers if answer.status_code == 200]
    assert len(fine) == successes
    assert len(set(fine)) == 1


@pytest.mark.promise("auth-35")
async def test_refreshing_may_narrow_and_never_widens() -> None:
    """The access token may allow less than the session, for once; never more."""
    async with open_site() as site:
        await site.add(scopes=("a", "b", "c"))
        login = await site.token(
            grant_type="password", username="ada", password="violet kettle under seventeen bridges", scope="a b"
        )
        token = login.json()["refresh_token"]

        wider = await site.token(grant_type="refresh_token", refresh_token=token, scope="a c")
        narrower = await site.token(grant_type="refresh_token", refresh_token=token, scope="b")
        full = await site.token(grant_type="refresh_token", refresh_token=narrower.json()["refresh_token"])

    assert wider.status_code == 400
    assert wider.json()["error"] == "invalid_scope"
    assert narrower.json()["scope"] == "b"
    assert full.json()["scope"] == "a b"


@pytest.mark.promise("auth-35")
async def test_a_scope_that_the_user_lost_is_gone_with_the_next_refresh() -> None:
    """A session gives no scope that its user does not have any more."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b"))
        first = await site.tokens()
        await site.users.update(user.id, {"scopes": ("b",)})

        second = (await site.refresh(first["refresh_token"])).json()

    assert first["scope"] == "a b"
    assert second["scope"] == "b"


@pytest.mark.promise("auth-36")
async def test_a_session_that_is_not_used_ends() -> None:
    """Unless it is refreshed in time."""
    async with open_site(refresh_ttl=14 * DAY) as site:
        await site.add()
        first = await site.tokens()
        site.clock.advance(14 * DAY - 1)
        in_time = await site.refresh(first["refresh_token"])
        site.clock.advance(14 * DAY)

        late = await site.refresh(in_time.json()["refresh_token"])

    assert in_time.status_code == 200
    assert late.status_code == 401


@pytest.mark.promise("auth-36")
async def test_no_session_outlives_its_absolute_end() -> None:
    """Refreshing never moves it, and no access token goes beyond it."""
    async with open_site(refresh_ttl=10 * DAY, absolute_ttl=15 * DAY) as site:
        await site.add()
        first = await site.tokens()
        site.clock.advance(9 * DAY)
        second = (await site.refresh(first["refresh_token"])).json()
        site.clock.advance(6 * DAY - 60)
        last = (await site.refresh(second["refresh_token"])).json()
        before = await site.me(last["access_token"])
        site.clock.advance(60)

        late = await site.refresh(last["refresh_token"])

        after = await site.me(last["access_token"])
    assert last["expires_in"] == 60
    assert before == 200
    assert late.status_code == 401
    assert after == 401


@pytest.mark.promise("auth-37")
@pytest.mark.parametrize(
    "change", [{"active": False}, {"token_version": 7}], ids=["disabled", "tokens of a former version"]
)
async def test_a_user_who_may_not_come_in_cannot_refresh(change: dict[str, Any]) -> None:
    """The refresh fails, and ends the session for good."""
    async with open_site() as site:
        user = await site.add()
        first = await site.tokens()
        await site.users.update(user.id, change)

        refused = await site.refresh(first["refresh_token"])

        await site.users.update(user.id, {"active": True, "token_version": 0})
        still_refused = await site.refresh(first["refresh_token"])
    assert refused.status_code == 401
    assert still_refused.status_code == 401


@pytest.mark.promise("auth-38")
async def test_a_lost_store_takes_no_token_away() -> None:
    """If the store cannot be asked, the answer is 503, and the token works once it can."""
    store = _Failing()
    async with open_site(tokens=store) as site:
        await site.add()
        first = await site.tokens()
        store.fails = True

        lost = await site.refresh(first["refresh_token"])
        lost_by_form = await site.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

        store.fails = False
        back = await site.refresh(first["refresh_token"])
    assert_problem(lost, 503, slug="auth-unavailable")
    assert lost.headers["retry-after"] == "1"
    assert lost_by_form.status_code == 503
    assert lost_by_form.json()["error"] == "temporarily_unavailable"
    assert lost_by_form.headers["retry-after"] == "1"
    assert back.status_code == 200


@pytest.mark.promise("auth-38")
async def test_a_store_of_ones_own_may_refuse_in_its_own_words() -> None:
    """OAuth's clients are told to come back whichever problem with status 503 says so."""

    class MaintenanceError(Problem, status=503, slug="maintenance"):
        """The database is being moved."""

    class Moving(MemoryTokenStore):
        async def get(self, session_id: str, *, now: float) -> Session | None:
            raise MaintenanceError("Come back at noon.", headers={"Retry-After": "600"})

    async with open_site(tokens=Moving()) as site:
        await site.add()
        first = await site.tokens()

        answer = await site.token(grant_type="refresh_token", refresh_token=first["refresh_token"])

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "600")
    assert answer.json() == {"error": "temporarily_unavailable", "error_description": "Come back at noon."}


@pytest.mark.promise("auth-39")
async def test_what_is_kept_cannot_be_shown() -> None:
    """A copy of the store holds no refresh token, and nothing that is accepted as one."""
    store = MemoryTokenStore()
    async with open_site(tokens=store) as site:
        user = await site.add()
        tokens = await site.tokens()
        (session,) = await site.auth.sessions(user)

        answers = [await site.refresh(text) for text in (session.id, session.token_hash.hex(), "A" * 64)]

    assert tokens["refresh_token"] not in repr(session)
    assert session.token_hash == _read(tokens["refresh_token"]).hash
    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_a_new_key_takes_over_without_ending_sessions() -> None:
    """Refresh tokens outlive a rotation of keys, within the grace as well."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()
        site.auth.keys.rotate(Key.from_secret("another secret of more than thirty-two bytes"), verify_for=3_600)

        again = (await site.refresh(first["refresh_token"])).json()
        third = await site.refresh(second["refresh_token"])

    assert again["refresh_token"] == second["refresh_token"]
    assert third.status_code == 200


async def test_a_replay_after_the_key_is_gone_is_refused() -> None:
    """Without the key that made it, the successor cannot be told again; the session lives on."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        second = (await site.refresh(first["refresh_token"])).json()
        site.auth.keys.rotate(Key.from_secret("another secret of more than thirty-two bytes"), verify_for=1)
        site.clock.advance(2)

        again = await site.refresh(first["refresh_token"])
        third = await site.refresh(second["refresh_token"])

    assert again.status_code == 401
    assert third.status_code == 200


async def test_what_is_no_refresh_token_is_refused() -> None:
    """A token has one spelling, and all that is none gets one answer and does no harm."""
    async with open_site(handlers=False) as site:
        await site.add()
        token = (await site.tokens())["refresh_token"]
        spoiled = [
            "",
            "B" * 64,
            token[:-1],
            token + "A",
            token[:-1] + "!",
            token[:-1] + "+",
            token[:-4] + "====",
            token[:-1] + "\u00e9",
            token.replace(token[:22], "C" * 22),
        ]

        answers = [await site.refresh(text) for text in spoiled]

        after = await site.refresh(token)
    assert {answer.status_code for answer in answers} == {401}
    assert {answer.text for answer in answers} == {'{"detail":"Log in again."}'}
    assert after.status_code == 200


async def test_an_access_token_is_no_refresh_token() -> None:
    """Each token is good for one thing."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()

        refreshed = await site.refresh(tokens["access_token"])
        status = await site.me(tokens["refresh_token"])

    assert refreshed.status_code == 401
    assert status == 401


async def test_a_refresh_without_a_token_is_refused() -> None:
    """The challenge names no error, as nothing was shown."""
    async with open_site() as site:
        response = await site.client.post("/auth/refresh")

    assert_problem(response, 401, slug="not-authenticated")
    assert response.headers["www-authenticate"] == 'Bearer realm="api"'


async def test_the_login_stays_as_old_as_it_is() -> None:
    """A refresh is no login: the time of it stays in the claims."""
    async with open_site() as site:
        await site.add()
        first = await site.tokens()
        site.clock.advance(500)

        second = (await site.refresh(first["refresh_token"])).json()

    before, after = payload(first["access_token"]), payload(second["access_token"])
    assert after["auth_time"] == before["auth_time"]
    assert after["sid"] == before["sid"]
    assert after["jti"] != before["jti"]
    assert after["iat"] == before["iat"] + 500


async def test_the_reason_of_a_refused_scope_is_told() -> None:
    """A scope that is no list of names is refused before anything is rotated."""
    async with open_site() as site:
        await site.add(scopes=("a",))
        tokens = await site.tokens()

        response = await site.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"], scope='a  "b')

        after = await site.refresh(tokens["refresh_token"])
    assert response.json()["error"] == "invalid_scope"
    assert after.status_code == 200


class _Failing(MemoryTokenStore):
    """Fails where a session is about to be rotated."""

    fails = False

    async def rotate(self, session_id: str, **options: Any) -> Rotation:
        if self.fails:
            raise AuthUnavailableError
        return await super().rotate(session_id, **options)


def _read(text: str) -> RefreshToken:
    token = RefreshToken.read(text)
    assert token is not None
    return token
