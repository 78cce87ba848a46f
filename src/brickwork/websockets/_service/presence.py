"""`Attendances`: has the backplane know who of this process is in which room, whatever is cancelled meanwhile."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

from .._rules.frames import Entry, Frame
from .._rules.rooms import ROOM, joined_frame, left_frame
from .._rules.values import Member
from .._store import Backplane

Info = Mapping[str, Any]


class Attendance(NamedTuple):
    """One connection in one room."""

    channel: str
    member: str
    connection: str


class _Note:
    """What is to be known of an attendance, what is known, and the task that sees to it."""

    __slots__ = ("known", "task", "wanted")

    def __init__(self) -> None:
        self.wanted: Info | None = None
        self.known: Info | None = None
        self.task: asyncio.Task[None] | None = None


class Attendances:
    """Notes who is in which room with the backplane.

    What is to be known changes at once, and a task sees to it that it is. So whoever waits for it can be cancelled, and
    what was half done is undone.

    Args:
        backplane: Where it is noted.
        spawn: Has something done that nobody waits for.
        announce: Whether the room is told.
    """

    def __init__(
        self, backplane: Backplane, spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]], *, announce: bool
    ) -> None:
        self._backplane = backplane
        self._spawn = spawn
        self._announce = announce
        self._notes: dict[Attendance, _Note] = {}

    def join(self, attendance: Attendance, info: Info) -> None:
        """Have it noted that a connection is in a room; `settled` tells when it is."""
        self._want(attendance, dict(info))

    def leave(self, attendance: Attendance) -> None:
        """Have it noted that it is not any more."""
        if attendance in self._notes:
            self._want(attendance, None)

    async def settled(self, attendance: Attendance) -> None:
        """Wait until what is to be known of a connection is known."""
        note = self._notes.get(attendance)
        if note is not None and note.task is not None:
            await asyncio.wait([note.task])

    async def close(self) -> None:
        """Wait until all is known."""
        while tasks := [note.task for note in self._notes.values() if note.task is not None]:
            await asyncio.wait(tasks)

    def _want(self, attendance: Attendance, info: Info | None) -> None:
        note = self._notes.setdefault(attendance, _Note())
        note.wanted = info
        if note.task is None:
            note.task = self._spawn(self._settle(attendance, note))

    async def _settle(self, attendance: Attendance, note: _Note) -> None:
        try:
            while note.known is not note.wanted:
                wanted = note.wanted
                await self._tell(attendance, wanted)
                note.known = wanted
        finally:
            note.task = None
            if note.wanted is None:
                del self._notes[attendance]

    async def _tell(self, attendance: Attendance, info: Info | None) -> None:
        channel, member, connection = attendance
        room = channel.removeprefix(ROOM)
        if info is None:
            frame = left_frame(room, [Member(member)])
            await self._backplane.leave(*attendance, announce=self._announcement(channel, connection, frame))
        else:
            frame = joined_frame(room, Member(member, (info,)))
            await self._backplane.join(*attendance, info, announce=self._announcement(channel, connection, frame))

    def _announcement(self, channel: str, connection: str, frame: Frame) -> Entry | None:
        # A client that comes is told of everybody, so it need not hear of itself.
        return Entry(channel, frame, exclude=frozenset({connection})) if self._announce else None
