"""Rotating API keys more than once."""

import pytest

from tests.auth.site import open_site


@pytest.mark.promise("auth-139")
@pytest.mark.parametrize(("expires_in", "ends"), [(86_400, "2026-01-02T00:00:30Z"), (None, None)])
async def test_a_key_that_is_rotated_twice_has_two_full_successors(expires_in: float | None, ends: str | None) -> None:
    """The overlap shortens the key alone, and nobody's successor."""
    async with open_site() as site:
        user = await site.add()
        tokens = await site.tokens()
        old = await site.auth.create_key(user, name="ci", expires_in=expires_in)
        site.clock.advance(30)

        rotated = [await site.post(f"/keys/{old.record.id}/rotate", tokens, {"overlap": 60}) for _ in range(2)]

    assert [each.json()["expires_at"] for each in rotated] == [ends, ends]
