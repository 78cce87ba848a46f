"""Every backplane: the tests of the protocol, and of what rests on it, know none of them."""

from collections.abc import AsyncIterator

import pytest

from brickwork.websockets._service.hub import Hub
from brickwork.websockets.memory import MemoryBackplane
from tests.websockets.backplanes import KINDS, Make, Start, making, starting
from tests.websockets.hubs import MakeHub, making_hubs


@pytest.fixture(params=KINDS)
async def make_backplane(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Makes backplanes that meet, once for each kind."""
    async with making(request.param, request) as make:
        yield make


@pytest.fixture
async def start(make_backplane: Make) -> AsyncIterator[Start]:
    """Starts processes that share a backplane."""
    async with starting(make_backplane) as start:
        yield start


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """A hub of one process, closed in the end."""
    hub = Hub(backplane=MemoryBackplane())
    yield hub
    await hub.close()


@pytest.fixture
async def make_hub(make_backplane: Make) -> AsyncIterator[MakeHub]:
    """Makes hubs whose backplanes meet, once for each kind of backplane."""
    async with making_hubs(make_backplane) as make:
        yield make


@pytest.fixture
async def make_memory_hub() -> AsyncIterator[MakeHub]:
    """Makes hubs, each with a backplane in memory of its own where it is given none."""
    async with making_hubs(MemoryBackplane) as make:
        yield make
