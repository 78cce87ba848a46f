"""Hubs that share a backplane, as processes do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from brickwork.websockets import Backplane, ConnectionLimits, History, Presence
from brickwork.websockets._service.hub import Hub
from tests.websockets.backplanes import Make


class MakeHub(Protocol):
    """Makes the hub of one process more."""

    def __call__(
        self,
        backplane: Backplane | None = None,
        *,
        history: History | None = None,
        presence: Presence | None = None,
        limits: ConnectionLimits | None = None,
    ) -> Hub:
        """Make it, on a backplane of its own where none is given."""
        ...


@asynccontextmanager
async def making_hubs(make_backplane: Make) -> AsyncIterator[MakeHub]:
    """Give what makes hubs, and close them in the end."""
    hubs: list[Hub] = []

    def make(
        backplane: Backplane | None = None,
        *,
        history: History | None = None,
        presence: Presence | None = None,
        limits: ConnectionLimits | None = None,
    ) -> Hub:
        hubs.append(Hub(backplane=backplane or make_backplane(), history=history, presence=presence, limits=limits))
        return hubs[-1]

    yield make
    for hub in hubs:
        await hub.close()
