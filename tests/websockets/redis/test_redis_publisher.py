"""A process without sockets sends to the clients of an app."""

import asyncio

import pytest
from redis.asyncio import Redis, RedisCluster

from brickwork.websockets import BackplaneUnavailableError
from brickwork.websockets.redis import RedisBackplane, RedisPublisher
from tests.servers import FaultyProxy
from tests.websockets.backplanes import texts
from tests.websockets.redis.faults import KEPT, LOBBY, Start


@pytest.mark.promise("websockets-135")
async def test_a_worker_reaches_rooms_users_and_everybody(redis_url: str, redis: Redis, launch: Start) -> None:
    """What a publisher sends arrives as from a manager, and in rooms it becomes part of the history."""
    process = await launch(redis_url, LOBBY, "user:42", "all")
    publisher = RedisPublisher(redis, history=KEPT)

    cursor = await publisher.room("lobby").send({"a": 1}, key="k", exclude_users=["ada"])
    unstored = await publisher.room("lobby").send("typing", store=False)
    await publisher.room("lobby").close(4000, "over")
    await publisher.user("42").send(b"\x00")
    await publisher.user("42").kick(reason="out")
    await publisher.broadcast("hello", exclude_users=["grace"])

    entries = await process.receiver.heard(LOBBY, 3)
    assert [(entry.frame.data, entry.cursor, entry.control) for entry in entries] == [
        (b'{"a":1}', cursor, None),
        (b"typing", None, None),
        (b'{"code":4000,"reason":"over"}', None, "close"),
    ]
    assert (entries[0].key, entries[0].exclude_users, unstored) == ("k", frozenset({"ada"}), None)
    assert cursor is not None
    assert cursor.offset == 1
    user = await process.receiver.heard("user:42", 2)
    assert [(entry.frame.data, entry.control) for entry in user] == [
        (b"\x00", None),
        (b'{"code":1008,"reason":"out"}', "kick"),
    ]
    assert (await process.receiver.heard("all", 1))[0].exclude_users == {"grace"}
    assert texts((await process.backplane.read(LOBBY, None)).entries) == ['{"a":1}']


@pytest.mark.promise("websockets-136")
async def test_messages_that_are_sent_at_once_keep_their_order(redis_url: str, redis: Redis, launch: Start) -> None:
    """Hundreds of messages at once arrive in the order in which they were sent, in few round trips."""
    process = await launch(redis_url, LOBBY)
    publisher = RedisPublisher(redis, history=KEPT, deadline=30.0)

    await asyncio.gather(*(publisher.room("lobby").send(str(number)) for number in range(600)))

    assert texts(await process.receiver.heard(LOBBY, 600)) == [str(number) for number in range(600)]


@pytest.mark.promise("websockets-137")
async def test_a_worker_hears_that_redis_is_away(redis_proxy: FaultyProxy) -> None:
    """While Redis is away sending is an error, and when it is back it works."""
    async with Redis.from_url(redis_proxy.url) as client:
        publisher = RedisPublisher(client)
        await redis_proxy.refuse()

        with pytest.raises(BackplaneUnavailableError, match="nobody knows whether it has the message"):
            await publisher.broadcast("hello")

        await redis_proxy.heal()
        await RedisPublisher(client, deadline=30.0).broadcast("hello")


async def test_a_room_that_cannot_be(redis: Redis) -> None:
    """A name that no room can have is an error before anything is sent."""
    with pytest.raises(ValueError, match="a room's name"):
        RedisPublisher(redis).room("")


@pytest.mark.promise("websockets-138")
@pytest.mark.parametrize("kind", [RedisBackplane, RedisPublisher])
async def test_nonsense_is_refused(kind: type[RedisBackplane] | type[RedisPublisher], redis: Redis) -> None:
    """A client or an option that cannot work is an error when it is written, and says what to write."""
    cluster = RedisCluster(host="127.0.0.1", port=1)

    with pytest.raises(TypeError, match="every node hears every message"):
        kind(cluster)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"write redis\.asyncio\.Redis"):
        kind("redis://localhost")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no braces"):
        kind(redis, prefix="{ws}")
    with pytest.raises(ValueError, match="a deadline is above 0"):
        kind(redis, deadline=0)
    with pytest.raises(ValueError, match="single connection"):
        kind(Redis(single_connection_client=True))


@pytest.mark.parametrize("option", ["outbox", "outbox_bytes", "outbox_age"])
async def test_an_outbox_has_room(option: str, redis: Redis) -> None:
    """An outbox that can hold nothing is refused."""
    with pytest.raises(ValueError, match="an outbox has room for something"):
        RedisBackplane(redis, **{option: 0})  # type: ignore[arg-type]
