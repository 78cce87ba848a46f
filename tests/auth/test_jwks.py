"""The public keys: all that verify, and nothing that signs."""

import pytest

from brickwork.auth.jose import Key, Keys
from brickwork.testing import ManualClock
from tests.auth.site import open_site


@pytest.mark.promise("auth-17")
async def test_the_public_keys_are_shown() -> None:
    """Every key that verifies is there, by its public members alone, and may be cached for a while."""
    old, new = Key.generate("ES256"), Key.generate("EdDSA")
    async with open_site(secret=None, keys=Keys(new, old)) as site:
        response = await site.client.get("/auth/jwks.json")

    shown = {each["kid"]: each for each in response.json()["keys"]}
    assert set(shown) == {old.kid, new.kid}
    assert not {"d", "p", "q", "k"} & {member for each in shown.values() for member in each}
    assert response.headers["cache-control"] == "public, max-age=300"


@pytest.mark.promise("auth-17")
async def test_a_secret_is_shown_to_nobody() -> None:
    """A site that signs with a secret has no public keys."""
    async with open_site() as site:
        response = await site.client.get("/auth/jwks.json")

    assert response.json() == {"keys": []}


@pytest.mark.promise("auth-18")
async def test_keys_are_rotated_while_the_site_runs() -> None:
    """The new key signs at once, the old one verifies until its time, and the document follows."""
    clock = ManualClock()
    first, second = Key.generate("ES256"), Key.generate("ES256")
    keys = Keys(first, clock=clock)
    async with open_site(secret=None, keys=keys, clock=clock) as site:
        await site.add()
        before = await site.tokens()
        site.auth.keys.rotate(second, verify_for=600)

        after = await site.tokens()
        meanwhile = [await site.me(before["access_token"]), await site.me(after["access_token"])]
        clock.advance(600)
        at_last = [await site.me(before["access_token"]), await site.me(after["access_token"])]

        shown = (await site.client.get("/auth/jwks.json")).json()["keys"]
    assert meanwhile == [200, 200]
    assert at_last == [401, 200]
    assert [each["kid"] for each in shown] == [second.kid]
