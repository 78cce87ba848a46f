"""What the verdicts of counters come to."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .._rules.values import NEVER, SECOND, Decision, Limit, Policy

UNLIMITED: Final = Decision(allowed=True, limit=0, remaining=0, retry_after=0.0, reset_after=0.0)

_PERIODS: Final = {1: "second", 60: "minute", 3_600: "hour", 86_400: "day"}


@lru_cache(maxsize=1024)
def policy_names(rule_name: str, limits: tuple[Limit, ...]) -> tuple[str, ...]:
    """Give the names of a rule's policies: its own, with the period where it has several limits."""
    if len(limits) == 1:
        return (rule_name,)
    names = [f"{rule_name}-{_PERIODS.get(limit.period, f'{limit.period}s')}" for limit in limits]
    return tuple(_numbered(name, names[:position]) for position, name in enumerate(names))


def decision_of(policies: Sequence[Policy], *, degraded: bool = False) -> Decision:
    """Give the decision that policies come to; those in shadow refuse nobody.

    Its numbers are those of the policy that leaves the least room.
    """
    telling = [policy for policy in policies if not policy.shadow]
    refusing = [policy for policy in telling if policy.verdict.retry_after]
    if not policies:
        return _UNCOUNTED if degraded else UNLIMITED
    tightest = _tightest(refusing or telling or policies)
    waits = [policy.verdict.retry_after for policy in refusing]
    return Decision(
        allowed=not refusing,
        limit=tightest.limit.amount,
        remaining=max(0, tightest.verdict.remaining),
        retry_after=None if NEVER in waits else max(waits, default=0) / SECOND,
        reset_after=tightest.verdict.reset_after / SECOND,
        policies=tuple(policies),
        degraded=degraded,
    )


_UNCOUNTED: Final = Decision(allowed=True, limit=0, remaining=0, retry_after=0.0, reset_after=0.0, degraded=True)


def _tightest(policies: Sequence[Policy]) -> Policy:
    if len(policies) == 1:
        return policies[0]
    return min(policies, key=lambda policy: (policy.verdict.remaining, -policy.verdict.reset_after))


def _numbered(name: str, earlier: Sequence[str]) -> str:
    count = earlier.count(name)
    return f"{name}-{count + 1}" if count else name
