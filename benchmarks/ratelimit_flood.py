"""What happens to a counter of rate limits in memory that many callers come to, a million of them never seen before.

``python -m benchmarks.ratelimit_flood NAME KEYS SECONDS`` floods one of them, in a process of its own, for its memory.
"""

import asyncio
import gc
import json
import resource
import statistics
import subprocess
import sys
import time
from array import array
from collections.abc import Awaitable, Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from brickwork.ratelimit import MemoryRateStore, RateLimiter

from .curve import Curve, Line
from .measure import Group, result
from .table import Table

KEYS = 1_000_000
LIVE = (0, 1_000, 10_000, 50_000)
BLOCK = 2_000  # keys
FIRST = 50_000  # keys whose memory is counted apart: more than any of them throws away, fewer than ours may keep
SECONDS = 30.0  # after which a flood ends that is not through

Hit = Callable[[str, str], Awaitable[bool]]
"""Counts one request of a caller by a limit, and says whether it is admitted."""


class Counter(NamedTuple):
    """Something that counts in memory."""

    name: str
    group: Group
    needs: str
    make: Callable[[], Hit]


def _ours() -> Hit:
    limiter = RateLimiter(store=MemoryRateStore())

    async def hit(caller: str, limit: str) -> bool:
        return (await limiter.check(caller, limit)).allowed

    return hit


def _limits(strategy: str) -> Hit:
    from limits import parse, strategies
    from limits.storage import MemoryStorage

    limiter = getattr(strategies, strategy)(MemoryStorage())
    items = {limit: parse(limit) for limit in ("100/minute", "1/day")}

    async def hit(caller: str, limit: str) -> bool:
        return bool(limiter.hit(items[limit], caller))

    return hit


def _limits_aio() -> Hit:
    from limits import parse
    from limits.aio.storage import MemoryStorage
    from limits.aio.strategies import FixedWindowRateLimiter

    limiter = FixedWindowRateLimiter(MemoryStorage())
    items = {limit: parse(limit) for limit in ("100/minute", "1/day")}

    async def hit(caller: str, limit: str) -> bool:
        return bool(await limiter.hit(items[limit], caller))

    return hit


def _throttled() -> Hit:
    from throttled.asyncio import MemoryStore, Throttled

    store = MemoryStore()
    by: dict[str, Any] = {
        limit: Throttled(quota=f"{limit.replace('minute', 'm').replace('day', 'd')}", store=store)
        for limit in ("100/minute", "1/day")
    }

    async def hit(caller: str, limit: str) -> bool:
        return not (await by[limit].limit(caller)).limited

    return hit


COUNTERS = (
    Counter("limits, as slowapi counts", "floor", "limits", lambda: _limits("FixedWindowRateLimiter")),
    Counter("MemoryRateStore", "ours", "", _ours),
    Counter("limits, moving window", "peer", "limits", lambda: _limits("MovingWindowRateLimiter")),
    Counter("limits.aio, fixed window", "peer", "limits", _limits_aio),
    Counter("throttled-py, token bucket", "peer", "throttled", _throttled),
)


def installed() -> list[Counter]:
    """Give those whose package is there."""
    return [counter for counter in COUNTERS if not counter.needs or find_spec(counter.needs) is not None]


# --- many keys that stay


def live_keys(depths: tuple[int, ...] = LIVE, hits: int = 300) -> Curve:
    """Measure what one hit costs while so many other callers have hit a moment ago."""
    note = (
        "Processor time of one hit, of all threads of the process, while so many other callers are counted. The "
        "package limits looks through all of them for some that have expired: as slowapi uses it in a thread, every "
        "10 ms, and limits.aio in the event loop, with each request."
    )
    lines = [Line(each.name, _of(each), asyncio.run(_growing(each, depths, hits))) for each in installed()]
    return Curve("Many callers in memory", note, depths, lines, "callers who are counted")


def _of(counter: Counter) -> Group:
    return "ours" if counter.group == "ours" else "peer"


async def _growing(counter: Counter, depths: tuple[int, ...], hits: int) -> list[float]:
    hit = counter.make()
    took = []
    there = 0
    for depth in depths:
        for number in range(there, depth):
            await hit(_address(number), "100/minute")
        there = max(there, depth)
        took.append(await _one(hit, hits))
    return took


async def _one(hit: Hit, hits: int) -> float:
    """Give the milliseconds of one hit, of a caller who comes again and again; other tasks have their turn between."""
    gc.collect()
    begun = time.process_time()
    for _ in range(hits):
        await hit("one who comes again", "100/minute")
        await asyncio.sleep(0)
    return (time.process_time() - begun) / hits * 1000


def _address(number: int) -> str:
    return f"2001:db8:{number >> 16:x}:{number & 0xFFFF:x}::/64"


# --- a million keys that were never seen before


def flood(_rounds: int = 0, *, keys: int = KEYS, seconds: float = SECONDS) -> Table:
    """Flood each of them once."""
    found = [(counter, _in_its_own_process(counter, keys, seconds)) for counter in installed()]
    floor = found[0][1].microseconds
    results = []
    for counter, about in found:
        blocks = min(len(about.microseconds), len(floor))
        results.append(result(_Named(counter.name, counter.group), about.microseconds[:blocks], floor[:blocks]))
    note = (
        f"{keys:,} addresses that were never seen before hit a limit of 100 a minute once each, and then comes one "
        "whose only request of the day was spent before the flood. *Memory* is what the process grew by, *a caller* "
        f"what each of the first {FIRST:,} took. The default of throttled-py keeps 1,024 callers, whoever they are. "
        "Ours keeps 100,000, none of whom it forgets; all others share counters in a fixed space, and some of them are "
        f"refused too early. A flood that is not through after {seconds:.0f} s ends there."
    )
    beside = {
        "callers": [f"{about.keys:,}" for _, about in found],
        "memory": [f"{about.memory / 2**20:.0f} MiB" for _, about in found],
        "a caller": [f"{about.first / min(FIRST, about.keys):,.0f} B" for _, about in found],
        "slowest hit": [f"{about.slowest:.1f} ms" for _, about in found],
        "strangers refused": [f"{about.refused / about.keys:.1%}" for _, about in found],
        "the one who was blocked": ["let in" if about.forgotten else "blocked" for _, about in found],
    }
    return Table("A flood of callers never seen before", note, results, "hit", beside)


class _Named(NamedTuple):
    name: str
    group: Group

    async def block(self, calls: int) -> float:
        raise NotImplementedError  # the blocks were measured elsewhere


class Flooded(NamedTuple):
    """What a flood did.

    Attributes:
        keys: How many callers came before the time was over.
        microseconds: CPU of a hit, for each block of callers.
        memory: Bytes by which the process grew.
        first: Bytes by which it grew with the first of them.
        slowest: Milliseconds of CPU that the slowest hit took.
        refused: How many of them were refused, though each came once.
        forgotten: Whether a caller who was blocked before was let in after.
    """

    keys: int
    microseconds: list[float]
    memory: int
    first: int
    slowest: float
    refused: int
    forgotten: bool


def _in_its_own_process(counter: Counter, keys: int, seconds: float) -> Flooded:
    command = [sys.executable, "-m", "benchmarks.ratelimit_flood", counter.name, str(keys), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=Path(__file__).parents[1])
    return Flooded(*json.loads(done.stdout))


async def _flood(hit: Hit, keys: int, seconds: float) -> Flooded:
    for number in range(BLOCK):  # so that what is imported late is there
        await hit(f"someone {number}", "100/minute")
    admitted = [await hit("a guesser", "1/day") for _ in range(2)]
    if admitted != [True, False]:
        raise AssertionError(f"a limit of one request admits {admitted}")
    took = array("d", [0.0]) * keys  # all of it before, so that what grows is theirs
    gc.collect()
    before = _resident()
    first = 0
    refused = came = 0
    ends = time.monotonic() + seconds
    while came < keys and time.monotonic() < ends:
        if came == FIRST:
            first = _resident() - before
        for number in range(came, came + BLOCK):
            begun = time.process_time()
            refused += not await hit(_address(number), "100/minute")
            await asyncio.sleep(0)
            took[number] = time.process_time() - begun
        came += BLOCK
    memory = _resident() - before
    blocks = [statistics.fmean(took[start : start + BLOCK]) * 1e6 for start in range(0, came, BLOCK)]
    forgotten = await hit("a guesser", "1/day")
    return Flooded(came, blocks, memory, first or memory, max(took) * 1e3, refused, forgotten)


def _resident() -> int:
    """Give the bytes that this process has in memory; where the system does not tell, the most that it ever had."""
    try:
        pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(pages) * resource.getpagesize()


def main(name: str, keys: str, seconds: str) -> None:
    """Flood one of them, and print what came of it."""
    counter = next(counter for counter in COUNTERS if counter.name == name)

    async def run() -> Flooded:
        return await _flood(counter.make(), int(keys), float(seconds))

    print(json.dumps(asyncio.run(run())))


if __name__ == "__main__":
    main(*sys.argv[1:])
