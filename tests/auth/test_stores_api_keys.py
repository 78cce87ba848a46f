"""What every store of API keys keeps to, in memory and elsewhere."""

import asyncio
from datetime import timedelta

import pytest

from brickwork.auth import ApiKeyStore
from tests.auth.records import new_key


@pytest.mark.promise("auth-169")
async def test_a_key_is_found_as_it_was_kept(api_key_store: ApiKeyStore) -> None:
    """A key comes back with all it had, to the microsecond, and nobody else's does."""
    bare = new_key(scopes=())
    full = new_key(expires_at=bare.created_at + timedelta(days=1), last_used_at=bare.created_at)
    for key in (bare, full):
        await api_key_store.add(key)

    found = [await api_key_store.get(key.id) for key in (bare, full)]

    assert found == [bare, full]
    assert await api_key_store.get("unknown") is None


async def test_the_list_shows_the_keys_of_one_owner(api_key_store: ApiKeyStore) -> None:
    """Keys that were not removed are listed, the newest first."""
    old, removed, new = [new_key(after=turn) for turn in (0, 1, 2)]
    for key in (old, new, removed, new_key("grace")):
        await api_key_store.add(key)
    await api_key_store.remove(removed.id)

    listed = await api_key_store.keys("ada")

    assert list(listed) == [new, old]
    assert list(await api_key_store.keys("ada")) == [new, old]
    assert list(await api_key_store.keys("nobody")) == []


@pytest.mark.promise("auth-130")
async def test_a_removed_key_is_gone(api_key_store: ApiKeyStore) -> None:
    """A key can be removed once, whoever tries at once, and is found no more."""
    key = new_key()
    await api_key_store.add(key)

    removed = await asyncio.gather(*(api_key_store.remove(key.id) for _ in range(20)))

    assert sum(removed) == 1
    assert await api_key_store.get(key.id) is None
    assert list(await api_key_store.keys("ada")) == []


@pytest.mark.promise("auth-131")
async def test_a_replaced_key_ends_later(api_key_store: ApiKeyStore) -> None:
    """A key that is replaced goes on for a while beside its successor."""
    key, successor = new_key(), new_key(after=1)
    await api_key_store.add(key)
    soon = key.created_at + timedelta(hours=1)

    replaced = await api_key_store.replace(key.id, successor, expires_at=soon)

    listed = await api_key_store.keys("ada")
    assert replaced
    assert [(each.id, each.expires_at) for each in listed] == [(successor.id, None), (key.id, soon)]


@pytest.mark.promise("auth-131")
async def test_replacing_prolongs_nothing(api_key_store: ApiKeyStore) -> None:
    """A key that ends before its overlap does still ends then, and one that ends after it ends sooner."""
    soon, later = [new_key().created_at + timedelta(hours=hours) for hours in (1, 2)]
    short, long = new_key(expires_at=soon), new_key(expires_at=later + timedelta(hours=1))
    for key in (short, long):
        await api_key_store.add(key)
        await api_key_store.replace(key.id, new_key(), expires_at=later)

    found = [await api_key_store.get(key.id) for key in (short, long)]

    assert [key and key.expires_at for key in found] == [soon, later]


async def test_nothing_follows_a_key_that_is_not_there(api_key_store: ApiKeyStore) -> None:
    """Where there is nothing to replace, the successor is not kept."""
    successor = new_key()

    replaced = await api_key_store.replace("unknown", successor, expires_at=successor.created_at)

    assert not replaced
    assert await api_key_store.get(successor.id) is None
    assert list(await api_key_store.keys("ada")) == []


async def test_a_key_tells_when_it_was_last_used(api_key_store: ApiKeyStore) -> None:
    """The latest use counts, in whatever order the uses are told, and a use makes no key."""
    key = new_key()
    await api_key_store.add(key)
    used = key.created_at + timedelta(minutes=7, microseconds=1)

    for at in (used - timedelta(minutes=1), used, used - timedelta(minutes=2)):
        await api_key_store.touch(key.id, at=at)
    await api_key_store.touch("unknown", at=used)

    found = await api_key_store.get(key.id)
    assert found is not None
    assert found.last_used_at == used
    assert await api_key_store.get("unknown") is None
