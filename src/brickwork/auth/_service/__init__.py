"""What joins the rules of authentication and its stores."""

from .options import AuthOptions
from .service import AuthService

__all__ = ["AuthOptions", "AuthService"]
