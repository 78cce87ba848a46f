"""What the verdicts of counters come to."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .._rules.grammar import write_period
from .._rules.values import NEVER, SECOND, Decision, Limit, Policy, tightest

UNLIMITED: Final = Decision(allowed=True, limit=None, remaining=None, retry_after=0.0, reset_after=0.0)


@lru_cache(maxsize=1024)
def policy_names(rule_name: str, limits: tuple[Limit, ...]) -> tuple[str, ...]:
    """Give the names of a rule's policies: its own, with the period where it has several limits."""
    if len(limits) == 1:
        return (rule_name,)
    names = [f"{rule_name}-{write_period(limit.period)}" for limit in limits]
    return tuple(_numbered(name, names[:position]) for position, name in enumerate(names))


def decision_of(policies: Sequence[Policy], *, degraded: bool = False) -> Decision:
    """Give the decision that policies come to; those in shadow refuse nobody.

    Its numbers are those of the policy that leaves the least room.
    """
    if not policies:
        return _UNCOUNTED if degraded else UNLIMITED
    first = tightest(policies)
    verdict = first.verdict
    wait = 0 if first.shadow else verdict.retry_after
    return Decision(
        not wait,
        first.limit.amount,
        max(0, verdict.remaining),
        None if wait == NEVER else wait / SECOND,
        verdict.reset_after / SECOND,
        tuple(policies),
        degraded,
    )


_UNCOUNTED: Final = UNLIMITED._replace(degraded=True)


def _numbered(name: str, earlier: Sequence[str]) -> str:
    count = earlier.count(name)
    return f"{name}-{count + 1}" if count else name
