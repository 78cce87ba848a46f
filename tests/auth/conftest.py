"""Every store on every backend: the tests of a protocol know none of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis

from brickwork.auth import (
    ApiKeyStore,
    AttemptStore,
    MemoryApiKeyStore,
    MemoryAttemptStore,
    MemoryTokenStore,
    MemoryUserStore,
    TokenStore,
    UserStore,
)
from brickwork.auth.redis import RedisApiKeyStore, RedisAttemptStore, RedisTokenStore
from brickwork.auth.sqlalchemy import (
    SQLAlchemyApiKeyStore,
    SQLAlchemyAttemptStore,
    SQLAlchemyTokenStore,
    SQLAlchemyUserStore,
)
from tests.auth.sql import DRIVERS, TABLES, Person, auth_postgres, open_sessions

__all__ = ["auth_postgres"]

PATIENCE = 10.0  # seconds: most tests are not about deadlines, and the machine may be busy


@asynccontextmanager
async def redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    async with Redis.from_url(request.getfixturevalue("redis_url")) as client:
        yield client


@pytest.fixture(params=["memory", "redis", *DRIVERS])
async def token_store(request: pytest.FixtureRequest) -> AsyncIterator[TokenStore]:
    """An empty store of sessions, once for each backend."""
    if request.param == "memory":
        yield MemoryTokenStore()
    elif request.param == "redis":
        async with redis(request) as client:
            yield RedisTokenStore(client, deadline=PATIENCE)
    else:
        async with open_sessions(request.param, request) as sessions:
            yield SQLAlchemyTokenStore(sessions, TABLES, deadline=PATIENCE)


@pytest.fixture(params=["memory", "redis", *DRIVERS])
async def api_key_store(request: pytest.FixtureRequest) -> AsyncIterator[ApiKeyStore]:
    """An empty store of API keys, once for each backend."""
    if request.param == "memory":
        yield MemoryApiKeyStore()
    elif request.param == "redis":
        async with redis(request) as client:
            yield RedisApiKeyStore(client, deadline=PATIENCE)
    else:
        async with open_sessions(request.param, request) as sessions:
            yield SQLAlchemyApiKeyStore(sessions, TABLES, deadline=PATIENCE)


@pytest.fixture(params=["memory", "redis", *DRIVERS])
async def attempt_store(request: pytest.FixtureRequest) -> AsyncIterator[AttemptStore]:
    """A store that has counted no attempts, once for each backend."""
    if request.param == "memory":
        yield MemoryAttemptStore()
    elif request.param == "redis":
        async with redis(request) as client:
            yield RedisAttemptStore(client, deadline=PATIENCE)
    else:
        async with open_sessions(request.param, request) as sessions:
            yield SQLAlchemyAttemptStore(sessions, TABLES, deadline=PATIENCE)


@pytest.fixture(params=["memory", *DRIVERS])
async def user_store(request: pytest.FixtureRequest) -> AsyncIterator[UserStore[Any]]:
    """A store without users, once for each backend."""
    if request.param == "memory":
        yield MemoryUserStore()
    else:
        async with open_sessions(request.param, request) as sessions:
            yield SQLAlchemyUserStore(sessions, Person, deadline=PATIENCE)
