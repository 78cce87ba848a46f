"""`RateLimitCounters`: what was decided so far, for metrics and health."""

from dataclasses import dataclass


@dataclass(slots=True)
class RateLimitCounters:
    """What one limiter has decided in this process, since it was made.

    Attributes:
        allowed: Decisions that let a request pass.
        denied: Decisions that did not, because of a limit.
        would_deny: Decisions that a rule in shadow would have turned.
        errors: Questions to the store that were not answered.
        degraded: Decisions that were made without the store.
        unidentified: Requests of which nobody could tell whom to count.
    """

    allowed: int = 0
    denied: int = 0
    would_deny: int = 0
    errors: int = 0
    degraded: int = 0
    unidentified: int = 0
