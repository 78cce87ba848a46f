"""`ConnectionManager`: the sockets of an app, their rooms and users."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Generator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Literal, TypedDict, TypeVar, Unpack, overload

from ..._core.clock import Clock
from .._rules.frames import Codec
from .._rules.values import ConnectionLimits, Delivery, Heartbeat, History, Presence, SlowConsumer
from .._store import Backplane
from .connect import Connect
from .targets import RoomTarget, UserTarget

if TYPE_CHECKING:
    from .._service.connection import Connection

U = TypeVar("U")
State = Literal["ready", "degraded", "draining"]
"""How a manager is: it reaches the other processes, it does not, or it takes no new connections."""


class ManagerOptions(TypedDict, total=False):
    """Options of a `ConnectionManager`, whatever its users are."""

    identify: Callable[[Any], str] | None
    backplane: Backplane | None
    codecs: Sequence[Codec]
    subprotocols: Sequence[str]
    limits: ConnectionLimits
    slow_consumer: SlowConsumer
    history: History | None
    presence: Presence | None
    heartbeat: Heartbeat
    origins: Sequence[str]
    trusted_proxies: Sequence[str]
    ipv6_prefix: int
    expires: Callable[[Any], datetime | None] | None
    delivery: Literal["inline", "task"]
    on_event: Callable[[Any], None] | None
    clock: Clock | None


class ConnectionManager(Generic[U]):
    """The sockets of an app, their rooms and users.

    ```python
    manager = ConnectionManager(authenticate=auth.user)

    @app.websocket("/ws")
    async def ws(connection: Annotated[Connection[User], Depends(manager.connect)]) -> None:
        async with connection.join("lobby"):
            async for message in connection:
                await manager.room("lobby").send(message)
    ```
    """

    @overload
    def __init__(self: "ConnectionManager[None]", **options: Unpack[ManagerOptions]) -> None: ...
    @overload
    def __init__(
        self,
        *,
        authenticate_first: Callable[[str], Awaitable[U]],
        authenticate: Callable[..., Any] | None = None,
        **options: Unpack[ManagerOptions],
    ) -> None: ...
    @overload
    def __init__(
        self, *, authenticate: Callable[..., AsyncGenerator[U, Any]], **options: Unpack[ManagerOptions]
    ) -> None: ...
    @overload
    def __init__(
        self, *, authenticate: Callable[..., Generator[U, Any, Any]], **options: Unpack[ManagerOptions]
    ) -> None: ...
    @overload
    def __init__(self, *, authenticate: Callable[..., Awaitable[U]], **options: Unpack[ManagerOptions]) -> None: ...
    @overload
    def __init__(self, *, authenticate: Callable[..., U], **options: Unpack[ManagerOptions]) -> None: ...
    def __init__(
        self,
        *,
        authenticate: Callable[..., Any] | None = None,
        authenticate_first: Callable[[str], Awaitable[Any]] | None = None,
        identify: Callable[[Any], str] | None = None,
        backplane: Backplane | None = None,
        codecs: Sequence[Codec] = (),
        subprotocols: Sequence[str] = (),
        limits: ConnectionLimits | None = None,
        slow_consumer: SlowConsumer | None = None,
        history: History | None = None,
        presence: Presence | None = None,
        heartbeat: Heartbeat | None = None,
        origins: Sequence[str] = (),
        trusted_proxies: Sequence[str] = (),
        ipv6_prefix: int = 64,
        expires: Callable[[Any], datetime | None] | None = None,
        delivery: Literal["inline", "task"] = "inline",
        on_event: Callable[[Any], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.connect: Connect[U] = Connect(authenticate)

    @property
    def state(self) -> State:
        """How the manager is; for health checks."""
        ...

    def room(self, name: str) -> RoomTarget[U]:
        """Give those who are in a room."""
        ...

    def user(self, user_id: str) -> UserTarget[U]:
        """Give all connections of a user."""
        ...

    async def broadcast(
        self,
        message: object,
        *,
        exclude: "Connection[Any] | Iterable[Connection[Any]]" = (),
        exclude_users: Collection[str] = (),
        key: str | None = None,
    ) -> Delivery:
        """Send a message to all connections, in all processes."""
        ...

    def connections(self) -> "list[Connection[U]]":
        """List the connections of this process, the oldest first."""
        ...

    def authorize(
        self, pattern: str
    ) -> "Callable[[Callable[[Connection[U], str], Awaitable[None]]], Callable[[Connection[U], str], Awaitable[None]]]":
        """Have a function decide who may join the rooms that a pattern fits, as in ``@manager.authorize("vip-*")``."""
        ...

    def lifespan(self, app: object) -> AbstractAsyncContextManager[None]:
        """Close what is left, and the backplane, when the app ends: for ``FastAPI(lifespan=manager.lifespan)``."""
        ...

    async def drain(
        self, deadline: float = 20.0, *, batch: int = 500, retry_after: tuple[float, float] = (1.0, 10.0)
    ) -> int:
        """Take no new connections, and close those there are, a batch at a time."""
        ...
