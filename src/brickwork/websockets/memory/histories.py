"""What was sent to rooms."""

from collections import OrderedDict, deque
from secrets import token_urlsafe
from typing import Final

from .._rules.frames import Entry
from .._rules.values import Cursor, History
from .._store import Replay

_MOST_EMPTY: Final = 10_000  # rooms to which nothing was sent, and whose place is known though: clients can name any


class _Log:
    __slots__ = ("ends", "entries", "epoch", "offset")

    def __init__(self, size: int, ends: float) -> None:
        self.epoch = token_urlsafe(6)
        self.offset = 0
        self.entries: deque[Entry] = deque(maxlen=size)
        self.ends = ends

    @property
    def head(self) -> Cursor:
        return Cursor(self.epoch, self.offset)


class Histories:
    """The latest entries of each channel, until nothing has come for a while.

    Args:
        kept: How much of a channel, and for how long.
    """

    def __init__(self, kept: History) -> None:
        self.kept = kept
        # In the order in which they end: one ttl for all, and whoever is written to goes last.
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._empty: OrderedDict[str, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._logs)

    @property
    def due(self) -> float | None:
        """When the first of them ends, in seconds of the clock; None where there is none."""
        return next(iter(self._logs.values())).ends if self._logs else None

    def append(self, entry: Entry, now: float) -> Cursor:
        """Keep an entry, and tell it where it stands."""
        log = self._live(entry.channel, now)
        self._empty.pop(entry.channel, None)
        log.offset += 1
        log.ends = now + self.kept.ttl
        log.entries.append(entry)
        self._logs.move_to_end(entry.channel)
        entry.cursor = log.head
        return entry.cursor

    def read(self, channel: str, since: Cursor | None, limit: int | None, now: float) -> Replay:
        """Give what came after a cursor, or all that is kept where nobody can tell."""
        log = self._live(channel, now)
        entries = list(log.entries)
        before = log.offset - len(entries)
        recovered = since is not None and since.epoch == log.epoch and before <= since.offset <= log.offset
        if since is not None and recovered:
            entries = entries[since.offset - before :]
        if limit is not None and len(entries) > limit:
            entries, recovered = entries[len(entries) - limit :], False
        return Replay(entries, log.head, recovered)

    def sweep(self, now: float, most: int) -> None:
        """Forget as many channels as are due, but not more than ``most``."""
        for _ in range(most):
            due = self.due
            if due is None or due > now:
                return
            channel, _ = self._logs.popitem(last=False)
            self._empty.pop(channel, None)

    def _live(self, channel: str, now: float) -> _Log:
        log = self._logs.get(channel)
        if log is None or log.ends <= now:
            log = self._logs[channel] = _Log(self.kept.size, now + self.kept.ttl)
            self._logs.move_to_end(channel)
            self._empty[channel] = None
            if len(self._empty) > _MOST_EMPTY:
                del self._logs[self._empty.popitem(last=False)[0]]
        return log
