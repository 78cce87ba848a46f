"""Attacks by timing: what begins before the door is closed, and would end after."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from httpx2 import Response

from brickwork.auth import InvalidTokenError, MemoryTokenStore, MemoryUser, PasswordHasher
from brickwork.auth._rules.passwords import Verification
from brickwork.auth._service.verifier import Verifier
from brickwork.auth.jose import JoseCodec, Key, Keys
from brickwork.testing import ManualClock
from tests.auth.hostile import header_of, signed
from tests.auth.keyring import AUDIENCE, ISSUER, claims, key
from tests.auth.site import HASHER, OTHER_PASSWORD, PASSWORD, Site, bearer, open_site

THIRD_PASSWORD = "seventy grey herons beside the canal"
Ending = Callable[[Site, MemoryUser], Awaitable[object]]


class SlowHasher(PasswordHasher):
    """Lets something happen after a password was verified or hashed, and before anybody is told."""

    def __init__(self) -> None:
        super().__init__()
        self.after_verify: Callable[[], Awaitable[object]] | None = None
        self.after_hash: Callable[[], Awaitable[object]] | None = None

    async def verify(self, password: str, stored: str | None) -> Verification:
        """Verify a password, and let it happen, once."""
        verification = await HASHER.verify(password, stored)
        happen, self.after_verify = self.after_verify, None
        if happen is not None:
            await happen()
        return verification

    async def hash(self, password: str) -> str:
        """Hash a password, and let it happen, once."""
        hashed = await HASHER.hash(password)
        happen, self.after_hash = self.after_hash, None
        if happen is not None:
            await happen()
        return hashed


async def change_password(site: Site, user: MemoryUser) -> None:
    """Do what the routes do when a password is set anew."""
    await site.users.update(user.id, {"password_hash": await HASHER.hash(OTHER_PASSWORD)}, end_tokens=True)
    await site.auth.revoke(user=user)


async def disable(site: Site, user: MemoryUser) -> None:
    """Disable an account, as an administrator does."""
    await site.users.update(user.id, {"active": False}, end_tokens=True)
    await site.auth.revoke(user=user)


async def log_out_everywhere(site: Site, user: MemoryUser) -> None:
    """End all sessions."""
    await site.auth.revoke(user=user)


@pytest.mark.promise("auth-47")
@pytest.mark.parametrize("end", [change_password, disable, log_out_everywhere])
@pytest.mark.parametrize("route", ["login", "token"])
async def test_a_login_that_was_under_way_is_ended_too(end: Ending, route: str) -> None:
    """Who verified the old password just before all sessions were ended gets no session after that."""
    hasher = SlowHasher()
    async with open_site(hasher=hasher) as site:
        ada = await site.add()
        hasher.after_verify = lambda: end(site, ada)

        answer = await (
            site.log_in() if route == "login" else site.token(grant_type="password", username="ada", password=PASSWORD)
        )

        sessions = await site.auth.sessions(ada)
        told = site.kinds()
    assert answer.status_code == (401 if route == "login" else 400)
    assert "logged-in" not in told
    assert sessions == []


@pytest.mark.promise("auth-47")
async def test_a_session_that_starts_while_all_are_ended_ends_as_well() -> None:
    """Whoever ends all sessions between two steps of a login is not passed by."""
    tokens = _Interrupted()
    async with open_site(tokens=tokens) as site:
        ada = await site.add()
        tokens.after_start = lambda: site.auth.revoke(user=ada)

        answer = await site.log_in()

        assert answer.status_code == 401
        assert await site.auth.sessions(ada) == []


class _Interrupted(MemoryTokenStore):
    after_start: Callable[[], Awaitable[object]] | None = None

    async def start(self, session: Any, *, now: float, limit: int) -> None:
        happen, self.after_start = self.after_start, None
        if happen is not None:  # the list of sessions was looked at just before this one was on it
            await happen()
        await super().start(session, now=now, limit=limit)


@pytest.mark.promise("auth-64")
@pytest.mark.parametrize("end", [change_password, disable])
async def test_the_old_password_does_not_come_back_by_a_change(end: Ending) -> None:
    """A thief who changes the password while its owner sets it anew is refused, and changes nothing."""
    hasher = SlowHasher()
    async with open_site(hasher=hasher) as site:
        ada = await site.add()
        tokens = await site.tokens()
        hasher.after_hash = lambda: end(site, ada)

        answer = await site.post("/password", tokens, {"current_password": PASSWORD, "new_password": THIRD_PASSWORD})

        login = await site.log_in(password=THIRD_PASSWORD)
    assert (answer.status_code, login.status_code) == (401, 401)


@pytest.mark.promise("auth-64")
async def test_of_two_links_one_sets_the_password() -> None:
    """Two reset tokens that are used at the same time set one password; the other one is refused."""
    hasher = SlowHasher()
    async with open_site(hasher=hasher) as site:
        await site.add()
        for _ in range(2):
            await site.client.post("/auth/password/forgot", json={"login": "ada"})
        (_, mine), (_, stolen) = site.inbox
        owners: list[Response] = []

        async def owner() -> None:
            owners.append(await _reset(site, mine, OTHER_PASSWORD))

        hasher.after_hash = owner
        thiefs = await _reset(site, stolen, THIRD_PASSWORD)

        logins = [(await site.log_in(password=each)).status_code for each in (OTHER_PASSWORD, THIRD_PASSWORD)]
    assert (owners[0].status_code, thiefs.status_code) == (204, 400)
    assert logins == [200, 401]


async def _reset(site: Site, token: str, password: str) -> Response:
    return await site.client.post("/auth/password/reset", json={"token": token, "new_password": password})


@pytest.mark.promise("auth-34")
@pytest.mark.parametrize("grace", [0, 10])
async def test_a_client_that_hangs_up_in_the_middle_of_a_refresh_makes_no_second_branch(grace: float) -> None:
    """Wherever a refresh is broken off, the session has one token afterwards or has ended; never two."""
    async with open_site(reuse_grace=grace) as site:
        await site.add()
        for steps in range(1, 40):
            first = (await site.tokens())["refresh_token"]
            done = await _broken_off(site.refresh(first), steps)

            answers = [await site.refresh(first) for _ in range(3)]

            successors = {each.json()["refresh_token"] for each in answers if each.status_code == 200}
            assert len(successors) <= 1
            assert all(each.status_code in {200, 401} for each in answers)
            if done:
                return
    pytest.fail("a refresh takes more steps than were tried")


async def _broken_off(request: Awaitable[object], steps: int) -> bool:
    """Cancel a request after some turns of the loop; tell whether it was done by then."""
    task = asyncio.ensure_future(request)
    for _ in range(steps):
        await asyncio.sleep(0)
    done = task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return done


@pytest.mark.parametrize("path", ["/login", "/password", "/register", "/password/reset", "/keys"])
async def test_a_request_that_is_broken_off_breaks_nothing(path: str) -> None:
    """After a cancellation anywhere, nothing hangs, and who knows the password gets in."""
    async with open_site(lockout=None) as site:
        await site.add()
        for steps in range(1, 40):
            tokens = await site.tokens()
            await site.client.post("/auth/password/forgot", json={"login": "ada"})
            body = _bodies(site.inbox[-1][1], f"user-{steps}")[path]
            request = site.client.post(f"/auth{path}", json=body, headers=bearer(tokens["access_token"]))
            done = await _broken_off(request, steps)

            assert (await site.log_in()).status_code == 200
            if done:
                return
    # A thread may take longer than that many turns: nothing was wrong in any of them.


def _bodies(token: str, login: str) -> dict[str, dict[str, Any]]:
    # The password stays as it is, so that it does not matter whether it was changed.
    return {
        "/login": {"login": "ada", "password": PASSWORD},
        "/password": {"current_password": PASSWORD, "new_password": PASSWORD},
        "/register": {"login": login, "password": OTHER_PASSWORD},
        "/password/reset": {"token": token, "new_password": PASSWORD},
        "/keys": {"name": "a key"},
    }


@pytest.mark.promise("auth-28")
@pytest.mark.parametrize("path", ["/login", "/token", "/password"])
async def test_guesses_that_are_broken_off_count(path: str) -> None:
    """Who hangs up before the answer comes has guessed all the same."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        wrong = {"login": "ada", "password": "wrong", "current_password": "wrong", "new_password": OTHER_PASSWORD}
        fields = {"/login": ("login", "password"), "/password": ("current_password", "new_password")}
        form = {"grant_type": "password", "username": "ada", "password": "wrong"}

        async def guess() -> Response:
            if path == "/token":
                return await site.token(**form)
            return await site.post(path, tokens, {name: wrong[name] for name in fields[path]})

        for _ in range(5):
            await _broken_off(guess(), 12)

        answer = await site.log_in()
    assert answer.status_code == 429


class _Rotating(JoseCodec):
    """Reads a token, and before anybody is told, another thread drops its key and looks at it too."""

    def __init__(self, keys: Keys) -> None:
        super().__init__(keys)
        self.meanwhile: Callable[[], object] | None = None

    def decode(self, token: str, *, type: str) -> dict[str, Any]:  # noqa: A002
        claims = super().decode(token, type=type)
        happen, self.meanwhile = self.meanwhile, None
        if happen is not None:
            happen()
        return claims


@pytest.mark.promise("auth-19")
def test_a_token_that_is_verified_while_its_key_is_dropped_is_not_remembered() -> None:
    """The keys change in one thread, while another one has just found the signature to be right."""
    clock = ManualClock()
    leaked = key("HS256")
    keys = Keys(leaked, clock=clock)
    codec = _Rotating(keys)
    guard = Verifier(codec, issuer=ISSUER, audience=AUDIENCE, clock=clock, cache=8)
    token = signed(leaked, header_of(leaked), claims(clock.time()))

    def drop() -> None:
        keys.rotate(Key.generate("HS256"), verify_for=0)
        with pytest.raises(InvalidTokenError):
            guard.verify(token)

    codec.meanwhile = drop
    guard.verify(token)

    with pytest.raises(InvalidTokenError):
        guard.verify(token)
