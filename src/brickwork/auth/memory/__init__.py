"""Stores in the memory of one process: for tests, and for a service that runs as one."""

from .attempts import MemoryAttemptStore
from .keys import MemoryApiKeyStore
from .tokens import MemoryTokenStore
from .users import MemoryUser, MemoryUserStore

__all__ = ["MemoryApiKeyStore", "MemoryAttemptStore", "MemoryTokenStore", "MemoryUser", "MemoryUserStore"]
