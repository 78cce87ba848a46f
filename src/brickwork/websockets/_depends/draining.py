"""How a process parts with its connections before it ends."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from math import ceil
from random import uniform
from typing import Final

from .._errors import DrainingError
from .._rules.values import CloseCode, Heartbeat
from .caps import Caps, Place

_LONGEST_PAUSE: Final = 1.0


class Draining:
    """Closes connections, a batch at a time, and sends whoever comes meanwhile elsewhere.

    Args:
        caps: Knows the connections.
        heartbeat: How long a close frame may wait.

    Attributes:
        active: Whether nobody is let in any more.
    """

    def __init__(self, caps: Caps, heartbeat: Heartbeat) -> None:
        self.active: bool = False
        self._caps = caps
        self._close = heartbeat.close
        self._retry_after = (1.0, 10.0)

    def check(self) -> None:
        """Let somebody in, unless the process is about to end.

        Raises:
            DrainingError: (503) It is.
        """
        if self.active:
            seconds = str(ceil(uniform(*self._retry_after)))  # noqa: S311 - spreads load, guards nothing
            raise DrainingError("Connect again in a moment.", headers={"Retry-After": seconds})

    async def drain(self, deadline: float, batch: int, retry_after: tuple[float, float]) -> int:
        """Close all connections in so many seconds; give how many have not ended by then."""
        if deadline <= 0 or batch < 1 or not 0 < retry_after[0] <= retry_after[1]:
            raise ValueError("drain() takes a deadline above 0, a batch above 0, and retry_after=(least, most) above 0")
        self.active = True
        self._retry_after = retry_after
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._close_in_batches(deadline, batch)
                await self._caps.wait_empty()
        return len(self._caps)

    async def close_all(self) -> None:
        """Close all connections at once, and wait for as long as their close frames may take."""
        self.active = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._close):
                self._end(self._caps)
                await self._caps.wait_empty()

    async def _close_in_batches(self, deadline: float, batch: int) -> None:
        places = list(self._caps)
        pause = min(_LONGEST_PAUSE, max(0.0, deadline - self._close) / max(1, ceil(len(places) / batch)))
        for first in range(0, len(places), batch):
            if first:
                await asyncio.sleep(pause)
            self._end(places[first : first + batch])

    def _end(self, places: Iterable[Place]) -> None:
        for place in places:
            # Whoever is sent away comes back, and all at once would be too many for whoever is left.
            place.end(CloseCode.SERVICE_RESTART, f"retry_after={uniform(*self._retry_after):.1f}")  # noqa: S311
