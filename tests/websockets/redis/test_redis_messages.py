"""What goes through Redis: in which form, in how many round trips, and what is left of it."""

import asyncio
import logging
import random
from typing import Any

import anyio
import pytest
from redis.asyncio import Redis, Sentinel

from brickwork.websockets import Cursor, History
from brickwork.websockets._rules.frames import Entry, frame
from brickwork.websockets.redis import RedisBackplane
from brickwork.websockets.redis.wire import MalformedError, decode, encode, hear
from tests.servers import SentinelServer
from tests.websockets.backplanes import PATIENCE, Process, Recorder, texts
from tests.websockets.redis.faults import KEPT, LOBBY, Start, all_of, replica, said, state, talk

HEARD = "ws@0:room:lobby"


def backplane(process: Process) -> RedisBackplane:
    """Give the backplane of a process as what it is."""
    assert isinstance(process.backplane, RedisBackplane)
    return process.backplane


@pytest.mark.promise("websockets-139")
async def test_messages_of_one_moment_are_one_round_trip(redis_url: str, redis: Redis, launch: Start) -> None:
    """What is sent in one turn of the loop goes to Redis in one call for each channel, whoever sends it."""
    process = await launch(redis_url, LOBBY)
    await talk(process, "a", 1)
    await redis.config_resetstat()

    await asyncio.gather(*(process.say(LOBBY, f"b {number}") for number in range(200)))

    stats = await redis.info("commandstats")
    assert stats["cmdstat_evalsha"]["calls"] == 1
    await process.receiver.heard(LOBBY, 201)
    assert said(process, "b") == all_of("b", 200)


@pytest.mark.promise("websockets-140")
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"hello",
        b"\n",
        b'{"a": 1}',
        b"1:1\n\x02{}\n",
        b"\n\x01{}\n",
        b"\n\x01[]\nx",
        b"\n\x01{\nx",
        b'\n\x01{"kind":"pickle","origin":"x"}\nx',
        b'\n\x01{"kind":"text","origin":"x","number":-1}\nx',
        b'\n\x01{"kind":"text","origin":1}\nx',
        b'\n\x01{"kind":"text","origin":"x"}',
        b'nonsense\n\x01{"kind":"text","origin":"x"}\nx',
        b"\xff\xfe\n\x01{}\nx",
        b"\x80\x04\x95\n.",
    ],
)
async def test_what_nobody_of_ours_has_sent_is_ignored(
    redis_url: str, redis: Redis, payload: bytes, launch: Start
) -> None:
    """Whatever others publish on a channel is counted and ignored, and the next message is heard."""
    process = await launch(redis_url, LOBBY)

    await redis.publish(HEARD, payload)
    await talk(process, "a", 1)

    await process.receiver.heard(LOBBY, 1)
    assert said(process, "a") == all_of("a", 1)
    assert backplane(process).malformed == 1


async def test_a_history_with_something_else_in_it(redis_url: str, redis: Redis, launch: Start) -> None:
    """What cannot be read in a history is left out; it is no gap."""
    process = await launch(redis_url, LOBBY)
    await talk(process, "a", 1)
    await redis.xadd("ws:{room:lobby}:log", {"e": "nonsense"}, id="2-0")
    await redis.hincrby("ws:{room:lobby}:meta", "offset", 1)

    await talk(process, "b", 1)

    await process.receiver.until(lambda: said(process, "b") == all_of("b", 1))
    assert process.receiver.losses == []
    head = process.receiver.entries[-1].cursor
    assert head is not None
    assert head.offset == 3
    replay = await process.backplane.read(LOBBY, Cursor(head.epoch, 0))
    assert (texts(replay.entries), replay.recovered) == (["a 0", "b 0"], True)


@pytest.mark.promise("websockets-141")
async def test_a_message_is_json_and_itself(redis_url: str, redis: Redis, launch: Start) -> None:
    """What is published is a version, JSON, and the message as it was given: nothing that runs when it is read."""
    process = await launch(redis_url)
    async with redis.pubsub() as listener:
        await listener.subscribe(HEARD)
        await listener.get_message(timeout=PATIENCE)

        await process.say(LOBBY, b"\x00raw\n", store=False)

        message = await listener.get_message(timeout=PATIENCE)
    assert message is not None
    head, data = message["data"].removeprefix(b"\n\x01").split(b"\n", 1)
    assert data == b"\x00raw\n"
    assert head.startswith(b'{"kind":"bytes","origin":"')


def test_what_cannot_be_a_message() -> None:
    """An error of the form does not repeat what was heard."""
    with pytest.raises(MalformedError) as error:
        decode(LOBBY, b'\x01{"kind":"secret"}\nx', None)

    assert "secret" not in str(error.value)


def test_messages_say_once_what_they_may_say_twice() -> None:
    """A message that clients may have had already, without a cursor, is named; no other is."""
    entry = Entry(LOBBY, frame("x"))
    cursor = Cursor("epoch", 7)

    late = hear(LOBBY, b"epoch:7\n" + encode(entry, "p", 3, late=True))
    live = hear(LOBBY, b"epoch:7\n" + encode(entry, "p", 3))
    replayed = decode(LOBBY, encode(entry, "p", 3), cursor, again=True)
    unstored = hear(LOBBY, b"\n" + encode(entry, "p", 3, late=True))

    assert [each.entry.once for each in (late, live, replayed, unstored)] == ["p-3", None, "p-3", None]
    assert late.entry.cursor == cursor


@pytest.mark.promise("websockets-142")
async def test_clients_can_tell_what_they_had_during_an_outage(redis_url: str, redis: Redis, launch: Start) -> None:
    """What is delivered at once has the name under which it is found in the history later."""
    process, other = [await launch(redis_url, LOBBY) for _ in "ab"]
    await replica(redis)
    await talk(process, "a", 2)
    await replica(redis, of_another=False)

    live = await other.receiver.heard(LOBBY, 2)
    replay = await other.backplane.read(LOBBY, None)

    names = [entry.once for entry in process.receiver.of(LOBBY)]
    assert None not in names
    assert [entry.once for entry in replay.entries] == names
    assert live[1].once == names[1]
    assert [entry.cursor for entry in process.receiver.of(LOBBY)] == [None, None]


@pytest.mark.promise("websockets-143")
async def test_keys_have_an_end(redis_url: str, redis: Redis, launch: Start) -> None:
    """All that is kept of rooms is forgotten; of a room where nothing is kept there is nothing."""
    process = await launch(redis_url)
    for number in range(50):
        await process.say(f"room:{number}", "x")
        await process.say(f"room:silent {number}", "x", store=False)
        await process.say(f"user:{number}", "x")

    keys = await redis.keys("*")

    assert len(keys) == 150
    for key in keys:
        assert 0 < await redis.pttl(key) <= 1_000 * (KEPT.ttl + 120)


@pytest.mark.promise("websockets-144")
async def test_a_room_that_was_silent_for_long_goes_on(redis_url: str, redis: Redis, launch: Start) -> None:
    """When a history was forgotten because nothing was said, what is said next is no loss."""
    clock = Moving()
    process = await launch(redis_url, LOBBY, clock=clock)
    await talk(process, "a", 1)
    await process.receiver.heard(LOBBY, 1)
    clock.now += KEPT.ttl
    await redis.flushall()

    await talk(process, "b", 1)

    await process.receiver.heard(LOBBY, 2)
    assert process.receiver.losses == []


class Moving:
    """A clock that stands still."""

    now = 0.0

    def time(self) -> float:
        """Give the time."""
        return self.now

    def monotonic(self) -> float:
        """Give the time."""
        return self.now


async def test_what_waited_too_long_is_dropped(redis_url: str, redis: Redis, launch: Start) -> None:
    """A message that is too old when Redis comes back is not sent; what came later is."""
    clock = Moving()
    process = await launch(redis_url, LOBBY, clock=clock, outbox_age=60.0)
    other = await launch(redis_url, LOBBY)
    await replica(redis)
    await talk(process, "old", 1)
    clock.now += 61.0
    await talk(process, "new", 1)
    await replica(redis, of_another=False)

    await other.receiver.until(lambda: said(other, "new") == all_of("new", 1))

    assert said(other, "old") == []
    assert [channel for channel, _ in other.receiver.losses] == [LOBBY]


@pytest.mark.parametrize("options", [{"protocol": 2}, {"protocol": 3}, {"decode_responses": True}, {"db": 3}], ids=str)
async def test_clients_of_any_kind(redis_url: str, redis: Redis, options: dict[str, Any]) -> None:
    """Whatever protocol, decoding or database the client has."""
    await redis.flushall()
    async with Redis.from_url(redis_url, **options) as client:
        process = Process(RedisBackplane(client, deadline=PATIENCE), Recorder())
        await process.backplane.open(process.receiver, history=KEPT, presence=None)
        await state(process, "ready")
        await process.backplane.subscribe(LOBBY)
        await process.backplane.join(LOBBY, "ada", "c1", {})

        await talk(process, "a", 3)

        await process.receiver.heard(LOBBY, 3)
        assert texts((await process.backplane.read(LOBBY, None)).entries) == all_of("a", 3)
        await process.backplane.close()


async def test_databases_are_apart(redis_url: str, launch: Start) -> None:
    """Apps in two databases of one server do not hear each other."""
    one, two = await launch(redis_url, LOBBY), await launch(redis_url.removesuffix("0") + "7", LOBBY)

    await talk(one, "a", 1)
    await talk(two, "b", 1)

    assert said(await heard(one), "b") == said(await heard(two), "a") == []


async def heard(process: Process) -> Process:
    """Wait until a process has heard of the lobby."""
    await process.receiver.heard(LOBBY, 1)
    return process


async def test_the_master_behind_sentinel(sentinel: SentinelServer) -> None:
    """The master that Sentinel names is used for everything."""
    guard: Any = Sentinel([("127.0.0.1", sentinel.port)])  # type: ignore[no-untyped-call]
    async with guard.master_for("main") as client:
        process = Process(RedisBackplane(client, deadline=PATIENCE), Recorder())
        await process.backplane.open(process.receiver, history=KEPT, presence=None)
        await state(process, "ready")
        await process.backplane.subscribe(LOBBY)

        await talk(process, "a", 3)

        await process.receiver.heard(LOBBY, 3)
        await process.backplane.close()
    for each in guard.sentinels:
        await each.aclose()


@pytest.mark.promise("websockets-145")
async def test_subscribing_and_unsubscribing_at_random_ends_as_wanted(redis_url: str, launch: Start) -> None:
    """However channels are subscribed and unsubscribed, together and crosswise, in the end the last word counts."""
    process = await launch(redis_url)
    chance = random.Random(7)
    names = [f"room:{number}" for number in range(10)]
    wanted: dict[str, bool] = {}

    async def change(name: str) -> None:
        for _ in range(100):
            wanted[name] = chance.random() < 0.5
            if wanted[name]:
                await process.backplane.subscribe(name)
            else:
                await process.backplane.unsubscribe(name)
            await asyncio.sleep(chance.choice([0, 0, 0.001]))

    async with anyio.create_task_group() as group:
        for name in names:
            group.start_soon(change, name)
    await process.backplane.subscribe("all")
    for name in names:
        await process.say(name, "x")
    await process.say("all", "end")

    await process.receiver.heard("all", 1)
    assert {entry.channel for entry in process.receiver.entries} - {"all"} == {name for name in names if wanted[name]}


@pytest.mark.promise("websockets-146")
async def test_what_is_said_at_once_is_heard_by_all_who_came_first(redis_url: str, launch: Start) -> None:
    """When several subscribe for the first time at once, each hears what is said as soon as it is in."""
    speaker = await launch(redis_url)
    listeners = [await launch(redis_url) for _ in range(5)]
    await asyncio.gather(*(listener.backplane.subscribe(LOBBY) for listener in listeners))

    await talk(speaker, "a", 1)

    for listener in listeners:
        await listener.receiver.heard(LOBBY, 1)
        assert said(listener, "a") == all_of("a", 1)


async def test_a_receiver_that_fails_hears_what_comes_next(
    redis: Redis, expected_errors: list[logging.LogRecord]
) -> None:
    """An error while something is delivered is logged, and nothing else is lost."""
    process = Process(RedisBackplane(redis, deadline=PATIENCE), Failing())
    await process.backplane.open(process.receiver, history=KEPT, presence=None)
    await process.backplane.subscribe(LOBBY)

    await talk(process, "a", 2)

    await process.receiver.heard(LOBBY, 2)
    await process.backplane.close()
    assert [record.msg for record in expected_errors] == ["what came from Redis could not be passed on"] * 2


class Failing(Recorder):
    """A receiver that raises whenever it is given something."""

    def receive(self, entry: Entry) -> None:
        """Note an entry, and fail."""
        super().receive(entry)
        raise LookupError("nobody is there")


async def test_a_backplane_is_open_once(redis: Redis) -> None:
    """It cannot be opened twice, nor used before; closing it twice is harmless."""
    backplane = RedisBackplane(redis)
    with pytest.raises(RuntimeError, match="open it first"):
        await backplane.publish(Entry(LOBBY, frame("x")))
    await backplane.open(Recorder(), history=None, presence=None)

    with pytest.raises(RuntimeError, match="of its own"):
        await backplane.open(Recorder(), history=None, presence=None)

    await backplane.close()
    await backplane.close()


async def test_half_a_character(redis_url: str, launch: Start) -> None:
    """A name that cannot be written harms nobody."""
    process = await launch(redis_url, "user:\ud800")

    await talk(process, "a", 1, channel="user:\ud800")

    await process.receiver.heard("user:\ud800", 1)
    await state(process, "ready")


async def test_a_message_as_large_as_a_page(redis_url: str, launch: Start) -> None:
    """Large messages go in several round trips, and in order."""
    process = await launch(redis_url, LOBBY)
    large = "x" * 700_000

    await asyncio.gather(*(process.say(LOBBY, f"{number}{large}") for number in range(5)))

    assert [text[0] for text in texts(await process.receiver.heard(LOBBY, 5))] == ["0", "1", "2", "3", "4"]


async def test_an_outbox_that_is_full_while_redis_is_there(redis_url: str, launch: Start) -> None:
    """More at once than there is room for: what is dropped was delivered here."""
    process = await launch(redis_url, LOBBY, outbox=10, history=History())

    await asyncio.gather(*(process.say(LOBBY, f"a {number}") for number in range(30)))

    await process.receiver.until(lambda: len(said(process, "a")) == 30)
    assert said(process, "a") == all_of("a", 30)
