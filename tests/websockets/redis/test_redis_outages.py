"""Redis is killed, frozen, emptied and cut off: everybody gets each message once, in order, or hears that some are lost."""

import anyio
import pytest
from redis.asyncio import Redis

from brickwork.websockets import Cursor
from tests.servers import FaultyProxy, RedisServer
from tests.websockets.backplanes import Process
from tests.websockets.redis.faults import LOBBY, Start, all_of, eventually, said, state, talk

TALKING = 160  # messages of each of two


async def heard_everything(*processes: Process, count: int = TALKING) -> None:
    """Wait until each process has heard all that both have said, and check that it was each once, in order."""
    for process in processes:
        for name in "ab":
            await process.receiver.until(lambda: len(said(process, name)) >= count)  # noqa: B023 - awaited at once
            assert said(process, name) == all_of(name, count)


@pytest.mark.promise("websockets-D1")
@pytest.mark.parametrize("forgetful", [False, True], ids=["with its data", "empty"])
async def test_a_redis_that_is_killed_loses_nothing(launch: Start, private_redis: RedisServer, forgetful: bool) -> None:
    """Two processes talk while Redis is killed and comes back: each hears all that both said, once and in order."""
    here, there = [await launch(private_redis.url, LOBBY, deadline=0.25) for _ in "ab"]

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: talk(here, "a", TALKING, pause=0.005))
        group.start_soon(lambda: talk(there, "b", TALKING, pause=0.005))
        await here.receiver.heard(LOBBY, 40)
        private_redis.kill()
        await here.receiver.heard(LOBBY, 120)
        if forgetful:
            for file in private_redis.folder.glob("appendonlydir/*"):
                file.unlink()
        await anyio.to_thread.run_sync(private_redis.restart)

    await heard_everything(here, there)
    for process in (here, there):
        await state(process, "ready")
        assert process.receiver.states == ["ready", "degraded", "ready"]
