"""Every backplane: the tests of the protocol, and of what rests on it, know none of them."""

from collections.abc import AsyncIterator

import pytest

from tests.websockets.backplanes import KINDS, Make, Start, making, starting


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
