"""The faces of the block: what endpoints depend on."""

from .database import Database
from .routing import RollbackRoute

__all__ = ["Database", "RollbackRoute"]
