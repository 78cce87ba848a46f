"""The connection on which this process hears."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from ..._core.extras import extra
from .outbox import pause
from .tasks import end

with extra("redis"):
    from redis.asyncio.connection import ConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

_CONNECTING: Final = 1.5  # seconds
_WRITING: Final = 2.0  # seconds
_LISTENING: Final = 60.0  # seconds; more than any silence, since there are signs of life
_INTERVAL: Final = 0.75  # seconds between signs of life
_SILENCES: Final = 3  # intervals without any, after which the connection is dead
_AT_ONCE: Final = 500  # channels of one command

_log = logging.getLogger("brickwork.websockets")


class Line:
    """Hears channels on one connection after another, each for as long as it holds.

    The connection is its own: what others do with the pool, and how often they try, does not concern it. It counts by
    intervals and not by time whether the server is silent, so that a process that was busy does not take its own
    silence for that of the server.

    Args:
        pool: What connections are made by.
        up: Hears that there is a connection, before anything is heard.
        hear: Takes the name of a channel and what was sent there.
        confirmed: Hears that a channel is heard from now on.
        down: Hears that there is no connection: at the end of each, and after each attempt.
    """

    def __init__(
        self,
        pool: ConnectionPool,
        *,
        up: Callable[[], None],
        hear: Callable[[str, bytes], None],
        confirmed: Callable[[str], None],
        down: Callable[[], None],
    ) -> None:
        self._pool = pool
        self._up, self._hear, self._confirmed, self._down = up, hear, confirmed, down
        self._wanted: dict[str, None] = {}
        self._changed: dict[str, None] = {}
        self._asked: set[str] = set()
        self._pending: Counter[str] = Counter()
        self._wake = asyncio.Event()
        self._signs = 0

    def add(self, name: str) -> None:
        """Hear a channel."""
        self._wanted[name] = None
        self._change(name)

    def discard(self, name: str) -> None:
        """Hear it no more."""
        self._wanted.pop(name, None)
        self._change(name)

    async def run(self) -> None:
        """Connect again and again."""
        attempt = 0
        while True:
            connection: Any = self._pool.make_connection()  # type: ignore[no-untyped-call]
            # Attempts are counted here: redis-py would connect again by itself, and nobody would know what was missed.
            connection.retry = Retry(NoBackoff(), 0)
            try:
                async with asyncio.timeout(_CONNECTING):
                    await connection.connect()
                attempt = 0
                await self._serve(connection)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next connection may do better
                level = logging.WARNING if attempt == 0 else logging.DEBUG
                _log.log(level, "no connection to Redis (%s); trying again", type(error).__name__)
            finally:
                with suppress(Exception):
                    await connection.disconnect(nowait=True)
            self._down()
            await asyncio.sleep(pause(attempt))
            attempt += 1

    async def _serve(self, connection: Any) -> None:
        self._asked.clear()
        self._pending.clear()
        self._changed = dict(self._wanted)
        self._wake.set()
        self._up()
        # No TaskGroup: one whose task fails while it is cancelled itself forgets the cancellation.
        tasks = [asyncio.create_task(each(connection)) for each in (self._ask, self._watch, self._listen)]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            done.pop().result()
        finally:
            await end(tasks)

    async def _ask(self, connection: Any) -> None:
        """Subscribe and unsubscribe, so that in the end that is heard which is wanted."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = list(self._changed), {}
            wanted = [name for name in changed if name in self._wanted]
            more = [name for name in wanted if name not in self._asked]
            still = [name for name in wanted if name in self._asked and not self._pending[name]]
            less = [name for name in changed if name not in self._wanted and name in self._asked]
            for name in still:
                self._confirmed(name)  # it was given up and wanted again before anybody was told
            self._asked.update(more)
            self._asked.difference_update(less)
            self._pending.update(more)
            for command, names in (("UNSUBSCRIBE", less), ("SUBSCRIBE", more)):
                for start in range(0, len(names), _AT_ONCE):
                    await self._send(connection, command, *names[start : start + _AT_ONCE])

    async def _watch(self, connection: Any) -> None:
        silences = 0
        while silences < _SILENCES:
            signs = self._signs
            await self._send(connection, "PING")
            await asyncio.sleep(_INTERVAL)
            silences = silences + 1 if signs == self._signs else 0
        raise TimeoutError("Redis is silent")

    async def _listen(self, connection: Any) -> None:
        while True:
            heard: Any = await connection.read_response(
                disable_decoding=True, timeout=_LISTENING, disconnect_on_error=False, push_request=True
            )
            self._signs += heard is not None  # which it is after a while in which nothing was said
            match heard:
                case [b"message", bytes(name), bytes(payload)]:
                    self._hear(name.decode(), payload)
                case [b"subscribe", bytes(name), _]:
                    self._confirm(name.decode())
                case _:
                    pass  # a sign of life, or that a channel is heard no more

    def _confirm(self, name: str) -> None:
        self._pending[name] -= 1
        if self._pending[name]:
            return  # it was unsubscribed and subscribed again meanwhile
        del self._pending[name]
        if name in self._wanted and name in self._asked:
            self._confirmed(name)

    def _change(self, name: str) -> None:
        self._changed[name] = None
        self._wake.set()

    @staticmethod
    async def _send(connection: Any, *command: str) -> None:
        async with asyncio.timeout(_WRITING):
            if not connection.is_connected:
                raise ConnectionError("the connection is closed")
            await connection.send_command(*command, check_health=False)
