"""What this process sends, until it is certain that Redis has it."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

from ..._core.redis import RedisCaller, RedisUnavailableError
from .._rules.frames import Entry
from .._rules.values import Cursor
from .sender import Answer, Parcel, Sender, hole

_AT_ONCE: Final = 256  # messages of one round trip
_BYTES_AT_ONCE: Final = 1_000_000
_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8)  # seconds between attempts, at most


def pause(attempt: int) -> float:
    """Give the seconds to wait before the next attempt: some, so that not all processes come at once."""
    return _PAUSES[min(attempt, len(_PAUSES) - 1)] * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


class _Item:
    __slots__ = ("answer", "at", "parcel")

    def __init__(self, parcel: Parcel, at: float, answer: "asyncio.Future[Cursor | None]") -> None:
        self.parcel = parcel
        self.at = at
        self.answer = answer

    def settle(self, answer: Cursor | None) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)


class Outbox:
    """Sends in order, what was put in during one round trip with the next; and again until it has arrived.

    What is too much or too old is dropped, the oldest first, and in its place goes a word that it is missing.

    Args:
        sender: Who knows how.
        prompt: Makes the calls that somebody waits for.
        patient: Makes them where one has failed.
        most: Messages that wait.
        most_bytes: Bytes of those.
        oldest: Seconds that one of them waits.
        now: Tells the time, in seconds that never run backwards.
        failed: Hears that Redis could not be told.
        arrived: Hears that it could.
        dropped: Hears what was dropped.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        prompt: RedisCaller,
        patient: RedisCaller,
        most: int,
        most_bytes: int,
        oldest: float,
        now: Callable[[], float],
        failed: Callable[[], None],
        arrived: Callable[[], None],
        dropped: Callable[[Parcel], None],
    ) -> None:
        self.healthy: bool = True
        self._sender = sender
        self._callers = {True: prompt, False: patient}
        self._most, self._most_bytes, self._oldest = most, most_bytes, oldest
        self._now = now
        self._failed, self._arrived, self._dropped = failed, arrived, dropped
        self._number = 0
        self._items: deque[_Item] = deque()
        self._under_way: list[_Item] = []
        self._size = 0
        # Of channels of which something was dropped, the number of the last of it, and whether it was to be stored.
        self._holes: dict[str, tuple[int, bool]] = {}
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def put(self, entry: Entry, *, store: bool) -> tuple[Parcel, "asyncio.Future[Cursor | None]"]:
        """Put in an entry; gives it as it is sent, and what will tell where it stands in its history."""
        answer: asyncio.Future[Cursor | None] = asyncio.get_running_loop().create_future()
        self._number += 1
        parcel = Parcel(entry, self._sender.origin, self._number, stored=self._sender.keeps(entry, store=store))
        self._items.append(_Item(parcel, self._now(), answer))
        self._size += parcel.size
        self._wake.set()
        self._empty.clear()
        self.trim()
        return parcel, answer

    def trim(self) -> None:
        """Drop what is too much."""
        before = self._now() - self._oldest
        while self._items and (self._items[0].at < before or self._overflows()):
            item = self._items.popleft()
            parcel = item.parcel
            self._size -= parcel.size
            if parcel.stored or not self._holes.get(parcel.entry.channel, (0, False))[1]:
                self._holes[parcel.entry.channel] = parcel.number, parcel.stored
            item.settle(None)
            self._dropped(parcel)

    def release(self) -> None:
        """Have nobody wait any longer: what is put in has been delivered here."""
        for item in (*self._under_way, *self._items):
            item.settle(None)
            item.parcel.delay()

    async def run(self) -> None:
        """Send for ever."""
        attempt = 0
        while True:
            await self._wake.wait()
            if await self._send():
                attempt = 0
            else:
                await asyncio.sleep(pause(attempt))
                attempt += 1

    async def flush(self) -> None:
        """Wait until everything has arrived."""
        await self._empty.wait()

    async def _send(self) -> bool:
        self.trim()
        holes = dict(islice(self._holes.items(), _AT_ONCE))
        parcels = [
            hole(channel, self._sender.origin, number, stored=stored) for channel, (number, stored) in holes.items()
        ]
        # A hole has the number of a message, and comes before those that came after it.
        self._under_way = self._take() if len(holes) == len(self._holes) else []
        parcels += [item.parcel for item in self._under_way]
        answers = await self._sender.send(self._callers[self.healthy], parcels)
        for (channel, told), answer in zip(holes.items(), answers, strict=False):
            if not isinstance(answer, RedisUnavailableError) and self._holes[channel] == told:
                del self._holes[channel]
        self._sort(answers[len(holes) :])
        self.healthy = not any(isinstance(answer, RedisUnavailableError) for answer in answers)
        if not self._items and not self._holes:
            self._wake.clear()
            self._empty.set()
        (self._arrived if self.healthy else self._failed)()
        return self.healthy

    def _overflows(self) -> bool:
        return len(self._items) > self._most or (self._size > self._most_bytes and len(self._items) > 1)

    def _take(self) -> list[_Item]:
        taken: list[_Item] = []
        size = 0
        while self._items and len(taken) < _AT_ONCE and (not taken or size < _BYTES_AT_ONCE):
            taken.append(self._items.popleft())
            size += taken[-1].parcel.size
        self._size -= size
        return taken

    def _sort(self, answers: Sequence[Answer]) -> None:
        """Settle what has arrived, and put back the rest, in its order."""
        missing: list[_Item] = []
        for item, answer in zip(self._under_way, answers, strict=True):
            if isinstance(answer, RedisUnavailableError):
                missing.append(item)
            else:
                item.settle(answer)
        self._under_way = []
        self._items.extendleft(reversed(missing))
        self._size += sum(item.parcel.size for item in missing)
