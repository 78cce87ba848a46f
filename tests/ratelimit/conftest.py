"""Every store on every backend: the tests of a protocol know none of them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Protocol

import pytest
from redis.asyncio import Redis, RedisCluster

from brickwork.ratelimit import Charge, LeaseStore, Limit, RateStore
from brickwork.ratelimit._store import Movable
from brickwork.ratelimit.memory import MemoryRateStore
from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.servers import Node, oldest_redis, three_nodes
from tests.servers import RedisServer, plugin

PATIENCE = 10.0  # seconds: most tests are not about deadlines, and the machine may be busy

_OLDEST = oldest_redis()
_BACKENDS = ["memory", "redis", *(["redis-6.2"] if _OLDEST else []), "cluster"]


class Store(RateStore, LeaseStore, Movable, Protocol):
    """All that a store of ours can do."""


def charge(limit: Limit, cost: int = 1, *, who: str = "ada", what: str = "search") -> Charge:
    """One charge, with digests as long as real ones."""
    return Charge(f"{who:_<22}", f"{what:_<11}", limit, cost)


@pytest.fixture(scope="session")
def oldest_redis_url() -> Iterator[str]:
    """Address of a Redis 6.2."""
    assert _OLDEST is not None
    with RedisServer(_OLDEST) as server:
        yield server.url


@pytest.fixture(scope="session")
def running_cluster(pytestconfig: pytest.Config) -> Iterator[list[Node]]:
    """The three servers of a cluster; tests take ``cluster``."""
    with three_nodes(plugin._find(pytestconfig, "private_cluster")) as nodes:
        yield nodes


@pytest.fixture
async def cluster(running_cluster: list[Node]) -> AsyncIterator[RedisCluster]:
    """A client of an empty cluster of three."""
    async with _empty(running_cluster) as client:
        yield client


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture(params=_BACKENDS)
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """An empty store, once for each backend."""
    if request.param == "memory":
        yield MemoryRateStore()
    elif request.param == "cluster":
        async with _empty(request.getfixturevalue("running_cluster")) as cluster:
            yield RedisRateStore(cluster, deadline=PATIENCE)
    else:
        url = request.getfixturevalue("redis_url" if request.param == "redis" else "oldest_redis_url")
        async with Redis.from_url(url) as client:
            await client.flushall()
            yield RedisRateStore(client, deadline=PATIENCE)


@asynccontextmanager
async def _empty(nodes: list[Node]) -> AsyncIterator[RedisCluster]:
    async with RedisCluster.from_url(nodes[0].url) as client:
        await client.flushall(target_nodes=RedisCluster.PRIMARIES)
        yield client
