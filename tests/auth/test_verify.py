"""`auth.verify` and `auth.authenticate`: tokens that are looked at without a request."""

import pytest

from brickwork.auth import Auth, InvalidTokenError
from tests.auth.site import open_site


@pytest.mark.promise("auth-108")
async def test_a_good_token_tells_who_it_is() -> None:
    """Its claims, or the user, as a request would have them."""
    async with open_site() as site:
        ada = await site.add(scopes=("a",))
        token = (await site.auth.issue(ada)).access_token

        claims, user = await site.auth.verify(token), await site.auth.authenticate(token)

    assert (claims.subject, claims.scopes, user) == (ada.id, ("a",), ada)


@pytest.mark.promise("auth-108")
@pytest.mark.parametrize("ending", ["session", "expiry", "forgery"])
async def test_a_token_that_has_ended_is_refused(ending: str) -> None:
    """By its signature, by its time, and by its session."""
    async with open_site() as site:
        ada = await site.add()
        token = (await site.auth.issue(ada)).access_token
        if ending == "session":
            await site.auth.revoke(user=ada)
        elif ending == "expiry":
            site.clock.advance(900)
        else:
            token = token[:-4] + "AAAA"

        with pytest.raises(InvalidTokenError):
            await site.auth.verify(token)
        with pytest.raises(InvalidTokenError):
            await site.auth.authenticate(token)


@pytest.mark.promise("auth-108")
async def test_a_user_who_was_switched_off_is_refused() -> None:
    """The session is alive, and its user may not come in: who asks for the user is told."""
    async with open_site() as site:
        ada = await site.add()
        token = (await site.auth.issue(ada)).access_token
        await site.users.update(ada.id, {"active": False})

        claims = await site.auth.verify(token)

        assert claims.subject == ada.id
        with pytest.raises(InvalidTokenError):
            await site.auth.authenticate(token)


async def test_without_users_nobody_is_found() -> None:
    """A service that only verifies says so."""
    async with open_site() as site:
        reader = Auth(None, keys=site.auth.keys, tokens=None, clock=site.clock)
        token = (await site.auth.issue(await site.add())).access_token

        claims = await reader.verify(token)

        assert claims.session_id is not None
        with pytest.raises(ValueError, match="has no users"):
            await reader.authenticate(token)
