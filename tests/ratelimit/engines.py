"""A store that can be sent away, and rules as they apply to somebody."""

import asyncio
from collections.abc import Sequence

from brickwork.ratelimit import Charge, Limit, RateStoreUnavailableError, Verdict
from brickwork.ratelimit._service.applied import Applied, OnError
from brickwork.ratelimit._service.engine import Engine
from brickwork.ratelimit._service.rule import limits_of
from brickwork.ratelimit._store import Mode
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.testing import ManualClock


class MovingStore:
    """A store whose owner can send it away, and make it think for as long as it takes."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.offset = 0
        self.away = False
        self.asked = 0
        self.leaves_after = 1_000_000
        self.thinking: asyncio.Event | None = None
        self._store = MemoryRateStore(clock=clock)

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Count, if it is there."""
        await self._reach()
        return await self._store.hit(charges, mode=mode)

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Give back, if it is there."""
        await self._reach()
        await self._store.refund(charges, age=age)

    async def reset(self, charges: Sequence[Charge]) -> None:
        """Forget, if it is there."""
        await self._reach()
        await self._store.reset(charges)

    async def acquire(self, identity: str, scope: str, lease: str, *, amount: int, ttl: float) -> Verdict:
        """Lease, if it is there."""
        await self._reach()
        return await self._store.acquire(identity, scope, lease, amount=amount, ttl=ttl)

    async def renew(self, identity: str, scope: str, lease: str, *, ttl: float) -> None:
        """Renew, if it is there."""
        await self._reach()
        await self._store.renew(identity, scope, lease, ttl=ttl)

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Release, if it is there."""
        await self._reach()
        await self._store.release(identity, scope, lease)

    async def _reach(self) -> None:
        self.asked += 1
        if self.thinking is not None:
            await self.thinking.wait()
        if self.away or self.asked > self.leaves_after:
            raise RateStoreUnavailableError("redis://:secret@10.0.0.9 is away") from ConnectionResetError("ada")
        self._store.offset = self.offset


def rule(
    limits: str | Limit | Sequence[str | Limit],
    *,
    who: str = "ada",
    name: str = "search",
    cost: int = 1,
    shadow: bool = False,
    on_error: OnError | None = None,
) -> Applied:
    """A rule as it applies to somebody; nobody at all where ``who`` is empty."""
    identity = f"{who:_<22}" if who else ""
    return Applied(name, limits_of(limits), identity, f"{name:_<11}", cost, shadow, on_error)


async def admitted(engine: Engine, *applied: Applied, tries: int = 20) -> int:
    """Count how often somebody is let through."""
    return sum([(await engine.decide(applied)).allowed for _ in range(tries)])
