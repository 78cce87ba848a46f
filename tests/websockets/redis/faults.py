"""Processes that share a Redis which fails, and what each of them hears."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import anyio
from redis.asyncio import Redis

from brickwork.websockets import History, Presence
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets.redis import RedisBackplane
from tests.websockets.backplanes import PATIENCE, Process, Recorder, texts

LOBBY = "room:lobby"
KEPT = History(size=1_000, ttl=600.0)


class Start(Protocol):
    """Starts a process."""

    async def __call__(
        self,
        url: str,
        *channels: str,
        history: History | None = KEPT,
        presence: Presence | None = None,
        deadline: float = PATIENCE,
        ready: bool = True,
        **options: Any,
    ) -> Process:
        """Start it with a client of its own, and have it hear channels."""
        ...


@asynccontextmanager
async def processes() -> AsyncIterator[Start]:
    """Give what starts processes, and stop them in the end."""
    async with AsyncExitStack() as stack:

        async def start(
            url: str,
            *channels: str,
            history: History | None = KEPT,
            presence: Presence | None = None,
            deadline: float = PATIENCE,
            ready: bool = True,
            **options: Any,
        ) -> Process:
            client = await stack.enter_async_context(Redis.from_url(url))
            process = Process(RedisBackplane(client, deadline=deadline, **options), Recorder())
            await process.backplane.open(process.receiver, history=history, presence=presence)
            stack.push_async_callback(process.backplane.close)
            if ready:
                await state(process, "ready")
            for channel in channels:
                await process.backplane.subscribe(channel)
            return process

        yield start


async def state(process: Process, wanted: str) -> None:
    """Wait until a process is in a state."""
    await process.receiver.until(lambda: process.receiver.states[-1:] == [wanted])


async def talk(process: Process, name: str, count: int, *, channel: str = LOBBY, pause: float = 0.0) -> None:
    """Have a process say so many things, one after the other."""
    for number in range(count):
        await process.backplane.publish(Entry(channel, frame(f"{name} {number}")))
        await anyio.sleep(pause)


def said(process: Process, name: str, *, channel: str = LOBBY) -> list[str]:
    """Give what was heard of one who talks, in its order."""
    return [text for text in texts(process.receiver.of(channel)) if text.startswith(f"{name} ")]


def all_of(name: str, count: int) -> list[str]:
    """Give what one who talks says."""
    return [f"{name} {number}" for number in range(count)]


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until something holds that nobody announces; the condition may be a coroutine function."""
    with anyio.fail_after(PATIENCE):
        while True:
            found = condition()
            if hasattr(found, "__await__"):
                found = await found
            if found:
                return
            await anyio.sleep(0.01)


async def replica(redis: Redis, *, of_another: bool = True) -> None:
    """Make a server a replica, which takes no messages, or a master again."""
    words = ("127.0.0.1", 1) if of_another else ("NO", "ONE")
    await redis.execute_command("REPLICAOF", *words)  # type: ignore[no-untyped-call]


async def kill_listeners(redis: Redis) -> None:
    """End all connections on which something is subscribed."""
    await redis.execute_command("CLIENT", "KILL", "TYPE", "pubsub")  # type: ignore[no-untyped-call]
