"""Redis is killed, frozen, emptied and cut off: everybody gets each message once, in order, or hears what is lost."""

import asyncio

import anyio
import pytest
from redis.asyncio import Redis

from brickwork.websockets import Cursor, History
from tests.servers import FaultyProxy, RedisServer
from tests.websockets.backplanes import Process, texts
from tests.websockets.redis.faults import LOBBY, Start, all_of, eventually, kill_listeners, replica, said, state, talk

TALKING = 160  # messages of each of two


async def heard_everything(*processes: Process, count: int = TALKING) -> None:
    """Wait until each process has heard all that both have said, and check that it was each once, in order."""
    for process in processes:
        for name in "ab":
            await process.receiver.until(lambda: len(said(process, name)) >= count)  # noqa: B023 - awaited at once
            assert said(process, name) == all_of(name, count)


@pytest.mark.promise("websockets-119")
@pytest.mark.parametrize("forgetful", [False, True], ids=["with its data", "empty"])
async def test_a_redis_that_is_killed_loses_nothing(private_redis: RedisServer, forgetful: bool, launch: Start) -> None:
    """Two processes talk while Redis is killed and comes back: each hears all that both said, once and in order."""
    here, there = [await launch(private_redis.url, LOBBY, deadline=0.25) for _ in "ab"]

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: talk(here, "a", TALKING, pause=0.005))
        group.start_soon(lambda: talk(there, "b", TALKING, pause=0.005))
        await here.receiver.heard(LOBBY, 40)
        private_redis.kill()
        await here.receiver.heard(LOBBY, 120)
        if forgetful:
            for file in private_redis.folder.glob("appendonlydir/*"):
                file.unlink()
        await anyio.to_thread.run_sync(private_redis.restart)

    await heard_everything(here, there)
    for process in (here, there):
        await state(process, "ready")
        assert "degraded" in process.receiver.states


@pytest.mark.promise("websockets-120")
async def test_a_redis_that_is_frozen_holds_nobody(private_redis: RedisServer, launch: Start) -> None:
    """Redis hangs: messages are delivered at once, and when it goes on everybody has all of them, once."""
    here, there = [await launch(private_redis.url, LOBBY, deadline=0.25) for _ in "ab"]
    await talk(here, "a", 1)
    await there.receiver.heard(LOBBY, 1)
    private_redis.freeze()

    async with anyio.create_task_group() as group:
        group.start_soon(talk, here, "a2", 20)
        group.start_soon(talk, there, "b2", 20)

    assert said(here, "a2") == all_of("a2", 20)
    assert said(there, "b2") == all_of("b2", 20)
    private_redis.thaw()
    for process in (here, there):
        for name in ("a2", "b2"):
            await process.receiver.until(lambda: len(said(process, name)) >= 20)  # noqa: B023 - awaited at once
            assert said(process, name) == all_of(name, 20)
        await state(process, "ready")


@pytest.mark.promise("websockets-121")
async def test_a_silent_connection_is_noticed(private_redis: RedisServer, launch: Start) -> None:
    """A process that only listens notices that nobody speaks, and what was sent meanwhile is read afterwards."""
    listener = await launch(private_redis.url, LOBBY)
    private_redis.freeze()

    await state(listener, "degraded")

    private_redis.thaw()
    speaker = await launch(private_redis.url)
    await talk(speaker, "a", 3)
    await listener.receiver.until(lambda: said(listener, "a") == all_of("a", 3))
    await state(listener, "ready")


@pytest.mark.promise("websockets-122")
async def test_without_redis_from_the_start(private_redis: RedisServer, launch: Start) -> None:
    """Without Redis a process starts, serves its own clients, and joins the others when Redis comes."""
    private_redis.kill()
    here = await launch(private_redis.url, LOBBY, "user:ada", deadline=0.25, ready=False)
    await talk(here, "a", 3)
    heard = said(here, "a")
    replay = await here.backplane.read(LOBBY, None)
    private_redis.restart()
    there = await launch(private_redis.url, LOBBY)

    await state(here, "ready")
    await talk(here, "b", 1)

    assert heard == all_of("a", 3)
    assert (list(replay.entries), replay.head, replay.recovered) == ([], None, False)
    assert here.receiver.states[:2] == ["degraded", "ready"]
    assert {channel for channel, _ in here.receiver.losses} == {LOBBY, "user:ada"}
    await there.receiver.until(lambda: said(there, "b") == all_of("b", 1))
    await here.receiver.until(lambda: said(here, "b") == all_of("b", 1))
    assert [entry.frame.data for entry in (await there.backplane.read(LOBBY, None)).entries] == [
        b"a 0",
        b"a 1",
        b"a 2",
        b"b 0",
    ]


@pytest.mark.promise("websockets-123")
async def test_a_redis_that_is_emptied_begins_histories_anew(redis_url: str, redis: Redis, launch: Start) -> None:
    """After FLUSHALL messages go on, with cursors of another epoch, and everybody hears that the history is lost."""
    here, there = [await launch(redis_url, LOBBY) for _ in "ab"]
    await talk(here, "a", 3)
    await there.receiver.heard(LOBBY, 3)
    before = there.receiver.entries[-1].cursor
    await redis.flushall()

    await talk(here, "b", 2)

    await there.receiver.until(lambda: said(there, "b") == all_of("b", 2))
    cursors = [entry.cursor for entry in there.receiver.entries if entry.cursor]
    assert [cursor.offset for cursor in cursors] == [1, 2, 3, 1, 2]
    assert before is not None
    assert cursors[-1].epoch != before.epoch
    assert there.receiver.losses == [(LOBBY, Cursor(cursors[-1].epoch, 0))]
    assert (await there.backplane.read(LOBBY, before)).recovered is False


@pytest.mark.promise("websockets-124")
async def test_what_is_not_kept_and_may_be_missing_is_told(redis_proxy: FaultyProxy, launch: Start) -> None:
    """After an interruption those in channels without a history hear that something may be missing."""
    process = await launch(redis_proxy.url, "user:ada", LOBBY, history=None)
    await redis_proxy.refuse()
    await state(process, "degraded")

    await redis_proxy.heal()

    await state(process, "ready")
    assert sorted(process.receiver.losses) == [(LOBBY, None), ("user:ada", None)]


@pytest.mark.promise("websockets-125")
@pytest.mark.parametrize("channel", [LOBBY, "user:ada"])
async def test_a_lost_reply_doubles_nothing(
    redis_proxy: FaultyProxy, redis_url: str, channel: str, launch: Start
) -> None:
    """Redis takes messages and the answer is lost: they are sent again, and heard once."""
    here = await launch(redis_proxy.url, channel)
    there = await launch(redis_url, channel)
    await talk(here, "a", 1, channel=channel)
    redis_proxy.lose_reply(of=b"tell" if channel == "user:ada" else b"keep")

    await talk(here, "b", 1, channel=channel)
    await state(here, "ready")
    await talk(here, "c", 1, channel=channel)

    for process in (here, there):
        await process.receiver.until(lambda: bool(said(process, "c", channel=channel)))  # noqa: B023
        assert [entry.frame.data for entry in process.receiver.of(channel)] == [b"a 0", b"b 0", b"c 0"]
    assert redis_proxy.sprung == 1


@pytest.mark.promise("websockets-126")
async def test_a_server_that_takes_nothing(private_redis: RedisServer, launch: Start) -> None:
    """A server that became a replica takes no messages: they wait, and arrive in order when it is a master again."""
    here, there = [await launch(private_redis.url, LOBBY) for _ in "ab"]
    await talk(here, "a", 1)
    async with Redis.from_url(private_redis.url) as admin:
        await replica(admin)
        await talk(here, "b", 10)
        waiting = said(here, "b")
        await state(here, "degraded")
        await replica(admin, of_another=False)

    await there.receiver.until(lambda: said(there, "b") == all_of("b", 10))
    await state(here, "ready")
    assert waiting == all_of("b", 10)
    assert said(here, "b") == all_of("b", 10)


@pytest.mark.promise("websockets-127")
async def test_a_connection_that_is_killed_misses_nothing(redis_url: str, redis: Redis, launch: Start) -> None:
    """However often the connections of a listener are killed, it hears all that is said, once and in order."""
    here, there = [await launch(redis_url, LOBBY) for _ in "ab"]

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: talk(here, "a", 200, pause=0.002))
        for _ in range(5):
            count = len(there.receiver.entries)
            await kill_listeners(redis)
            await there.receiver.until(lambda: len(there.receiver.entries) >= min(count + 10, 200))  # noqa: B023

    for process in (here, there):
        await process.receiver.until(lambda: len(said(process, "a")) >= 200)  # noqa: B023
        assert said(process, "a") == all_of("a", 200)
    assert there.receiver.losses == []


@pytest.mark.promise("websockets-128")
async def test_a_history_that_was_too_short_is_told(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """Who was away for longer than the history reaches hears that, and then what is left of it."""
    short = History(size=5)
    here = await launch(redis_url, history=short)
    there = await launch(redis_proxy.url, LOBBY, history=short)
    await talk(here, "a", 1)
    await there.receiver.heard(LOBBY, 1)
    await redis_proxy.refuse()
    await state(there, "degraded")
    await talk(here, "b", 12)

    await redis_proxy.heal()

    await there.receiver.until(lambda: said(there, "b") == all_of("b", 12)[7:])
    [(channel, head)] = there.receiver.losses
    assert head is not None
    assert (channel, head.offset) == (LOBBY, 8)


async def test_a_page_after_another_is_read(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """Who missed hundreds of messages gets all of them, in order."""
    here = await launch(redis_url)
    there = await launch(redis_proxy.url, LOBBY)
    await redis_proxy.refuse()
    await state(there, "degraded")
    await talk(here, "a", 250)

    await redis_proxy.heal()

    await there.receiver.until(lambda: len(said(there, "a")) >= 250)
    assert said(there, "a") == all_of("a", 250)
    assert there.receiver.losses == []


@pytest.mark.promise("websockets-129")
async def test_a_server_that_lost_the_latest_messages(redis_url: str, redis: Redis, launch: Start) -> None:
    """A server that has forgotten what was heard already begins another epoch: no cursor means two messages."""
    here, there = [await launch(redis_url, LOBBY) for _ in "ab"]
    await talk(here, "a", 5)
    await there.receiver.heard(LOBBY, 5)
    epoch = (await there.backplane.read(LOBBY, None)).head
    await redis.hset("ws:{room:lobby}:meta", "offset", "3")
    await redis.delete("ws:{room:lobby}:log")
    await kill_listeners(redis)
    await there.receiver.until(lambda: bool(there.receiver.losses))

    await talk(here, "b", 3)

    assert epoch is not None
    await there.receiver.until(lambda: said(there, "b") == all_of("b", 3))
    cursors = [entry.cursor for entry in there.receiver.entries if entry.cursor]
    assert {cursor.epoch for cursor in cursors[-3:]} != {epoch.epoch}
    assert (await there.backplane.read(LOBBY, Cursor(epoch.epoch, 5))).recovered is False


@pytest.mark.promise("websockets-130")
async def test_messages_that_waited_for_too_long(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """What does not fit into the outbox is dropped, the oldest first, and the others hear that something is missing."""
    here = await launch(redis_proxy.url, LOBBY, "user:ada", outbox=5)
    there = await launch(redis_url, LOBBY, "user:ada")
    await talk(here, "a", 1)
    await there.receiver.heard(LOBBY, 1)
    await redis_proxy.refuse()
    await state(here, "degraded")
    before = (await there.backplane.read(LOBBY, None)).head
    await talk(here, "b", 3)
    await talk(here, "u", 3, channel="user:ada")
    await talk(here, "b2", 3)

    await redis_proxy.heal()

    await there.receiver.until(lambda: len(said(there, "b2")) == 3 and len(there.receiver.losses) == 2)
    assert texts(there.receiver.of(LOBBY)) == ["a 0", *all_of("b2", 3)]
    assert said(there, "u", channel="user:ada") == ["u 1", "u 2"]
    assert sorted(channel for channel, _ in there.receiver.losses) == [LOBBY, "user:ada"]
    assert said(here, "b") == all_of("b", 3)
    assert here.receiver.of(LOBBY)[-1].frame.data == b"b2 2"
    replay = await there.backplane.read(LOBBY, before)
    assert (replay.recovered, len(replay.entries)) == (False, 3)


async def test_a_refusal_for_one_channel_harms_no_other(redis_url: str, redis: Redis, launch: Start) -> None:
    """A key that is something else stops its own room, until it is gone; others go on."""
    process = await launch(redis_url, LOBBY, "room:other")
    await redis.delete("ws:{room:lobby}:log")
    await redis.set("ws:{room:lobby}:log", "no stream")

    await talk(process, "a", 2)
    await talk(process, "b", 2, channel="room:other")

    await process.receiver.until(lambda: len(said(process, "b", channel="room:other")) == 2)
    assert said(process, "a") == all_of("a", 2)
    await redis.delete("ws:{room:lobby}:log")
    await state(process, "ready")
    await eventually(lambda: redis.xlen("ws:{room:lobby}:log"))


async def test_an_answer_that_breaks_off_in_the_middle(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """Of many messages in one round trip some answers are missing: all are sent again, and none is heard twice."""
    channels = [f"room:{number}" for number in range(5)]
    here = await launch(redis_proxy.url, *channels)
    there = await launch(redis_url, *channels)
    await asyncio.gather(*(talk(here, "a", 1, channel=channel) for channel in channels))
    redis_proxy.cut_reply(of=b"keep", keep=40)

    await asyncio.gather(*(talk(here, "b", 4, channel=channel) for channel in channels))
    await state(here, "ready")
    await asyncio.gather(*(talk(here, "c", 1, channel=channel) for channel in channels))

    for process in (here, there):
        for channel in channels:
            await process.receiver.until(lambda: bool(said(process, "c", channel=channel)))  # noqa: B023
            assert said(process, "b", channel=channel) == all_of("b", 4)
    assert redis_proxy.sprung == 1


async def test_a_redis_that_answers_too_late(redis_proxy: FaultyProxy, redis_url: str, launch: Start) -> None:
    """When answers take longer than the deadline, clients here have messages at once, and everybody has them once."""
    here = await launch(redis_proxy.url, LOBBY, deadline=0.1)
    there = await launch(redis_url, LOBBY)
    redis_proxy.delay(0.3)

    await talk(here, "a", 20)
    heard = said(here, "a")
    await redis_proxy.heal()

    assert heard == all_of("a", 20)
    await there.receiver.until(lambda: len(said(there, "a")) >= 20)
    await talk(here, "b", 1)
    for process in (here, there):
        await process.receiver.until(lambda: bool(said(process, "b")))  # noqa: B023
        assert said(process, "a") == all_of("a", 20)
