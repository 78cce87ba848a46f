"""Attempts that count: all logins of a user together, and none whose password was never looked at."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from anyio import CancelScope

from brickwork.auth import AuthUnavailableError, HasherBusyError
from brickwork.auth._rules.passwords import Verification
from brickwork.testing import assert_problem
from tests.auth.site import HASHER, OTHER_PASSWORD, PASSWORD, Site, open_site

BOTH = ("login", "email")


class FailingHasher:
    """Fails as it is told."""

    failure: Exception | None = None

    async def verify(self, password: str, stored: str | None) -> Verification:
        """Verify a password, or fail."""
        if self.failure is not None:
            raise self.failure
        return await HASHER.verify(password, stored)

    async def hash(self, password: str) -> str:
        """Hash a password."""
        return await HASHER.hash(password)


async def statuses(site: Site, login: str, times: int, password: str = "wrong") -> list[int]:
    """Log in several times, one after another."""
    return [(await site.log_in(login, password)).status_code for _ in range(times)]


@pytest.mark.promise("auth-30")
async def test_all_logins_of_a_user_count_together() -> None:
    """Beyond the limit of the user even the right password looks wrong: 429 would tell whose address it is."""
    async with open_site(login_fields=BOTH) as site:
        await site.add(email="ada@example.com")
        wrong = [*await statuses(site, "ada", 3), *await statuses(site, "ada@example.com", 2)]

        mine = [await site.log_in("ada"), await site.log_in("ada@example.com")]
        nobody = await site.log_in("nobody@example.com")
        site.clock.advance(900)
        later = await site.log_in("ada@example.com")

    assert wrong == [401] * 5
    for answer in (*mine, nobody):
        assert_problem(answer, 401, slug="invalid-credentials")
        assert answer.json()["detail"] == nobody.json()["detail"]
    assert later.status_code == 200
    assert site.kinds().count("locked-out") == 2


@pytest.mark.promise("auth-30")
@pytest.mark.parametrize("login", ["ada", "ada@example.com", "nobody", " no login "])
async def test_what_was_typed_is_still_counted_by_itself(login: str) -> None:
    """After five of one spelling comes 429, whether there is such a user or not."""
    async with open_site(login_fields=BOTH) as site:
        await site.add(email="ada@example.com")

        answers = await statuses(site, login, 7)

    assert answers == [401] * 5 + [429] * 2


@pytest.mark.promise("auth-30")
async def test_a_success_clears_all_logins_of_the_user() -> None:
    """Who logs in by one may mistype the others as often as before."""
    async with open_site(login_fields=BOTH) as site:
        await site.add(email="ada@example.com")
        for _ in range(3):
            wrong = await statuses(site, "ada@example.com", 4)

            status = (await site.log_in("ada")).status_code

            assert (wrong, status) == ([401] * 4, 200)


@pytest.mark.promise("auth-30")
async def test_guesses_at_the_current_password_count_for_the_user() -> None:
    """Who is logged in is told to wait, whichever login the guesses were made at."""
    async with open_site(login_fields=BOTH) as site:
        await site.add(email="ada@example.com")
        tokens = await site.tokens()
        await statuses(site, "ada@example.com", 5)

        change = {"current_password": PASSWORD, "new_password": OTHER_PASSWORD}
        answer = await site.post("/password", tokens, change)

    assert_problem(answer, 429, slug="too-many-attempts")


@pytest.mark.promise("auth-31")
@pytest.mark.parametrize("fields", [("login",), BOTH])
async def test_a_password_that_was_never_looked_at_does_not_count(fields: tuple[str, ...]) -> None:
    """While the hasher is busy or the users cannot be asked, the answer is 503 as often as anybody tries."""
    hasher = FailingHasher()
    async with open_site(login_fields=fields, hasher=hasher) as site:
        await site.add(email="ada@example.com")
        find = site.users.find
        hasher.failure = HasherBusyError()
        busy = await statuses(site, "ada", 8)
        hasher.failure = None
        site.users.find = _away  # type: ignore[method-assign]
        away = await statuses(site, "ada", 8)
        site.users.find = find  # type: ignore[method-assign]

        answers = await statuses(site, "ada", 6)

    assert busy == away == [503] * 8
    assert answers == [401] * 5 + [429]


@pytest.mark.promise("auth-31")
async def test_without_a_lockout_there_is_nothing_to_give_back() -> None:
    """Failures are the same then."""
    hasher = FailingHasher()
    async with open_site(lockout=None, hasher=hasher) as site:
        await site.add()
        hasher.failure = HasherBusyError()

        busy = await statuses(site, "ada", 2)

    assert busy == [503, 503]


@pytest.mark.promise("auth-31")
async def test_a_failure_after_the_look_counts() -> None:
    """Whatever goes wrong once the password is compared, it was a guess."""
    hasher = FailingHasher()
    async with open_site(hasher=hasher) as site:
        await site.add()
        hasher.failure = AuthUnavailableError()
        failed = await statuses(site, "ada", 5)
        hasher.failure = None

        status = (await site.log_in()).status_code

    assert failed == [503] * 5
    assert status == 429


@pytest.mark.promise("auth-31")
@pytest.mark.parametrize("end", [asyncio.Task.cancel, None])
async def test_a_login_that_is_broken_off_before_the_look_does_not_count(
    end: Callable[[asyncio.Task[None]], bool] | None,
) -> None:
    """Whether its task is cancelled, or a scope around it that cancels whatever is awaited."""
    async with open_site() as site:
        await site.add()
        find, asked = site.users.find, asyncio.Event()
        site.users.find = _never(asked)  # type: ignore[method-assign]
        for _ in range(8):
            asked.clear()
            scope = CancelScope()
            task = asyncio.create_task(_log_in(site, scope))
            await asked.wait()
            if end is None:
                scope.cancel()
            else:
                end(task)
            await asyncio.wait([task])
        site.users.find = find  # type: ignore[method-assign]

        status = (await site.log_in()).status_code

    assert status == 200


async def _log_in(site: Site, scope: CancelScope) -> None:
    with scope:
        await site.log_in()


def _never(asked: asyncio.Event) -> Callable[..., Coroutine[Any, Any, None]]:
    async def find(*_arguments: object, **_options: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    return find


async def _away(*_arguments: object, **_options: object) -> None:
    raise AuthUnavailableError
