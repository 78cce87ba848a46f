"""A receiver that cannot harm who calls it."""

import logging
from collections.abc import Callable, Sequence
from typing import ParamSpec

from .._rules.frames import Entry
from .._rules.values import Cursor, Member
from .._store import Receiver, State

_log = logging.getLogger("brickwork.websockets")

P = ParamSpec("P")


class GuardedReceiver:
    """Passes on what a receiver is told; its errors are logged, and what comes next is passed on as well.

    Args:
        receiver: Who is told.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def receive(self, entry: Entry) -> None:
        """Deliver an entry."""
        _try(self._receiver.receive, entry)

    def lost(self, channel: str, head: Cursor | None) -> None:
        """Tell that messages are lost."""
        _try(self._receiver.lost, channel, head)

    def departed(self, channel: str, members: Sequence[Member]) -> None:
        """Tell who has left without a word."""
        _try(self._receiver.departed, channel, members)

    def turned(self, state: State) -> None:
        """Tell the state."""
        _try(self._receiver.turned, state)


def _try(tell: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
    try:
        tell(*args, **kwargs)
    except Exception:  # noqa: BLE001 - whatever it is, the connection on which it was heard goes on
        _log.exception("what came from Redis could not be passed on")
