"""The faulty proxy fails in each of its ways, and a real client sees it."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tests.servers import FaultyProxy


@pytest.fixture
async def redis(redis_proxy: FaultyProxy) -> AsyncIterator[Redis]:
    """A connected client behind the proxy, which tries once and waits for at most 0.2 s."""
    async with Redis.from_url(redis_proxy.url, socket_timeout=0.2, retry=Retry(NoBackoff(), 0)) as client:
        await client.ping()
        yield client


@pytest.fixture
async def direct(redis_url: str) -> AsyncIterator[Redis]:
    """A client of the same database that does not go through the proxy."""
    async with Redis.from_url(redis_url) as client:
        yield client


async def test_whole_proxy_relays(redis: Redis) -> None:
    """A proxy that was told nothing is as good as the server, whatever the size."""
    await redis.set("book", b"x" * 1_000_000)

    value = await redis.get("book")

    assert value == b"x" * 1_000_000


async def test_refused(redis: Redis, redis_proxy: FaultyProxy) -> None:
    """A proxy that refuses breaks the connections it has and takes no new ones, until it is healed."""
    address = urlsplit(redis_proxy.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(b"PING\r\n")
    await reader.readline()

    await redis_proxy.refuse()

    with pytest.raises(ConnectionResetError):
        await reader.readline()
    # Some releases of Python 3.12 and 3.13 answer a write to a broken connection with an AttributeError.
    await redis.connection_pool.disconnect()
    with pytest.raises(RedisConnectionError):
        await redis.ping()
    await redis_proxy.heal()
    assert await redis.ping()
    writer.close()


async def test_hung(redis: Redis, redis_proxy: FaultyProxy, direct: Redis) -> None:
    """A proxy that hangs takes the request and never answers; the server does not hear of it."""
    redis_proxy.hang()

    with pytest.raises(RedisTimeoutError):
        await redis.incr("count")

    assert await direct.get("count") is None
    await redis_proxy.heal()
    assert await redis.ping()


async def test_reply_lost(redis: Redis, redis_proxy: FaultyProxy, direct: Redis) -> None:
    """The request of the lost reply was carried out, once, and the one before it is answered."""
    redis_proxy.lose_reply(nth=2, of=b"INCR")

    first = await redis.incr("count")
    await redis.ping()
    with pytest.raises(RedisConnectionError):
        await redis.incr("count")

    assert first == 1
    assert await direct.get("count") == b"2"
    assert redis_proxy.sprung == 1
    assert await redis.incr("count") == 3


async def test_delayed(redis: Redis, redis_proxy: FaultyProxy) -> None:
    """A delayed reply comes too late for a client that does not wait, and in time for one that does."""
    async with Redis.from_url(redis_proxy.url, socket_timeout=10) as patient:
        await patient.ping()
        redis_proxy.delay(0.4)

        with pytest.raises(RedisTimeoutError):
            await redis.incr("count")
        count = await patient.incr("count")

    assert count == 2


async def test_cut_short(redis: Redis, redis_proxy: FaultyProxy) -> None:
    """A reply that ends in the middle is an error, not a shorter value."""
    await redis.set("book", "a long title")
    redis_proxy.cut_reply(of=b"GET", keep=8)

    with pytest.raises(RedisConnectionError):
        await redis.get("book")

    assert await redis.get("book") == b"a long title"


async def test_address_keeps_the_rest() -> None:
    """Only host and port of the address are the proxy's own."""
    proxy = FaultyProxy("redis://ada:secret@server:6379/7?protocol=3")

    assert proxy.url.startswith("redis://ada:secret@127.0.0.1:")
    assert proxy.url.endswith("/7?protocol=3")


async def test_server_gone() -> None:
    """A proxy with no server behind it ends each connection at once."""
    async with (
        FaultyProxy("redis://127.0.0.1:1/0") as proxy,
        Redis.from_url(proxy.url, socket_timeout=5, retry=Retry(NoBackoff(), 0)) as client,
    ):
        with pytest.raises(RedisConnectionError):
            await client.ping()
