"""WebSocket connections: rooms, users, presence, history, typed messages, several processes; server-sent events."""

from ._depends.listen import listen_socket
from ._depends.manager import ConnectionManager
from ._depends.origins import ANY_ORIGIN
from ._depends.targets import RoomTarget, UserTarget
from ._errors import (
    ConnectionClosedError,
    DrainingError,
    InvalidReplyError,
    JoinDeniedError,
    OriginNotAllowedError,
    RequestTimeoutError,
    TooManyConnectionsError,
)
from ._middleware import ConnectionsMiddleware
from ._rules.frames import Codec
from ._rules.values import (
    CloseCode,
    ConnectionLimits,
    Cursor,
    Delivery,
    Heartbeat,
    History,
    Member,
    Presence,
    SlowConsumer,
)
from ._service.messages.router import MessageRouter
from ._store import Backplane
from .memory import MemoryBackplane

__all__ = [
    "ANY_ORIGIN",
    "Backplane",
    "CloseCode",
    "Codec",
    "ConnectionClosedError",
    "ConnectionLimits",
    "ConnectionManager",
    "ConnectionsMiddleware",
    "Cursor",
    "Delivery",
    "DrainingError",
    "Heartbeat",
    "History",
    "InvalidReplyError",
    "JoinDeniedError",
    "Member",
    "MemoryBackplane",
    "MessageRouter",
    "OriginNotAllowedError",
    "Presence",
    "RequestTimeoutError",
    "RoomTarget",
    "SlowConsumer",
    "TooManyConnectionsError",
    "UserTarget",
    "listen_socket",
]
