"""The stores behind the URIs that slowapi takes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from limits.aio.storage import Storage
from limits.storage import storage_from_string

from .._store import RateStore
from ..limits import LimitsRateStore
from ..memory import MemoryRateStore

_REDIS = ("redis://", "rediss://", "valkey://", "valkeys://", "redis+unix://", "valkey+unix://")
_BY_CLIENT = ("redis+sentinel://", "redis+cluster://", "valkey+sentinel://", "valkey+cluster://")


async def _nothing() -> None:
    """Close nothing."""


class Opened(NamedTuple):
    """A store, and how to close what was opened for it."""

    store: RateStore
    aclose: Callable[[], Awaitable[None]] = _nothing


def open_store(uri: str, options: Mapping[str, Any]) -> Opened:
    """Open the store that a URI names.

    Raises:
        ValueError: The URI is one of Sentinel or a cluster, or of a storage that nobody has.
        MissingExtraError: The package for it is not installed.
    """
    uri = uri.removeprefix("async+")
    if uri.startswith("memory://"):
        return Opened(MemoryRateStore())
    if uri.startswith(_BY_CLIENT):
        raise ValueError(
            "Sentinel and clusters need a client: pass store=RedisRateStore(client) in place of storage_uri"
        )
    if uri.startswith(_REDIS):
        from .redis import open_redis  # noqa: PLC0415 - not everybody has redis

        return Opened(*open_redis(uri, options))
    storage = storage_from_string(f"async+{uri}", **options)
    return Opened(LimitsRateStore(storage if isinstance(storage, Storage) else uri))


def clear(uri: str, options: Mapping[str, Any]) -> bool:
    """Delete all counts; False where nothing can do so."""
    uri = uri.removeprefix("async+")
    if uri.startswith(_REDIS):
        from .redis import clear_redis  # noqa: PLC0415

        clear_redis(uri, options)
        return True
    return uri.startswith("memory://")
