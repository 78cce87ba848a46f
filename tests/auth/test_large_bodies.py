"""Bodies that are larger than any form can be."""

from collections.abc import AsyncIterator

import pytest

from tests.auth.site import open_site


@pytest.mark.promise("auth-145")
@pytest.mark.parametrize("handlers", [True, False])
async def test_large_bodies_are_refused_before_they_are_read(handlers: bool) -> None:
    """With and without a length that says so: a problem, or an error in the words of OAuth, and in no cache."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b"x" * 1_000

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    said = {"Content-Type": "application/json"}
    async with open_site(handlers=handlers) as site:
        oauth = [
            await site.client.post("/auth/token", content=b"x" * 200_000, headers=form),
            await site.client.post("/auth/token", content=chunks(), headers=form),
        ]
        others = [
            await site.client.post("/auth/login", content=b"x" * 200_000, headers=said),
            await site.client.post("/auth/login", content=chunks(), headers=said),
            await site.client.post("/auth/login", content=b"", headers={**said, "Content-Length": "9" * 30}),
        ]

    assert {answer.status_code for answer in (*oauth, *others)} == {413}
    assert {answer.headers["cache-control"] for answer in (*oauth, *others)} == {"no-store"}
    assert [answer.json()["error"] for answer in oauth] == ["invalid_request"] * 2
    if handlers:
        assert [(answer.json()["type"], answer.json()["limit"]) for answer in others] == [
            ("urn:problem-type:content-too-large", 131_072)
        ] * 3
    else:
        assert [answer.json() for answer in others] == [{"detail": "The body may have at most 131072 bytes."}] * 3
