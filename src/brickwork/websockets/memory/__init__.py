"""Rooms, histories and presence in the memory of one process."""

from .backplane import MemoryBackplane

__all__ = ["MemoryBackplane"]
