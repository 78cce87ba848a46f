"""What waits for a client that is slow to read, within bounds."""

from collections import OrderedDict
from typing import Any

from .._rules.values import ConnectionLimits, Policy


class Backlog:
    """Messages that wait for one client.

    Args:
        limits: How many may wait, and how many bytes of them.
        policy: What becomes of one too many.

    Attributes:
        size: Bytes of those that wait.
        dropped: Messages that were left out.
    """

    __slots__ = ("_limits", "_policy", "_waiting", "dropped", "size")

    def __init__(self, limits: ConnectionLimits, policy: Policy) -> None:
        self._limits = limits
        self._policy = policy
        self._waiting: OrderedDict[object, tuple[dict[str, Any], int]] = OrderedDict()
        self.size = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def crowded(self) -> bool:
        """Tell whether a sender who can wait should: half of the place is for those who cannot."""
        return 2 * len(self._waiting) >= self._limits.queue or 2 * self.size >= self._limits.queue_bytes

    def add(self, message: dict[str, Any], size: int, key: object = None) -> bool:
        """Let a message wait.

        Args:
            message: The ASGI message.
            size: Its bytes.
            key: What it is the latest state of, if the policy is to coalesce; None for nothing.

        Returns:
            False if there is no place for it and the policy is to part with the client.
        """
        if key is None or self._policy != "coalesce":
            key = object()
        elif key in self._waiting:
            self._drop(key)
        while len(self._waiting) >= self._limits.queue or self.size + size > self._limits.queue_bytes:
            if self._policy in ("disconnect", "coalesce"):
                return False
            if self._policy == "drop_newest" or size > self._limits.queue_bytes:
                self.dropped += 1
                return True
            self._drop(next(iter(self._waiting)))
        self._waiting[key] = (message, size)
        self.size += size
        return True

    def take(self) -> dict[str, Any]:
        """Give the message that has waited longest."""
        _, (message, size) = self._waiting.popitem(last=False)
        self.size -= size
        return message

    def clear(self) -> None:
        """Forget all that waits."""
        self._waiting.clear()
        self.size = 0

    def _drop(self, key: object) -> None:
        self.size -= self._waiting.pop(key)[1]
        self.dropped += 1
