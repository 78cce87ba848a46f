"""The faces of the block: what endpoints depend on."""

from .database import Database
from .preconditions import Conditional, Precondition, precondition
from .routing import RollbackRoute

__all__ = ["Conditional", "Database", "Precondition", "RollbackRoute", "precondition"]
