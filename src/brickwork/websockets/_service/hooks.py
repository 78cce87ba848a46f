"""What a manager tells those who watch it."""

import logging
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from ..._core.clock import Clock

logger: Final = logging.getLogger("brickwork.websockets")

EventKind = Literal["opened", "closed", "joined", "left", "dropped", "gap", "state"]
"""What happened; `Event` says what of it is told."""

_QUIET: Final = 10.0  # seconds between two lines about the same connection


class Event(NamedTuple):
    """Something that happened in this process; each is told once.

    Attributes:
        kind: ``opened`` or ``closed``: a connection. ``joined`` or ``left``: a connection and a room. ``dropped``: a
            slow client missed a message. ``gap``: a room lost messages for good. ``state``: the other processes can be
            reached again, or no more.
        connection: The connection's ID.
        user: Its user's ID.
        room: The room's name.
        code: With ``closed``, the close code.
        state: With ``state``, how it is now; with ``dropped``, the policy.
    """

    kind: EventKind
    connection: str | None = None
    user: str | None = None
    room: str | None = None
    code: int | None = None
    state: str | None = None


class Hooks:
    """Tells of events, and writes to the log what nobody should miss.

    Args:
        on_event: Called with each event, at once and in the loop's thread, so it does not wait for anything.
        clock: Tells when a connection may be logged again.
    """

    __slots__ = ("_clock", "_on_event")

    def __init__(self, on_event: Callable[[Event], None] | None, clock: Clock) -> None:
        self._on_event = on_event
        self._clock = clock

    def tell(self, event: Event) -> None:
        """Tell of an event; what goes wrong with it is logged, and harms nobody."""
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception:
            logger.exception("on_event failed for %r", event)

    def may_log(self, last: float | None) -> float | None:
        """Give the time if something that was logged at ``last`` may be logged again, else None."""
        now = self._clock.monotonic()
        return now if last is None or now - last >= _QUIET else None
