"""Whoever guesses has to pause, and nobody else."""

import asyncio
import re
from math import inf, nan
from typing import Any

import pytest

from brickwork._core.scope import network
from brickwork.auth._errors import TooManyAttemptsError
from brickwork.auth._rules.lockout import attempt_key
from brickwork.auth._service.lockout import Lockout
from brickwork.auth.memory import MemoryAttemptStore
from brickwork.testing import ManualClock

HERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


async def spend(lockout: Lockout, attempts: int, *, login: str = "ada", address: str | None = HERE) -> None:
    """Make some attempts that are allowed."""
    for _ in range(attempts):
        await lockout.guard(login, address)


@pytest.mark.promise("auth-28")
async def test_too_many_attempts_have_to_pause() -> None:
    """After five in a quarter of an hour comes 429, with the time to wait; then all five are there again."""
    clock = ManualClock()
    lockout = Lockout(5, per=900, clock=clock)
    await spend(lockout, 5)
    clock.advance(100.5)

    with pytest.raises(TooManyAttemptsError) as refused:
        await lockout.guard("ada", HERE)

    assert (refused.value.status_code, refused.value.retry_after) == (429, 800)
    clock.advance(799.5)
    await spend(lockout, 5)


@pytest.mark.promise("auth-28")
async def test_a_login_that_succeeds_clears_the_count() -> None:
    """Old mistakes are forgotten then."""
    lockout = Lockout(2)
    await spend(lockout, 2)

    await lockout.clear("ada", HERE)

    await spend(lockout, 2)


@pytest.mark.promise("auth-29")
async def test_nobody_is_locked_out_elsewhere() -> None:
    """Another address of the same login, and another login from the same address, go on."""
    lockout = Lockout(1)
    await spend(lockout, 1)

    await lockout.guard("ada", ELSEWHERE)
    await lockout.guard("grace", HERE)
    await lockout.guard("ada", None)

    with pytest.raises(TooManyAttemptsError):
        await lockout.guard("ada", HERE)


@pytest.mark.promise("auth-28")
async def test_guessing_many_at_once_is_no_way_around() -> None:
    """Of fifty attempts at once, five get to the password."""
    lockout = Lockout(5)

    answers = await asyncio.gather(*(lockout.guard("ada", HERE) for _ in range(50)), return_exceptions=True)

    assert answers.count(None) == 5
    assert sum(isinstance(answer, TooManyAttemptsError) for answer in answers) == 45


@pytest.mark.promise("auth-28")
@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::99", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        (None, ""),
    ],
)
def test_one_client_is_one_network(address: str | None, block: str) -> None:
    """Who has one IPv6 address has 2^64 of them, and they count as one."""
    assert network(address) == block


@pytest.mark.promise("auth-29")
async def test_the_store_learns_neither_login_nor_address() -> None:
    """Keys are hashes, of text that no login can forge."""
    key = attempt_key("ada", HERE)

    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key != attempt_key(f"ada\0{HERE}", None)
    assert attempt_key("\ud800", None)


async def test_lockouts_may_share_a_store() -> None:
    """Attempts that one process counts, another one sees."""
    store = MemoryAttemptStore()
    await Lockout(1, store=store).guard("ada", HERE)

    with pytest.raises(TooManyAttemptsError):
        await Lockout(1, store=store).guard("ada", HERE)


@pytest.mark.parametrize("options", [{"limit": 0}, {"per": 0.0}, {"per": inf}, {"per": nan}])
def test_a_senseless_lockout_cannot_be_made(options: dict[str, Any]) -> None:
    """The mistake shows when the application starts."""
    with pytest.raises(ValueError, match="limit >= 1 and per > 0"):
        Lockout(**options)
