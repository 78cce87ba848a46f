"""What outlets have in common, and what stands in a channel."""

from typing import Literal, NamedTuple, Protocol

from ..._core.clock import Clock
from .._rules.frames import Codec, Entry
from .._rules.values import ConnectionLimits, SlowConsumer
from .counters import Counters
from .hooks import Hooks


class Recipient(Protocol):
    """What stands in a channel for a client."""

    @property
    def id(self) -> str:
        """The connection's ID."""
        ...

    @property
    def user_id(self) -> str | None:
        """Its user's."""
        ...

    @property
    def codec(self) -> Codec:
        """What turns entries into messages."""
        ...

    def push(self, entry: Entry) -> None:
        """Send an entry, or see to it; never waits."""
        ...

    def evict(self, code: int, reason: str = "") -> None:
        """Part with the client."""
        ...


class Delivering(NamedTuple):
    """What all outlets of a manager have in common.

    Attributes:
        limits: How much may wait.
        slow_consumer: What becomes of more.
        stall: Seconds that one message may wait for the client; None for ever.
        delivery: ``inline`` to try each message without a task first, ``task`` never to.
        counters: Where it is counted.
        hooks: Who is told.
        clock: What time it is.
    """

    limits: ConnectionLimits
    slow_consumer: SlowConsumer
    stall: float | None
    delivery: Literal["inline", "task"]
    counters: Counters
    hooks: Hooks
    clock: Clock
