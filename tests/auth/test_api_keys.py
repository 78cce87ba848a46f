"""API keys: shown once, kept as a hash, narrowed to what their owner may, and taken back at once."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Annotated, Any

import pytest
from fastapi import Depends
from httpx2 import Response

from brickwork.auth import ApiKey, AuthUnavailableError
from brickwork.auth._rules.keys import KeyText
from brickwork.auth.memory import MemoryApiKeyStore
from brickwork.testing import assert_problem
from tests.auth.site import Site, open_site


@pytest.mark.promise("auth-127")
async def test_a_key_is_shown_once_and_kept_as_a_hash() -> None:
    """Neither the list nor the store can show it again."""
    store = MemoryApiKeyStore()
    async with open_site(api_keys=store) as site:
        await site.add(scopes=("orders:read",))
        tokens = await site.tokens()

        response = await site.post("/keys", tokens, {"name": "ci", "scopes": ["orders:read"], "expires_in": 3_600})

        new = response.json()
        listed = await site.get("/keys", tokens)
        kept = await store.get(new["id"])
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    assert new["key"].startswith(f"key_{new['id']}_")
    assert len(new["key"].split("_")[2]) == 43
    assert listed == [{name: value for name, value in new.items() if name != "key"}]
    assert listed[0]["expires_at"] == "2026-01-01T01:00:00Z"
    assert kept is not None
    assert new["key"] not in repr(kept)
    assert kept.hash == KeyText(new["id"], new["key"]).hash


@pytest.mark.promise("auth-128")
async def test_a_key_opens_what_it_is_for() -> None:
    """In its header, with its scopes, on behalf of its owner."""
    async with _open() as site:
        user = await site.add(scopes=("orders:read", "orders:write"))
        key = await site.auth.create_key(user, name="ci", scopes=["orders:read"])

        response = await _call(site, key.key)

    assert response.json() == {"id": key.record.id, "owner": user.id, "scopes": ["orders:read"]}
    assert key.key not in repr(key)


@pytest.mark.promise("auth-129")
async def test_a_key_never_allows_more_than_its_owner() -> None:
    """Neither when it is made, nor later."""
    async with _open() as site:
        user = await site.add(scopes=("a", "b"))
        tokens = await site.tokens()
        key = await site.auth.create_key(user, name="ci", scopes=["a", "b"])
        await site.users.update(user.id, {"scopes": ("b",)})

        beyond = await site.post("/keys", tokens, {"name": "more", "scopes": ["a"]})
        response = await _call(site, key.key)

        with pytest.raises(ValueError, match="the scope 'c' was requested"):
            await site.auth.create_key(user, name="more", scopes=["c"])
    assert_problem(beyond, 403, slug="insufficient-scope", scope="a")
    assert beyond.headers["www-authenticate"] == 'Bearer realm="api", error="insufficient_scope", scope="a"'
    assert response.json()["scopes"] == ["b"]


@pytest.mark.promise("auth-129")
async def test_a_narrowed_token_brings_forth_no_wider_key() -> None:
    """Neither by making a key, nor by rotating one."""
    async with open_site() as site:
        user = await site.add(scopes=("a", "b"))
        wide = await site.auth.create_key(user, name="wide", scopes=["a", "b"])
        tokens = (await site.auth.issue(user, scopes=["a"])).model_dump()

        made = await site.post("/keys", tokens, {"name": "wider", "scopes": ["b"]})
        rotated = await site.post(f"/keys/{wide.record.id}/rotate", tokens)

    assert_problem(made, 403, slug="insufficient-scope", scope="b")
    assert_problem(rotated, 403, slug="insufficient-scope", scope="b")


@pytest.mark.promise("auth-130")
async def test_a_revoked_key_is_refused_at_once() -> None:
    """So is one that expired, or whose owner may not come in any more; all get one answer."""
    async with _open() as site:
        user = await site.add()
        other = await site.add("bob")
        tokens = await site.tokens()
        revoked, ending = [await site.auth.create_key(user, name="ci", expires_in=60) for _ in range(2)]
        disabled = await site.auth.create_key(other, name="ci")
        fine = [(await _call(site, each.key)).status_code for each in (revoked, ending, disabled)]

        response = await site.delete(f"/keys/{revoked.record.id}", tokens)
        await site.users.update(other.id, {"active": False})
        site.clock.advance(60)
        answers = [await _call(site, each.key) for each in (revoked, ending, disabled)]

    assert fine == [200, 200, 200]
    assert response.status_code == 204
    for answer in answers:
        assert_problem(answer, 401, slug="invalid-api-key")
    assert len({answer.json()["detail"] for answer in answers}) == 1


@pytest.mark.promise("auth-131")
async def test_a_rotated_key_overlaps_with_its_successor() -> None:
    """Both work for a while, then the new one alone, for as long as the first was meant to."""
    async with _open() as site:
        user = await site.add(scopes=("a",))
        tokens = await site.tokens()
        old = await site.auth.create_key(user, name="ci", scopes=["a"], expires_in=86_400)
        site.clock.advance(30)

        response = await site.post(f"/keys/{old.record.id}/rotate", tokens, {"overlap": 60})

        new = response.json()
        meanwhile = [(await _call(site, key)).status_code for key in (old.key, new["key"])]
        site.clock.advance(60)
        after = [(await _call(site, key)).status_code for key in (old.key, new["key"])]
    assert response.status_code == 201
    assert (new["name"], new["scopes"]) == ("ci", ["a"])
    assert new["expires_at"] == "2026-01-02T00:00:30Z"
    assert meanwhile == [200, 200]
    assert after == [401, 200]
    assert "key-rotated" in site.kinds()


@pytest.mark.promise("auth-131")
async def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    """A key that leaked is replaced in one step; one that never ends has a successor that never does."""
    async with _open() as site:
        user = await site.add()
        tokens = await site.tokens()
        old = await site.auth.create_key(user, name="ci")

        new = (await site.post(f"/keys/{old.record.id}/rotate", tokens)).json()

        answers = [(await _call(site, key)).status_code for key in (old.key, new["key"])]
        again = await site.post(f"/keys/{old.record.id}/rotate", tokens)
    assert new["expires_at"] is None
    assert answers == [401, 200]
    assert_problem(again, 404, slug="api-key-not-found")


@pytest.mark.promise("auth-132")
async def test_nobody_touches_the_key_of_another() -> None:
    """It looks as if there were none."""
    async with _open() as site:
        ada = await site.add()
        await site.add("bob")
        key = await site.auth.create_key(ada, name="ci")
        bob = await site.tokens("bob")

        rotated = await site.post(f"/keys/{key.record.id}/rotate", bob)
        revoked = await site.delete(f"/keys/{key.record.id}", bob)
        listed = await site.get("/keys", bob)

        status = (await _call(site, key.key)).status_code
    assert_problem(rotated, 404, slug="api-key-not-found")
    assert_problem(revoked, 404, slug="api-key-not-found")
    assert listed == []
    assert status == 200


@pytest.mark.promise("auth-133")
async def test_the_last_use_is_written_once_a_minute() -> None:
    """However often a key is used, and by how many at once."""
    store = _Counting()
    async with _open(api_keys=store) as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")

        await asyncio.gather(*(_call(site, key.key) for _ in range(10)))
        site.clock.advance(59)
        await _call(site, key.key)
        first = store.touches
        site.clock.advance(1)
        await _call(site, key.key)

        kept = await store.get(key.record.id)
    assert first == 1
    assert store.touches == 2
    assert kept is not None
    assert str(kept.last_used_at) == "2026-01-01 00:01:00+00:00"


@pytest.mark.promise("auth-133")
async def test_a_use_that_cannot_be_noted_is_fine() -> None:
    """The key is good all the same."""
    store = _Counting()
    store.fails = True
    async with _open(api_keys=store) as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")

        response = await _call(site, key.key)

    assert response.status_code == 200


async def test_what_is_no_key_is_refused() -> None:
    """A key has one spelling; nothing else gets as far as the store, or past the hash."""
    async with _open() as site:
        user = await site.add()
        new = await site.auth.create_key(user, name="ci")
        prefix, key_id, secret = new.key.split("_")
        wrong = [
            "nonsense",
            f"other_{key_id}_{secret}",
            f"{prefix}_{key_id}_{'A' * 43}",
            f"{prefix}_{'A' * 16}_{secret}",
            f"{prefix}_{key_id[:-1]}_{secret}",
            f"{prefix}_{key_id}_{secret}_",
            f"{prefix}_{key_id}_{secret[:-1]}",
            f"{prefix}_{'!' * 16}_{secret}",
        ]

        answers = [await _call(site, text) for text in wrong]
        foreign = KeyText.read(f"{prefix}_{key_id}_" + "\u00e9" * 43)

    for answer in answers:
        assert_problem(answer, 401, slug="invalid-api-key")
    assert foreign is None


async def test_a_key_does_not_open_the_routes_of_users() -> None:
    """Sessions and keys are managed by who can log in."""
    async with open_site() as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")
        headers = {"X-API-Key": key.key, "Authorization": f"Bearer {key.key}"}

        answers = [
            await site.client.get("/auth/me", headers=headers),
            await site.client.get("/auth/sessions", headers=headers),
            await site.client.post("/auth/keys", json={"name": "more"}, headers=headers),
            await site.client.post("/auth/logout-all", headers=headers),
        ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 401]


async def test_the_application_manages_keys_too() -> None:
    """With any owner's; what makes no sense is refused."""
    async with _open(key_prefix="shop") as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")

        successor = await site.auth.rotate_key(key.record.id)
        await site.auth.revoke_key(successor.record.id)

        with pytest.raises(ValueError, match="expires_in"):
            await site.auth.create_key(user, name="ci", expires_in=0)
        with pytest.raises(ValueError, match="overlap"):
            await site.auth.rotate_key(key.record.id, overlap=-1)
    assert successor.key.startswith("shop_")


async def test_a_key_that_is_gone_meanwhile_cannot_be_rotated() -> None:
    """Between the look at it and the step, somebody revoked it."""

    class Forgetful(MemoryApiKeyStore):
        async def replace(self, key_id: str, successor: ApiKey, *, expires_at: datetime) -> bool:
            await self.remove(key_id)
            return await super().replace(key_id, successor, expires_at=expires_at)

    async with open_site(api_keys=Forgetful()) as site:
        user = await site.add()
        tokens = await site.tokens()
        key = await site.auth.create_key(user, name="ci")

        response = await site.post(f"/keys/{key.record.id}/rotate", tokens)

    assert_problem(response, 404, slug="api-key-not-found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "c\x00i"},
        {"name": "x" * 101},
        {"name": "ci", "expires_in": 0},
        {"name": "ci", "expires_in": 10**30},
        {"name": "ci", "scopes": "all"},
        {"name": "ci", "owner": "somebody"},
    ],
    ids=str,
)
async def test_a_malformed_key_is_refused(body: dict[str, Any]) -> None:
    """The body is invalid."""
    async with open_site() as site:
        await site.add()

        response = await site.post("/keys", await site.tokens(), body)

    assert_problem(response, 422)


@pytest.mark.promise("auth-138")
async def test_no_request_waits_for_the_note_of_a_use() -> None:
    """A note that takes as long as the request itself is written behind the answer."""
    store = _Locked()
    async with _open(api_keys=store) as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")

        async with asyncio.timeout(5):
            answers = [await _call(site, key.key), await _call(site, key.key)]
            before = await store.get(key.record.id)
            store.unlocked.set()
            await store.noted.wait()
        after = await store.get(key.record.id)

    assert [each.status_code for each in answers] == [200, 200]
    assert before is not None
    assert before.last_used_at is None
    assert after is not None
    assert after.last_used_at is not None


@pytest.mark.promise("auth-138")
async def test_a_note_that_fails_in_any_way_fails_no_request(expected_errors: list[logging.LogRecord]) -> None:
    """The log names the kind of the error."""
    store = _Counting()
    store.fails = True
    store.error = RuntimeError("not for the log")
    async with _open(api_keys=store) as site:
        user = await site.add()
        key = await site.auth.create_key(user, name="ci")

        response = await _call(site, key.key)

    assert response.status_code == 200
    assert [each.getMessage() for each in expected_errors] == ["touch failed: RuntimeError"]


class _Locked(MemoryApiKeyStore):
    """Writes no use down until it is unlocked."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = asyncio.Event()
        self.noted = asyncio.Event()

    async def touch(self, key_id: str, *, at: datetime) -> None:
        await self.unlocked.wait()
        await super().touch(key_id, at=at)
        self.noted.set()


class _Counting(MemoryApiKeyStore):
    """Counts the notes of use."""

    touches = 0
    fails = False
    error: Exception = AuthUnavailableError()

    async def touch(self, key_id: str, *, at: datetime) -> None:
        self.touches += 1
        await asyncio.sleep(0)
        if self.fails:
            raise self.error
        await super().touch(key_id, at=at)


def _open(**options: Any) -> AbstractAsyncContextManager[Site]:
    """Open a site with a route for programs."""
    return _with_machine(open_site(**options))


@asynccontextmanager
async def _with_machine(opening: AbstractAsyncContextManager[Site]) -> AsyncGenerator[Site]:
    async with opening as site:

        @site.app.get("/machine")
        async def machine(key: Annotated[ApiKey, Depends(site.auth.api_key)]) -> dict[str, Any]:
            return {"id": key.id, "owner": key.owner, "scopes": list(key.scopes)}

        yield site


async def _call(site: Site, key: str) -> Response:
    return await site.client.get("/machine", headers={"X-API-Key": key})
