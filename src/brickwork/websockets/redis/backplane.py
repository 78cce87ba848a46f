"""`RedisBackplane`: joins the processes of an app."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from ..._core.clock import Clock, SystemClock
from ..._core.extras import extra
from .._rules.frames import Entry
from .._rules.values import Cursor, History, Member, Presence
from .._store import Change, Receiver, Replay
from .options import Options, checked
from .process import Process

with extra("redis"):
    from redis.asyncio import Redis


class RedisBackplane:
    """Carries messages between processes through Redis, and keeps histories and presence there.

    It works with one server and with the master behind Sentinel, from Redis 6.2 on, and with Valkey. Each manager has
    a backplane of its own. Besides the connections of the client's pool that calls take for a moment, it holds one on
    which it hears, and supervises it: when it breaks, or is silent for two seconds, another one takes its place, and
    what was missed meanwhile is read from the histories.

    While Redis is away, what is sent reaches the clients of this process at once, and waits for its return; then all
    others get it, in order, and nobody gets it twice. What is too much for that is dropped, the oldest first, and the
    others are told that something is missing.

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: Put before every key and channel.
        deadline: Seconds after which a message that Redis has not taken counts as sent while it was away.
        outbox: Messages that wait for Redis.
        outbox_bytes: Bytes of those.
        outbox_age: Seconds that one of them waits.
        clock: Times the outbox; the machine's own where left out.

    Attributes:
        malformed: How many messages were heard that nobody of ours has sent; they are ignored.

    Raises:
        TypeError: The client is not of `redis.asyncio`, or is one of a cluster.
        ValueError: The client has a single connection, the prefix is too long or has braces, or a number is too small.
    """

    def __init__(
        self,
        client: Redis,
        *,
        prefix: str = "ws",
        deadline: float = 0.25,
        outbox: int = 10_000,
        outbox_bytes: int = 16_000_000,
        outbox_age: float = 60.0,
        clock: Clock | None = None,
    ) -> None:
        self._options = checked(
            Options(client, prefix, deadline, outbox, outbox_bytes, outbox_age, clock or SystemClock())
        )
        self._process: Process | None = None
        self.malformed: int = 0

    async def open(self, receiver: Receiver, *, history: History | None, presence: Presence | None) -> None:
        """Begin; returns when Redis is there, or the first attempt to connect has failed: within two seconds.

        Raises:
            RuntimeError: It is open already.
        """
        if self._process is not None:
            raise RuntimeError("this backplane is open: give each manager a RedisBackplane of its own")
        self._process = Process(self._options, receiver, history, presence or Presence(), self._ignore)
        try:
            await self._process.start()
        except asyncio.CancelledError:
            await self.close()
            raise

    async def close(self) -> None:
        """End, after what was sent has arrived, if Redis takes it within the deadline; it can be opened again."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop()

    async def publish(self, entry: Entry, *, store: bool = True) -> Cursor | None:
        """Carry an entry to all processes that subscribe to its channel, this one too if it does."""
        return await self._running.publish(entry, store=store)

    async def subscribe(self, channel: str) -> None:
        """Have a channel's entries received; returns when Redis has confirmed it, or is away."""
        await self._running.subscribe(channel)

    async def unsubscribe(self, channel: str) -> None:
        """Have them received no more."""
        self._running.unsubscribe(channel)

    async def read(self, channel: str, since: Cursor | None, *, limit: int | None = None) -> Replay:
        """Read a room's history; while Redis is away nothing is found."""
        return await self._running.read(channel, since, limit)

    async def join(
        self, channel: str, member: str, connection: str, info: Mapping[str, Any], *, announce: Entry | None = None
    ) -> Change:
        """Note that a connection is in a room; while Redis is away, other processes hear of it later."""
        return await self._running.join(channel, member, connection, info, announce)

    async def leave(self, channel: str, member: str, connection: str, *, announce: Entry | None = None) -> Change:
        """Note that it is not any more; harmless where it was not."""
        return await self._running.leave(channel, member, connection, announce)

    async def members(self, channel: str) -> Sequence[Member]:
        """List who is in a room: in all processes, or in this one while Redis is away."""
        return await self._running.members(channel)

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise RuntimeError("the backplane is closed: open it first, as a manager does with its first connection")
        return self._process

    def _ignore(self) -> None:
        self.malformed += 1
