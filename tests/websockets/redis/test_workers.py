"""Two processes and a Redis, any of which may die: clients that come back miss nothing, and hear nothing twice."""

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import random
from typing import Any, Final

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from tests.servers.redis import RedisServer
from tests.websockets.redis.faults import eventually

ROOT: Final = Path(__file__).parents[3]
CLIENTS: Final = 6
MESSAGES: Final = 150  # of each of the two who talk
PACE: Final = 0.01  # seconds between two of them
STARTING: Final = 60.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


class Worker:
    """A process that serves the room."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.dead = False

    async def kill(self) -> None:
        """End it at once."""
        self.dead = True
        self.process.kill()
        await self.process.wait()


class Client:
    """Comes back whenever it is cut off, as the JavaScript client does, to one process or the other.

    Attributes:
        heard: What was said, each message once.
        losses: How often it was told that something is gone for good.
        joined: Whether it has been in the room.
    """

    def __init__(self, workers: Sequence[Worker], first: int) -> None:
        self.heard: list[str] = []
        self.losses = 0
        self.joined = False
        self._workers = workers
        self._next = first
        self._cursors: dict[str, str] = {}
        self._seen: set[str] = set()
        self._socket: ClientConnection | None = None

    async def run(self) -> None:
        """Be there for ever."""
        while True:
            worker = self._workers[self._next % len(self._workers)]
            self._next += 1
            query = "&".join(f"cursor={room}:{cursor}" for room, cursor in self._cursors.items())
            with suppress(OSError, TimeoutError, WebSocketException):
                async with connect(
                    f"ws://127.0.0.1:{worker.port}/ws?{query}", ping_interval=None, proxy=None, compression=None
                ) as self._socket:
                    await self._listen(self._socket, new=not query)
            await asyncio.sleep(0.05 * random())

    async def hop(self) -> None:
        """Go to the other process."""
        if self._socket is not None:
            await self._socket.close()

    async def _listen(self, socket: ClientConnection, *, new: bool) -> None:
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "resume":
                # Who comes for the first time has nothing to lose.
                self.losses += not message["recovered"] and not new
                self.joined, new = True, False
            if not self._is_repeated(message) and message["type"] == "said":
                self.heard.append(message["text"])

    def _is_repeated(self, message: dict[str, Any]) -> bool:
        room, cursor, once = message.get("room"), message.get("cursor"), message.get("once")
        if room and cursor:
            epoch, offset = cursor.split(":")
            before = self._cursors.get(room, "").split(":")
            if message["type"] != "resume" and before[0] == epoch and int(offset) <= int(before[1]):
                return True
            self._cursors[room] = cursor
        if once is None:
            return False
        if once in self._seen:
            return True
        self._seen.add(once)
        return False


class Talker:
    """Says one thing after the other through one process, or the other when that is dead.

    Attributes:
        accepted: What was accepted.
    """

    def __init__(self, http: httpx2.AsyncClient, workers: Sequence[Worker], name: str, first: int) -> None:
        self.accepted: list[str] = []
        self._http = http
        self._workers = workers
        self._name = name
        self._at = first

    async def talk(self, count: int) -> None:
        """Say so many things more."""
        for number in range(len(self.accepted), len(self.accepted) + count):
            await self.say(str(number))
            await asyncio.sleep(PACE)

    async def say(self, text: str) -> None:
        """Say it until it is accepted; under another name each time, since it may have been, unknown to us."""
        for attempt in range(1_000):
            said = f"{self._name}-{text}-{attempt}"
            try:
                answer = await self._http.post(f"http://127.0.0.1:{self._workers[self._at].port}/say/{said}")
            except httpx2.TransportError:
                self._at = 1 - self._at
                continue
            assert answer.status_code == 200, answer.text
            self.accepted.append(said)
            return


class Crowd:
    """Clients and talkers around two processes."""

    def __init__(self, http: httpx2.AsyncClient, workers: Sequence[Worker]) -> None:
        self.workers = workers
        self.clients = [Client(workers, number) for number in range(CLIENTS)]
        self.talkers = [Talker(http, workers, name, number) for number, name in enumerate(("ada", "grace"))]
        self._http = http

    async def talk(self, count: int) -> None:
        """Have both talk."""
        await asyncio.gather(*(talker.talk(count) for talker in self.talkers))

    async def are(self, state: str) -> None:
        """Wait until all processes that live are in a state."""

        async def so() -> bool:
            living = [worker for worker in self.workers if not worker.dead]
            answers = [await self._http.get(f"http://127.0.0.1:{worker.port}/state") for worker in living]
            return all(answer.json() == state for answer in answers)

        await eventually(so)

    async def end(self) -> None:
        """Wait until everybody has heard the last words of both."""
        await self.are("ready")
        for talker in self.talkers:
            await talker.say("end")
        ends = {talker.accepted[-1] for talker in self.talkers}
        await eventually(lambda: all(ends <= {*client.heard} for client in self.clients))


async def ended(process: asyncio.subprocess.Process) -> None:
    """End a process, unless it has."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


@asynccontextmanager
async def crowd(redis: RedisServer) -> AsyncIterator[Crowd]:
    """Start two processes, and have everybody come."""
    async with AsyncExitStack() as stack:
        workers = []
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.websockets.redis.worker", redis.url),
                cwd=ROOT,
                stdout=asyncio.subprocess.PIPE,
            )
            stack.push_async_callback(ended, process)
            assert process.stdout is not None
            async with asyncio.timeout(STARTING):
                workers.append(Worker(process, int(await process.stdout.readline())))
        made = Crowd(await stack.enter_async_context(httpx2.AsyncClient(timeout=STARTING)), workers)
        running = [asyncio.create_task(client.run()) for client in made.clients]
        await eventually(lambda: all(client.joined for client in made.clients))
        yield made
        for task in running:
            task.cancel()
        await asyncio.wait(running)


def missed(client: Client, talker: Talker) -> list[str]:
    """Check that a client heard what one said in order and nothing twice; give what it did not hear."""
    accepted = {*talker.accepted}
    heard = [text for text in client.heard if text in accepted]
    assert heard == [text for text in talker.accepted if text in {*heard}]
    assert len({*client.heard}) == len(client.heard)
    return [text for text in talker.accepted if text not in {*heard}]


def assert_complete(around: Crowd) -> None:
    """Check that every client has heard everything, once and in order, and was told of no loss."""
    found = [(missed(client, talker), client.losses) for client in around.clients for talker in around.talkers]
    assert found == [([], 0)] * len(found)


@pytest.mark.promise("websockets-165")
async def test_redis_is_killed_and_comes_back(private_redis: RedisServer) -> None:
    """Though Redis is killed in the midst of it, each client hears each message once, and each talker's in order."""
    async with crowd(private_redis) as around:
        talking = asyncio.create_task(around.talk(MESSAGES))
        await eventually(lambda: len(around.talkers[0].accepted) > MESSAGES // 5)

        private_redis.kill()
        await around.are("degraded")
        await talking
        await asyncio.to_thread(private_redis.restart)
        await around.are("ready")
        # What they heard meanwhile had no place in the history yet, so they are told it again.
        await asyncio.gather(*(client.hop() for client in around.clients))
        await around.end()

    assert_complete(around)


@pytest.mark.promise("websockets-165")
async def test_redis_comes_back_without_its_memory(private_redis: RedisServer) -> None:
    """Where Redis has forgotten all, no client hears anything twice, and who missed something has been told so."""
    async with crowd(private_redis) as around:
        talking = asyncio.create_task(around.talk(MESSAGES))
        await eventually(lambda: len(around.talkers[0].accepted) > MESSAGES // 5)

        private_redis.kill()
        shutil.rmtree(private_redis.folder / "appendonlydir")
        await around.are("degraded")
        await eventually(lambda: all(len(talker.accepted) > MESSAGES // 2 for talker in around.talkers))
        await asyncio.to_thread(private_redis.restart)
        await talking
        await around.are("ready")
        await asyncio.gather(*(client.hop() for client in around.clients[::2]))
        await around.end()

    for client in around.clients:
        assert client.losses or not any(missed(client, talker) for talker in around.talkers)
        assert len({*client.heard}) == len(client.heard)


@pytest.mark.promise("websockets-166")
async def test_redis_stands_still(private_redis: RedisServer) -> None:
    """While Redis answers nothing the talk goes on, and later each client has heard each message once."""
    async with crowd(private_redis) as around:
        talking = asyncio.create_task(around.talk(MESSAGES))
        await eventually(lambda: len(around.talkers[0].accepted) > MESSAGES // 5)

        private_redis.freeze()
        await around.are("degraded")
        await asyncio.sleep(3)  # longer than it may be silent before another connection takes its place
        private_redis.thaw()
        await talking
        await around.are("ready")
        await asyncio.gather(*(client.hop() for client in around.clients[::2]))
        await around.end()

    assert_complete(around)


@pytest.mark.promise("websockets-167")
async def test_a_process_is_killed(private_redis: RedisServer) -> None:
    """Clients of a process that is killed go on at the other, and hear each message once, in the same order."""
    async with crowd(private_redis) as around:
        talking = asyncio.create_task(around.talk(MESSAGES))
        await eventually(lambda: len(around.talkers[0].accepted) > MESSAGES // 3)

        await around.workers[0].kill()
        await talking
        await around.end()

    assert_complete(around)
    accepted = {text for talker in around.talkers for text in talker.accepted}
    orders = {tuple(text for text in client.heard if text in accepted) for client in around.clients}
    assert len(orders) == 1
