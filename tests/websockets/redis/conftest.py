"""Processes that share a Redis which fails."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from tests.websockets.redis.faults import Start, processes


@pytest.fixture
async def launch() -> AsyncIterator[Start]:
    """Starts processes with a Redis of one's choice."""
    async with processes() as start:
        yield start


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of an empty database."""
    async with Redis.from_url(redis_url) as client:
        yield client
