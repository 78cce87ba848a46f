"""The stores behind URIs of Redis and Valkey."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..._core.extras import extra
from .._store import RateStore
from ..redis import RedisRateStore

with extra("redis"):
    from redis import Redis
    from redis.asyncio import Redis as AsyncRedis

_PREFIX = "slowapi"
_BATCH = 1_000
_DEADLINE = 1.0  # seconds; slowapi waits for ever, and refuses nobody before


def open_redis(uri: str, options: Mapping[str, Any]) -> tuple[RateStore, Callable[[], Awaitable[None]]]:
    """Open a store, and tell how to close its client."""
    client = AsyncRedis.from_url(_url(uri), **options)  # pyright: ignore[reportUnknownMemberType]
    return RedisRateStore(client, prefix=_PREFIX, deadline=_DEADLINE), client.aclose


def clear_redis(uri: str, options: Mapping[str, Any]) -> None:
    """Delete all counts, and wait until that is done."""
    client: Any = Redis.from_url(_url(uri), **options)  # pyright: ignore[reportUnknownMemberType]
    with client:
        for key in client.scan_iter(match=f"{_PREFIX}:*", count=_BATCH):
            client.unlink(key)


def _url(uri: str) -> str:
    kind, _, rest = uri.partition("://")
    kind = kind.replace("valkey", "redis")
    return f"{'unix' if kind == 'redis+unix' else kind}://{rest}"
