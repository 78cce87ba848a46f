"""One of several processes that use up the same limits: `python -m tests.ratelimit.worker URL AMOUNT ROUNDS NAMES`.

It says ``ready``, waits for a line, and says of each algorithm how many requests it saw admitted in each round.
"""

import asyncio
import sys

from redis.asyncio import Redis

from brickwork.ratelimit import Limit
from brickwork.ratelimit.redis import RedisRateStore
from tests.ratelimit.conftest import PATIENCE, charge

TASKS = 50


def say(*words: object) -> None:
    """Tell the test something."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def work(url: str, limits: list[Limit], rounds: int) -> list[int]:
    """Let many tasks take what they can get."""
    async with Redis.from_url(url) as client:
        store = RedisRateStore(client, deadline=PATIENCE)
        await store.hit([charge(limits[0], who="warm-up")])
        say("ready")
        await asyncio.to_thread(sys.stdin.readline)
        return [await take_all(store, limit, f"round {number}") for limit in limits for number in range(rounds)]


async def take_all(store: RedisRateStore, limit: Limit, who: str) -> int:
    """Ask until each task has been refused three times."""

    async def take() -> int:
        admitted = refused = 0
        while refused < 3:
            [verdict] = await store.hit([charge(limit, who=who)])
            admitted, refused = admitted + (not verdict.retry_after), refused + bool(verdict.retry_after)
        return admitted

    return sum(await asyncio.gather(*(take() for _ in range(TASKS))))


if __name__ == "__main__":
    where, amount, times, *algorithms = sys.argv[1:]
    shared = [Limit(int(amount), 86_400, algorithm) for algorithm in algorithms]  # type: ignore[arg-type]
    say(*asyncio.run(work(where, shared, int(times))))
