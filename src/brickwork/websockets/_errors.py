"""What a connection manager can refuse, and what ends a connection."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from .._core.problem import Problem

_RETRY_AFTER: Final[Mapping[str, Any]] = {
    "Retry-After": {
        "description": "Seconds after which to connect again.",
        "schema": {"type": "integer", "minimum": 1},
    }
}


class OriginNotAllowedError(Problem, status=403, slug="origin-not-allowed", title="Origin not allowed"):
    """A page of another site tries to open a socket with its visitor's cookies.

    Reference: RFC 6455, section 10.2; OWASP WebSocket Security Cheat Sheet.
    """


class TooManyConnectionsError(Problem, status=429, slug="too-many-connections", title="Too many connections"):
    """A user, an address or all of them together have as many connections as they may."""

    __headers__: ClassVar[Mapping[str, Mapping[str, Any]]] = _RETRY_AFTER


class DrainingError(Problem, status=503, slug="draining", title="The server is about to stop"):
    """The process takes no new connections, since it is about to end."""

    __headers__: ClassVar[Mapping[str, Mapping[str, Any]]] = _RETRY_AFTER


class JoinDeniedError(Problem, status=403, slug="join-denied", title="Not allowed in this room"):
    """A connection may not be in a room."""


class TooManyRoomsError(JoinDeniedError, status=429, slug="too-many-rooms", title="Too many rooms"):
    """A connection is in as many rooms as it may be."""


class ConnectionClosedError(Exception):
    """The socket is closed, so that nothing can be sent.

    Where an endpoint does not catch it, it ends the endpoint as a closed socket should: without an error.

    Attributes:
        code: The close code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"the connection is closed (code {code})")
        self.code = code


class RequestTimeoutError(Exception):
    """A client did not answer a request in time."""


class InvalidReplyError(Exception):
    """A client answered a request with something else than was asked for; it has been told what is wrong."""


class BackplaneUnavailableError(Exception):
    """The server that carries messages between processes gave no answer; nobody knows whether it has the message."""
