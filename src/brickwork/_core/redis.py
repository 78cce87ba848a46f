"""The one way in which Brickwork calls Redis while a request waits: once, in one round trip, until a deadline.

redis-py repeats a call whose reply was lost, up to ten times. What was counted then counts twice, what works once is
spent by nobody, and a server that hangs holds the request for as long as all attempts take. Here a call is sent at most
once, on a connection of the pool that the app passed in, and the app's own use of that pool stays as it is.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final, Self

from .extras import extra

with extra("redis"):
    from redis import __version__
    from redis.asyncio import Redis, RedisCluster
    from redis.asyncio.connection import ConnectionPool
    from redis.client import NEVER_DECODE
    from redis.exceptions import NoScriptError

Command = tuple[str | bytes | float, ...]

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
        self.digest = sha1(source.encode(), usedforsecurity=False).hexdigest()

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

    async def run(self, script: Script, keys: Sequence[str], *args: str | bytes | float) -> Any:
        """Run a script, and give what it returns.

        Args:
            script: What to run.
            keys: The keys that it touches, one at least; on a cluster all of one slot.
            args: What it is told besides.

        Raises:
            RedisUnavailableError: There is no proper answer.
        """
        return await self._in_time(self._evaluate(script, keys[0], (len(keys), *keys, *args)))

    async def command(self, name: str, key: str, *args: str | bytes | float) -> Any:
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

    async def _evaluate(self, script: Script, key: str, args: tuple[str | bytes | float, ...]) -> Any:
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
            raise RedisUnavailableError(f"Redis gave no answer: {type(error).__name__}") from error


class _Server:
    """One server, reached through a pool of connections."""

    def __init__(self, pool: ConnectionPool) -> None:
        self._pool = pool

    async def ask(self, key: str, *command: str | bytes | float) -> Any:
        async with self._connection() as connection:
            await connection.send_command(*command)
            return await connection.read_response(disable_decoding=True)

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        async with self._connection() as connection:
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await connection.read_response(disable_decoding=True) for _ in commands]

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
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


class _Cluster:
    """Many servers, each with the keys of some slots."""

    def __init__(self, client: RedisCluster) -> None:
        self._client = client
        self._outdated = False

    async def ask_all(self, commands: Sequence[Command]) -> list[Any]:
        replies: list[Any] = []
        for start in range(0, len(commands), _AT_ONCE):
            some = commands[start : start + _AT_ONCE]
            replies += await asyncio.gather(*(self.ask(str(command[1]), *command) for command in some))
        return replies

    async def ask(self, key: str, *command: str | bytes | float) -> Any:
        await self._client.initialize()
        if self._outdated:
            await self._client.nodes_manager.initialize()
            self._outdated = False
        node = self._client.get_node_from_key(key)
        try:
            # To name the node is to ask for no repetition; a MOVED or ASK, which executed nothing, is followed.
            return await self._client.execute_command(*command, target_nodes=node, **{NEVER_DECODE: True})
        except asyncio.CancelledError:
            # Perhaps the deadline has passed because a frozen server was replaced: redis-py only looks for the new one
            # when a call fails by itself.
            self._outdated = True
            raise
