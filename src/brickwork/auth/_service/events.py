"""What happens, told to whoever keeps an audit log."""

import logging
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from inspect import isawaitable

from ..._core.clock import Clock
from .._rules.values import AuthEvent, EventKind

_log = logging.getLogger("brickwork.auth")


class Events:
    """Tells a callback what happens. One that fails is logged, and changes nothing."""

    def __init__(self, on_event: Callable[[AuthEvent], Awaitable[None] | None] | None, clock: Clock) -> None:
        self._on_event = on_event
        self._clock = clock

    async def tell(
        self,
        kind: EventKind,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        address: str | None = None,
    ) -> None:
        """Tell that something happened."""
        if self._on_event is None:
            return
        at = datetime.fromtimestamp(self._clock.time(), UTC)
        event = AuthEvent(kind=kind, at=at, user_id=user_id, session_id=session_id, address=address)
        try:
            told = self._on_event(event)
            if isawaitable(told):
                await told
        except Exception:  # noqa: BLE001 - who logs in must not be kept out by the log of it
            _log.exception("on_event failed for %r", kind)


@contextmanager
def logged(name: str) -> Generator[None]:
    """Log what goes wrong after the answer, when nobody is there any more to be told.

    Only the kind of error is logged: its text may hold the token that the callback was given.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever a callback raises
        _log.error("%s failed: %s", name, type(error).__qualname__)
