"""What a backplane is, whichever it is: processes that share one, and what each of them hears."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NamedTuple, Protocol

import anyio
import pytest
from redis.asyncio import Redis

from brickwork.websockets import Backplane, Cursor, History, Member, MemoryBackplane, Presence
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets._store import State
from brickwork.websockets.redis import RedisBackplane

PATIENCE = 30.0  # seconds that anything may take on a machine that is busy

KINDS = ["memory", "redis"]


class Recorder:
    """A receiver that remembers what it hears."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.losses: list[tuple[str, Cursor | None]] = []
        self.departures: list[tuple[str, Sequence[Member]]] = []
        self.states: list[State] = []
        self._heard = anyio.Event()

    def receive(self, entry: Entry) -> None:
        """Note an entry."""
        self.entries.append(entry)
        self._wake()

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Note a loss."""
        self.losses.append((channel, head))
        self._wake()

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Note who has left."""
        self.departures.append((channel, members))
        self._wake()

    def turned(self, state: State) -> None:
        """Note a state."""
        self.states.append(state)
        self._wake()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until it has heard enough."""
        with anyio.fail_after(PATIENCE):
            while not condition():
                self._heard = anyio.Event()
                await self._heard.wait()

    async def heard(self, channel: str, count: int) -> list[Entry]:
        """Wait for so many entries of a channel, and give all of them."""
        await self.until(lambda: len(self.of(channel)) >= count)
        return self.of(channel)

    def of(self, channel: str) -> list[Entry]:
        """Give the entries of a channel so far."""
        return [entry for entry in self.entries if entry.channel == channel]

    def _wake(self) -> None:
        self._heard.set()


class Process(NamedTuple):
    """One of the processes that share a backplane."""

    backplane: Backplane
    receiver: Recorder

    async def say(self, channel: str, message: object, *, store: bool = True) -> Cursor | None:
        """Publish a message."""
        return await self.backplane.publish(Entry(channel, frame(message)), store=store)


class Start(Protocol):
    """Starts one process more."""

    async def __call__(self, *, history: History | None = None, presence: Presence | None = None) -> Process:
        """Start it with options that are the same for all."""
        ...


class Make(Protocol):
    """Makes the backplane of one process more; all of them share one memory or server."""

    def __call__(self) -> Backplane:
        """Make it."""
        ...


@asynccontextmanager
async def making(kind: str, request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Give what makes the backplanes of one test."""
    if kind == "memory":
        shared = MemoryBackplane()
        yield lambda: shared
        return
    async with Redis.from_url(request.getfixturevalue("redis_url")) as client:
        yield lambda: RedisBackplane(client, deadline=PATIENCE)


@asynccontextmanager
async def starting(make: Make) -> AsyncIterator[Start]:
    """Give what starts processes, and stop them in the end."""
    async with AsyncExitStack() as stack:

        async def start(*, history: History | None = None, presence: Presence | None = None) -> Process:
            process = Process(make(), Recorder())
            await process.backplane.open(process.receiver, history=history, presence=presence)
            stack.push_async_callback(process.backplane.close)
            if isinstance(process.backplane, RedisBackplane):
                await process.receiver.until(lambda: process.receiver.states[-1:] == ["ready"])
            return process

        yield start


def texts(entries: Sequence[Entry]) -> list[str]:
    """Give the messages of entries."""
    return [entry.frame.data.decode() for entry in entries]
