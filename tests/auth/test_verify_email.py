"""Verifying an e-mail address: a link for who reads it, good for that address and one use."""

from collections.abc import Awaitable, Callable

import pytest
from httpx2 import Response

from brickwork.auth import MemoryTokenStore
from brickwork.auth._routes import Registration
from brickwork.testing import assert_problem
from tests.auth.site import PASSWORD, Site, bearer, open_site


class WithEmail(Registration):
    """What our users say of themselves."""

    email: str


@pytest.mark.promise("auth-72")
async def test_who_registers_is_sent_a_link_that_verifies() -> None:
    """From end to end: the token of the inbox marks the address as verified."""
    async with open_site(router={"registration": WithEmail}) as site:
        body = {"login": "ada", "password": PASSWORD, "email": "ada@example.com"}
        await site.client.post("/auth/register", json=body)
        ((_, token),) = site.inbox

        response = await _verify(site, token)

        user = await site.users.find("ada")
    assert response.status_code == 204
    assert user is not None
    assert user.email_verified
    assert "email-verified" in site.kinds()


@pytest.mark.promise("auth-73")
async def test_a_token_verifies_once() -> None:
    """The second time it is refused."""
    async with open_site() as site:
        await site.add(email="ada@example.com")
        token = await _token(site)

        answers = [await _verify(site, token), await _verify(site, token)]

    assert answers[0].status_code == 204
    assert_problem(answers[1], 400, slug="invalid-one-time-token")


@pytest.mark.promise("auth-73")
async def test_a_token_is_for_the_address_it_was_sent_to() -> None:
    """After the address has changed, it verifies nothing; nor after its time."""
    async with open_site() as site:
        user = await site.add(email="ada@example.com")
        token, late = await _token(site), await _token(site)
        await site.users.update(user.id, {"email": "eve@example.com"})

        moved = await _verify(site, token)
        await site.users.update(user.id, {"email": "ada@example.com"})
        site.clock.advance(3_600)
        expired = await _verify(site, late)

        after = await site.users.get(user.id)
    assert_problem(moved, 400, slug="invalid-one-time-token")
    assert_problem(expired, 400, slug="invalid-one-time-token")
    assert after is not None
    assert not after.email_verified


@pytest.mark.promise("auth-66")
@pytest.mark.parametrize("end_tokens", [True, False])
async def test_an_address_that_changes_meanwhile_is_not_verified(end_tokens: bool) -> None:
    """Between the look at the address and the note that it is the user's, it was changed."""
    tokens = _Interrupted()
    async with open_site(tokens=tokens) as site:
        user = await site.add(email="ada@example.com")
        token = await _token(site)
        change = {"email": "eve@example.com"}
        tokens.meanwhile = lambda: site.users.update(user.id, change, end_tokens=end_tokens)

        answer = await _verify(site, token)

        after = await site.users.get(user.id)
    assert_problem(answer, 400, slug="invalid-one-time-token")
    assert after is not None
    assert (after.email, after.email_verified) == ("eve@example.com", False)


@pytest.mark.promise("auth-73")
async def test_a_token_verifies_its_own_user_alone() -> None:
    """Whoever shows Bob's token, and is logged in as whom, it verifies Bob's address."""
    async with open_site() as site:
        users = [await site.add(login, email=f"{login}@example.com") for login in ("ada", "bob")]
        token = await _token(site, "bob")
        ada = bearer((await site.tokens())["access_token"])

        response = await site.client.post("/auth/verify-email", json={"token": token}, headers=ada)

        verified = [getattr(await site.users.get(user.id), "email_verified", None) for user in users]
    assert response.status_code == 204
    assert verified == [False, True]


@pytest.mark.promise("auth-73")
async def test_tokens_for_other_things_verify_nothing() -> None:
    """Access, refresh and reset tokens are refused, and a verification token opens nothing else."""
    async with open_site() as site:
        await site.add()
        tokens = await site.tokens()
        await site.client.post("/auth/password/forgot", json={"login": "ada"})
        (_, reset) = site.inbox.pop()
        token = await _token(site)

        answers = [await _verify(site, each) for each in (tokens["access_token"], tokens["refresh_token"], reset)]

        elsewhere = [await site.me(token), (await site.refresh(token)).status_code]
        at_last = await _verify(site, token)
    for answer in answers:
        assert_problem(answer, 400, slug="invalid-one-time-token")
    assert elsewhere == [401, 401]
    assert at_last.status_code == 204


@pytest.mark.promise("auth-74")
async def test_asking_again_tells_nothing() -> None:
    """Known, unknown, disabled and verified users get the same answer; only who needs it gets mail."""
    async with open_site() as site:
        await site.add()
        await site.add("bob", active=False)
        await site.add("eve", email_verified=True)

        answers = [
            await site.client.post("/auth/verify-email/request", json={"login": login})
            for login in ("ada", "bob", "eve", "nobody")
        ]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert [login for login, _ in site.inbox] == ["ada"]


class _Interrupted(MemoryTokenStore):
    """Lets something happen when a one-time token has been spent."""

    meanwhile: Callable[[], Awaitable[object]]

    async def spend(self, token_id: str, *, now: float, until: float) -> bool:
        spent = await super().spend(token_id, now=now, until=until)
        await self.meanwhile()
        return spent


async def _token(site: Site, login: str = "ada") -> str:
    await site.client.post("/auth/verify-email/request", json={"login": login})
    return site.inbox.pop()[1]


async def _verify(site: Site, token: str) -> Response:
    return await site.client.post("/auth/verify-email", json={"token": token})
