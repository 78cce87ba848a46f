"""What the headers of a response tell of its caller's limits.

Reference: draft-ietf-httpapi-ratelimit-headers-10; RFC 9651, section 3.
"""

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from .values import SECOND, Decision, Limit, Policy, tightest

Pairs = list[tuple[bytes, bytes]]

_CONCURRENT = "concurrent-requests"
_UNSPEAKABLE = re.compile(r"[^ !#-\[\]-~]")  # what a string of RFC 9651 cannot hold, or only escaped


def rate_limit_fields(
    policies: Sequence[Policy], *, ietf: bool = True, legacy: bool = False, now: Callable[[], float]
) -> Pairs:
    """Give the headers that tell of ``policies``, by name and value as they go on the wire.

    Args:
        policies: What was decided by, in the order in which it is to be told.
        ietf: Whether ``RateLimit-Policy`` and ``RateLimit`` are among them, which tell of every policy.
        legacy: Whether ``X-RateLimit-*`` are, which tell of the policy that is nearest to its limit.
        now: Tells the present in seconds since 1970.
    """
    pairs: Pairs = []
    if not policies:
        return pairs
    if ietf:
        allowed: list[str] = []
        left: list[str] = []
        for policy in policies:
            name, allowance = _lasting(policy.name, policy.limit, policy.unit)
            allowed.append(allowance)
            left.append(name + _left(policy))
        pairs.append((b"ratelimit-policy", ", ".join(allowed).encode()))
        pairs.append((b"ratelimit", ", ".join(left).encode()))
    if legacy:
        pairs += _legacy(policies, now())
    return pairs


def violated(decision: Decision) -> list[str]:
    """Give the names of the policies that refuse."""
    return [policy.name for policy in decision.policies if policy.verdict.retry_after != 0 and not policy.shadow]


def retry_after(decision: Decision) -> int | None:
    """Give the whole seconds that ``Retry-After`` asks for; None where waiting would not help.

    No earlier than any ``t`` of a policy that refuses, since both are rounded up.
    """
    return None if decision.retry_after is None else max(1, _up(round(decision.retry_after * SECOND)))


def more_after(policy: Policy) -> int:
    """Give the whole seconds after which more is left, or the charge passes that was refused.

    Where a counter's answer leaves that open, it is the latest that fits it.
    """
    limit, verdict = policy.limit, policy.verdict
    if verdict.retry_after > 0:
        return _up(verdict.retry_after)
    wait = verdict.reset_after
    if limit.algorithm == "gcra":
        # What is owed beyond the next whole unit: units come back one by one, at an even pace.
        wait = min(wait, wait - (limit.burst - verdict.remaining - 1) * limit.period * SECOND // limit.amount)
    return max(0, _up(wait))


@lru_cache(maxsize=1024)
def _lasting(name: str, limit: Limit, unit: str) -> tuple[str, str]:
    """Give what one response after the other tells of a policy: its name, and what it allows."""
    name = _string(name)
    if unit == "requests":
        return name, f"{name};q={limit.amount};w={limit.period}"
    # What runs at once is counted in no window.
    window = "" if unit == _CONCURRENT else f";w={limit.period}"
    return name, f"{name};q={limit.amount};qu={_string(unit)}{window}"


def _left(policy: Policy) -> str:
    verdict = policy.verdict
    if policy.unit == _CONCURRENT and verdict.retry_after <= 0:
        return f";r={max(0, verdict.remaining)}"
    return f";r={max(0, verdict.remaining)};t={more_after(policy)}"


def _legacy(policies: Sequence[Policy], now: float) -> Pairs:
    first = tightest(policies)
    values = {
        b"x-ratelimit-limit": first.limit.amount,
        b"x-ratelimit-remaining": max(0, first.verdict.remaining),
        b"x-ratelimit-reset": _up(int(now * SECOND)) + more_after(first),
    }
    return [(name, b"%d" % value) for name, value in values.items()]


def _up(microseconds: int) -> int:
    return -(-microseconds // SECOND)


def _string(text: str) -> str:
    return f'"{_UNSPEAKABLE.sub("_", text)}"'
