"""Attempts, counted in memory."""

from dataclasses import dataclass
from threading import Lock


@dataclass(slots=True)
class _Count:
    first_at: float
    per: float
    attempts: int = 0

    def over(self, now: float) -> bool:
        return now >= self.first_at + self.per


class MemoryAttemptStore:
    """Counts attempts in this process.

    Args:
        max_keys: How many keys are counted at most. Beyond them the oldest count is forgotten: whoever wants that has
            to make as many attempts first.

    Raises:
        ValueError: ``max_keys`` is below 1.
    """

    def __init__(self, *, max_keys: int = 100_000) -> None:
        if max_keys < 1:
            raise ValueError(f"max_keys is 1 at least, got {max_keys}")
        self._max_keys = max_keys
        self._counts: dict[str, _Count] = {}  # in the order of their first attempts
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._counts)

    async def attempt(self, key: str, *, limit: int, per: float, now: float) -> float:
        """Count an attempt; give 0.0 where it is allowed, else the seconds until the next one is."""
        with self._lock:
            count = self._counts.get(key)
            if count is None or count.over(now):
                count = self._begin(key, per, now)
            if count.attempts >= limit:
                return count.first_at + count.per - now
            count.attempts += 1
            return 0.0

    async def undo(self, key: str) -> None:
        """Take one attempt back."""
        with self._lock:
            count = self._counts.get(key)
            if count is not None and count.attempts > 0:
                count.attempts -= 1

    async def clear(self, key: str) -> None:
        """Forget the attempts."""
        with self._lock:
            self._counts.pop(key, None)

    def _begin(self, key: str, per: float, now: float) -> _Count:
        self._counts.pop(key, None)
        while self._counts:
            oldest = next(iter(self._counts))
            if len(self._counts) < self._max_keys and not self._counts[oldest].over(now):
                break
            del self._counts[oldest]
        count = self._counts[key] = _Count(now, per)
        return count
