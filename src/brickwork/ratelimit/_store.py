"""`RateStore` and `LeaseStore`: whoever counts."""

from collections.abc import Sequence
from typing import Literal, Protocol

from ._rules.values import Charge, Verdict

Mode = Literal["count", "peek", "force"]


class RateStore(Protocol):
    """Counts what was let through, for all processes that share the store, by one clock.

    Identities and scopes come hashed. A store that cannot be asked, or not in time, raises
    `RateStoreUnavailableError`, whatever went wrong; it never asks twice, since a hit whose answer was lost may have
    been counted.
    """

    async def hit(self, charges: Sequence[Charge], *, mode: Mode = "count") -> Sequence[Verdict]:
        """Decide on charges together, and count them all or none, in one step that no other decision can split.

        Args:
            charges: One or more; those on one counter are judged by their sum.
            mode: ``count`` counts them where every counter admits its own; ``peek`` counts nothing; ``force`` counts
                them in any case, also beyond the limit, up to one more burst of debt.

        Returns:
            A verdict on each, in their order.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...

    async def refund(self, charges: Sequence[Charge], *, age: float = 0.0) -> None:
        """Take back what was counted, as far as it still counts; never more than that.

        Args:
            charges: What was counted.
            age: Seconds since the store answered that it was: what was counted since then in a new window stays.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...

    async def reset(self, charges: Sequence[Charge]) -> None:
        """Forget what their counters hold; the costs do not matter.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...


class Movable(Protocol):
    """A store whose time can be moved, for tests."""

    offset: int
    """Microseconds by which its time is ahead of the clock."""


class LeaseStore(Protocol):
    """Keeps leases: who is being served right now, until it says so or has not been heard of for too long."""

    async def acquire(self, identity: str, scope: str, lease: str, *, amount: int, ttl: float) -> Verdict:
        """Take a lease, if fewer than ``amount`` are held.

        Args:
            identity: Who is counted, hashed.
            scope: What is counted, hashed.
            lease: Names this lease.
            amount: How many there may be.
            ttl: Seconds after which it ends by itself, unless it is renewed.

        Returns:
            How many more there may be, and until the next one ends at the latest.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...

    async def renew(self, identity: str, scope: str, lease: str, *, ttl: float) -> None:
        """Let a lease live for another ``ttl`` seconds.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...

    async def release(self, identity: str, scope: str, lease: str) -> None:
        """Give a lease back; one that has ended is no error.

        Raises:
            RateStoreUnavailableError: The store cannot be asked.
        """
        ...
