"""WebSocket connections: rooms, users, presence, history, typed messages, several processes; server-sent events."""

from ._depends.connect import bearer_subprotocol
from ._depends.listen import listen_socket
from ._depends.manager import ConnectionManager
from ._depends.origins import ANY_ORIGIN
from ._depends.sse import EventStreamResponse
from ._depends.targets import RoomTarget, UserTarget
from ._errors import (
    BackplaneUnavailableError,
    ConnectionClosedError,
    DrainingError,
    InvalidReplyError,
    JoinDeniedError,
    OriginNotAllowedError,
    RequestTimeoutError,
    TooManyConnectionsError,
    TooManyRoomsError,
)
from ._middleware import ConnectionsMiddleware
from ._rules.frames import Codec, Entry, Frame
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
from ._service.codecs import JSONCodec
from ._service.connection import Connection
from ._service.counters import Counts, Stats
from ._service.event_stream import EventStream
from ._service.hooks import Event
from ._service.messages.router import MessageRouter
from ._store import Backplane, Replay
from .memory import MemoryBackplane

__all__ = [
    "ANY_ORIGIN",
    "Backplane",
    "BackplaneUnavailableError",
    "CloseCode",
    "Codec",
    "Connection",
    "ConnectionClosedError",
    "ConnectionLimits",
    "ConnectionManager",
    "ConnectionsMiddleware",
    "Counts",
    "Cursor",
    "Delivery",
    "DrainingError",
    "Entry",
    "Event",
    "EventStream",
    "EventStreamResponse",
    "Frame",
    "Heartbeat",
    "History",
    "InvalidReplyError",
    "JSONCodec",
    "JoinDeniedError",
    "Member",
    "MemoryBackplane",
    "MessageRouter",
    "OriginNotAllowedError",
    "Presence",
    "Replay",
    "RequestTimeoutError",
    "RoomTarget",
    "SlowConsumer",
    "Stats",
    "TooManyConnectionsError",
    "TooManyRoomsError",
    "UserTarget",
    "bearer_subprotocol",
    "listen_socket",
]
