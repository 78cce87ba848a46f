"""A private Redis or Valkey server."""

import os
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .process import ServerProcess

_PATIENCE = 2.0  # seconds for one question


def ask(url: str) -> dict[str, Any]:
    """Ask the server at ``url`` about itself (``INFO server``), once."""
    # Ten silent retries are redis-py's default; one honest answer is wanted here.
    with _client(url) as client:
        answer: dict[str, Any] = client.info("server")
    return answer


def describe(url: str) -> str:
    """Give name and version of the server at ``url``."""
    info = ask(url)
    if "valkey_version" in info:
        return f"Valkey {info['valkey_version']}"
    return f"Redis {info['redis_version']}"


def empty(url: str) -> None:
    """Remove every key from the database at ``url``."""
    with _client(url) as client:
        client.flushdb()


def _client(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0))


class RedisServer(ServerProcess):
    """A private Redis (Valkey), whose data survives a kill through its append-only file."""

    @property
    def url(self) -> str:
        """Address for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def _prepare(self) -> None:
        pass

    def _command(self) -> list[str]:
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            # Written before each answer and never flushed to disk: enough to outlive the process, and quick.
            "appendfsync": "no",
            "auto-aof-rewrite-percentage": "0",
        }
        return [os.fspath(self.program), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def _greet(self) -> None:
        if ask(self.url)["process_id"] != self.pid:
            raise ConnectionError(f"another server answers on port {self.port}")
