"""Counts in Redis, for services that run as several processes: one limit for all of them, by one clock.

It works with one server, with the master behind Sentinel and with a cluster, from Redis 6.2 on, and with Valkey. Set
``maxmemory-policy`` to ``noeviction``: a server that drops counts lets through what they would have refused.
"""

from .store import RedisRateStore

__all__ = ["RedisRateStore"]
