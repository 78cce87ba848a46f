"""What rate limits cost whose counters are in Redis: one request at a time, fifty at once, and refused."""

import asyncio
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import FastAPI
from redis import Redis as Connection
from redis.asyncio import Redis
from uvloop import new_event_loop

from brickwork.ratelimit import RateLimiter, RateLimitMiddleware
from brickwork.ratelimit.redis import RedisRateStore

from . import ratelimit_peers as peers
from .measure import Call, Case, Comparison, Group, Measured, Result, Runner, check, in_rounds
from .ratelimit_peers import MANY, ONE, closing
from .servers import empty_redis
from .shop import make_app
from .table import Table

AT_ONCE = 50
PING = Call("/ping")


def store_on(app: FastAPI, url: str, **options: Any) -> RedisRateStore:
    """Count in Redis, under keys of the app's own, and with patience: no request shall be counted elsewhere."""
    client = Redis.from_url(url)
    closing(app).append(client.aclose)
    return RedisRateStore(client, prefix=f"app-{id(app):x}", deadline=5, **options)


def limiter_on(app: FastAPI, url: str, *, default: str | None = None, **options: Any) -> RateLimiter:
    """Make a limiter that counts in Redis; a request that cannot be counted is refused."""
    return RateLimiter(store=store_on(app, url, **options), default=default, on_error="closed")


def add_middleware(app: FastAPI, url: str, *, limit: str = MANY, **options: Any) -> None:
    """Limit every request."""
    app.add_middleware(RateLimitMiddleware, limiter=limiter_on(app, url, default=limit, **options))
    app.get("/ping")(peers.ping)


def add_slowapi(app: FastAPI, url: str) -> None:
    """Limit the route by slowapi's decorator, counted by us."""
    peers.add_slowapi(app, ours=True, store=store_on(app, url))


def add_depends(app: FastAPI, url: str, *limits: str) -> None:
    """Limit the route by a dependency."""
    app.get("/ping", dependencies=[limiter_on(app, url).depends(*limits or (MANY,))])(peers.ping)


def admitted(url: str) -> tuple[Case, ...]:
    """Give the cases whose caller reaches no limit."""
    slowapi, limits, limiter, throttled = peers.SLOWAPI, peers.LIMITS, peers.LIMITER, peers.THROTTLED
    by_hand = url.replace("redis://", "async+redis://")
    return (
        Case("no limits", peers.add_plain, "floor"),
        Case("RateLimitMiddleware", partial(add_middleware, url=url)),
        Case("RateLimitMiddleware, two limits", partial(add_middleware, url=url, limit=f"{MANY}; 9000000/hour")),
        Case("limiter.depends", lambda app: add_depends(app, url)),
        Case("our slowapi.Limiter", partial(add_slowapi, url=url), needs=slowapi),
        Case("slowapi, decorator", partial(peers.add_slowapi, url=url), "peer", slowapi),
        Case("slowapi, decorator, headers", partial(peers.add_slowapi_headers, url=url), "peer", slowapi),
        Case("slowapi, SlowAPIMiddleware", partial(peers.add_slowapi_middleware, url=url), "peer", slowapi),
        Case("fastapi-limiter", partial(peers.add_fastapi_limiter_redis, url=url), "peer", limiter),
        Case("throttled-py, token bucket", partial(peers.add_throttled, url=url), "peer", throttled),
        Case("throttled-py, GCRA", partial(peers.add_throttled, url=url, using="gcra"), "peer", throttled),
        Case("limits.aio by hand, fixed window", partial(peers.add_limits, url=by_hand), "peer", limits),
        Case(
            "limits.aio by hand, sliding window",
            partial(peers.add_limits, url=by_hand, strategy="SlidingWindowCounterRateLimiter"),
            "peer",
            limits,
        ),
    )


def blocked(url: str) -> tuple[Case, ...]:
    """Give the cases whose caller is refused, from the second request on."""
    one: dict[str, Any] = {"url": url, "limit": ONE}
    by_hand = one | {"url": url.replace("redis://", "async+redis://")}
    return (
        Case("no limits", peers.add_plain, "floor"),
        Case("RateLimitMiddleware", partial(add_middleware, **one), begin=begin_blocked),
        Case(
            "RateLimitMiddleware, deny_cache=0",
            partial(add_middleware, **one, deny_cache=0),
            begin=begin_blocked,
        ),
        Case("slowapi, decorator", partial(peers.add_slowapi, **one), "peer", peers.SLOWAPI, begin=begin_blocked),
        Case(
            "fastapi-limiter",
            partial(peers.add_fastapi_limiter_redis, **one),
            "peer",
            peers.LIMITER,
            begin=begin_blocked,
        ),
        Case(
            "throttled-py, token bucket",
            partial(peers.add_throttled, **one),
            "peer",
            peers.THROTTLED,
            begin=begin_blocked,
        ),
        Case(
            "limits.aio by hand, fixed window",
            partial(peers.add_limits, **by_hand),
            "peer",
            peers.LIMITS,
            begin=begin_blocked,
        ),
    )


async def begin_blocked(app: FastAPI) -> Call:
    """Spend the one request that there is; what is measured are those after it."""
    await Runner(Case("the first request", peers.add_plain), app, PING).serve()
    return Call("/ping", status=429)


@dataclass(frozen=True, slots=True)
class Crowd:
    """A case whose requests come many at once."""

    runner: Runner
    size: int

    @property
    def name(self) -> str:
        """What the tables call it."""
        return self.runner.name

    @property
    def group(self) -> Group:
        """Whether it is a floor, ours, or what people use instead."""
        return self.runner.group

    async def block(self, calls: int) -> float:
        """Serve so many crowds, one after the other, and give the microseconds of CPU that one request took."""
        begun = time.process_time()
        for _ in range(calls):
            await asyncio.gather(*(self.runner.serve() for _ in range(self.size)))
        return (time.process_time() - begun) / calls / self.size * 1e6


def one_at_a_time(rounds: int) -> Table:
    """Measure requests that wait for each other."""
    with empty_redis() as (url, server):
        note = (
            f"Counted on {server}, one request after the other, in the event loop of a server (uvloop). Processor time "
            "of the app's process; what Redis does is not in it. *Round trips* is how often Redis reads for one "
            "request, *commands* what it runs, in scripts as well."
        )
        return _table(
            Comparison("A request that is counted in Redis", note, PING, admitted(url), make_app), url, rounds, 1
        )


def together(rounds: int) -> Table:
    """Measure requests that come fifty at once."""
    with empty_redis() as (url, server):
        note = (
            f"The same on {server}, with {AT_ONCE} requests that come at once, in one process, without sockets of "
            "clients. What is to be decided while an answer of Redis is awaited shares the next round trip."
        )
        return _table(
            Comparison(f"{AT_ONCE} requests at once, counted in Redis", note, PING, admitted(url), make_app),
            url,
            rounds,
            AT_ONCE,
        )


def refused(rounds: int) -> Table:
    """Measure requests that are refused, fifty at once."""
    with empty_redis() as (url, server):
        note = (
            f"Counted on {server}, {AT_ONCE} requests at once, of a caller whose limit is spent. Ours asks again once "
            "a second; in between it knows the answer. The floor answers 200, since nobody limits it."
        )
        return _table(
            Comparison("A caller who is refused, by Redis", note, PING, blocked(url), make_app), url, rounds, AT_ONCE
        )


def _table(compared: Comparison, url: str, rounds: int, at_once: int) -> Table:
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        results, trips, commands = runner.run(_compare(compared, url, rounds, at_once))
    return Table(compared.title, compared.note, results, beside={"round trips": trips, "commands": commands})


async def _compare(
    comparison: Comparison, url: str, rounds: int, at_once: int
) -> tuple[list[Result], list[str], list[str]]:
    async with AsyncExitStack() as apps:
        started = [await apps.enter_async_context(runner.started()) for runner in comparison.runners()]
        await check(comparison, started)
        cases: list[Measured] = [Crowd(runner, at_once) for runner in started]
        counted = [await _asked(case, url, at_once) for case in cases]
        results = await in_rounds(cases, rounds=rounds, seconds=0.02)
        return results, [f"{trips:.2f}" for trips, _ in counted], [f"{commands:.2f}" for _, commands in counted]


async def _asked(case: Measured, url: str, at_once: int) -> tuple[float, float]:
    """Count how often the server reads, and what it runs, for one request."""
    times = 200 // at_once
    await case.block(times)
    with Connection.from_url(url) as connection:
        reads, commands = _totals(connection)
        await case.block(times)
        reads_after, commands_after = _totals(connection)
    requests = times * at_once
    # The question itself is one of each; it is counted when it has been answered.
    return (reads_after - reads - 1) / requests, (commands_after - commands - 1) / requests


def _totals(connection: Connection) -> tuple[int, int]:
    stats: dict[str, int] = connection.info("stats")
    return stats["total_reads_processed"], stats["total_commands_processed"]
