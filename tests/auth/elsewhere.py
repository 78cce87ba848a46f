"""A site whose users and sessions are kept by servers, so that several processes can be the same site.

Run as a program, it is one of them: each line it reads is a list of requests, which it makes all at once, and each line
it writes is the list of their answers.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from httpx2 import ASGITransport, AsyncClient
from redis.asyncio import Redis

from brickwork.auth import ApiKey, Auth, Lockout
from brickwork.auth.redis import RedisApiKeyStore, RedisAttemptStore, RedisTokenStore
from brickwork.auth.sqlalchemy import (
    SQLAlchemyApiKeyStore,
    SQLAlchemyAttemptStore,
    SQLAlchemyTokenStore,
    SQLAlchemyUserStore,
)
from brickwork.database import Database
from brickwork.problems import add_problem_handlers
from tests.auth.site import HASHER, SECRET
from tests.auth.sql import TABLES, Person

PATIENCE = 10.0  # seconds for servers that are there, on a machine that may be busy

# What a request is in a line: method, path, and how httpx takes the rest.
Call = tuple[str, str, dict[str, Any]]
# What an answer is: status, and body.
Answer = tuple[int, Any]


class Place:
    """One process's view of a site.

    Attributes:
        database: Where the users are.
        app: The app: an `Auth` below ``/auth``, one without a grace below ``/strict``, and a route for API keys.
        auth: The `Auth` of the app.
        client: Calls the app in process.
        inbox: The tokens that were sent out, by login.
    """

    client: AsyncClient

    def __init__(self, database: Database, redis: Redis | None, deadline: float) -> None:
        self.database = database
        self.inbox: dict[str, str] = {}
        stores: tuple[Any, Any, Any] = (
            (SQLAlchemyTokenStore, SQLAlchemyApiKeyStore, SQLAlchemyAttemptStore)
            if redis is None
            else (RedisTokenStore, RedisApiKeyStore, RedisAttemptStore)
        )
        given: Any = {"tables": TABLES, "sessions": database} if redis is None else {"client": redis}
        tokens, keys, attempts = (store(**given, deadline=deadline) for store in stores)
        options: dict[str, Any] = {"secret": SECRET, "hasher": HASHER, "tokens": tokens, "api_keys": keys}
        users = SQLAlchemyUserStore(database, Person, deadline=deadline)
        self.auth = Auth(users, **options, lockout=Lockout(5, store=attempts), on_password_reset=self._send)
        strict = Auth(users, **options, lockout=None, reuse_grace=0)
        self.users = users
        self.app = FastAPI()
        add_problem_handlers(self.app)
        self.app.include_router(self.auth.router(), prefix="/auth")
        self.app.include_router(strict.router(), prefix="/strict")
        auth = self.auth

        @self.app.get("/machine")
        async def machine(key: Annotated[ApiKey, Depends(auth.api_key)]) -> str:
            return key.owner

    async def call(self, method: str, path: str, how: dict[str, Any]) -> Answer:
        """Make a request."""
        response = await self.client.request(method, path, **how)
        is_json = "json" in response.headers.get("content-type", "")
        return response.status_code, response.json() if is_json else response.text

    async def _send(self, user: Person, token: str) -> None:
        self.inbox[user.login] = token


@asynccontextmanager
async def open_place(database_url: str, redis_url: str, *, deadline: float = PATIENCE) -> AsyncGenerator[Place]:
    """Open a site on a database, and on Redis where an address of one is given."""
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(Redis.from_url(redis_url)) if redis_url else None
        database = Database(database_url, connect_timeout=2, pool_timeout=2)
        stack.push_async_callback(database.dispose)
        place = Place(database, redis, deadline)
        transport = ASGITransport(app=place.app, raise_app_exceptions=False)
        place.client = await stack.enter_async_context(AsyncClient(transport=transport, base_url="https://test"))
        yield place


async def serve(database_url: str, redis_url: str) -> None:
    """Do what the lines of the standard input say."""
    async with open_place(database_url, redis_url) as place:
        _say("ready")
        for line in iter(sys.stdin.readline, ""):
            calls: list[Call] = json.loads(line)
            _say(await asyncio.gather(*(place.call(*call) for call in calls)))


def _say(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
