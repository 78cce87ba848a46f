"""A private Redis or Valkey server."""

import os
from typing import Any

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from .process import ServerProcess, Source, wait_until

_PATIENCE = 2.0  # seconds for one question
_FORMING_LIMIT = 10.0  # seconds until a cluster of one serves every slot


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


class ClusterServer(RedisServer):
    """A cluster of one server, which refuses calls whose keys have not one slot, as any cluster does."""

    def _command(self) -> list[str]:
        return [*super()._command(), "--cluster-enabled", "yes"]

    def _launch(self) -> None:
        super()._launch()
        with _client(self.url) as client:

            def state() -> Any:
                return client.execute_command("CLUSTER INFO")

            if state()["cluster_slots_assigned"] == "0":
                client.execute_command("CLUSTER ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: bool(state()["cluster_state"] == "ok"), limit=_FORMING_LIMIT)


class SentinelServer(RedisServer):
    """A Sentinel that watches one server, under the name ``main``.

    Args:
        source: The program to run.
        watched: The server.
    """

    def __init__(self, source: Source, watched: RedisServer) -> None:
        super().__init__(source)
        self._watched = watched

    def _command(self) -> list[str]:
        settings = self.folder / "sentinel.conf"
        settings.write_text(
            f"port {self.port}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 {self._watched.port} 1\n"
        )
        return [os.fspath(self.program), str(settings), "--sentinel"]
