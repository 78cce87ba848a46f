"""The faces of the block: what endpoints depend on."""

# Before all that needs SQLAlchemy: this names the extra that brings it.
from .. import sqlalchemy as sqlalchemy
from .database import Database
from .preconditions import Conditional, Precondition, precondition
from .routing import RollbackRoute

__all__ = ["Conditional", "Database", "Precondition", "RollbackRoute", "precondition"]
