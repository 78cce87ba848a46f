"""What gives an endpoint its connection."""

from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from .._service.connection import Connection

U = TypeVar("U")


class Connect(Generic[U]):
    """Gives an endpoint its connection: ``Annotated[Connection[User], Depends(manager.connect)]``."""

    def __init__(self, authenticate: Callable[..., Any] | None) -> None:
        self._authenticate = authenticate

    def __call__(self, *positional: object, **found: Any) -> "AsyncGenerator[Connection[U]]":
        """Let a socket in; FastAPI calls this."""
        ...
