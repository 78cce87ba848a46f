"""Real servers for the tests: Redis (or Valkey) and PostgreSQL, and a proxy that spoils what they say.

The fixtures are in ``plugin``. A test that only needs a server takes ``redis_url`` or ``postgres_url``; one that
kills, freezes or restarts it takes ``private_redis`` or ``private_postgres``; one about a broken connection takes
``redis_proxy``.
"""

from .postgres import PostgresServer, readable_programs
from .process import ServerStartError, Source
from .proxy import FaultyProxy
from .redis import ClusterServer, RedisServer, SentinelServer
from .sources import ServerNotFoundError, Sources

__all__ = [
    "ClusterServer",
    "FaultyProxy",
    "PostgresServer",
    "RedisServer",
    "SentinelServer",
    "ServerNotFoundError",
    "ServerStartError",
    "Source",
    "Sources",
    "readable_programs",
]
