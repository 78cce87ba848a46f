"""Stores in memory are bounded, and take any class of users."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import anyio
import pytest
from pydantic import BaseModel

from brickwork.auth import MemoryTokenStore, MemoryUser, MemoryUserStore
from tests.auth.records import IDLE, NOW, new_session, started


@dataclass
class Employee:
    """A user of a class that knows nothing of ours."""

    id: int
    login: str
    desk: str
    password_hash: str | None = None
    active: bool = True
    token_version: int = 0
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class Member(BaseModel):
    """A user that pydantic checks."""

    id: int
    login: str
    desk: str
    password_hash: str | None = None
    active: bool = True
    token_version: int = 0
    roles: list[str] = []
    scopes: list[str] = []


@pytest.mark.promise("auth-172")
async def test_expired_sessions_and_tokens_are_dropped() -> None:
    """What has expired leaves the memory, without anybody asking for it."""
    store = MemoryTokenStore()
    for number in range(5000):
        at = NOW + number * IDLE / 100
        await started(store, f"user {number % 7}", at=at)
        await store.deny(f"denied {number}", now=at, until=at + 60)
        await store.spend(f"spent {number}", now=at, until=at + 60)

    assert len(store) < 4000
    assert len(await store.sessions("user 0", now=NOW + 5000 * IDLE / 100)) > 0


async def test_nothing_is_left_of_sessions_that_were_ended() -> None:
    """Ending sessions leaves nothing behind, of their users neither."""
    store = MemoryTokenStore()
    for number in range(100):
        session = await started(store, f"user {number}")
        await store.end(session.id)

    assert len(store) == 0
    assert store._owned == {}


async def test_a_session_that_starts_again_is_one() -> None:
    """A session that is kept twice, because an answer was lost, is one session."""
    store = MemoryTokenStore()
    session = new_session()

    for _ in range(2):
        await store.start(session, now=NOW, limit=1)

    assert await store.sessions("ada", now=NOW) == [session]


def test_threads_do_not_lose_each_others_changes() -> None:
    """A store that is used from several event loops at once, as under test clients, counts each change once."""
    store = MemoryUserStore()
    user = anyio.run(store.create, {"login": "ada"})

    def end_tokens() -> None:
        async def often() -> None:
            for _ in range(200):
                await store.update(user.id, {}, end_tokens=True)

        anyio.run(often)

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(end_tokens) for _ in range(4)]:
            done.result()

    changed = anyio.run(store.get, user.id)
    assert changed is not None
    assert changed.token_version == 800


async def test_further_fields_are_kept() -> None:
    """What a registration says beyond our fields is an attribute of the user, through every change."""
    store = MemoryUserStore()
    created = await store.create({"login": "ada", "nickname": "Countess", "extra": {"shoe": 38}})

    changed = await store.update(created.id, {"city": "London", "active": False})
    renamed = await store.update(created.id, {"active": True})

    assert changed is not None
    assert (changed.nickname, changed.shoe, changed.city, changed.active) == ("Countess", 38, "London", False)
    assert renamed is not None
    assert dict(renamed.extra) == {"shoe": 38, "nickname": "Countess", "city": "London"}
    with pytest.raises(AttributeError, match="a user has no 'age'"):
        _ = created.age
    found = await store.find("Countess", field="nickname")
    assert found == renamed
    await store.create({"login": "eve", "nickname": "Countess"})
    assert await store.find("Countess", field="nickname") is None, "what two share names neither"
    assert await store.find("Ada", field="nickname") is None


@pytest.mark.promise("auth-54")
async def test_a_memory_user_keeps_and_shows_no_password() -> None:
    """A password among the fields is refused, wherever it is; what is kept besides is in no repr."""
    store = MemoryUserStore()
    ada = await store.create({"login": "ada", "pin": "4711"})

    wrong: list[dict[str, Any]] = [{"password": "violet"}, {"extra": {"password": "violet"}}]
    for fields in wrong:
        with pytest.raises(TypeError, match=r"write auth\.create_user"):
            await store.create({"login": "grace", **fields})
        with pytest.raises(TypeError, match="or give password_hash"):
            await store.update(ada.id, fields)

    assert ada.pin == "4711"
    assert "4711" not in repr(ada)
    assert await store.find("grace") is None


async def test_a_memory_user_can_be_copied_and_hashed() -> None:
    """Users can be copied, pickled and used as keys, and show no password hash."""
    user = MemoryUser("ada", password_hash="$argon2id$secret", extra={"city": "London"})

    copies = [copy.copy(user), copy.deepcopy(user), pickle.loads(pickle.dumps(user))]

    assert copies == [user, user, user]
    assert len({user, *copies}) == 1
    assert "secret" not in repr(user)


async def test_a_memory_user_takes_names_in_any_list() -> None:
    """Roles and scopes become tuples, so that users can be compared and hashed, made and changed alike."""
    user = MemoryUser("ada", roles=cast("Any", ["admin"]), scopes=cast("Any", {"a": 1}.keys()))
    store = MemoryUserStore()
    created = await store.create({"login": "ada", "roles": ["admin"], "scopes": {"a"}})

    changed = await store.update(created.id, {"roles": ["clerk"]})

    assert (user.roles, user.scopes) == (created.roles, created.scopes) == (("admin",), ("a",))
    assert changed is not None
    assert (changed.roles, len({user, created, changed})) == (("clerk",), 3)


@pytest.mark.parametrize("names", ["admin", {"a": "Read"}, None, 7, [7], [None]])
@pytest.mark.parametrize("field", ["roles", "scopes"])
async def test_a_memory_user_takes_nothing_but_names(field: str, names: Any) -> None:
    """A text, a mapping with descriptions, or no list of names at all is refused with what to write."""
    store = MemoryUserStore()
    ada = await store.create({"login": "ada"})

    with pytest.raises(TypeError, match=f"{field}= of a user takes .*write {field}="):
        await store.create({"login": "grace", field: names})
    with pytest.raises(TypeError, match=f"{field}= of a user"):
        await store.update(ada.id, {field: names})

    assert await store.get(ada.id) == ada


@pytest.mark.parametrize("user_class", [Employee, Member])
async def test_any_class_of_users_will_do(user_class: Any) -> None:
    """Users of an app's own class are kept, and what an app changes in its copy changes nothing in the store."""
    store = MemoryUserStore[Any](user_class)
    created = await store.create({"id": 7, "login": "ada", "desk": "4b"})

    updated: Any = await store.update("7", {"desk": "5a"}, end_tokens=True)
    updated.desk = "none"
    found: Any = await store.get("7")

    assert isinstance(found, user_class)
    assert (created.desk, found.desk, found.token_version) == ("4b", "5a", 1)
