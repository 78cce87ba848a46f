"""The connection on which a process hears, and what waits to be sent."""

import asyncio

import anyio
import pytest
from redis.asyncio import Redis

from brickwork.websockets import Cursor
from brickwork.websockets.redis import RedisBackplane, line
from brickwork.websockets.redis.line import Line
from brickwork.websockets.redis.tasks import end
from tests.servers import FaultyProxy, RedisServer
from tests.websockets.backplanes import Process, Recorder
from tests.websockets.redis.faults import LOBBY, Start, all_of, eventually, replica, said, state, talk


def pending(process: Process) -> int:
    """Give how many confirmations of the lobby a process waits for."""
    assert isinstance(process.backplane, RedisBackplane)
    return process.backplane._running._line._pending["ws@0:" + LOBBY]


async def test_a_channel_is_heard_when_the_last_word_is_confirmed(redis_proxy: FaultyProxy, launch: Start) -> None:
    """Who subscribes, unsubscribes and subscribes again while Redis is slow waits for the last confirmation."""
    process = await launch(redis_proxy.url)
    redis_proxy.hang()
    async with anyio.create_task_group() as group:
        group.start_soon(process.backplane.subscribe, LOBBY)
        group.start_soon(process.backplane.subscribe, "room:left")
        await eventually(lambda: pending(process) == 1)
        await process.backplane.unsubscribe("room:left")
        await process.backplane.unsubscribe(LOBBY)
        await asyncio.sleep(0)
        await eventually(lambda: not process.backplane._running._line._changed)  # type: ignore[attr-defined]
        group.start_soon(process.backplane.subscribe, LOBBY)
        await eventually(lambda: pending(process) == 2)

        await redis_proxy.heal()

    await talk(process, "a", 1)
    await process.receiver.heard(LOBBY, 1)


async def test_what_arrives_after_unsubscribing_is_dropped(
    redis_proxy: FaultyProxy, redis_url: str, launch: Start
) -> None:
    """Messages that were under way when a channel was unsubscribed, and its confirmation, are nobody's."""
    process = await launch(redis_proxy.url, LOBBY, "all")
    other = await launch(redis_url)
    redis_proxy.hang()
    await talk(other, "a", 1)
    await process.backplane.unsubscribe(LOBBY)

    await redis_proxy.heal()

    await talk(other, "end", 1, channel="all")
    await process.receiver.heard("all", 1)
    assert process.receiver.of(LOBBY) == []


async def test_a_quiet_connection_is_listened_to_again(
    redis_url: str, launch: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When nothing was heard for long, listening goes on."""
    monkeypatch.setattr(line, "_LISTENING", 0.01)
    process = await launch(redis_url, LOBBY)
    await anyio.sleep(0.05)  # so that it has listened more than once

    await talk(process, "a", 1)

    await process.receiver.heard(LOBBY, 1)


async def test_nothing_is_sent_on_a_closed_connection(redis: Redis) -> None:
    """A connection that is closed is not opened again on the quiet."""
    with pytest.raises(ConnectionError, match="the connection is closed"):
        await Line._send(redis.connection_pool.make_connection(), "PING")  # type: ignore[no-untyped-call]


async def test_a_server_that_hangs_from_the_start(private_redis: RedisServer, launch: Start) -> None:
    """Opening waits for one attempt to connect, and then begins without Redis."""
    private_redis.freeze()

    process = await launch(private_redis.url, deadline=0.25, ready=False)

    assert process.receiver.states == ["degraded"]
    await talk(process, "a", 1)
    private_redis.thaw()
    await state(process, "ready")


async def test_opening_can_be_cancelled(private_redis: RedisServer) -> None:
    """Who gives up while Redis hangs can open it again."""
    private_redis.freeze()
    async with Redis.from_url(private_redis.url) as client:
        backplane = RedisBackplane(client)
        opening = asyncio.create_task(backplane.open(Recorder(), history=None, presence=None))
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        private_redis.thaw()

        process = Process(backplane, Recorder())
        await backplane.open(process.receiver, history=None, presence=None)
        await state(process, "ready")

        await backplane.close()


async def test_a_history_that_cannot_be_read(redis_proxy: FaultyProxy, launch: Start) -> None:
    """When the answer of Redis is lost, nothing is found, and nothing is said to be recovered."""
    process = await launch(redis_proxy.url)
    await talk(process, "a", 1)
    redis_proxy.lose_reply(of=b"latest")

    replay = await process.backplane.read(LOBBY, Cursor("e", 1))

    assert (list(replay.entries), replay.head, replay.recovered) == ([], None, False)


async def test_a_history_that_cannot_be_read_for_a_while(redis_proxy: FaultyProxy, launch: Start) -> None:
    """Who subscribes while histories cannot be read does not wait, and hears everything in the end."""
    process = await launch(redis_proxy.url)
    redis_proxy.lose_reply(of=b"next")

    await process.backplane.subscribe(LOBBY)

    assert "degraded" in process.receiver.states
    await state(process, "ready")
    await talk(process, "a", 1)
    await process.receiver.heard(LOBBY, 1)


async def test_what_is_dropped_while_redis_takes_nothing(redis_url: str, redis: Redis, launch: Start) -> None:
    """Holes are told when Redis takes messages again, one for each channel, wherever the dropping process listens."""
    process = await launch(redis_url, outbox=2)
    other = await launch(redis_url, LOBBY, "room:other")
    await replica(redis)
    await talk(process, "a", 3)
    for _ in range(3):
        await process.say(LOBBY, "typing", store=False)
    await talk(process, "b", 3, channel="room:other")
    failed = await failures(redis)

    async def tried_twice() -> bool:
        return await failures(redis) > failed + 6

    await eventually(tried_twice)
    await replica(redis, of_another=False)

    await other.receiver.until(lambda: len(said(other, "b", channel="room:other")) == 2)
    assert said(other, "b", channel="room:other") == all_of("b", 3)[1:]
    assert sorted(channel for channel, _ in other.receiver.losses) == [LOBBY, "room:other"]


async def failures(redis: Redis) -> int:
    """Give how many scripts the server has refused or failed."""
    stats = await redis.info("commandstats")
    return int(stats["cmdstat_evalsha"]["failed_calls"] + stats["cmdstat_evalsha"]["rejected_calls"])


async def test_tasks_end_for_certain() -> None:
    """A task that takes a cancellation for something else is cancelled again, also by one who is cancelled itself."""
    hushed = 0

    async def stubborn() -> None:
        nonlocal hushed
        while hushed < 3:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                hushed += 1
        await asyncio.sleep(3_600)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    ending = asyncio.create_task(end([task]))
    await eventually(lambda: hushed)
    ending.cancel()

    with pytest.raises(asyncio.CancelledError):
        await ending

    assert task.cancelled()
