"""A backplane whose every step takes a while, as over a network."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from brickwork.websockets import Backplane, Cursor, History, Member, Presence
from brickwork.websockets._rules.frames import Entry
from brickwork.websockets._store import Change, Receiver, Replay, State


class LaggingBackplane:
    """Another backplane, whose answers come late, and what it delivers later still, but in order.

    Args:
        behind: The other one.
        random: How many turns of the event loop each step takes; always one where left out.
        most: Turns at most.
    """

    def __init__(self, behind: Backplane, random: Random | None = None, *, most: int = 3) -> None:
        self._behind = behind
        self._random = random
        self._most = most
        self._receiver: Receiver | None = None
        self._late: deque[Entry] = deque()
        self._delivering: asyncio.Task[None] | None = None

    async def open(self, receiver: Receiver, *, history: History | None, presence: Presence | None) -> None:
        """Begin."""
        self._receiver = receiver
        await self._behind.open(self, history=history, presence=presence)

    async def close(self) -> None:
        """End, when all is delivered."""
        if self._delivering is not None:
            await self._delivering
        await self._behind.close()

    async def publish(self, entry: Entry, *, store: bool = True) -> Cursor | None:
        """Publish, after a while."""
        await self._pause()
        cursor = await self._behind.publish(entry, store=store)
        await self._pause()
        return cursor

    async def subscribe(self, channel: str) -> None:
        """Subscribe, after a while."""
        await self._pause()
        await self._behind.subscribe(channel)
        await self._pause()

    async def unsubscribe(self, channel: str) -> None:
        """Unsubscribe, after a while."""
        await self._pause()
        await self._behind.unsubscribe(channel)
        await self._pause()

    async def read(self, channel: str, since: Cursor | None, *, limit: int | None = None) -> Replay:
        """Read what was there a while ago."""
        await self._pause()
        replay = await self._behind.read(channel, since, limit=limit)
        await self._pause()
        return replay

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], *, announce: Entry | None = None
    ) -> Change:
        """Join, after a while."""
        await self._pause()
        change = await self._behind.join(channel, member, connection, info, announce=announce)
        await self._pause()
        return change

    async def leave(self, channel: str, member: str, connection: str, *, announce: Entry | None = None) -> Change:
        """Leave, after a while."""
        await self._pause()
        change = await self._behind.leave(channel, member, connection, announce=announce)
        await self._pause()
        return change

    async def members(self, channel: str) -> Sequence[Member]:
        """List who was there a while ago."""
        await self._pause()
        members = await self._behind.members(channel)
        await self._pause()
        return members

    def receive(self, entry: Entry) -> None:
        """Let an entry wait for its turn."""
        self._late.append(entry)
        if self._delivering is None:
            self._delivering = asyncio.get_running_loop().create_task(self._deliver())

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Tell of a loss."""
        assert self._receiver is not None
        self._receiver.lost(channel, head)

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Tell who has gone."""
        assert self._receiver is not None
        self._receiver.departed(channel, members)

    def turned(self, state: State) -> None:
        """Tell of a state."""
        assert self._receiver is not None
        self._receiver.turned(state)

    async def _deliver(self) -> None:
        assert self._receiver is not None
        while self._late:
            await self._pause()
            self._receiver.receive(self._late.popleft())
        self._delivering = None

    async def _pause(self) -> None:
        for _ in range(1 if self._random is None else self._random.randint(0, self._most)):
            await asyncio.sleep(0)
