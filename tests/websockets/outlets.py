"""An outlet and what is behind it."""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from brickwork.testing import ManualClock
from brickwork.websockets import Codec, ConnectionLimits, SlowConsumer
from brickwork.websockets._rules.frames import Entry, Frame
from brickwork.websockets._service.codecs import JSONCodec
from brickwork.websockets._service.counters import Counters
from brickwork.websockets._service.delivering import Delivering
from brickwork.websockets._service.hooks import Event, Hooks
from brickwork.websockets._service.outlet import Outlet
from tests.websockets.peers import Peer


class Bench:
    """An outlet, the client behind it, and what is told of both."""

    def __init__(
        self,
        *,
        limits: ConnectionLimits | None = None,
        slow: SlowConsumer | None = None,
        stall: float | None = None,
        delivery: Literal["inline", "task"] = "inline",
        clock: ManualClock | None = None,
        codec: Codec | None = None,
        send: Callable[[Any], Any] | None = None,
    ) -> None:
        self.peer = Peer()
        self.clock = clock or ManualClock()
        self.counters = Counters()
        self.events: list[Event] = []
        self.ends: list[tuple[int, str]] = []
        self.ended = asyncio.Event()
        hooks = Hooks(self.events.append, self.clock)
        delivering = Delivering(
            limits or ConnectionLimits(), slow or SlowConsumer(), stall, delivery, self.counters, hooks, self.clock
        )
        codec = codec or JSONCodec()
        self.outlet = Outlet(delivering, send or self.peer.send, codec, id="1", user_id="ada", end=self._end)

    def _end(self, code: int, reason: str) -> None:
        self.ends.append((code, reason))
        self.outlet.close(code)
        self.ended.set()

    def push(self, *texts: str) -> None:
        """Push texts."""
        for text in texts:
            self.outlet.push(entry(text))


def entry(text: str, *, key: str | None = None) -> Entry:
    """A text on its way to a room."""
    return Entry("room:lobby", Frame("text", text.encode()), key=key)


def tasks() -> int:
    """How many tasks there are."""
    return len(asyncio.all_tasks())
