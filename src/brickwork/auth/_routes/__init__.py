"""The routes of authentication."""

from .bodies import Registration, UserOut
from .router import auth_router

__all__ = ["Registration", "UserOut", "auth_router"]
