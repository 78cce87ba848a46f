"""`MemoryRateStore`: counters in the memory of one process."""

import time
from collections.abc import Sequence
from functools import lru_cache
from threading import Lock
from typing import Final, NamedTuple

from ..._core.clock import Clock
from .._rules.charges import merge
from .._rules.counting import NOTHING, State, count, hit, refund, tell, weigh
from .._rules.values import SECOND, Algorithm, Charge, Limit, Verdict
from .._store import Mode
from .calendar import Calendar
from .leases import Leases
from .overflow import Estimate, Overflow

_LETTERS: Final[dict[str, Algorithm]] = {"s": "sliding", "g": "gcra", "f": "fixed", "l": "log"}
_VISITS: Final = 2  # keys looked at in passing: each hit brings one at most, so they never pile up
_SEARCH: Final = 16  # keys looked at to find room for a new one


class MemoryRateStore:
    """Counts in the memory of this process; each process has counters of its own.

    A hit costs the same however many keys there are, needs no task that cleans up, and holds its lock for
    microseconds, so that threads may share a store. What still counts is never forgotten: once ``max_keys`` counters
    are in use, new callers are counted together with others in a space of fixed size, which may refuse one of them too
    early and never lets one pass too often.

    Args:
        max_keys: Counters to keep apart; also the most leases that can be held at once.
        clock: Tells the time; the machine's monotonic clock otherwise.

    Attributes:
        offset: Microseconds by which its time is ahead of the clock, for tests.

    Raises:
        ValueError: There is room for nobody.
    """

    def __init__(self, *, max_keys: int = 100_000, clock: Clock | None = None) -> None:
        if max_keys < 1:
            raise ValueError(f"a store needs room for somebody: use max_keys >= 1, got {max_keys}")
        self.offset = 0
        self._clock = clock
        self._most = max_keys
        self._lock = Lock()
        self._states: dict[str, State] = {}
        self._calendar = Calendar()
        self._overflow = Overflow()
        self._leases = Leases(max_keys)

    def __len__(self) -> int:
        """Count the counters that are kept apart."""
        return len(self._states)

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Decide on charges together, and count them all or none.

        Raises:
            ValueError: A cost is negative.
        """
        with self._lock:
            now = self._now()
            if now >= self._calendar.due:
                self._tidy(now, _VISITS)
            if len(charges) == 1:
                return (self._hit_one(charges[0], mode, now),)
            merged, places = merge(charges)
            verdicts = self._hit_all(merged, mode, now)
            return [verdicts[place] for place in places]

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Take back what was counted, as far as it still counts.

        What was counted together with others stays counted.

        Args:
            charges: What was counted.
            age: Seconds since the store answered that it was.
        """
        with self._lock:
            now = self._now()
            for charge in charges:
                key = _key(charge)
                if key in self._states:
                    since = now - round(age * SECOND)
                    self._states[key] = refund(charge.limit, self._states[key], charge.cost, now, since)

    async def reset(self, charges: Sequence[Charge]) -> None:
        """Forget what their counters hold, but not what was counted together with others while there is no room."""
        with self._lock:
            now = self._now()
            for charge in charges:
                key = _key(charge)
                if key in self._states:
                    self._states[key] = NOTHING
                    continue
                estimate = self._overflow.estimate(key, charge.limit, now) if self._overflow else None
                if estimate and self._has_room(now):
                    self._keep(key, NOTHING, estimate.ends + estimate.span, now)

    async def acquire(self, identity: str, scope: str, lease: str, *, amount: int, ttl: float) -> Verdict:
        """Take a lease, if fewer than ``amount`` are held; refused, too, while the store holds all it has room for."""
        with self._lock:
            return self._leases.acquire(f"{identity} {scope}", lease, amount, round(ttl * SECOND), self._now())

    async def renew(self, identity: str, scope: str, lease: str, *, ttl: float) -> None:
        """Let a lease live for another ``ttl`` seconds, unless it has ended."""
        with self._lock:
            self._leases.renew(f"{identity} {scope}", lease, round(ttl * SECOND), self._now())

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Give a lease back."""
        with self._lock:
            self._leases.release(f"{identity} {scope}", lease)

    def _now(self) -> int:
        if self._clock is None:
            return time.monotonic_ns() // 1_000 + self.offset
        return round(self._clock.monotonic() * SECOND) + self.offset

    def _hit_one(self, charge: Charge, mode: Mode, now: int) -> Verdict:
        key, limit, cost = _key(charge), charge.limit, charge.cost
        state = self._states.get(key)
        if state is None:
            return self._hit_all([charge], mode, now)[0]
        if mode == "count":
            verdict, self._states[key] = hit(limit, state, cost, now)
            return verdict
        wait, state = weigh(limit, state, cost, now)
        if mode == "force":
            wait, state = 0, count(limit, state, cost, now)
        self._states[key] = state
        return tell(limit, state, now, wait)

    def _hit_all(self, charges: Sequence[Charge], mode: Mode, now: int) -> list[Verdict]:
        weighed = [self._weigh(charge, now) for charge in charges]
        if mode == "force":
            weighed = [each._replace(wait=0) for each in weighed]
        if mode == "peek" or any(each.wait for each in weighed):
            return [self._look(each, now) for each in weighed]
        return [self._count(each, now) for each in weighed]

    def _weigh(self, charge: Charge, now: int) -> "_Weighed":
        key, limit, cost = _key(charge), charge.limit, charge.cost
        state = self._states.get(key)
        wait, kept = weigh(limit, state or NOTHING, cost, now)
        if state is not None:
            self._states[key] = kept
            return _Weighed(key, limit, cost, wait, kept, None)
        estimate = self._overflow.estimate(key, limit, now) if self._overflow else None
        if estimate:
            wait = estimate.wait(limit, cost, now)
        return _Weighed(key, limit, cost, wait, None, estimate)

    def _look(self, weighed: "_Weighed", now: int) -> Verdict:
        if weighed.estimate:
            return weighed.estimate.tell(weighed.limit, weighed.wait, now)
        return tell(weighed.limit, weighed.kept or NOTHING, now, weighed.wait)

    def _count(self, weighed: "_Weighed", now: int) -> Verdict:
        key, limit, cost, _, kept, estimate = weighed
        # Not all that was weighed is still there: who counts no more may just have made room for another charge.
        known = key in self._states
        if not known and not cost:
            return self._look(weighed, now)
        if not known and not self._has_room(now):
            return self._overflow.count(key, limit, cost, now).tell(limit, 0, now)
        # Whoever comes into the table takes along what was counted of them, as though it had been now.
        inherited = count(limit, NOTHING, estimate.older + estimate.newer, now) if estimate else NOTHING
        state = count(limit, kept or inherited, cost, now)
        verdict = tell(limit, state, now, 0)
        if not known:
            self._keep(key, state, now + verdict.reset_after, now)
        self._states[key] = state
        return verdict

    def _keep(self, key: str, state: State, until: int, now: int) -> None:
        self._states[key] = state
        self._calendar.add(key, until, now)

    def _has_room(self, now: int) -> bool:
        return len(self._states) < self._most or self._tidy(now, _SEARCH)

    def _tidy(self, now: int, visits: int) -> bool:
        """Look at some keys that are due, and forget those of whom nothing counts any more; say whether any was."""
        before = len(self._states)
        for _ in range(visits):
            key = self._calendar.take(now)
            if key is None:
                break
            limit = _limit(key.partition(" ")[0])
            _, kept = weigh(limit, self._states[key], 0, now)
            if kept:
                self._states[key] = kept
                self._calendar.add(key, now + tell(limit, kept, now, 0).reset_after, now)
            else:
                del self._states[key]
        return len(self._states) < before


class _Weighed(NamedTuple):
    """A charge that was weighed: against ``kept``, where the table has the key; against ``estimate`` otherwise."""

    key: str
    limit: Limit
    cost: int
    wait: int
    kept: State | None
    estimate: Estimate | None


def _key(charge: Charge) -> str:
    return f"{charge.limit.code} {charge.identity} {charge.scope}"


@lru_cache(maxsize=1_024)
def _limit(code: str) -> Limit:
    amount, period, burst = code[1:].split(":")
    algorithm = _LETTERS[code[0]]
    return Limit(int(amount), int(period), algorithm, int(burst) if algorithm == "gcra" else 0)
