"""Sockets as people write them; strict type checkers accept every line and know who the user is."""

from collections.abc import AsyncGenerator, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, assert_type

from fastapi import Depends, FastAPI
from starlette.requests import HTTPConnection

from brickwork import combine_lifespans
from brickwork.auth import Auth, MemoryUser, MemoryUserStore
from brickwork.websockets import (
    ANY_ORIGIN,
    Connection,
    ConnectionLimits,
    ConnectionManager,
    ConnectionsMiddleware,
    Counts,
    Cursor,
    Delivery,
    Event,
    History,
    JoinDeniedError,
    Member,
    SlowConsumer,
)


@dataclass
class User:
    """A user of an app."""

    id: int
    until: datetime


async def by_coroutine(connection: HTTPConnection) -> User:
    """Find a user."""
    return User(connection.path_params["id"], datetime.now(UTC))


def by_function(connection: HTTPConnection) -> User:
    """Find a user."""
    return User(connection.path_params["id"], datetime.now(UTC))


async def by_async_generator(user: Annotated[User, Depends(by_function)]) -> AsyncGenerator[User]:
    """Find a user, for a while."""
    yield user


def by_generator(user: Annotated[User, Depends(by_function)]) -> Generator[User]:
    """Find a user, for a while."""
    yield user


async def perhaps() -> User | None:
    """Find somebody or nobody."""
    return None


async def by_token(token: str) -> User:
    """Find a user by a token."""
    return User(len(token), datetime.now(UTC))


def on_event(event: Event) -> None:
    """Take note."""
    assert_type(event.connection, str | None)


# --- who the user is

auth = Auth(MemoryUserStore(), secret="a secret of more than thirty-two bytes")

assert_type(ConnectionManager(), ConnectionManager[None])
assert_type(ConnectionManager(origins=ANY_ORIGIN), ConnectionManager[None])
assert_type(ConnectionManager(authenticate=auth.user), ConnectionManager[MemoryUser])
assert_type(ConnectionManager(authenticate=by_coroutine), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=by_function), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=by_async_generator), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=by_generator), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=perhaps), ConnectionManager[User | None])
assert_type(ConnectionManager(authenticate_first=by_token), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=perhaps, authenticate_first=by_token), ConnectionManager[User])
assert_type(ConnectionManager(authenticate=auth.require(roles="admin")), ConnectionManager[Any])

# --- an app

manager = ConnectionManager(
    authenticate=by_coroutine,
    expires=lambda user: user.until,
    identify=lambda user: str(user.id),
    limits=ConnectionLimits(per_user=3, excess="replace"),
    slow_consumer=SlowConsumer.disconnect(),
    history=History(),
    origins=["https://app.example"],
    on_event=on_event,
)
app = FastAPI(lifespan=combine_lifespans(manager.lifespan))
other = FastAPI(lifespan=manager.lifespan)
app.add_middleware(ConnectionsMiddleware)


@app.websocket("/ws")
async def ws(connection: Annotated[Connection[User], Depends(manager.connect)]) -> None:
    """Say what others say."""
    assert_type(connection.user, User)
    assert_type(connection.user_id, str | None)
    async for message in connection:
        assert_type(message, str | bytes)
        await manager.room("lobby").send(message, exclude=connection)


@manager.authorize("vip-*")
async def may_join(connection: Connection[User], room: str) -> None:
    """Let nobody in."""
    raise JoinDeniedError(f"{connection.user.id} may not be in {room}.")


async def tell() -> None:
    """Send to whoever is there."""
    assert_type(await manager.room("lobby").send({"type": "said"}, exclude=manager.connections()), Delivery)
    assert_type(await manager.room("lobby").members(), list[Member])
    assert_type((await manager.room("lobby").history(Cursor("epoch", 1), limit=3)).head, Cursor | None)
    assert_type(manager.room("lobby").connections(), list[Connection[User]])
    assert_type(manager.user(7).connections(), list[Connection[User]])
    assert_type(await manager.broadcast("hello"), Delivery)
    assert_type(await manager.drain(deadline=5), int)
    assert_type(manager.counts, Counts)
