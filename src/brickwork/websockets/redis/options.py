"""How Redis is used."""

from typing import Final, NamedTuple

from ..._core.clock import Clock
from ..._core.extras import extra
from ..._core.redis import RedisCaller
from .wire import Names

with extra("redis"):
    from redis.asyncio import Redis, RedisCluster

_LONGEST_PREFIX: Final = 32
PATIENCE: Final = 2.0  # seconds for what nobody sends by


class Options(NamedTuple):
    """What a backplane was given."""

    client: Redis
    prefix: str
    deadline: float
    outbox: int
    outbox_bytes: int
    outbox_age: float
    clock: Clock

    @property
    def names(self) -> Names:
        """What things are called."""
        return named(self.client, self.prefix)


def checked(options: Options) -> Options:
    """Refuse nonsense.

    Raises:
        TypeError: The client is not of `redis.asyncio`, or is one of a cluster.
        ValueError: It has a single connection, the prefix is too long or has braces, or a number is too small.
    """
    called(options.client, options.prefix, options.deadline)
    if options.outbox < 1 or options.outbox_bytes < 1 or options.outbox_age <= 0:
        raise ValueError("an outbox has room for something: use outbox >= 1, outbox_bytes >= 1 and outbox_age > 0")
    return options


def called(client: Redis, prefix: str, deadline: float) -> RedisCaller:
    """Give what calls Redis within a deadline.

    Raises:
        TypeError: The client is not of `redis.asyncio`, or is one of a cluster.
        ValueError: It has a single connection, or the prefix is too long or has braces.
    """
    if isinstance(client, RedisCluster):
        raise TypeError(
            "in a cluster every node hears every message, so that it carries no more than one server: "
            "give a redis.asyncio.Redis of one server, or of the master behind Sentinel"
        )
    if len(prefix.encode()) > _LONGEST_PREFIX or {*"{}"} & {*prefix}:
        raise ValueError(f"a prefix has {_LONGEST_PREFIX} bytes at most and no braces, got {prefix!r}")
    return RedisCaller(client, deadline=deadline)


def named(client: Redis, prefix: str) -> Names:
    """Give the names of things in the client's database."""
    return Names(prefix, int(client.connection_pool.connection_kwargs.get("db") or 0))
