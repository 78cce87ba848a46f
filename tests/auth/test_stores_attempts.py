"""What every store of attempts keeps to, in memory and elsewhere."""

import asyncio

import pytest

from brickwork.auth import AttemptStore, MemoryAttemptStore
from tests.auth.records import NOW


@pytest.mark.promise("auth-28")
async def test_attempts_are_refused_beyond_the_limit(attempt_store: AttemptStore) -> None:
    """So many attempts are allowed, and then none until so many seconds after the first."""
    waits = [await attempt_store.attempt("ada", limit=3, per=900, now=NOW + turn) for turn in range(5)]

    assert waits == [0.0, 0.0, 0.0, 897.0, 896.0]
    assert await attempt_store.attempt("ada", limit=3, per=900, now=NOW + 899.5) == 0.5
    assert await attempt_store.attempt("ada", limit=3, per=900, now=NOW + 900) == 0.0


@pytest.mark.promise("auth-28")
async def test_attempts_at_once_do_not_slip_through(attempt_store: AttemptStore) -> None:
    """Of fifty attempts at once, as many are allowed as there may be."""
    waits = await asyncio.gather(*(attempt_store.attempt("ada", limit=5, per=900, now=NOW) for _ in range(50)))

    assert waits.count(0.0) == 5
    assert waits.count(900.0) == 45


async def test_cleared_attempts_are_forgotten(attempt_store: AttemptStore) -> None:
    """After a success the count starts anew, and clearing what was never counted is no error."""
    await attempt_store.attempt("ada", limit=1, per=900, now=NOW)

    await attempt_store.clear("ada")
    await attempt_store.clear("nobody")

    assert await attempt_store.attempt("ada", limit=1, per=900, now=NOW) == 0.0


@pytest.mark.promise("auth-168")
async def test_an_attempt_is_taken_back(attempt_store: AttemptStore) -> None:
    """One for one, also after others were refused, and none where none is counted."""
    await attempt_store.undo("ada")
    before = [await attempt_store.attempt("ada", limit=2, per=900, now=NOW) for _ in range(4)]

    await asyncio.gather(attempt_store.undo("ada"), attempt_store.undo("ada"), attempt_store.undo("ada"))

    after = [await attempt_store.attempt("ada", limit=2, per=900, now=NOW + 1) for _ in range(3)]
    assert before == [0.0, 0.0, 900.0, 900.0]
    assert after == [0.0, 0.0, 899.0]


@pytest.mark.parametrize("key", ["grace", "", "ada{}", "x" * 100_000, "ada\ud800", "Ada", "ada\x00"])
async def test_keys_do_not_share(key: str, attempt_store: AttemptStore) -> None:
    """Whatever the key, its attempts are its own."""
    await attempt_store.attempt("ada", limit=1, per=900, now=NOW)

    waits = [await attempt_store.attempt(key, limit=1, per=900, now=NOW) for _ in range(2)]

    assert waits == [0.0, 900.0]


async def test_memory_is_bounded() -> None:
    """Beyond so many keys the oldest count is forgotten, and counts that are over go by themselves."""
    store = MemoryAttemptStore(max_keys=100)

    for number in range(1000):
        await store.attempt(f"key {number}", limit=1, per=900, now=NOW)
    full = len(store)
    await store.attempt("late", limit=1, per=900, now=NOW + 900)

    assert full == 100
    assert len(store) == 1


def test_a_store_holds_one_key_at_least() -> None:
    """A store that could count nothing is refused when it is made."""
    with pytest.raises(ValueError, match="max_keys is 1 at least, got 0"):
        MemoryAttemptStore(max_keys=0)
