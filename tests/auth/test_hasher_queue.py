"""Passwords are hashed in a few threads; whoever would wait too long is told so."""

import asyncio
import threading

import argon2.low_level
import pytest

from brickwork.auth._errors import HasherBusyError
from brickwork.auth.passlib import PasswordHasher

PASSWORD = "wall of bricks"


class Gate:
    """Holds every hashing until it is opened, and says how many wait inside at most."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self._entered = threading.Semaphore(0)
        self.inside = 0
        self.most = 0
        self._lock = threading.Lock()

    def pass_through(self, **_: object) -> bytes:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self._entered.release()
        assert self.opened.wait(30)
        with self._lock:
            self.inside -= 1
        return b"$argon2id$held"

    async def entered(self, times: int) -> None:
        """Wait until so many have come in."""
        for _ in range(times):
            assert await asyncio.to_thread(self._entered.acquire, timeout=30)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Stand in for the C library, so that a test decides how long hashing takes."""
    gate = Gate()
    monkeypatch.setattr(argon2.low_level, "hash_secret", gate.pass_through)
    return gate


@pytest.mark.promise("auth-79")
async def test_the_loop_runs_on_while_passwords_are_hashed(gate: Gate) -> None:
    """Only the loop opens the gate: it gets to, so no hashing holds it; and no more hash at once than allowed."""
    hasher = PasswordHasher(threads=2, max_waiting=3)

    hashing = [asyncio.create_task(hasher.hash(PASSWORD)) for _ in range(5)]
    await gate.entered(2)
    gate.opened.set()

    assert await asyncio.gather(*hashing) == ["$argon2id$held"] * 5
    assert gate.most == 2


@pytest.mark.promise("auth-79")
async def test_a_full_queue_refuses_at_once() -> None:
    """503 with Retry-After instead of a wait without end; places that get free are given again."""
    hasher = PasswordHasher(threads=1, max_waiting=1)

    answers = await asyncio.gather(*(hasher.verify(PASSWORD, None) for _ in range(5)), return_exceptions=True)

    refused = [answer for answer in answers if isinstance(answer, HasherBusyError)]
    assert len(refused) == 3
    assert refused[0].status_code == 503
    assert refused[0].headers == {"Retry-After": "1"}
    assert not (await hasher.verify(PASSWORD, None)).valid


@pytest.mark.promise("auth-79")
async def test_who_gives_up_gives_the_place_back(gate: Gate) -> None:
    """A client that hangs up while it waits does not wait on."""
    hasher = PasswordHasher(threads=1, max_waiting=1)
    first = asyncio.create_task(hasher.hash(PASSWORD))
    await gate.entered(1)
    impatient = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient

    patient = asyncio.create_task(hasher.hash(PASSWORD))
    await asyncio.sleep(0)
    gate.opened.set()

    assert {await first, await patient} == {"$argon2id$held"}


def test_one_hasher_serves_many_loops() -> None:
    """An application is imported once, and each test runs it on a loop of its own."""
    hasher = PasswordHasher.testing()

    hashed = asyncio.run(hasher.hash(PASSWORD))

    assert asyncio.run(hasher.verify(PASSWORD, hashed)).valid
