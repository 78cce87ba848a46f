"""API keys: made, shown once, recognised, replaced and taken back."""

import asyncio
import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Final, Generic

from .._errors import ApiKeyNotFoundError, AuthUnavailableError, InvalidApiKeyError
from .._rules.keys import KeyText
from .._rules.scopes import narrow
from .._rules.values import ApiKey, EventKind, NewApiKey
from .events import Events, logged
from .options import AuthOptions, UserT

_TOUCHED_EVERY: Final = timedelta(seconds=60)
_TOUCH_WAIT: Final = 0.05
_NO_HASH: Final = bytes(32)


class ApiKeys(Generic[UserT]):
    """Makes API keys and recognises them.

    Args:
        options: How the block was set up.
        events: Is told what happens.
    """

    def __init__(self, options: AuthOptions[UserT], events: Events) -> None:
        self._options = options
        self._store = options.api_keys
        self._events = events
        self._touching: dict[str, asyncio.Task[None]] = {}

    async def create(
        self, user: UserT, *, name: str, scopes: Sequence[str] = (), expires_in: float | None = None
    ) -> NewApiKey:
        """Make a key of a user.

        Args:
            user: Whose key.
            name: What the user calls it.
            scopes: What it allows; no more than the user may.
            expires_in: Seconds after which it ends; never where left out.

        Raises:
            InvalidScopeError: The user may not have one of the scopes; a ValueError.
            ValueError: ``expires_in`` is not positive.
            AuthUnavailableError: The key cannot be kept.
        """
        granted = narrow(scopes, user.scopes)
        if expires_in is not None and expires_in <= 0:
            raise ValueError(f"expires_in={expires_in} makes no sense: a key must last for a while")
        text = KeyText.new(self._options.key_prefix)
        now = self._now()
        record = ApiKey(
            id=text.id,
            owner=str(user.id),
            name=name,
            scopes=granted,
            created_at=now,
            expires_at=None if expires_in is None else now + timedelta(seconds=expires_in),
            hash=text.hash,
        )
        await self._store.add(record)
        await self._tell("key-created", record)
        return NewApiKey(text.text, record)

    async def authenticate(self, text: str) -> ApiKey:
        """Give the key whose text this is, with the scopes that its owner still has.

        Raises:
            InvalidApiKeyError: (401) It is malformed, unknown, expired or revoked, or its owner may not log in.
            AuthUnavailableError: (503) A store cannot be asked.
        """
        shown = KeyText.read(text)
        if shown is None:
            raise InvalidApiKeyError
        key = await self._store.get(shown.id)
        known = hmac.compare_digest(shown.hash, _NO_HASH if key is None else key.hash)
        if key is None or not known or self._has_expired(key):
            raise InvalidApiKeyError
        owner = await self._options.users.get(key.owner)
        if owner is None or not owner.active:
            raise InvalidApiKeyError
        await self._touch(key)
        scopes = tuple(scope for scope in key.scopes if scope in owner.scopes)
        return key if scopes == key.scopes else replace(key, scopes=scopes)

    async def of(self, owner: str) -> Sequence[ApiKey]:
        """Give the keys of a user, the newest first."""
        return await self._store.keys(owner)

    async def rotate(self, key_id: str, *, overlap: float = 0, owner: str | None = None) -> NewApiKey:
        """Make a successor of a key, with its name, scopes and lifetime.

        Args:
            key_id: Which key.
            overlap: Seconds for which the key itself still works.
            owner: The ID of the user who asks for it; None for the application itself.

        Raises:
            ApiKeyNotFoundError: (404) The owner has no such key, or it has expired.
            ValueError: ``overlap`` is negative.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        if overlap < 0:
            raise ValueError(f"overlap={overlap} makes no sense: use 0 to end the key at once")
        key = await self._owned(key_id, owner)
        text = KeyText.new(self._options.key_prefix)
        now = self._now()
        lifetime = key.lifetime or inf
        successor = replace(
            key,
            id=text.id,
            created_at=now,
            expires_at=None if lifetime == inf else now + timedelta(seconds=lifetime),
            last_used_at=None,
            hash=text.hash,
        )
        if not await self._store.replace(key_id, successor, expires_at=now + timedelta(seconds=overlap)):
            raise ApiKeyNotFoundError
        await self._tell("key-rotated", successor)
        return NewApiKey(text.text, successor)

    async def revoke(self, key_id: str, *, owner: str | None = None) -> None:
        """Take a key back; it is refused from the next request on.

        Raises:
            ApiKeyNotFoundError: (404) The owner has no such key.
            AuthUnavailableError: (503) The store cannot be asked.
        """
        key = await self._store.get(key_id)
        if key is None or owner not in {None, key.owner} or not await self._store.remove(key_id):
            raise ApiKeyNotFoundError
        await self._tell("key-revoked", key)

    async def _owned(self, key_id: str, owner: str | None) -> ApiKey:
        key = await self._store.get(key_id)
        if key is None or owner not in {None, key.owner} or self._has_expired(key):
            raise ApiKeyNotFoundError
        return key

    async def _touch(self, key: ApiKey) -> None:
        """Note that a key is used, once a minute, and once for all who use it at the same time."""
        now = self._now()
        recent = key.last_used_at is not None and now - key.last_used_at < _TOUCHED_EVERY
        if recent or key.id in self._touching:
            return
        task = self._touching[key.id] = asyncio.create_task(self._note(key.id, now))
        # Whoever calls may hold the lock that the write waits for: it goes on behind the answer.
        await asyncio.wait([task], timeout=_TOUCH_WAIT)

    async def _note(self, key_id: str, at: datetime) -> None:
        """Write down when a key was used; it is good, whether this can be noted or not."""
        try:
            with logged("touch"), suppress(AuthUnavailableError):
                await self._store.touch(key_id, at=at)
        finally:
            del self._touching[key_id]

    def _has_expired(self, key: ApiKey) -> bool:
        return key.expires_at is not None and key.expires_at <= self._now()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._options.clock.time(), UTC)

    async def _tell(self, kind: EventKind, key: ApiKey) -> None:
        await self._events.tell(kind, user_id=key.owner)
