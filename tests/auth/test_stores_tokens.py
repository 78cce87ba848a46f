"""What every store of sessions keeps to, in memory and elsewhere."""

import asyncio
from collections import Counter
from dataclasses import replace

import pytest

from brickwork.auth import TokenStore
from tests.auth.records import IDLE, NOW, TOTAL, alive, digest, new_session, rotate, started


@pytest.mark.promise("auth-166")
async def test_a_session_is_found_as_it_was_kept(token_store: TokenStore) -> None:
    """A session comes back with all it had, to the fraction of a second, and nobody else's does."""
    full = new_session(previous_hash=digest("zeroth"), rotated_at=NOW - 0.125)
    bare = new_session(scopes=(), client="", address=None, token_version=0)
    for session in (full, bare):
        await token_store.start(session, now=NOW, limit=50)

    found = [await token_store.get(session.id, now=NOW) for session in (full, bare)]

    assert found == [full, bare]
    assert await token_store.get("f" * 32, now=NOW) is None


@pytest.mark.promise("auth-32")
async def test_a_token_is_followed_by_its_successor(token_store: TokenStore) -> None:
    """The current token is exchanged, and the session says when, and what came before."""
    session = await started(token_store)

    rotation = await rotate(token_store, session, "first", "second", at=NOW + 60.5)

    expected = replace(
        session,
        token_hash=digest("second"),
        previous_hash=digest("first"),
        rotated_at=NOW + 60.5,
        used_at=NOW + 60.5,
        idle_expires_at=NOW + 60.5 + IDLE,
    )
    assert (rotation.outcome, rotation.session) == ("rotated", expected)
    assert await token_store.get(session.id, now=NOW + 61) == expected


async def test_a_session_tells_who_used_it_last(token_store: TokenStore) -> None:
    """Client and address are those of the last refresh, where it names them."""
    session = await started(token_store)
    await token_store.rotate(
        session.id,
        presented=digest("first"),
        successor=digest("second"),
        now=NOW,
        idle_expires_at=NOW + IDLE,
        grace=0,
        client="Lynx",
        address="2001:db8::1",
    )

    rotation = await rotate(token_store, session, "second", "third")

    assert rotation.session is not None
    assert (rotation.session.client, rotation.session.address) == ("Lynx", "2001:db8::1")


@pytest.mark.promise("auth-34")
async def test_a_replay_within_the_grace_changes_nothing(token_store: TokenStore) -> None:
    """The token before the current one is told apart for as long as the grace lasts, and the session lives."""
    session = await started(token_store)
    rotated = await rotate(token_store, session, "first", "second", grace=10)

    replayed = await rotate(token_store, session, "first", "other", at=NOW + 9.9, grace=10)

    assert replayed.outcome == "replayed"
    assert replayed.session == rotated.session
    assert await alive(token_store, session)


@pytest.mark.promise("auth-33")
@pytest.mark.parametrize(("grace", "later"), [(10.0, 10.0), (10.0, 3000.0), (0.0, 0.0), (0.0, -1.0)])
async def test_a_token_that_is_used_again_ends_its_session(grace: float, later: float, token_store: TokenStore) -> None:
    """A token that was used up is in two hands: the session ends at once, for whoever holds the newer token too."""
    session = await started(token_store)
    rotated = await rotate(token_store, session, "first", "second", grace=grace)

    reused = await rotate(token_store, session, "first", "other", at=NOW + later, grace=grace)

    assert (reused.outcome, reused.session) == ("reused", rotated.session)
    assert not await alive(token_store, session)
    assert (await rotate(token_store, session, "second", "third")).outcome == "unknown"


@pytest.mark.promise("auth-33")
@pytest.mark.parametrize("token", ["first", "guessed"])
async def test_older_tokens_have_no_grace(token: str, token_store: TokenStore) -> None:
    """Only the one token before the current one has a grace: an older or an invented one ends the session."""
    session = await started(token_store)
    await rotate(token_store, session, "first", "second", grace=10)
    await rotate(token_store, session, "second", "third", grace=10)

    reused = await rotate(token_store, session, token, "other", grace=10)

    assert reused.outcome == "reused"
    assert not await alive(token_store, session)


@pytest.mark.promise("auth-34")
async def test_of_fifty_that_refresh_at_once_without_a_grace_one_succeeds(token_store: TokenStore) -> None:
    """One has the successor, the next one ends the session, and nobody gets anything any more."""
    session = await started(token_store)

    rotations = await asyncio.gather(*(rotate(token_store, session, "first", f"second {n}") for n in range(50)))

    outcomes = Counter(each.outcome for each in rotations)
    assert outcomes["rotated"] == 1
    assert outcomes["reused"] >= 1
    assert outcomes["replayed"] == 0
    assert not await alive(token_store, session)


@pytest.mark.promise("auth-34")
async def test_fifty_that_refresh_at_once_within_the_grace_see_one_successor(token_store: TokenStore) -> None:
    """One has the successor, and all others hear which one it is."""
    session = await started(token_store)

    rotations = await asyncio.gather(
        *(rotate(token_store, session, "first", f"second {n}", grace=10) for n in range(50))
    )

    assert Counter(each.outcome for each in rotations) == {"rotated": 1, "replayed": 49}
    assert len({each.session for each in rotations}) == 1
    assert await alive(token_store, session)


@pytest.mark.promise("auth-36")
async def test_a_session_ends_unless_it_is_refreshed(token_store: TokenStore) -> None:
    """At the instant of its idle expiry a session is over, and each refresh puts that off."""
    idle, busy = await started(token_store), await started(token_store)
    await rotate(token_store, busy, "first", "second", at=NOW + IDLE - 1)

    assert await alive(token_store, idle, at=NOW + IDLE - 0.001)
    assert not await alive(token_store, idle, at=NOW + IDLE)
    assert (await rotate(token_store, idle, "first", "second", at=NOW + IDLE)).outcome == "unknown"
    assert await alive(token_store, busy, at=NOW + IDLE)


@pytest.mark.promise("auth-36")
async def test_no_refresh_puts_off_the_end(token_store: TokenStore) -> None:
    """At the instant of its absolute expiry a session is over, however busy it is."""
    session = await started(token_store)
    for turn in range(30):
        await rotate(token_store, session, f"{turn}" if turn else "first", f"{turn + 1}", at=NOW + turn * IDLE * 0.8)

    assert await alive(token_store, session, at=NOW + TOTAL - 0.001)
    assert not await alive(token_store, session, at=NOW + TOTAL)
    assert (await rotate(token_store, session, "30", "31", at=NOW + TOTAL)).outcome == "unknown"


@pytest.mark.promise("auth-167")
async def test_an_ended_session_is_gone(token_store: TokenStore) -> None:
    """A session that was ended is refused from then on, and can be ended once."""
    session, other = await started(token_store), await started(token_store)

    ended = [await token_store.end(session.id), await token_store.end(session.id)]

    assert ended == [True, False]
    assert not await alive(token_store, session)
    assert (await rotate(token_store, session, "first", "second")).outcome == "unknown"
    assert await alive(token_store, other)


@pytest.mark.promise("auth-167")
async def test_a_refresh_does_not_bring_an_ended_session_back(token_store: TokenStore) -> None:
    """Whoever refreshes while the session is being ended, it is over afterwards."""
    session = await started(token_store)
    turns = [rotate(token_store, session, "first", f"second {n}", grace=10) for n in range(20)]
    turns.insert(10, token_store.end(session.id))  # type: ignore[arg-type]

    await asyncio.gather(*turns)

    assert not await alive(token_store, session)


@pytest.mark.promise("auth-45")
async def test_all_sessions_of_a_user_end_at_once(token_store: TokenStore) -> None:
    """Every session of one user ends, and no other user's."""
    mine = [await started(token_store) for _ in range(3)]
    other = await started(token_store, "grace")

    ended = [await token_store.end_all("ada"), await token_store.end_all("ada")]

    assert ended == [3, 0]
    assert [await alive(token_store, each) for each in mine] == [False, False, False]
    assert await alive(token_store, other)


@pytest.mark.promise("auth-45")
async def test_one_session_may_be_kept(token_store: TokenStore) -> None:
    """All sessions but one end, and the one is still listed."""
    mine = [await started(token_store) for _ in range(3)]

    ended = await token_store.end_all("ada", keep=mine[1].id)

    assert ended == 2
    assert [await alive(token_store, each) for each in mine] == [False, True, False]
    assert await token_store.sessions("ada", now=NOW) == [mine[1]]


@pytest.mark.promise("auth-40")
async def test_the_list_shows_the_sessions_of_one_user(token_store: TokenStore) -> None:
    """The sessions that are alive are listed as they are now, the most recently used first."""
    ended = await started(token_store)
    old, middle, new = [await started(token_store, at=NOW + turn) for turn in (1, 2, 3)]
    await started(token_store, "grace")
    await token_store.end(ended.id)
    refreshed = (await rotate(token_store, old, "first", "second", at=NOW + 10)).session

    listed = await token_store.sessions("ada", now=NOW + 11)

    assert list(listed) == [refreshed, new, middle]
    assert list(await token_store.sessions("ada", now=NOW + IDLE + 3)) == [refreshed]
    assert list(await token_store.sessions("nobody", now=NOW)) == []


@pytest.mark.parametrize("user_id", ["a{b}c", "{}", "ada:sessions", "Ünïcode \U0001f511", "' OR 1=1 --"])
async def test_any_text_may_be_a_user(user_id: str, token_store: TokenStore) -> None:
    """IDs with signs that mean something to a backend name one user, as others do."""
    session = await started(token_store, user_id)

    listed = await token_store.sessions(user_id, now=NOW)

    assert list(listed) == [session]
    assert await token_store.end_all(user_id) == 1


@pytest.mark.promise("auth-43")
async def test_too_many_sessions_end_the_least_recently_used(token_store: TokenStore) -> None:
    """Beyond the limit the session ends that was not used for longest, though it is not the oldest."""
    first, second = [await started(token_store, at=NOW + turn) for turn in (0, 1)]
    await rotate(token_store, first, "first", "second", at=NOW + 2)
    other = await started(token_store, "grace")

    third = await started(token_store, at=NOW + 3, limit=2)

    assert [await alive(token_store, each, at=NOW + 3) for each in (first, second, third)] == [True, False, True]
    assert await alive(token_store, other)


@pytest.mark.promise("auth-43")
async def test_sessions_that_are_over_do_not_count(token_store: TokenStore) -> None:
    """Neither an ended nor an expired session takes the place of one that is alive."""
    await started(token_store, at=NOW - IDLE)
    ended = await started(token_store)
    await token_store.end(ended.id)
    kept = await started(token_store, limit=2)

    new = await started(token_store, at=NOW + 1, limit=2)

    assert [await alive(token_store, each, at=NOW + 1) for each in (kept, new)] == [True, True]


@pytest.mark.promise("auth-43")
async def test_logins_at_once_keep_the_limit(token_store: TokenStore) -> None:
    """Of many sessions that start at once, as many are left as there may be."""
    sessions = await asyncio.gather(*(started(token_store, limit=3) for _ in range(30)))

    left = await token_store.sessions("ada", now=NOW)

    assert len(left) == 3
    assert sum([await alive(token_store, each) for each in sessions]) == 3


@pytest.mark.promise("auth-149")
async def test_a_denied_token_is_refused(token_store: TokenStore) -> None:
    """A single token is refused until it has expired, and no other of its session is."""
    session = await started(token_store)
    await token_store.deny("stolen", now=NOW, until=NOW + 900)

    assert not await token_store.check(session.id, "stolen", now=NOW)
    assert not await token_store.check(None, "stolen", now=NOW + 899)
    assert await token_store.check(None, "stolen", now=NOW + 900)
    assert await token_store.check(session.id, "mine", now=NOW)
    assert await token_store.check(None, "mine", now=NOW)


@pytest.mark.promise("auth-149")
async def test_a_token_without_its_session_is_refused(token_store: TokenStore) -> None:
    """No denied token makes up for a session that is not there."""
    await token_store.deny("stolen", now=NOW, until=NOW + 900)

    assert not await token_store.check("f" * 32, "stolen", now=NOW)
    assert not await token_store.check("f" * 32, "mine", now=NOW)


@pytest.mark.promise("auth-68")
async def test_a_one_time_token_works_once(token_store: TokenStore) -> None:
    """Of fifty who show the same token at once, one succeeds, and nobody afterwards."""
    answers = await asyncio.gather(*(token_store.spend("reset", now=NOW, until=NOW + 3600) for _ in range(50)))

    assert sum(answers) == 1
    assert not await token_store.spend("reset", now=NOW + 3599, until=NOW + 3600)
    assert await token_store.spend("another", now=NOW, until=NOW + 3600)


@pytest.mark.promise("auth-68")
async def test_an_expired_one_time_token_does_not_work(token_store: TokenStore) -> None:
    """A token whose time is up is refused, though nobody has shown it before."""
    assert not await token_store.spend("late", now=NOW, until=NOW)
