"""Logging in: by form and by JSON, with one answer for all that goes wrong."""

import json
from collections.abc import Awaitable, Callable

import pytest
from httpx2 import Response

from brickwork.auth import Session
from brickwork.auth._rules.passwords import Verification
from brickwork.auth.memory import MemoryTokenStore
from brickwork.auth.passlib import PasswordHasher
from brickwork.testing import assert_problem
from tests.auth.site import HASHER, PASSWORD, open_site, payload

OLD = "$pbkdf2-sha256$1$yRljDKE0BkCIMUYIYSzlfA$A2EveSzEZL595geMARsQpTWtH85iQid84iiiIeTLlpE"

_JSON = {"Content-Type": "application/json"}


@pytest.mark.promise("auth-25")
async def test_login_answers_with_tokens_that_work() -> None:
    """Login and password get a bearer token, and that lets in."""
    async with open_site() as site:
        await site.add(roles=("staff",), scopes=("orders:read", "orders:write"))

        response = await site.log_in()

        tokens = response.json()
        shown = await site.get("/me", tokens)
    assert response.status_code == 200
    assert tokens["token_type"] == "Bearer"
    assert tokens["expires_in"] == 900
    assert tokens["scope"] == "orders:read orders:write"
    assert shown["login"] == "ada"
    assert shown["roles"] == ["staff"]


@pytest.mark.promise("auth-25")
async def test_the_token_endpoint_answers_the_password_grant() -> None:
    """The form of OAuth gets the same tokens, narrowed to the scope that was asked for."""
    async with open_site() as site:
        await site.add(scopes=("orders:read", "orders:write"))

        response = await site.token(grant_type="password", username="Ada", password=PASSWORD, scope="orders:read")

        status = await site.me(response.json()["access_token"])
    assert response.status_code == 200
    assert response.json()["scope"] == "orders:read"
    assert status == 200


@pytest.mark.promise("auth-26")
async def test_all_wrong_logins_look_alike() -> None:
    """An unknown login, a wrong password, an account without one and a disabled one get the same answer."""
    async with open_site(lockout=None, handlers=False) as site:
        await site.add()
        await site.add("bob", active=False)
        await site.add("eve", password_hash=None)

        answers = [
            await site.log_in("nobody"),
            await site.log_in("ada", "wrong password"),
            await site.log_in("bob"),
            await site.log_in("eve"),
            await site.log_in(" not a login "),
        ]

    assert {_essence(answer) for answer in answers} == {_essence(answers[0])}
    assert answers[0].status_code == 401
    assert answers[0].headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.promise("auth-26")
async def test_all_wrong_logins_cost_the_same_work() -> None:
    """Every login that goes wrong hashes one password."""
    hasher = _Counting()
    async with open_site(lockout=None, hasher=hasher) as site:
        await site.add()
        await site.add("bob", active=False)
        counts: list[int] = []
        for login, password in [("nobody", "x"), ("ada", "wrong"), ("bob", PASSWORD), (" ", "x")]:
            before = hasher.verified

            await site.log_in(login, password)

            counts.append(hasher.verified - before)
    assert counts == [1, 1, 1, 1]


@pytest.mark.promise("auth-27")
async def test_a_login_may_be_an_email_address() -> None:
    """With `login_fields`, a user logs in by either, however it is spelled."""
    async with open_site(login_fields=("login", "email")) as site:
        await site.add(email="ada@example.com")

        answers = [await site.log_in("ADA"), await site.log_in("Ada@Example.com")]

    assert [answer.status_code for answer in answers] == [200, 200]


@pytest.mark.promise("auth-28")
async def test_guessing_is_paused() -> None:
    """After too many attempts the right password is refused as well, and unknown logins no less."""
    async with open_site() as site:
        await site.add()
        for login in ("ada", "nobody", " no login "):
            for _ in range(5):
                await site.log_in(login, "wrong password")

        refused = [await site.log_in("ADA"), await site.log_in("nobody"), await site.log_in(" no login ")]
        site.clock.advance(900)
        again = await site.log_in()

    for answer in refused:
        assert_problem(answer, 429, slug="too-many-attempts")
        assert answer.headers["retry-after"] == "900"
    assert again.status_code == 200
    assert site.kinds().count("locked-out") == 3


@pytest.mark.promise("auth-28")
async def test_a_success_clears_the_attempts() -> None:
    """Who logs in may mistype as often as before."""
    async with open_site() as site:
        await site.add()
        for _ in range(3):
            for _ in range(4):
                await site.log_in("ada", "wrong password")

            response = await site.log_in()

            assert response.status_code == 200


@pytest.mark.promise("auth-76")
async def test_an_outdated_hash_is_renewed_by_a_success_alone() -> None:
    """A failed login leaves an old hash as it is; the first that succeeds renews it, once."""
    async with open_site(hasher=PasswordHasher.testing(legacy=["pbkdf2_sha256"])) as site:
        user = await site.add(password_hash=OLD)

        await site.log_in("ada", "wrong password")
        after_failure = await site.users.get(user.id)
        first = await site.log_in()
        after_success = await site.users.get(user.id)
        second = await site.log_in()
        at_last = await site.users.get(user.id)

    assert after_failure is not None
    assert after_success is not None
    assert at_last is not None
    assert after_failure.password_hash == OLD
    assert first.status_code == second.status_code == 200
    assert str(after_success.password_hash).startswith("$argon2id$")
    assert at_last.password_hash == after_success.password_hash


@pytest.mark.promise("auth-66")
async def test_a_password_that_was_changed_meanwhile_does_not_come_back() -> None:
    """A login that would renew an old hash leaves alone what was changed while it was hashing, and is refused."""
    hasher = _Interrupted()
    async with open_site(hasher=hasher) as site:
        user = await site.add(password_hash=OLD)
        hasher.meanwhile = lambda: site.users.update(user.id, {"password_hash": "changed"}, end_tokens=True)

        answer = await site.log_in()

        after = await site.users.get(user.id)
        sessions = await site.auth.sessions(user)
    assert (answer.status_code, sessions) == (401, [])
    assert after is not None
    assert after.password_hash == "changed"


async def test_a_session_knows_its_client() -> None:
    """The list of sessions shows the client by its own word, cut to what can be shown, and its address."""
    async with open_site(tokens=MemoryTokenStore()) as site:
        user = await site.add()
        headers = {"User-Agent": "phone\x01 " + "x" * 500}

        await site.client.post("/auth/login", json={"login": "ada", "password": PASSWORD}, headers=headers)

        (session,) = await site.auth.sessions(user)
    assert isinstance(session, Session)
    assert session.client == "phone " + "x" * 194
    assert session.address == "127.0.0.1"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"login": "ada"},
        {"login": "ada", "password": 1},
        {"login": ["ada"], "password": "x"},
        {"login": "ada", "password": "x", "roles": ["admin"]},
        {"login": "ada", "password": "x", "transport": "cookie"},
        {"login": "ada\ud800", "password": "x"},
        {"login": "ada", "password": "x" * 4_001},
        [],
        None,
    ],
)
async def test_a_malformed_login_is_refused(body: object) -> None:
    """What is no login is 422, and the answer does not repeat it."""
    async with open_site() as site:
        response = await site.client.post("/auth/login", content=json.dumps(body), headers=_JSON)

    assert_problem(response, 422)
    assert "xxx" not in response.text


async def test_a_login_in_the_query_is_refused() -> None:
    """What is in the URL ends in logs, and so is not looked at."""
    async with open_site() as site:
        await site.add()

        response = await site.client.post("/auth/login", params={"login": "ada", "password": PASSWORD})

    assert response.status_code == 422


async def test_a_login_in_an_old_browser_form_is_refused() -> None:
    """JSON that claims to be a text could come from any page, without its browser asking first."""
    async with open_site() as site:
        await site.add()
        body = f'{{"login": "ada", "password": "{PASSWORD}"}}'

        response = await site.client.post("/auth/login", content=body, headers={"Content-Type": "text/plain"})

    assert response.status_code in {415, 422}


async def test_without_handlers_the_answer_is_right_as_well() -> None:
    """An app that installs nothing else answers 401 with a challenge."""
    async with open_site(handlers=False) as site:
        response = await site.log_in("nobody")

    assert response.status_code == 401
    assert response.json() == {"detail": "Login and password do not go together."}
    assert response.headers["www-authenticate"] == 'Bearer realm="api"'
    assert response.headers["cache-control"] == "no-store"


async def test_claims_of_the_application_are_in_the_token() -> None:
    """`claims=` may be a plain function or a coroutine."""

    async def later(user: object) -> dict[str, object]:
        return {"tenant": "north"}

    for claims in (lambda user: {"tenant": user.login}, later):
        async with open_site(claims=claims) as site:
            await site.add("north")

            tokens = await site.tokens("north")

        assert payload(tokens["access_token"])["tenant"] == "north"


class _Counting:
    """Counts the passwords that are verified."""

    def __init__(self) -> None:
        self.verified = 0
        self.hash = HASHER.hash

    async def verify(self, password: str, stored: str | None) -> Verification:
        self.verified += 1
        return await HASHER.verify(password, stored)


class _Interrupted:
    """Lets something happen while it verifies a password."""

    meanwhile: Callable[[], Awaitable[object]]

    def __init__(self) -> None:
        self._hasher = PasswordHasher.testing(legacy=["pbkdf2_sha256"])
        self.hash = self._hasher.hash

    async def verify(self, password: str, stored: str | None) -> Verification:
        await self.meanwhile()
        return await self._hasher.verify(password, stored)


def _essence(response: Response) -> tuple[int, bytes, str]:
    return response.status_code, response.content, str(sorted(response.headers.items()))
