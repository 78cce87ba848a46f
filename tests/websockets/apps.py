"""Apps with one socket, for tests of what lets clients in and out."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException
from starlette.requests import HTTPConnection

from brickwork.websockets import Connection, ConnectionManager

Endpoint = Callable[[Connection[Any]], Any]

PATIENCE = 30.0  # seconds that anything may take on a machine that is busy


class User:
    """A user of the app."""

    def __init__(self, name: str) -> None:
        self.id = name


async def by_header(connection: HTTPConnection) -> User:
    """Find a user by a header, as an app's own dependency does."""
    token = connection.headers.get("authorization")
    if token is None:
        raise HTTPException(401, "Log in.", headers={"WWW-Authenticate": "Bearer"})
    return User(token)


async def echo(connection: Connection[Any]) -> None:
    """Answer each message with itself."""
    async for message in connection:
        await connection.send(message)


def serve(manager: ConnectionManager[Any], endpoint: Endpoint = echo, *, dependencies: Sequence[Any] = ()) -> FastAPI:
    """Make an app with one socket, at ``/ws``."""
    app = FastAPI()

    @app.websocket("/ws", dependencies=dependencies)
    async def ws(connection: Annotated[Connection[Any], Depends(manager.connect)]) -> None:
        await endpoint(connection)

    return app


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - no event tells of it
            await asyncio.sleep(0.001)


def assert_empty(manager: ConnectionManager[Any]) -> None:
    """Check that nothing is left of any connection."""
    assert manager.connections() == []
    assert (manager.counts.connections, manager.counts.users, manager.counts.rooms) == (0, 0, 0)
    assert len(manager._draining._caps) == 0
