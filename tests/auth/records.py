"""What the tests of stores keep: sessions and API keys, at an instant of their own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any

from brickwork.auth import ApiKey, Rotation, Session, TokenStore

# Years away from the clocks of the servers, which must not matter.
NOW = 1_000_000_000.25
IDLE = 3600.0
TOTAL = 86400.0
_numbers = count(1)


def digest(token: str) -> bytes:
    """Give what a store sees of a token."""
    return sha256(token.encode()).digest()


def new_session(user_id: str = "ada", *, at: float = NOW, **changes: Any) -> Session:
    """Make a session whose refresh token is ``first``."""
    session = Session(
        id=f"{next(_numbers):032x}",
        user_id=user_id,
        token_hash=digest("first"),
        created_at=at,
        authenticated_at=at,
        used_at=at,
        idle_expires_at=at + IDLE,
        expires_at=at + TOTAL,
        token_version=3,
        scopes=("orders:read", "orders:write"),
        client="Firefox",
        address="192.0.2.1",
    )
    return replace(session, **changes)


async def started(store: TokenStore, user_id: str = "ada", *, at: float = NOW, limit: int = 50) -> Session:
    """Start a session."""
    session = new_session(user_id, at=at)
    await store.start(session, now=at, limit=limit)
    return session


async def rotate(
    store: TokenStore, session: Session, token: str, successor: str, *, at: float = NOW, grace: float = 0.0
) -> Rotation:
    """Show a token, and offer a successor."""
    return await store.rotate(
        session.id,
        presented=digest(token),
        successor=digest(successor),
        now=at,
        idle_expires_at=at + IDLE,
        grace=grace,
    )


async def alive(store: TokenStore, session: Session, *, at: float = NOW) -> bool:
    """Tell whether a session is alive, by both ways in which a store can be asked."""
    checked = await store.check(session.id, "some-token", now=at)
    got = await store.get(session.id, now=at)
    assert checked is (got is not None)
    return checked


def new_key(owner: str = "ada", *, after: float = 0.0, **changes: Any) -> ApiKey:
    """Make an API key."""
    key = ApiKey(
        id=f"key{next(_numbers):013d}",
        owner=owner,
        name="fulfilment, “north”",
        scopes=("orders:read",),
        created_at=datetime(2001, 9, 9, 1, 46, 40, 123456, UTC) + timedelta(seconds=after),
        hash=digest("a key"),
    )
    return replace(key, **changes)
