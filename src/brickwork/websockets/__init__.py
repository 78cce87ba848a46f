"""WebSocket connections: rooms, users, presence, history, typed messages, several processes; server-sent events."""

from ._errors import (
    ConnectionClosedError,
    DrainingError,
    JoinDeniedError,
    OriginNotAllowedError,
    RequestTimeoutError,
    TooManyConnectionsError,
)
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
from ._store import Backplane

__all__ = [
    "Backplane",
    "CloseCode",
    "Codec",
    "ConnectionClosedError",
    "ConnectionLimits",
    "Cursor",
    "Delivery",
    "DrainingError",
    "Heartbeat",
    "History",
    "JoinDeniedError",
    "Member",
    "OriginNotAllowedError",
    "Presence",
    "RequestTimeoutError",
    "SlowConsumer",
    "TooManyConnectionsError",
]
