"""What Redis keeps of rooms."""

import asyncio
from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any, Final

from ..._core.batch import Batcher
from ..._core.redis import Call, RedisCaller, RedisUnavailableError, Script
from .._rules.values import Cursor, History
from .._store import Replay
from .channel import Reading
from .wire import MalformedError, Message, Names, decode

_READ: Final = Script.load("brickwork.websockets", "read")
_MILLISECONDS: Final = 1_000
_ALL: Final = 1_000_000_000
_PAGE: Final = 100  # messages that are read at once of a room that is behind
_AT_ONCE: Final = 50  # rooms of one round trip


class Histories:
    """Reads histories, many in one round trip.

    Args:
        caller: Who is asked.
        names: What things are called.
        history: How much is kept.
        memory: Seconds by which counting outlives what is kept.
        patience: Seconds within which an answer is there.
    """

    def __init__(self, caller: RedisCaller, names: Names, history: History, *, memory: float, patience: float) -> None:
        self._caller = caller
        self._names = names
        self._ttl = round((history.ttl + memory) * _MILLISECONDS)
        self._batcher: Batcher[Call, Any] = Batcher(self._ask, deadline=patience)

    async def read(self, channel: str, since: Cursor | None, limit: int | None) -> Replay:
        """Give what came after a cursor, or all that is kept where nobody can tell.

        Raises:
            RedisUnavailableError: Redis cannot be asked.
        """
        count = _ALL if limit is None else limit
        answer = await self._batcher.ask(self._call(channel, since, count, "latest"), line="")
        if isinstance(answer, Exception):
            raise RedisUnavailableError("the history cannot be read") from answer
        reading = _reading(channel, answer, _ALL)
        found = sorted(reading.messages, key=lambda each: each[0])
        recovered = since is not None and since.epoch == reading.head.epoch
        if since is not None and recovered:
            # Each offset is there, or something is missing.
            expected = range(since.offset + 1, reading.head.offset + 1)
            offsets = [offset for offset, _ in found]
            # The lengths first: a client may say that it was here ten million messages ago.
            recovered = since.offset <= reading.head.offset and len(offsets) == len(expected) and offsets == [*expected]
        return Replay([message.entry for _, message in found if message is not None], reading.head, recovered)

    @property
    def asking(self) -> list["asyncio.Task[None]"]:
        """The tasks that ask Redis at the moment."""
        return self._batcher.running

    async def next(self, wanted: Sequence[tuple[str, Cursor | None, str]]) -> list[Reading | None]:
        """Give the next page of each channel, the message at the cursor included; None where there is no answer.

        Args:
            wanted: Of each the channel, the last message, and the epoch that is to end, if there is one. Where there
                is no last message, it is only asked where the history stands.
        """
        calls = [
            self._call(channel, last and Cursor(last.epoch, last.offset - 1), _PAGE if last else 0, "next", ended)
            for channel, last, ended in wanted
        ]
        answers = await self._ask(calls)
        return [
            None if isinstance(answer, Exception) else _reading(channel, answer, _PAGE)
            for (channel, _, _), answer in zip(wanted, answers, strict=True)
        ]

    def _call(self, channel: str, since: Cursor | None, count: int, way: str, ended: str = "") -> Call:
        epoch, offset = ("", 0) if since is None else (since.epoch, max(since.offset, 0))
        return self._names.history(channel), (token_urlsafe(6), self._ttl, epoch, offset, count, way, ended)

    async def _ask(self, calls: Sequence[Call]) -> list[Any]:
        answers: list[Any] = []
        for start in range(0, len(calls), _AT_ONCE):
            some = calls[start : start + _AT_ONCE]
            try:
                answers += await self._caller.run_all(_READ, some)
            except RedisUnavailableError as error:
                answers += [error] * len(some)
        return answers


def _reading(channel: str, answer: Any, page: int) -> Reading:
    epoch, offset, begin, rows = answer
    head = Cursor(bytes(epoch).decode(), int(offset))
    messages = [_message(channel, head.epoch, row) for row in rows]
    return Reading(head, int(begin), messages, len(rows) < page)


def _message(channel: str, epoch: str, row: Any) -> tuple[int, Message | None]:
    name, fields = row
    offset = int(bytes(name).partition(b"-")[0])
    try:
        return offset, decode(channel, bytes(fields[1]), Cursor(epoch, offset), again=True)
    except MalformedError:
        return offset, None
