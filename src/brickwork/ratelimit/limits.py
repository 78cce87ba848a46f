"""Counters in what the package `limits` reaches: for Memcached and MongoDB, which have no store of their own here."""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from math import ceil, floor
from typing import Final, cast

from .._core.extras import extra
from ._errors import RateStoreUnavailableError
from ._rules.charges import merge
from ._rules.values import NEVER, SECOND, Algorithm, Charge, Verdict
from ._store import Mode

with extra("slowapi"):
    from limits.aio.storage import MemcachedStorage, MovingWindowSupport, SlidingWindowCounterSupport, Storage
    from limits.storage import storage_from_string
    from limits.storage.base import TimestampedSlidingWindow

_THIRTY_DAYS: Final = 30 * 86_400


class LimitsRateStore:
    """Counts in a storage of the package `limits`; not in one step, and with several round trips for each limit.

    `MemoryRateStore` and `RedisRateStore` count exactly, and faster; this is for who has neither. It is tested on
    memory and Redis, and on Memcached wherever the tests find one; MongoDB is untried. What it cannot do:

    - *Several limits in one step.* It looks at all of them, then counts one after the other. Where another request
      comes in between, what was counted already is taken back where `limits` can do that: always with ``fixed``,
      in memory and Memcached with ``sliding``, never with ``log``. What cannot be taken back limits too early, and
      never lets more through.
    - *Refunds*, within the same bounds: ``count_when`` needs ``fixed``, or ``sliding`` in memory or Memcached.
    - *Debt.* ``force`` goes beyond the limit with ``fixed`` only.
    - *Exact times.* Those of ``log`` are right for a cost of 1. Memcached and MongoDB tell time by the clocks of your
      processes, which have to agree.

    Args:
        storage: A storage of ``limits.aio.storage``, or its URI, such as ``"memcached://127.0.0.1:11211"``. A storage
            is closed by its owner.
        prefix: Put before every key.
        deadline: Seconds that one decision may take.

    Raises:
        TypeError: The storage is one of those that block.
        ValueError: ``deadline`` is not above 0.
    """

    def __init__(self, storage: str | Storage, *, prefix: str = "rate", deadline: float = 0.2) -> None:
        if deadline <= 0:
            raise ValueError(f"a deadline of {deadline} s leaves no time to ask: use one above 0")
        opened = storage_from_string(_asynchronous(storage)) if isinstance(storage, str) else storage
        if not isinstance(opened, Storage):
            raise TypeError(f"{type(opened).__name__} would block every request: take it from limits.aio.storage")
        self._storage = opened
        self._prefix = prefix
        self._deadline = deadline

    @property
    def algorithms(self) -> frozenset[Algorithm]:
        """The algorithms that the storage has: ``fixed`` always, ``sliding`` and ``log`` where `limits` has them."""
        return frozenset(name for name, kind in _KINDS.items() if isinstance(self._storage, kind.needs))

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Decide on charges together: see `RateStore.hit`, and above how far together goes here.

        Raises:
            RateStoreUnavailableError: The storage cannot be asked, or not in time.
            ValueError: The storage lacks the algorithm of a limit, or cannot remember for so long.
        """
        merged, places = merge(charges)
        counters = [self._counter(charge) for charge in merged]
        async with self._reaching():
            before = [await counter.look() for counter in counters]
            if mode == "peek" or (mode == "count" and any(verdict.retry_after for verdict in before)):
                return [before[place] for place in places]
            refused: _Counter | None = None
            if mode == "force":
                for counter in counters:
                    await counter.force()
            else:
                refused = await _take(counters)
            after = [await counter.look() for counter in counters]
        verdicts = [
            # Who lost a race is refused, even if there is room again by now: nothing was counted for it.
            verdict._replace(retry_after=max(1, verdict.retry_after) if counter is refused else known.retry_after)
            for counter, verdict, known in zip(counters, after, before, strict=True)
        ]
        return [verdicts[place] for place in places]

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Take back what was counted, where `limits` can.

        Args:
            charges: What was counted.
            age: Seconds since then.

        Raises:
            RateStoreUnavailableError: The storage cannot be asked, or not in time.
            ValueError: The storage lacks the algorithm of a limit, or cannot remember for so long.
        """
        counters = [self._counter(charge) for charge in merge(charges)[0]]
        async with self._reaching():
            for counter in counters:
                await counter.lower(age)

    async def reset(self, charges: Sequence[Charge]) -> None:
        """Forget what their counters hold.

        Raises:
            RateStoreUnavailableError: The storage cannot be asked, or not in time.
            ValueError: The storage lacks the algorithm of a limit, or cannot remember for so long.
        """
        counters = [self._counter(charge) for charge in charges]
        async with self._reaching():
            for counter in counters:
                await counter.clear()

    def _counter(self, charge: Charge) -> "_Counter":
        kind = _KINDS.get(charge.limit.algorithm)
        if kind is None or not isinstance(self._storage, kind.needs):
            known = " or ".join(sorted(self.algorithms))
            raise ValueError(f"{type(self._storage).__name__} cannot count by {charge.limit.algorithm}: use {known}")
        # Memcached takes a longer time for a date in 1970, and would forget at once.
        if isinstance(self._storage, MemcachedStorage) and kind.lifetimes * charge.limit.period > _THIRTY_DAYS:
            most = _THIRTY_DAYS // kind.lifetimes
            raise ValueError(f"Memcached cannot count by {charge.limit.algorithm} for over {most} s: use less")
        return kind(self._storage, charge, f"{self._prefix}:{charge.identity}:{charge.scope}:{charge.limit.code}")

    @asynccontextmanager
    async def _reaching(self) -> AsyncGenerator[None]:
        try:
            async with asyncio.timeout(self._deadline):
                yield
        except Exception as error:  # every client of every storage fails in its own way
            raise RateStoreUnavailableError("the storage could not be asked, or not in time") from error


def _asynchronous(uri: str) -> str:
    return uri if uri.startswith("async+") else f"async+{uri}"


async def _take(counters: Sequence["_Counter"]) -> "_Counter | None":
    """Count one after the other; at the first that refuses, take back and give that one."""
    for number, counter in enumerate(counters):
        if not await counter.take():
            for counted in counters[:number]:
                await counted.lower()
            return counter
    return None


class _Counter(ABC):
    """One charge, in words of a storage of `limits`."""

    needs: type[object] = Storage
    lifetimes = 1

    def __init__(self, storage: Storage, charge: Charge, key: str) -> None:
        self._storage = storage
        self._key = key
        self._amount, self._period, self._cost = charge.limit.amount, charge.limit.period, charge.cost

    @abstractmethod
    async def look(self) -> Verdict:
        """Say what would become of the charge now."""

    @abstractmethod
    async def take(self) -> bool:
        """Count the charge, unless the counter refuses it."""

    @abstractmethod
    async def force(self) -> None:
        """Count the charge as far as the storage can."""

    @abstractmethod
    async def lower(self, age: float = 0.0) -> None:
        """Take back the charge that was counted ``age`` seconds ago, where the storage can."""

    async def clear(self) -> None:
        await self._storage.clear(self._key)

    def _verdict(self, used: float, reset: float, retry: float) -> Verdict:
        """Put a verdict together; ``retry`` matters where the charge does not fit beside what is used."""
        wait = 0
        if self._cost > self._amount:
            wait = NEVER
        elif self._cost and floor(used) + self._cost > self._amount:
            wait = max(1, ceil(retry * SECOND))
        return Verdict(max(0, self._amount - floor(used)), max(0, ceil(reset * SECOND)), wait)

    async def _lower(self, key: str) -> None:
        # Memory has decr, and so has the client of Memcached; neither goes below 0.
        decr = getattr(self._storage, "decr", None) or getattr(getattr(self._storage, "bridge", None), "decr", None)
        if decr is not None:
            await decr(key, self._cost)
        elif counted := min(self._cost, await self._storage.get(key)):
            await self._storage.incr(key, self._period, -counted)


class _Fixed(_Counter):
    async def look(self) -> Verdict:
        used = await self._storage.get(self._key)
        ends = await self._storage.get_expiry(self._key) - time.time() if used else 0
        return self._verdict(used, ends, ends)

    async def take(self) -> bool:
        if not self._cost or await self._storage.incr(self._key, self._period, self._cost) <= self._amount:
            return True
        await self.lower()
        return False

    async def force(self) -> None:
        used = await self._storage.get(self._key)
        if fits := max(0, min(self._cost, 2 * self._amount - used)):
            await self._storage.incr(self._key, self._period, fits)

    async def lower(self, age: float = 0.0) -> None:
        # What was counted in a window that has ended went with it.
        if not age or await self._storage.get_expiry(self._key) - self._period <= time.time() - age:
            await self._lower(self._key)


class _Sliding(_Counter):
    needs = SlidingWindowCounterSupport
    lifetimes = 2

    async def look(self) -> Verdict:
        previous, previous_ends, current, current_ends = await self._windows.get_sliding_window(self._key, self._period)
        used = previous * previous_ends / self._period + current
        room = self._amount - self._cost + 1
        # A window counts in full until it ends, and then less and less for one more period.
        if current < room or not current:
            retry = previous_ends - (room - current) * self._period / previous if previous else 0
        else:
            retry = current_ends - room * self._period / current
        return self._verdict(used, current_ends if current else previous_ends, retry)

    async def take(self) -> bool:
        return await self._acquire(self._cost)

    async def force(self) -> None:
        await self._acquire(min(self._cost, (await self.look()).remaining))

    async def lower(self, age: float = 0.0) -> None:
        if isinstance(self._storage, TimestampedSlidingWindow):
            _, window = self._storage.sliding_window_keys(self._key, self._period, time.time() - age)
            await self._lower(window)

    async def clear(self) -> None:
        await self._windows.clear_sliding_window(self._key, self._period)

    async def _acquire(self, cost: int) -> bool:
        return not cost or await self._windows.acquire_sliding_window_entry(self._key, self._amount, self._period, cost)

    @property
    def _windows(self) -> SlidingWindowCounterSupport:
        return cast("SlidingWindowCounterSupport", self._storage)


class _Log(_Counter):
    needs = MovingWindowSupport

    async def look(self) -> Verdict:
        oldest, used = await self._entries.get_moving_window(self._key, self._amount, self._period)
        return self._verdict(used, self._period if used else 0, oldest + self._period - time.time())

    async def take(self) -> bool:
        return await self._acquire(self._cost)

    async def force(self) -> None:
        await self._acquire(min(self._cost, (await self.look()).remaining))

    async def lower(self, age: float = 0.0) -> None:
        """Leave it: a log cannot tell one entry from another."""

    async def _acquire(self, cost: int) -> bool:
        return not cost or await self._entries.acquire_entry(self._key, self._amount, self._period, cost)

    @property
    def _entries(self) -> MovingWindowSupport:
        return cast("MovingWindowSupport", self._storage)


_KINDS: Final[dict[Algorithm, type[_Counter]]] = {"fixed": _Fixed, "sliding": _Sliding, "log": _Log}
