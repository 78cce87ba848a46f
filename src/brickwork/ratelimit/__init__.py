"""Rate limits: as dependency, decorator and middleware, exact over many processes."""

from ._errors import (
    RateLimitExceededError,
    RateStoreUnavailableError,
    ReducedCapacityError,
)
from ._rules.values import (
    Algorithm,
    Charge,
    Decision,
    Limit,
    Policy,
    Verdict,
)
from ._store import (
    LeaseStore,
    RateStore,
)

__all__ = [
    "Algorithm",
    "Charge",
    "Decision",
    "LeaseStore",
    "Limit",
    "Policy",
    "RateLimitExceededError",
    "RateStore",
    "RateStoreUnavailableError",
    "ReducedCapacityError",
    "Verdict",
]
