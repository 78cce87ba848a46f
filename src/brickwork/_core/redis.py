"""The one way in which Brickwork calls Redis while a request waits: once, in one round trip, until a deadline.

redis-py repeats a call whose reply was lost, up to ten times. What was counted then counts twice, what works once is
spent by nobody, and a server that hangs holds the request for as long as all attempts take. Here a call is sent at most
once, on a connection of the pool that the app passed in, and the app's own use of that pool stays as it is.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, Self

from .extras import extra

with extra("redis"):
    from redis import __version__
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.cluster import PipelineCommand
    from redis.asyncio.connection import ConnectionPool
    from redis.client import NEVER_DECODE
    from redis.exceptions import AskError, NoScriptError, RedisClusterException, RedisError, ResponseError

Argument = str | bytes | float
Command = tuple[Argument, ...]
Call = tuple[Sequence[str], Sequence[Argument]]  # the keys that a script touches, and what it is told besides

_AT_ONCE: Final = 8  # each of them takes a connection
# Until 5.3 a connection is asked for by the name of a command; since then a name is a warning.
_NAME: Final = ("EVALSHA",) if __version__.startswith(("5.0.", "5.1.", "5.2.")) else ()


class RedisUnavailableError(Exception):
    """Redis did not answer in time, or not as it should; whether it did what was asked, nobody knows."""


class Script:
    """A Lua script that Redis runs as one step.

    Args:
        source: The script.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest: str = sha1(source.encode(), usedforsecurity=False).hexdigest()

    @classmethod
    def load(cls, package: str, name: str) -> Self:
        """Read a script from the folder ``lua`` of a package."""
        return cls((files(package) / "lua" / f"{name}.lua").read_text("utf-8"))


class RedisCaller:
    """Calls Redis on behalf of one block.

    Replies are bytes whatever the client decodes, and whatever goes wrong is a `RedisUnavailableError`: the server is
    away, frozen, full, loading or read-only, the pool is exhausted, or the client was used on a loop that is closed.

    Args:
        client: A client of one server, of the master behind Sentinel, or of a cluster; its owner closes it.
        deadline: Seconds within which each call has its answer, connecting and waiting for a connection included.

    Raises:
        TypeError: The client is none of `redis.asyncio`.
        ValueError: The client has a single connection, or the deadline is not above 0.
    """

    def __init__(self, client: Redis | RedisCluster, *, deadline: float = 0.25) -> None:
        if not isinstance(client, Redis | RedisCluster):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"this needs a client of redis.asyncio, got {type(client)}: write redis.asyncio.Redis(…)")
        if isinstance(client, Redis) and client.single_connection_client:
            raise ValueError("requests cannot share a single connection: leave single_connection_client out")
        if deadline <= 0:
            raise ValueError(f"a deadline is above 0 seconds, got {deadline}")
        self._server = _Cluster(client) if isinstance(client, RedisCluster) else _Server(client.connection_pool)
        self._deadline = deadline

    @property
    def sharded(self) -> bool:
        """Whether the keys of one call must have one hash tag, because they live on several servers."""
        return isinstance(self._server, _Cluster)

    def where(self, key: str) -> str:
        """Name the server that has a key, as far as is known: whatever concerns others need not wait for it."""
        return self._server.where(key)

    async def run(self, script: Script, keys: Sequence[str], *args: Argument) -> Any:
        """Run a script, and give what it returns.

        Args:
            script: What to run.
            keys: The keys that it touches, one at least; on a cluster all of one slot.
            args: What it is told besides.

        Raises:
            RedisUnavailableError: There is no proper answer.
        """
        return await self._in_time(self._evaluate(script, keys[0], (len(keys), *keys, *args)))

    async def run_all(self, script: Script, calls: Sequence[Call]) -> list[Any]:
        """Run a script once for each call, in one round trip to each server that has keys of theirs.

        Returns:
            For each call what the script returned, or the `RedisUnavailableError` that it met: that harms no other.

        Raises:
            RedisUnavailableError: There is no proper answer at all.
        """
        keyed = [(keys[0], (len(keys), *keys, *args)) for keys, args in calls]
        replies = await self._in_time(self._server.evaluate_all(script, keyed))
        return [_unavailable(reply) if isinstance(reply, Exception) else reply for reply in replies]

    async def command(self, name: str, key: str, *args: Argument) -> Any:
        """Execute a command whose first argument is a key, and give its reply.

        Raises:
            RedisUnavailableError: There is no proper answer.
        """
        return await self._in_time(self._server.ask(key, name, key, *args))

    async def commands(self, commands: Sequence[Command]) -> list[Any]:
        """Execute many commands, each with a key as its first argument, and give their replies.

        One server is asked in one round trip, a cluster about a few keys at a time.

        Raises:
            RedisUnavailableError: There is not a proper answer to each.
        """
        return await self._in_time(self._server.ask_all(commands)) if commands else []

    async def _evaluate(self, script: Script, key: str, args: Command) -> Any:
        try:
            return await self._server.ask(key, "EVALSHA", script.digest, *args)
        except NoScriptError:
            # The one refusal that is safe to answer with another call: nothing was executed.
            return await self._server.ask(key, "EVAL", script.source, *args)

    async def _in_time(self, answer: Coroutine[Any, Any, Any]) -> Any:
        try:
            async with asyncio.timeout(self._deadline):
                return await answer
        except Exception as error:
            # Not only redis-py's errors: a connection that is reset under a call raises AttributeError, one of a closed
            # loop RuntimeError. None of them is an answer.
            raise _unavailable(error) from error


def _unavailable(error: Exception) -> RedisUnavailableError:
    return RedisUnavailableError(f"Redis gave no answer: {type(error).__name__}")


async def _evaluate_all(
    script: Script, calls: Sequence[Command], ask: Callable[[Sequence[Command]], Awaitable[list[Any]]]
) -> list[Any]:
    replies = await ask([("EVALSHA", script.digest, *call) for call in calls])
    forgotten = [place for place, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if forgotten:
        # Nothing of these was executed. The first brings the script along, for itself and for those behind it.
        again: list[Command] = [("EVALSHA", script.digest, *calls[place]) for place in forgotten]
        again[0] = ("EVAL", script.source, *calls[forgotten[0]])
        for place, reply in zip(forgotten, await ask(again), strict=True):
            replies[place] = reply
    return replies


class _Server:
    """One server, reached through a pool of connections."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool
        self._loop: asyncio.AbstractEventLoop | None = None

    def where(self, key: str) -> str:
        return ""

    async def ask(self, key: str, *command: Argument) -> Any:
        async with self._connection() as connection:
            await connection.send_command(*command)
            return await connection.read_response(disable_decoding=True)

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        async with self._connection() as connection:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response(disable_decoding=True) for _ in commands]

    async def evaluate_all(self, script: Script, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        return await _evaluate_all(script, [call for _, call in calls], self._ask_each)

    async def _ask_each(self, commands: Sequence[Command]) -> list[Any]:
        async with self._connection() as connection:
            await connection.send_packed_command(connection.pack_commands(commands))
            replies = [await self._reply(connection) for _ in commands]
            if any(isinstance(reply, Exception) and not isinstance(reply, NoScriptError) for reply in replies):
                await connection.disconnect(nowait=True)
            return replies

    @staticmethod
    async def _reply(connection: Any) -> Any:
        try:
            return await connection.read_response(disable_decoding=True)
        except ResponseError as refusal:
            return refusal

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        await self._meet(asyncio.get_running_loop())
        connection: Any = await self._pool.get_connection(*_NAME)  # type: ignore[no-untyped-call]
        try:
            yield connection
        except NoScriptError:
            raise
        except BaseException:
            # A reply that is still to come would be taken for that of the next call, and a server that became read-only
            # stays so: whatever happened, and a cancellation too, the next call connects anew.
            with suppress(Exception):
                await connection.disconnect(nowait=True)
            raise
        finally:
            await self._pool.release(connection)

    async def _meet(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what is open from another event loop: tests often have one for each request."""
        former, self._loop = self._loop, loop
        if former is not None and former is not loop:
            with suppress(Exception):
                await self._pool.disconnect(inuse_connections=False)


class _Cluster:
    """Many servers, each with the keys of some slots."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._suspects: set[str] = set()  # servers that may have lost their slots to others

    def where(self, key: str) -> str:
        try:
            node: Any = self._client.get_node_from_key(key)
        except RedisClusterException:
            return ""  # nothing is known before the first call
        return str(node.name)

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), _AT_ONCE):
            some = commands[start : start + _AT_ONCE]
            replies += await asyncio.gather(*(self.ask(str(command[1]), *command) for command in some))
        return replies

    async def evaluate_all(self, script: Script, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        nodes = [await self._node(key) for key, _ in calls]
        shares: dict[str, list[int]] = {}  # by name: in redis-py 5.0 a node is no key of a dict
        for place, node in enumerate(nodes):
            shares.setdefault(node.name, []).append(place)
        answers = await asyncio.gather(
            *(self._share(nodes[share[0]], script, [calls[place] for place in share]) for share in shares.values())
        )
        replies: list[Any] = [None] * len(calls)
        for share, some in zip(shares.values(), answers, strict=True):
            for place, reply in zip(share, some, strict=True):
                replies[place] = reply
        return replies

    async def _share(self, node: Any, script: Script, calls: Sequence[tuple[str, Command]]) -> list[Any]:
        async def ask(commands: Sequence[Command]) -> list[Any]:
            asked = [PipelineCommand(place, *command, **{NEVER_DECODE: True}) for place, command in enumerate(commands)]
            await node.execute_pipeline(asked)
            return [each.result for each in asked]

        try:
            replies: list[Any] = await _evaluate_all(script, [call for _, call in calls], ask)
        except asyncio.CancelledError:
            self._suspects.add(node.name)
            raise
        except (RedisError, OSError) as error:
            replies = [error] * len(calls)
        if any(isinstance(reply, Exception) and type(reply) is not ResponseError for reply in replies):
            # What a script itself finds wrong says nothing of the cluster.
            self._suspects.add(node.name)
        astray = [place for place, reply in enumerate(replies) if isinstance(reply, AskError)]
        # MOVED is one of these, too: nothing was executed there, and redis-py knows how to follow.
        following = (self.ask(calls[place][0], "EVAL", script.source, *calls[place][1]) for place in astray)
        for place, reply in zip(astray, await asyncio.gather(*following, return_exceptions=True), strict=True):
            replies[place] = reply
        return replies

    async def ask(self, key: str, *command: Argument) -> Any:
        node = await self._node(key)
        try:
            # To name the node is to ask for no repetition; a MOVED or ASK, which executed nothing, is followed.
            return await self._client.execute_command(*command, target_nodes=node, **{NEVER_DECODE: True})
        except asyncio.CancelledError:
            # Perhaps the deadline has passed because a frozen server was replaced: redis-py only looks for the new one
            # when a call fails by itself.
            self._suspects.add(node.name)
            raise

    async def _node(self, key: str) -> Any:
        await self._client.initialize()
        node: Any = self._client.get_node_from_key(key)
        if node.name in self._suspects:
            # Those that become suspect while we ask stay so.
            suspects, self._suspects = self._suspects, set()
            try:
                await self._client.nodes_manager.initialize()
            except BaseException:
                self._suspects |= suspects
                raise
            node = self._client.get_node_from_key(key)
        return node
