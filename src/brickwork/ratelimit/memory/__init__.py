"""Counters in the memory of one process: exact, thread-safe, and no larger than they are allowed to be."""

from .store import MemoryRateStore

__all__ = ["MemoryRateStore"]
