"""The dependency that limits how many requests run at once: ``limiter.concurrent(…)``."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from inspect import Signature
from typing import TYPE_CHECKING, Any

from anyio import CancelScope
from fastapi import Response
from starlette.requests import HTTPConnection

from ..._core.problem import Problem
from .._rules.values import Decision
from .._service.applied import Applied
from .._service.applying import route_name
from .._service.decisions import UNLIMITED
from .._service.engine import CONCURRENT, Engine, Lease
from .marker import problems_of, stands_aside
from .parts import Asked, Part, signature_of
from .precedence import Kind
from .telling import Telling, refusing

if TYPE_CHECKING:
    from .limiter import RateLimiter


class ConcurrencyDependency:
    """Gives the `Decision` on a request that wants to run beside others, and keeps its place until it has ended.

    Attributes:
        limiter: What made it.
        parts: The one rule.
        ttl: Seconds after which a place is free again whose process has died.
        stack: Whether it adds to limits further out.
        kind: What it counts.
        replaces_default: Whether the limiter's default gives way to it.
    """

    kind: Kind = "concurrent-requests"
    stack = False
    replaces_default = False

    def __init__(self, limiter: "RateLimiter", part: Part, ttl: float) -> None:
        self.limiter = limiter
        self.parts = (part,)
        self.ttl = ttl
        self._hash = hash((type(self), id(limiter), part, ttl))
        self.__signature__: Signature = signature_of(self.parts)
        self.__problems__: tuple[type[Problem], ...] = problems_of(limiter, self.parts)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ConcurrencyDependency)
            and self.limiter is other.limiter
            and self.parts == other.parts
            and self.ttl == other.ttl
        )

    def __hash__(self) -> int:
        return self._hash

    async def __call__(
        self, *, connection: HTTPConnection, response: Response, **found: Any
    ) -> AsyncGenerator[Decision]:
        """Take a place, and give it back when the response has been sent or given up: FastAPI calls this.

        Raises:
            RateLimitExceededError: (429) All places are taken.
            ReducedCapacityError: (503) Nobody can count, and nobody is to pass uncounted.
        """
        limiter = self.limiter
        if await stands_aside(limiter, self, connection):
            yield UNLIMITED
            return
        where = route_name(connection.scope)
        pairs = await Asked(connection, where, found, limiter.applying, CONCURRENT).all(self.parts)
        if not pairs:
            yield UNLIMITED
            return
        async with AsyncExitStack() as stack:
            with refusing(connection.scope):
                decision = await stack.enter_async_context(holding(limiter.engine, pairs[0][1], self.ttl))
                told = Telling(limiter, connection, response).tell(decision)
            yield told


@asynccontextmanager
async def holding(engine: Engine, asked: Applied, ttl: float) -> AsyncGenerator[Decision]:
    """Take a place among those that run at once where there is one, and give it back at the end of the block."""
    taking = asyncio.ensure_future(engine.acquire(asked, ttl=ttl))
    try:
        decision, lease = await asyncio.shield(taking)
    except asyncio.CancelledError:
        # The place may be taken already, or be taken in a moment, with nobody left to give it back.
        await _outliving(_give_back(engine, taking))
        raise
    if lease is None:
        yield decision
        return
    renewal = _Renewal(engine, lease)
    try:
        yield decision
    finally:
        await _outliving(renewal.end())


class _Renewal:
    """Keeps a place for as long as its request runs."""

    def __init__(self, engine: Engine, lease: Lease) -> None:
        self._engine = engine
        self._lease = lease
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Task[None] | None = None
        self._wait()

    async def end(self) -> None:
        """Give the place back."""
        self._timer.cancel()
        if self._running is not None:
            # A renewal that is under way would otherwise take the place again, for nobody.
            await asyncio.wait([self._running])
            self._timer.cancel()
        await self._engine.release(self._lease)

    def _wait(self, _ended: object = None) -> None:
        self._timer = self._loop.call_later(self._lease.ttl / 3, self._renew)

    def _renew(self) -> None:
        self._running = self._loop.create_task(self._engine.renew(self._lease))
        self._running.add_done_callback(self._wait)


async def _give_back(engine: Engine, taking: "asyncio.Future[tuple[Decision, Lease | None]]") -> None:
    await asyncio.wait([taking])
    if not taking.cancelled() and taking.exception() is None:
        lease = taking.result()[1]
        if lease is not None:
            await engine.release(lease)


async def _outliving(work: Any) -> None:
    """Wait for work that is done in any case, also while the request is being cancelled."""
    # Two ways to be cancelled: by a scope of anyio, again at every await, and by the loop, once.
    with CancelScope(shield=True):
        await asyncio.shield(asyncio.ensure_future(work))
