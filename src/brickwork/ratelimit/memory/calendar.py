"""When to look at what again."""

from heapq import heappop, heappush
from typing import Final

NEVER_DUE: Final = 2**63
_FINEST: Final = 14  # bits of microseconds: a page spans 16 ms at least


class Calendar:
    """Keys on pages, by the time at which to look at them.

    A page spans a thirty-second of the way to it or less, so there are few, and writing a key down or taking it off
    costs the same however many keys there are. A key comes up late by that much, never early.
    """

    def __init__(self) -> None:
        self.due: int = NEVER_DUE
        """When the first page is due, in microseconds."""
        self._pages: dict[int, list[str]] = {}
        self._order: list[int] = []

    def add(self, key: str, when: int, now: int) -> None:
        """Write a key down."""
        span = 1 << max(_FINEST, (when - now).bit_length() - 5)
        page = -(-when // span) * span
        keys = self._pages.get(page)
        if keys is not None:
            keys.append(key)
            return
        self._pages[page] = [key]
        heappush(self._order, page)
        self.due = self._order[0]

    def take(self, now: int) -> str | None:
        """Take off a key that is due."""
        if now < self.due:
            return None
        keys = self._pages[self.due]
        key = keys.pop()
        if not keys:
            del self._pages[heappop(self._order)]
            self.due = self._order[0] if self._order else NEVER_DUE
        return key
