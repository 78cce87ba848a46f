"""Stores in Redis, for services that run as several processes: what one of them ends, all of them refuse at once.

They work with one server, with the master behind Sentinel and with a cluster, from Redis 6.2 on. Each call is made
once and has its answer within a deadline; without one, nobody is let in. Set ``maxmemory-policy`` to ``noeviction``: a
server that drops what it was told to keep would forget which tokens are denied or spent.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from hashlib import sha256
from math import ceil
from typing import Any, Final, Literal, TypeVar

from .._core.extras import extra
from .._core.redis import Command, RedisCaller, RedisUnavailableError, Script
from ._errors import unavailable
from ._rules.values import ApiKey, Rotation, Session

with extra("redis"):
    from redis.asyncio import Redis, RedisCluster

__all__ = ["RedisApiKeyStore", "RedisAttemptStore", "RedisTokenStore"]

_Reply = TypeVar("_Reply")

_ATTEMPT: Final = Script.load("brickwork.auth", "attempt")
_ATTEMPT_UNDO: Final = Script.load("brickwork.auth", "attempt_undo")
_CHECK: Final = Script.load("brickwork.auth", "check")
_KEY_SHORTEN: Final = Script.load("brickwork.auth", "key_shorten")
_KEY_TOUCH: Final = Script.load("brickwork.auth", "key_touch")
_SESSION_LIST: Final = Script.load("brickwork.auth", "session_list")
_SESSION_ROTATE: Final = Script.load("brickwork.auth", "session_rotate")
_SESSION_START: Final = Script.load("brickwork.auth", "session_start")
_SPEND: Final = Script.load("brickwork.auth", "spend")

_SESSION_FIELDS: Final = tuple(each.name for each in fields(Session))
_KEY_FIELDS: Final = tuple(each.name for each in fields(ApiKey))


class RedisTokenStore:
    """Keeps sessions and the IDs of single tokens in Redis.

    A session is one hash, so rotating, checking and ending it are one step and one round trip each. The list of a
    user's sessions is a key of its own, which on a cluster may live on another server. So it only ever leads to
    sessions and says nothing of them: a session is kept before it is listed, and nobody holds a token of it before it
    is on the list; what is on the list and no longer kept has ended. Tokens are kept as hashes alone.

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: Put before every key.
        deadline: Seconds within which each call has its answer; after them it is an `AuthUnavailableError`.

    Raises:
        TypeError: The client is none of `redis.asyncio`.
        ValueError: The client has a single connection, or the deadline is not above 0.
    """

    def __init__(
        self, client: Redis | RedisCluster, *, prefix: str = "brickwork:auth:", deadline: float = 0.25
    ) -> None:
        self._redis = _Keyspace(client, prefix, deadline)

    async def start(self, session: Session, *, now: float, limit: int) -> None:
        """Keep a new session; beyond ``limit`` of one user, the least recently used end."""
        key = self._redis.key("session", session.id)
        await self._redis.run(_SESSION_START, [key], _milliseconds(now, session.ends_at()), *_pairs(session))
        users = self._redis.key("sessions", session.user_id)
        lifetime = _milliseconds(now, session.expires_at)
        listed = await self._redis.run(_SESSION_LIST, [users], session.id, lifetime, limit)
        if listed:
            others = [
                each
                for each in await self._alive(session.user_id, [each.decode() for each in listed], now)
                if each.id != session.id
            ]
            await self._end_each([excess.id for excess in others[max(limit - 1, 0) :]])

    async def get(self, session_id: str, *, now: float) -> Session | None:
        """Give a session that has not ended, or None."""
        values = await self._redis.command("HMGET", self._redis.key("session", session_id), *_SESSION_FIELDS)
        return self._ongoing(values, now)

    async def rotate(
        self,
        session_id: str,
        *,
        presented: bytes,
        successor: bytes,
        now: float,
        idle_expires_at: float,
        grace: float,
        client: str = "",
        address: str | None = None,
    ) -> Rotation:
        """Put a successor in the place of a refresh token, or end a session whose token is in two hands."""
        changes = {name: value for name, value in {"client": client, "address": address}.items() if value}
        outcome, stored = await self._redis.run(
            _SESSION_ROTATE,
            [self._redis.key("session", session_id)],
            presented,
            successor,
            now,
            idle_expires_at,
            grace,
            *(part for change in changes.items() for part in change),
        )
        names = (name.decode() for name in stored[::2])
        return Rotation(_OUTCOMES[outcome], _session(zip(names, stored[1::2], strict=True)))

    async def check(self, session_id: str | None, token_id: str, *, now: float) -> bool:
        """Tell whether a session (if one is named) is alive and a token not denied; one round trip."""
        asked = {self._redis.key("denied", token_id): "denied"}
        if session_id is not None:
            asked[self._redis.key("session", session_id)] = "session"
        if not self._redis.sharded:
            return bool(await self._redis.run(_CHECK, [*asked], now, *asked.values()))
        # Two servers, asked at the same time. That is no less exact: neither answer depends on the other.
        answers = await asyncio.gather(*(self._redis.run(_CHECK, [key], now, kind) for key, kind in asked.items()))
        return all(answers)

    async def sessions(self, user_id: str, *, now: float) -> Sequence[Session]:
        """Give the sessions of a user that have not ended, the most recently used first."""
        return await self._alive(user_id, await self._listed(user_id), now)

    async def end(self, session_id: str) -> bool:
        """End a session; tell whether there was one."""
        return await self._end_each([session_id]) == 1

    async def end_all(self, user_id: str, *, keep: str | None = None) -> int:
        """End the sessions of a user, but for the one to ``keep``; give how many there were."""
        ending = [each for each in await self._listed(user_id) if each != keep]
        ended = await self._end_each(ending)
        await self._unlist(user_id, ending)
        return ended

    async def deny(self, token_id: str, *, now: float, until: float) -> None:
        """Refuse a single token until an instant, when it has expired anyway."""
        await self._redis.command("SET", self._redis.key("denied", token_id), until, "PX", _milliseconds(now, until))

    async def spend(self, token_id: str, *, now: float, until: float) -> bool:
        """Tell whether a one-time token is shown for the first time, and remember it until an instant."""
        if now >= until:
            return False
        key = self._redis.key("spent", token_id)
        return bool(await self._redis.run(_SPEND, [key], now, until, _milliseconds(now, until)))

    def _ongoing(self, values: Sequence[bytes | None], now: float) -> Session | None:
        session = _session(zip(_SESSION_FIELDS, values, strict=True))
        return session if session is not None and now < session.ends_at() else None

    async def _end_each(self, session_ids: Iterable[str]) -> int:
        ended: list[int] = await self._redis.commands(
            [("DEL", self._redis.key("session", each)) for each in session_ids]
        )
        return sum(ended)

    async def _listed(self, user_id: str) -> list[str]:
        listed = await self._redis.command("SMEMBERS", self._redis.key("sessions", user_id))
        return [each.decode() for each in listed]

    async def _unlist(self, user_id: str, session_ids: Sequence[str]) -> None:
        if session_ids:
            await self._redis.command("SREM", self._redis.key("sessions", user_id), *session_ids)

    async def _alive(self, user_id: str, listed: Sequence[str], now: float) -> list[Session]:
        """Read the sessions of a list, the most recently used first, and strike off those that have ended."""
        found = [self._ongoing(values, now) for values in await self._redis.fields("session", _SESSION_FIELDS, listed)]
        ended = [each for each, session in zip(listed, found, strict=True) if session is None]
        await self._unlist(user_id, ended)
        alive = [session for session in found if session is not None]
        return sorted(alive, key=lambda session: (session.used_at, session.id), reverse=True)


class RedisApiKeyStore:
    """Keeps API keys in Redis, by their hashes.

    They stay until they are removed, so the server has to write to disk what it keeps. A key is one hash, found by its
    ID in one round trip; the list of an owner's keys only leads to them, as with sessions.

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: Put before every key.
        deadline: Seconds within which each call has its answer; after them it is an `AuthUnavailableError`.

    Raises:
        TypeError: The client is none of `redis.asyncio`.
        ValueError: The client has a single connection, or the deadline is not above 0.
    """

    def __init__(
        self, client: Redis | RedisCluster, *, prefix: str = "brickwork:auth:", deadline: float = 0.25
    ) -> None:
        self._redis = _Keyspace(client, prefix, deadline)

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        await self._redis.command("HSET", self._redis.key("key", key.id), *_pairs(key))
        await self._redis.command("SADD", self._redis.key("keys", key.owner), key.id)

    async def get(self, key_id: str) -> ApiKey | None:
        """Give a key by its ID, or None; it may have expired."""
        values = await self._redis.command("HMGET", self._redis.key("key", key_id), *_KEY_FIELDS)
        return _api_key(zip(_KEY_FIELDS, values, strict=True))

    async def keys(self, owner: str) -> Sequence[ApiKey]:
        """Give the keys of a user, the newest first."""
        listed = self._redis.key("keys", owner)
        names = [each.decode() for each in await self._redis.command("SMEMBERS", listed)]
        values = await self._redis.fields("key", _KEY_FIELDS, names)
        found = [_api_key(zip(_KEY_FIELDS, each, strict=True)) for each in values]
        if removed := [each for each, key in zip(names, found, strict=True) if key is None]:
            await self._redis.command("SREM", listed, *removed)
        keys = [key for key in found if key is not None]
        return sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True)

    async def replace(self, key_id: str, successor: ApiKey, *, expires_at: datetime) -> bool:
        """Keep a successor, and let the key end at an instant unless it ends before; False where there is no key."""
        # Nobody has the text of the successor before this returns. Should it fail half-way, the old key is as it was.
        await self.add(successor)
        if await self._redis.run(_KEY_SHORTEN, [self._redis.key("key", key_id)], expires_at.timestamp()):
            return True
        await self.remove(successor.id)
        return False

    async def remove(self, key_id: str) -> bool:
        """Forget a key; tell whether there was one."""
        return bool(await self._redis.command("DEL", self._redis.key("key", key_id)))

    async def touch(self, key_id: str, *, at: datetime) -> None:
        """Remember when a key was last used."""
        await self._redis.run(_KEY_TOUCH, [self._redis.key("key", key_id)], at.timestamp())


class RedisAttemptStore:
    """Counts attempts in Redis, for all processes together.

    Args:
        client: What to call Redis by; its owner closes it.
        prefix: Put before every key.
        deadline: Seconds within which each call has its answer; after them it is an `AuthUnavailableError`.

    Raises:
        TypeError: The client is none of `redis.asyncio`.
        ValueError: The client has a single connection, or the deadline is not above 0.
    """

    def __init__(
        self, client: Redis | RedisCluster, *, prefix: str = "brickwork:auth:", deadline: float = 0.25
    ) -> None:
        self._redis = _Keyspace(client, prefix, deadline)

    async def attempt(self, key: str, *, limit: int, per: float, now: float) -> float:
        """Count an attempt; give 0.0 where it is allowed, else the seconds until the next one is."""
        return float(await self._redis.run(_ATTEMPT, [self._key(key)], limit, per, now))

    async def undo(self, key: str) -> None:
        """Take one attempt back."""
        await self._redis.run(_ATTEMPT_UNDO, [self._key(key)])

    async def clear(self, key: str) -> None:
        """Forget the attempts."""
        await self._redis.command("DEL", self._key(key))

    def _key(self, key: str) -> str:
        # Anybody may send logins of any length, and whoever looks at the keys need not read who logs in from where.
        return self._redis.key("attempts", sha256(key.encode("utf-8", "surrogatepass")).hexdigest())


class _Keyspace:
    """Redis as the stores see it: keys with a prefix, and one error."""

    def __init__(self, client: Redis | RedisCluster, prefix: str, deadline: float) -> None:
        self._caller = RedisCaller(client, deadline=deadline)
        self._prefix = prefix
        self.sharded = self._caller.sharded

    def key(self, kind: str, name: str) -> str:
        return f"{self._prefix}{kind}:{name}"

    async def run(self, script: Script, keys: Sequence[str], *args: str | bytes | float) -> Any:
        return await _answer(self._caller.run(script, keys, *args))

    async def command(self, name: str, key: str, *args: str | bytes | float) -> Any:
        return await _answer(self._caller.command(name, key, *args))

    async def commands(self, commands: Sequence[Command]) -> list[Any]:
        return await _answer(self._caller.commands(commands))

    async def fields(self, kind: str, fields: Sequence[str], names: Iterable[str]) -> list[Any]:
        return await self.commands([("HMGET", self.key(kind, each), *fields) for each in names])


async def _answer(call: Awaitable[_Reply]) -> _Reply:
    try:
        return await call
    except RedisUnavailableError as error:
        raise unavailable("Redis", error.__cause__ or error) from error


_OUTCOMES: Final[Mapping[bytes, Literal["rotated", "replayed", "reused", "unknown"]]] = {
    b"rotated": "rotated",
    b"replayed": "replayed",
    b"reused": "reused",
    b"unknown": "unknown",
}


def _milliseconds(now: float, until: float) -> int:
    """Give how long a key has to live: the caller's clock need not be the server's."""
    return max(1, ceil((until - now) * 1000))


def _pairs(record: Session | ApiKey) -> list[str | bytes | float]:
    """Write a record as fields of a hash; what is None is left out."""
    pairs: list[str | bytes | float] = []
    for each in fields(record):
        value: Any = getattr(record, each.name)
        if each.name == "scopes":
            value = " ".join(record.scopes)
        elif isinstance(value, datetime):
            value = value.timestamp()
        if value is not None:
            pairs += each.name, value
    return pairs


def _session(values: Iterable[tuple[str, bytes | None]]) -> Session | None:
    field = {name: value for name, value in values if value is not None}
    if not field:
        return None
    text = {name: value.decode() for name, value in field.items() if not name.endswith("_hash")}
    return Session(
        id=text["id"],
        user_id=text["user_id"],
        token_hash=field["token_hash"],
        previous_hash=field.get("previous_hash"),
        rotated_at=float(text["rotated_at"]) if "rotated_at" in text else None,
        created_at=float(text["created_at"]),
        authenticated_at=float(text["authenticated_at"]),
        used_at=float(text["used_at"]),
        idle_expires_at=float(text["idle_expires_at"]),
        expires_at=float(text["expires_at"]),
        token_version=int(text["token_version"]),
        scopes=tuple(text["scopes"].split()),
        client=text["client"],
        address=text.get("address"),
    )


def _api_key(values: Iterable[tuple[str, bytes | None]]) -> ApiKey | None:
    field = {name: value for name, value in values if value is not None}
    if not field:
        return None
    text = {name: value.decode() for name, value in field.items() if name != "hash"}
    instant = {name: datetime.fromtimestamp(float(text[name]), UTC) for name in text if name.endswith("_at")}
    return ApiKey(
        id=text["id"],
        owner=text["owner"],
        name=text["name"],
        scopes=tuple(text["scopes"].split()),
        created_at=instant["created_at"],
        expires_at=instant.get("expires_at"),
        last_used_at=instant.get("last_used_at"),
        lifetime=float(text["lifetime"]),
        hash=field["hash"],
    )
