"""Counting in this process alone, while the store cannot be asked."""

from functools import lru_cache

from .._rules.values import Charge, Limit


def share_of(charge: Charge, replicas: int) -> Charge:
    """Give what one of several processes may let through by itself.

    A cost that could pass with the whole limit can pass with the share, and then takes all of it.
    """
    limit = share_of_limit(charge.limit, replicas)
    cost = min(charge.cost, limit.most) if charge.cost <= charge.limit.most else charge.cost
    return charge._replace(limit=limit, cost=cost)


@lru_cache(maxsize=1024)
def share_of_limit(limit: Limit, replicas: int) -> Limit:
    """Give the part of a limit that is one process's own, at least 1."""
    burst = share(limit.burst, replicas) if limit.algorithm == "gcra" else 0
    return Limit(share(limit.amount, replicas), limit.period, limit.algorithm, burst)


def share(amount: int, replicas: int) -> int:
    """Give the part of an amount that is one process's own, rounded up."""
    return -(-amount // replicas)
