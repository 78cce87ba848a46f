"""Ten thousand clients come and go in every way there is, and nothing is left of them."""

import asyncio
import gc
import logging
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Annotated, Any, Final

import pytest
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from redis.asyncio import Redis

from brickwork.websockets import (
    Backplane,
    Connection,
    ConnectionLimits,
    ConnectionManager,
    Heartbeat,
    History,
    MemoryBackplane,
    Presence,
)
from brickwork.websockets._depends.caps import Place
from brickwork.websockets._service.channels import _Channel
from brickwork.websockets._service.gate import Gate
from brickwork.websockets._service.inlet import Inlet
from brickwork.websockets._service.outlet import Outlet
from brickwork.websockets._service.presence import Attendance
from brickwork.websockets.redis import RedisBackplane
from tests.websockets.apps import PATIENCE, User, assert_empty, by_header
from tests.websockets.lagging import LaggingBackplane
from tests.websockets.peers import Peer

KINDS: Final = (Connection, Outlet, Inlet, Gate, Place, Attendance, Peer, _Channel)
TOGETHER: Final = 20  # clients that are there at a time


class Answer(BaseModel):
    """What a client would answer, if it did."""

    text: str


class House:
    """An app whose clients do as they are told.

    Args:
        backplane: What joins its processes.
        history: How much of rooms is kept.
        presence: How long members live.
        own_room: Whether each client has a room of its own besides.
    """

    def __init__(self, backplane: Backplane, *, history: History, presence: Presence) -> None:
        self.manager = ConnectionManager(
            authenticate=by_header,
            backplane=backplane,
            history=history,
            presence=presence,
            limits=ConnectionLimits(per_user=1, queue=4),
            heartbeat=Heartbeat(idle=600.0, stall=600.0, close=0.001),
        )
        self.app = FastAPI()
        self.arrivals: dict[str, asyncio.Future[Connection[User]]] = {}

        @self.app.websocket("/ws")
        async def ws(connection: Annotated[Connection[User], Depends(self.manager.connect)]) -> None:
            async with connection.join(f"own-{connection.user_id}", info={"mood": "fine"}):
                await connection.join("lobby")
                arrival = self.arrivals[connection.user.id]
                if not arrival.done():
                    arrival.set_result(connection)
                async for message in connection:
                    await self._obey(connection, message)

    async def _obey(self, connection: Connection[User], message: str | bytes) -> None:
        match message:
            case "leave":
                await connection.leave("lobby")
            case "close":
                await connection.close(4000)
            case "fail":
                raise RuntimeError("as you wish")
            case "refuse":
                raise HTTPException(403, "as you wish")
            case "ask":
                await connection.request({"type": "ask"}, Answer, timeout=PATIENCE)


class Visit:
    """One client of a house."""

    def __init__(self, house: House, name: str, *, headers: bool = True) -> None:
        self.house = house
        self.name = name
        self.peer = Peer()
        self.arrival = house.arrivals[name] = asyncio.get_running_loop().create_future()
        scope = {
            "type": "websocket",
            "path": "/ws",
            "raw_path": b"/ws",
            "root_path": "",
            "query_string": b"",
            "scheme": "ws",
            "headers": [(b"authorization", name.encode())] if headers else [],
            "client": ("192.0.2.1", 1),
            "server": ("test", 80),
            "subprotocols": [],
            "state": {},
            "extensions": {"websocket.http.response": {}},
        }
        self.task = asyncio.create_task(self._run(scope))

    async def _run(self, scope: dict[str, Any]) -> None:
        await self.house.app(scope, self.peer.receive, self.peer.send)

    async def over(self) -> None:
        """Wait until the server is done with it."""
        with suppress(asyncio.CancelledError):
            await self.task
        self.arrival.cancel()
        del self.house.arrivals[self.name]


async def leaves(visit: Visit, number: int) -> None:
    """Close the socket; leave the room before, every other time."""
    await visit.arrival
    if number % 2:
        visit.peer.say("leave")
    visit.peer.leave(1000)


async def hears_and_leaves(visit: Visit, number: int) -> None:
    """Be sent something first, that is kept."""
    await visit.arrival
    await visit.house.manager.room("lobby").send({"number": number})
    visit.peer.leave(1000)


async def vanishes(visit: Visit, number: int) -> None:
    """Be gone without a word, which the server finds out when it sends."""
    await visit.arrival
    visit.peer.failure = OSError("gone")
    await visit.house.manager.user(visit.name).send(number)


async def fails(visit: Visit, number: int) -> None:
    """Bring down the endpoint, or be refused by it, or have it close the socket."""
    await visit.arrival
    visit.peer.say(("fail", "refuse", "close")[number % 3])
    visit.peer.leave(1000)
    visit.peer.leave(1000)


async def is_cancelled(visit: Visit, number: int) -> None:
    """Be cancelled."""
    await visit.arrival
    visit.task.cancel()


async def is_cancelled_on_its_way(visit: Visit, number: int) -> None:
    """Be cancelled at any moment of the handshake, or of joining."""
    for _ in range(number % 60):
        await asyncio.sleep(0)
    visit.task.cancel()


async def leaves_on_its_way(visit: Visit, number: int) -> None:
    """Close the socket at any moment of the handshake, or of joining."""
    for _ in range(number % 60):
        await asyncio.sleep(0)
    visit.peer.leave(1001)


async def stalls(visit: Visit, number: int) -> None:
    """Read nothing, until too much waits."""
    connection = await visit.arrival
    visit.peer.stall()
    while not connection.closed:
        await visit.house.manager.user(visit.name).send("x")
    del connection


async def is_kicked(visit: Visit, number: int) -> None:
    """Be thrown out."""
    await visit.arrival
    await visit.house.manager.user(visit.name).kick()


async def leaves_a_question_open(visit: Visit, number: int) -> None:
    """Be asked something, and leave."""
    await visit.arrival
    visit.peer.say("ask")
    while not any("ask" in text for text in visit.peer.texts):  # noqa: ASYNC110 - no event tells of it
        await asyncio.sleep(0)
    visit.peer.leave(1000)


async def comes_twice(visit: Visit, number: int) -> None:
    """Come once more than one may."""
    await visit.arrival
    second = Visit(visit.house, visit.name)
    visit.peer.leave(1000) if number % 2 else visit.task.cancel()
    second.task.cancel() if number % 4 == 0 else second.peer.leave(1000)
    await asyncio.wait([second.task])
    visit.house.arrivals[visit.name] = visit.arrival


WAYS: Final[tuple[Callable[[Visit, int], Awaitable[None]], ...]] = (
    leaves,
    hears_and_leaves,
    vanishes,
    fails,
    is_cancelled,
    is_cancelled_on_its_way,
    leaves_on_its_way,
    stalls,
    is_kicked,
    leaves_a_question_open,
    comes_twice,
)


async def come_and_go(house: House, number: int) -> None:
    """Come as a client, and go in one of the ways."""
    visit = Visit(house, f"user-{number}", headers=number % 50 != 0)
    if number % 50:
        await WAYS[number % len(WAYS)](visit, number)
    await visit.over()


async def visits(house: House, numbers: range) -> None:
    """Have so many clients come and go."""
    for first in numbers[::TOGETHER]:
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(come_and_go(house, number) for number in range(first, first + TOGETHER)))


def census() -> Counter[str]:
    """Count what is left of connections, and the tasks and timers that there are."""
    gc.collect()
    found = Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, KINDS))
    loop: Any = asyncio.get_running_loop()
    found["task"] = len(asyncio.all_tasks())
    found["timer"] = sum(not timer.cancelled() for timer in loop._scheduled)
    return found


async def settled(house: House, memory: MemoryBackplane | None = None) -> None:
    """Wait until the last close frames were given up, and the last histories have ended."""
    hub = house.manager._hub
    async with asyncio.timeout(PATIENCE):
        while (  # noqa: ASYNC110 - no event tells of it
            hub._tasks or len(hub.channels) or hub.channels._settling or (memory and len(memory._histories or ()))
        ):
            await asyncio.sleep(0.001)


@pytest.fixture
def quiet() -> Iterator[None]:
    """Keep the log from growing by what is meant to fail."""
    logger = logging.getLogger("brickwork.websockets")
    logger.disabled = True
    yield
    logger.disabled = False


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.promise("websockets-163")
@pytest.mark.usefixtures("quiet")
async def test_nothing_is_left_of_ten_thousand_clients() -> None:
    """Not one object, task, timer, room, user or place of a client outlives it, and memory does not grow."""
    others = census()  # what tests before this one have left, such as in the tracebacks of errors
    memory = MemoryBackplane()
    house = House(LaggingBackplane(memory, Random(1)), history=History(size=5, ttl=0.2), presence=Presence())
    await visits(house, range(100))
    await settled(house, memory)
    before = census()
    await visits(house, range(100, 2_000))
    await settled(house, memory)
    gc.collect()
    blocks = sys.getallocatedblocks()

    await visits(house, range(2_000, 10_000))
    await settled(house, memory)

    assert census() == before
    assert not {kind.__name__ for kind in KINDS} & {*(before - others)}
    assert_empty(house.manager)
    caps, hub = house.manager._draining._caps, house.manager._hub
    assert (caps._users, caps._addresses, hub.rooms._entering, memory._subscriptions) == ({}, {}, {}, {})
    # Less than one object for each of them: what is left are tables that have grown by themselves.
    assert sys.getallocatedblocks() - blocks < 4_000
    await house.manager._hub.close()


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database."""
    async with Redis.from_url(redis_url) as client:
        yield client


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.promise("websockets-164")
@pytest.mark.usefixtures("quiet")
async def test_no_key_is_left_in_redis(redis: Redis) -> None:
    """A thousand clients in a thousand rooms leave no key without an end, and in the end none at all."""
    backplane = RedisBackplane(redis, deadline=PATIENCE, outbox_age=1.0)
    house = House(backplane, history=History(size=5, ttl=1.0), presence=Presence(ttl=2.0, refresh=0.5))

    await visits(house, range(1_000))
    await settled(house)

    keys = [key async for key in redis.scan_iter("*")]
    endless = [key for key in keys if await redis.ttl(key) == -1]
    assert endless == []
    assert_empty(house.manager)
    async with asyncio.timeout(PATIENCE):
        while await redis.pubsub_channels() or await redis.dbsize():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.05)
    await house.manager._hub.close()
