"""Who is being served right now."""

from collections import OrderedDict
from typing import NamedTuple

from .._rules.values import Verdict


class _Lease(NamedTuple):
    ttl: int
    ends: int


class Leases:
    """Leases by key, each with the time at which it ends by itself; never more than ``most`` of them.

    Where there is no room for one it is refused, though its caller may hold none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._held: dict[str, dict[str, _Lease]] = {}
        # Leases of one ttl end in the order in which they were last renewed.
        self._queues: dict[int, OrderedDict[tuple[str, str], int]] = {}

    def acquire(self, key: str, lease: str, amount: int, ttl: int, now: int) -> Verdict:
        """Take a lease, or renew the one of that name."""
        held = self._live(key, now)
        if lease in held:
            self.release(key, lease)
        elif len(held) >= amount:
            # As many must end as are too many, the new one included.
            ends = sorted(each.ends for each in held.values())
            return _tell(held, amount, now, ends[len(held) - amount] - now)
        elif not self._has_room(now):
            heads = [next(iter(queue.values())) for queue in self._queues.values()]
            return _tell(held, amount, now, min(heads) - now)
        self._take(key, lease, _Lease(ttl, now + ttl))
        return _tell(self._held[key], amount, now, 0)

    def renew(self, key: str, lease: str, ttl: int, now: int) -> None:
        """Let a lease that has not ended live on."""
        if lease in self._live(key, now):
            self.release(key, lease)
            self._take(key, lease, _Lease(ttl, now + ttl))

    def release(self, key: str, lease: str) -> None:
        """Forget a lease, if it is known."""
        held = self._held.get(key, {})
        if lease not in held:
            return
        ttl = held.pop(lease).ttl
        del self._queues[ttl][key, lease]
        self._count -= 1
        if not held:
            del self._held[key]
        if not self._queues[ttl]:
            del self._queues[ttl]

    def _take(self, key: str, lease: str, taken: _Lease) -> None:
        self._held.setdefault(key, {})[lease] = taken
        self._queues.setdefault(taken.ttl, OrderedDict())[key, lease] = taken.ends
        self._count += 1

    def _live(self, key: str, now: int) -> dict[str, _Lease]:
        ended = [lease for lease, each in self._held.get(key, {}).items() if each.ends <= now]
        for lease in ended:
            self.release(key, lease)
        return self._held.get(key, {})

    def _has_room(self, now: int) -> bool:
        for queue in [*self._queues.values()] if self._count >= self._most else ():
            (key, lease), ends = next(iter(queue.items()))
            if ends <= now:
                self.release(key, lease)
        return self._count < self._most


def _tell(held: dict[str, _Lease], amount: int, now: int, retry_after: int) -> Verdict:
    ends = max((each.ends for each in held.values()), default=now)
    return Verdict(max(0, amount - len(held)), ends - now, retry_after)
