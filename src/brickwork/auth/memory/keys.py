"""API keys in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from threading import Lock

from .._rules.values import ApiKey


class MemoryApiKeyStore:
    """Keeps API keys in this process; they end with it."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}
        self._owned: dict[str, set[str]] = {}  # IDs by owner
        self._lock = Lock()

    async def add(self, key: ApiKey) -> None:
        """Keep a new key."""
        with self._lock:
            self._add(key)

    async def get(self, key_id: str) -> ApiKey | None:
        """Give a key by its ID, or None; it may have expired."""
        return self._keys.get(key_id)

    async def keys(self, owner: str) -> Sequence[ApiKey]:
        """Give the keys of a user, the newest first."""
        with self._lock:
            owned = [self._keys[key_id] for key_id in self._owned.get(owner, ())]
        return sorted(owned, key=lambda key: (key.created_at, key.id), reverse=True)

    async def replace(self, key_id: str, successor: ApiKey, *, expires_at: datetime) -> bool:
        """Keep a successor, and let the key end at an instant unless it ends before; False where there is no key."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is None:
                return False
            self._add(successor)
            if key.expires_at is None or expires_at < key.expires_at:
                self._keys[key_id] = replace(key, expires_at=expires_at)
            return True

    async def remove(self, key_id: str) -> bool:
        """Forget a key; tell whether there was one."""
        with self._lock:
            key = self._keys.pop(key_id, None)
            if key is None:
                return False
            owned = self._owned[key.owner]
            owned.remove(key_id)
            if not owned:
                del self._owned[key.owner]
            return True

    async def touch(self, key_id: str, *, at: datetime) -> None:
        """Remember when a key was last used."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is not None and (key.last_used_at is None or key.last_used_at < at):
                self._keys[key_id] = replace(key, last_used_at=at)

    def _add(self, key: ApiKey) -> None:
        self._keys[key.id] = key
        self._owned.setdefault(key.owner, set()).add(key.id)
